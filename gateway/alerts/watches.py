"""What time alone makes a rule find, pure: nobody presses, or a fault of the box stands.

Both are judged at their due moments one after another, so that the answer does not depend on how
often the timers are looked at. A due moment always moves on when it is judged.
"""

from typing import Final, Protocol

import msgspec

from gateway.alerts import hours
from gateway.alerts.ladder import ns
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Shop
from gateway.config.alert_rules import Pattern, Silence, StandingFault
from gateway.model import Label

MINUTE_NS: Final = 60 * NS_PER_S


class Told(msgspec.Struct, frozen=True):
    """Something found: its words, and the part of the box it is about, if it is about one."""

    words: Label
    part: str | None = None


class Watch(Protocol):
    """Something that waits for a moment."""

    @property
    def rule(self) -> Pattern:
        """The rule that made it."""
        ...

    @property
    def zone(self) -> str:
        """Where its alerts are."""
        ...

    @property
    def due_ns(self) -> int | None:
        """The moment on CLOCK_MONOTONIC, None for never."""
        ...

    def judge(self, at: Stamp) -> Told | None:
        """The moment has come: what there is to tell, if anything."""
        ...


class SilenceWatch:
    """One silence rule in one zone.

    Args:
        rule: How long is too long.
        zone: Where.
        buttons: The names of the buttons that the rule watches there.
        shop: Its hours.
        since_ns: When the box began to listen.
    """

    def __init__(
        self, rule: Silence, zone: str, buttons: frozenset[str], shop: Shop, since_ns: int
    ) -> None:
        self.rule: Final = rule
        self.zone: Final = zone
        self.buttons: Final = buttons
        self._shop: Final = shop
        self._after_ns: Final = ns(rule.after_s)
        self._cooldown_ns: Final = ns(rule.cooldown_s)
        self._since_ns = since_ns
        self._still_until_ns = since_ns

    @property
    def due_ns(self) -> int:
        """See `Watch`."""
        return max(self._since_ns + self._after_ns, self._still_until_ns)

    def press(self, at_ns: int) -> None:
        """Somebody pressed."""
        self._since_ns = at_ns

    def found(self, at_ns: int) -> None:
        """It was told."""
        self._still_until_ns = at_ns + self._cooldown_ns

    def judge(self, at: Stamp) -> Told | None:
        """See `Watch`. Silence counts only while the shop is open without a break."""
        opened_ns = self._opened_ns(at)
        if opened_ns is not None:
            self._since_ns = opened_ns
            return None
        self.found(at.mono_ns)
        minutes = self._after_ns // MINUTE_NS
        return Told(Label(ru=f"нет нажатий {_span_ru(minutes)}", en=f"silent {_span_en(minutes)}"))

    def _opened_ns(self, at: Stamp) -> int | None:
        """The end of the latest minute in which the shop was closed; None if it never was."""
        minute_ns = at.mono_ns - at.wall_ns % MINUTE_NS  # hours change at full minutes
        while minute_ns + MINUTE_NS > at.mono_ns - self._after_ns:
            if not self._is_open(shifted(at, minute_ns)):
                return minute_ns + MINUTE_NS
            minute_ns -= MINUTE_NS
        return None

    def _is_open(self, at: Stamp) -> bool:
        """Known to be open: a night must not be taken for a silent day."""
        return hours.is_open(self._shop, at) and (at.synced or not self._shop.hours)


class _Standing(msgspec.Struct):
    since_ns: int
    due_ns: int
    words: str


class FaultWatch:
    """One fault rule and the faults that stand.

    Args:
        rule: Which parts, and how long is too long.
        shop: Its hours.
    """

    def __init__(self, rule: StandingFault, shop: Shop) -> None:
        self.rule: Final = rule
        self.zone: Final = rule.zone
        self._shop: Final = shop
        self._standing: Final[dict[str, _Standing]] = {}
        self._still_until_ns: Final[dict[str, int]] = {}  # by part

    @property
    def due_ns(self) -> int | None:
        """See `Watch`."""
        return min((fault.due_ns for fault in self._standing.values()), default=None)

    def raised(self, part: str, words: str, at_ns: int) -> None:
        """A part does not work; the same again has only other words."""
        if not part.startswith(self.rule.parts or ""):
            return
        known = self._standing.get(part)
        if known is not None:
            known.words = words
            return
        due_ns = max(at_ns + ns(self.rule.after_s), self._still_until_ns.get(part, at_ns))
        self._standing[part] = _Standing(at_ns, due_ns, words)

    def cleared(self, part: str) -> None:
        """It works again."""
        self._standing.pop(part, None)

    def found(self, part: str, at_ns: int) -> None:
        """It was told."""
        self._still_until_ns[part] = at_ns + ns(self.rule.cooldown_s)
        fault = self._standing.get(part)
        if fault is not None:
            fault.due_ns = max(fault.due_ns, self._still_until_ns[part])

    def judge(self, at: Stamp) -> Told | None:
        """See `Watch`."""
        part, fault = min(self._standing.items(), key=lambda item: item[1].due_ns)
        if not self.rule.pages_when_closed and not hours.is_open(self._shop, at):
            fault.due_ns = at.mono_ns - at.wall_ns % MINUTE_NS + MINUTE_NS
            return None
        self.found(part, at.mono_ns)
        stood = (at.mono_ns - fault.since_ns) // MINUTE_NS
        return Told(
            Label(
                ru=f"неисправность {_span_ru(stood)} {part}: {fault.words}",
                en=f"fault {_span_en(stood)} {part}: {fault.words}",
            ),
            part,
        )


def shifted(at: Stamp, mono_ns: int) -> Stamp:
    """Another moment of the same boot, told by the same clocks."""
    return Stamp(at.boot, mono_ns, at.wall_ns + mono_ns - at.mono_ns, at.synced)


def _span_en(minutes: int) -> str:
    return f"{minutes // 60} h" if minutes and minutes % 60 == 0 else f"{minutes} min"


def _span_ru(minutes: int) -> str:
    return f"{minutes // 60} ч" if minutes and minutes % 60 == 0 else f"{minutes} мин"
