"""`[[rules]]`: what alerts without one press that says so, each kind with its own keys."""

from gateway.config.table import Table


class UnhappyShare(Table, frozen=True, tag_field="kind", tag="unhappy_share"):
    """`[[rules]] kind = "unhappy_share"`: too many of the latest smileys are unhappy ones.

    As every rule, it is judged zone by zone, and alerts once until `cooldown_s` is over. `to` is
    as in `Step`, at every step of the ladder; none takes the ladder's own.
    """

    name: str
    share: float = 0.5  # unhappy ones of all …
    window_s: float = 900.0  # … in this time …
    least: int = 4  # … and at least this many of all
    zones: tuple[str, ...] = ()  # none: every zone
    panels: tuple[str, ...] = ()  # none: every panel
    to: tuple[str, ...] = ()
    cooldown_s: float = 900.0
    pages_when_closed: bool = False


class RedsInARow(Table, frozen=True, tag_field="kind", tag="reds_in_a_row"):
    """`[[rules]] kind = "reds_in_a_row"`: so many unhappy smileys, and no other between them."""

    name: str
    count: int = 3
    window_s: float = 900.0
    zones: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cooldown_s: float = 900.0
    pages_when_closed: bool = False


class LowIndex(Table, frozen=True, tag_field="kind", tag="low_index"):
    """`[[rules]] kind = "low_index"`: the happy index, 0–100, has fallen below a threshold."""

    name: str
    below: float = 50.0
    window_s: float = 3600.0
    least: int = 10
    zones: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cooldown_s: float = 3600.0
    pages_when_closed: bool = False


class Silence(Table, frozen=True, tag_field="kind", tag="silence"):
    """`[[rules]] kind = "silence"`: nobody has pressed for so long while the shop was open."""

    name: str
    after_s: float = 10800.0
    zones: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cooldown_s: float = 43200.0


class StandingFault(Table, frozen=True, tag_field="kind", tag="fault"):
    """`[[rules]] kind = "fault"`: a fault of the box has stood for so long.

    One that is found while the shop is closed waits for the opening.
    """

    name: str
    after_s: float = 300.0
    parts: tuple[str, ...] = ()  # how the names of the parts begin; none: every part
    zone: str = "main"  # where the alert is shown
    to: tuple[str, ...] = ("managers",)
    cooldown_s: float = 86400.0
    pages_when_closed: bool = False


Pattern = UnhappyShare | RedsInARow | LowIndex | Silence | StandingFault
