"""The journal's event types: what happened, frozen and versioned.

An event's tag and fields never change their meaning. A new field gets a default, so that old
journals still read; a change of meaning gets a new tag. Names and card numbers of customers are
not in here: events outlive the time for which personal data may be kept.
"""

from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.model import (
    AlertCause,
    ButtonKind,
    Label,
    OfferKind,
    Outcome,
    PressFlag,
    ReceiptState,
)

VERSION: Final = 1
"""The version of this vocabulary, written with every record."""


class Event(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """The root of all events."""


class Started(Event, frozen=True, tag="started"):
    """The daemon came up."""

    version: str


class Pressed(Event, frozen=True, tag="pressed"):
    """A customer pressed a button. `flag` says why it does not count, if it does not.

    `count` is above 1 only for glitches, which a broken wire makes by the thousand: they are
    recorded in sums.
    """

    button: str
    kind: ButtonKind
    zone: str
    flag: PressFlag | None = None
    count: int = 1


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
    account later. `after_s` counts from the press, None where nobody knows.
    """

    alert: str
    by: str
    via: str
    account: str | None = None
    after_s: float | None = None


class AlertContacted(Event, frozen=True, tag="alert_contacted"):
    """Someone is with the customer. `account` and `after_s` as in `AlertAcknowledged`."""

    alert: str
    by: str
    account: str | None = None
    after_s: float | None = None


class AlertResolved(Event, frozen=True, tag="alert_resolved"):
    """How it ended. `account` as in `AlertAcknowledged`."""

    alert: str
    by: str
    outcome: Outcome
    account: str | None = None
    severity: int | None = None
    reason: str | None = None


class AlertMissed(Event, frozen=True, tag="alert_missed"):
    """Nobody took it while it was fresh."""

    alert: str


class AlertReturned(Event, frozen=True, tag="alert_returned"):
    """It was taken, and no outcome came in its time: it is open and climbs again."""

    alert: str
    level: int = -1


class GrantIssued(Event, frozen=True, tag="grant_issued"):
    """A remedy was promised. The code's holder may redeem it until `expires`.

    Attributes:
        request: The caller's id of the request, so that a repeat issues nothing new.
        account: The customer's ACHIVX account, or None for an anonymous one.
        tokens: What is credited there once redeemed.
    """

    code: str
    request: str
    offer: str
    kind: OfferKind
    by: str
    expires: Stamp
    alert: str | None = None
    account: str | None = None
    tokens: float = 0.0
    cost: float = 0.0


class GrantRedeemed(Event, frozen=True, tag="grant_redeemed"):
    """A grant was handed over at the counter: carries what the server needs to book it."""

    code: str
    by: str
    kind: OfferKind
    account: str | None = None
    tokens: float = 0.0


class DailyTestConfirmed(Event, frozen=True, tag="test_confirmed"):
    """Somebody says that the daily test page buzzed on these pagers. `via` as in acknowledging."""

    pagers: tuple[str, ...]
    by: str
    via: str


class OwnerPinReset(Event, frozen=True, tag="owner_pin_reset"):
    """The set-up button was held: the owners' PINs are gone and set-up is open again."""

    button: str


class FactoryResetRequested(Event, frozen=True, tag="factory_reset_requested"):
    """The set-up button was held longer: the box is to be as new."""

    button: str


class SettingsChanged(Event, frozen=True, tag="settings_changed"):
    """The gateway wrote its settings anew."""

    by: str
    sha256: str
    keys: tuple[str, ...] = ()


class FaultRaised(Event, frozen=True, tag="fault_raised"):
    """Something of the box does not work: `part` is e.g. `transmitter/main` or `button/exit`."""

    part: str
    words: str


class FaultCleared(Event, frozen=True, tag="fault_cleared"):
    """It works again."""

    part: str


AnyEvent = (
    Started
    | Pressed
    | AlertRaised
    | AlertJoined
    | AlertClimbed
    | Paged
    | AlertAcknowledged
    | AlertContacted
    | AlertResolved
    | AlertMissed
    | AlertReturned
    | GrantIssued
    | GrantRedeemed
    | DailyTestConfirmed
    | OwnerPinReset
    | FactoryResetRequested
    | SettingsChanged
    | FaultRaised
    | FaultCleared
)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the journal.

    Attributes:
        device: The box's id.
        epoch: The journal's own id: new when a journal is lost, or a box re-flashed or replaced.
        seq: 1, 2, 3 … without a hole within an epoch.
        at: When it happened.
        mapping: The version of the mapping to ACHIVX actions it was recorded under.
        account: The shop's own ACHIVX account when it was recorded.
        event: What happened.
    """

    device: str
    epoch: str
    seq: int
    at: Stamp
    mapping: int
    account: str
    event: AnyEvent
    version: int = VERSION

    @property
    def id(self) -> str:
        """The event id: never changes, never repeats, short ASCII."""
        return f"{self.device}.{self.epoch}.{self.seq}"


encode_event = msgspec.json.Encoder().encode
decode_event = msgspec.json.Decoder(AnyEvent).decode
