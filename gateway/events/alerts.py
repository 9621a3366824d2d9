"""Presses, the alerts they raise, their pages, and what staff say and find out."""

from gateway.events.base import Event
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    Label,
    Outcome,
    PressFlag,
    ReceiptState,
)


class Pressed(Event, frozen=True, tag="pressed"):
    """A customer pressed a button. `flag` says why it does not count, if it does not.

    `count` is above 1 only for glitches, which a broken wire makes by the thousand: they are
    recorded in sums. `total` is the journal's own: all presses of this button under this flag since
    the epoch began, these included, so that whoever reads the events can prove that none is
    missing.
    """

    button: str
    kind: ButtonKind
    zone: str
    flag: PressFlag | None = None
    count: int = 1
    total: int = 0


class AlertRaised(Event, frozen=True, tag="alert_raised"):
    """Something staff must answer. `level` is the ladder step taken at once, -1 for none.

    Attributes:
        rule: The rule that found it, for one that no single press made.
        part: The part of the box whose fault it found.
        words: What it found, in place of a button's label.
        to: Who is paged in place of whoever the ladder's steps say; none: those.
    """

    alert: str
    cause: AlertCause
    zone: str
    button: str | None = None
    level: int = -1
    quiet: bool = False  # shown, not paged: outside opening hours
    rule: str | None = None
    part: str | None = None
    words: Label | None = None
    to: tuple[str, ...] = ()


class AlertJoined(Event, frozen=True, tag="alert_joined"):
    """Another press of the same burst: the incident is the same, the customer more insistent."""

    alert: str
    button: str


class AlertClimbed(Event, frozen=True, tag="alert_climbed"):
    """The ladder took a step; its pages follow with their receipts."""

    alert: str
    level: int


class Paged(Event, frozen=True, tag="paged"):
    """A page has its receipt. `alert` is None for a test page.

    Attributes:
        first_byte_ns: CLOCK_MONOTONIC of the page's first byte on the line, this boot's.
    """

    page: str
    pager: str
    text: str
    state: ReceiptState
    alert: str | None = None
    level: int = 0
    detail: str = ""
    transmitter: str = ""
    first_byte_ns: int | None = None


class AlertAcknowledged(Event, frozen=True, tag="alert_acknowledged"):
    """Someone is going. `via` is `button`, `page` or `command`.

    `account` is the person's own on ACHIVX as it was then: an event must never map to another
    account later. `after_s` counts from the press, None where nobody knows. Unless it is `final`,
    it can be taken back for a while, and counts from its `AnswerStood` on.
    """

    alert: str
    by: str
    via: str
    account: str | None = None
    after_s: float | None = None
    final: bool = True


class AlertContacted(Event, frozen=True, tag="alert_contacted"):
    """Someone is with the customer. The other fields are as in `AlertAcknowledged`."""

    alert: str
    by: str
    account: str | None = None
    after_s: float | None = None
    final: bool = True


class AnswerStood(Event, frozen=True, tag="answer_stood"):
    """What was said of an alert last can be taken back no more: its time is over, or more came.

    Attributes:
        state: What was said: acknowledged, or contacted.
        account: As in the answer's own event, and `after_s` too.
    """

    alert: str
    by: str
    state: AlertState
    account: str | None = None
    after_s: float | None = None


class AnswerWithdrawn(Event, frozen=True, tag="answer_withdrawn"):
    """What was said of an alert last was taken back in time. `state` is what it is again."""

    alert: str
    by: str
    state: AlertState


class AlertResolved(Event, frozen=True, tag="alert_resolved"):
    """How it ended. `account` as in `AlertAcknowledged`.

    Attributes:
        severity: From 1 to 5; what was not said here stands as it was described before.
        reason: A free word of old journals; `note` has taken its place.
        cause: What went wrong, a name of `[[causes]]`.
        note: The key of a free note in the personal store, never its words.
    """

    alert: str
    by: str
    outcome: Outcome
    account: str | None = None
    severity: int | None = None
    reason: str | None = None
    cause: str | None = None
    note: str | None = None


class CaseDescribed(Event, frozen=True, tag="case_described"):
    """What was found out with the customer; None leaves what was said before.

    `severity`, `cause` and `note` as in `AlertResolved`.
    """

    alert: str
    by: str
    severity: int | None = None
    cause: str | None = None
    note: str | None = None


class CustomerNamed(Event, frozen=True, tag="customer_named"):
    """Whose case it is: a key of the personal store, None for a customer who stays anonymous."""

    alert: str
    by: str
    customer: str | None = None


class SecurityCalled(Event, frozen=True, tag="security_called"):
    """Somebody makes trouble on purpose. `pages` are the ids of the pages that called security."""

    alert: str
    by: str
    pages: tuple[str, ...] = ()


class AlertMissed(Event, frozen=True, tag="alert_missed"):
    """Nobody took it while it was fresh. `quiet`: nobody was called, the shop was closed."""

    alert: str
    quiet: bool = False


class AlertReturned(Event, frozen=True, tag="alert_returned"):
    """It was taken, and no outcome came in its time: it is open and climbs again."""

    alert: str
    level: int = -1


class ShiftKept(Event, frozen=True, tag="shift_kept"):
    """A person's shift is over, they answered an alert in it, and none of their zones' was missed.

    Attributes:
        account: The person's own, as in `AlertAcknowledged`.
        begins_ns: When the shift began, Unix time in nanoseconds.
        ends_ns: When it ended.
    """

    by: str
    account: str
    begins_ns: int
    ends_ns: int
