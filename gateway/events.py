"""The journal's event types: what happened, frozen and versioned.

An event's tag and fields never change their meaning. A new field gets a default, so that old
journals still read; a change of meaning gets a new tag. Names and card numbers of customers are
not in here: events outlive the time for which personal data may be kept.
"""

from enum import StrEnum
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.model import (
    AlertCause,
    AlertState,
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


class GrantIssued(Event, frozen=True, tag="grant_issued"):
    """A remedy was promised. The code's holder may redeem it until `expires`.

    Attributes:
        request: The caller's id of the request, so that a repeat issues nothing new.
        account: The customer's ACHIVX account, or None for an anonymous one.
        tokens: What is credited there once redeemed.
        zone: The alert's.
        day: The day that it counts on where promises are limited, see `grants/limits.py`.
        score: How much spoke for misuse, see `grants/misuse.py`.
        override: Why a manager granted it all the same.
        playbook: The version of the playbook that its offer was of, see `grants/playbook.py`.
        central: The centre's id of a personal grant that it pushed; None for the shop's own.
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
    zone: str | None = None
    day: str = ""
    score: int = 0
    override: str | None = None
    playbook: str = ""
    central: str | None = None


class GrantRedeemed(Event, frozen=True, tag="grant_redeemed"):
    """A grant was handed over at the counter: carries what the server needs to book it.

    `again`: it was handed over before, and that was undone; the server has booked it then.
    `central`: the centre's id of a personal grant, under which it is settled.
    """

    code: str
    by: str
    kind: OfferKind
    account: str | None = None
    tokens: float = 0.0
    again: bool = False
    central: str | None = None


class GrantRedeemUndone(Event, frozen=True, tag="grant_redeem_undone"):
    """It was not handed over after all: the same person took it back within a minute."""

    code: str
    by: str


class GrantVoided(Event, frozen=True, tag="grant_voided"):
    """A manager took a promise back."""

    code: str
    by: str
    reason: str


PUSHED: Final = "centre:"
"""How the request ids of personal grants begin; what follows is the centre's id."""

GrantEvent = GrantIssued | GrantRedeemed | GrantRedeemUndone | GrantVoided


class TokensSpent(Event, frozen=True, tag="tokens_spent"):
    """A customer paid with tokens at the counter.

    Attributes:
        request: The caller's id of the request, so that a repeat spends nothing more.
        tokens: How many, above 0, in quarters.
        balance: What the account had by the server's word that it was decided on.
    """

    request: str
    account: str
    tokens: float
    by: str
    balance: float


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


class GrantKeyRotated(Event, frozen=True, tag="grant_key_rotated"):
    """Codes are signed with a new key from now on. `old`: keys whose codes are still good."""

    by: str
    old: int


class PersonalForgotten(Event, frozen=True, tag="personal_forgotten"):
    """What was kept of one customer was deleted, and `entries` of it; whose it was is not told."""

    by: str
    entries: int


class DailyTestConfirmed(Event, frozen=True, tag="test_confirmed"):
    """Somebody says that the daily test page buzzed on these pagers. `via` as in acknowledging."""

    pagers: tuple[str, ...]
    by: str
    via: str


class OwnerPinReset(Event, frozen=True, tag="owner_pin_reset"):
    """The set-up button was held: the owners' PINs are gone and set-up is open again."""

    button: str


class FactoryResetRequested(Event, frozen=True, tag="factory_reset_requested"):
    """The box is to be as new: a set-up button was held longer, or, with none, the page asked."""

    button: str


class SettingsChanged(Event, frozen=True, tag="settings_changed"):
    """The gateway wrote its settings anew."""

    by: str
    sha256: str
    keys: tuple[str, ...] = ()


class Deed(StrEnum):
    """What an owner has done to the box, beside its settings."""

    PIN_SET = "pin_set"
    SESSIONS_ENDED = "sessions_ended"
    BACKUP_MADE = "backup_made"
    BUNDLE_MADE = "bundle_made"
    RESTORED = "restored"
    RESTORE_UNDONE = "restore_undone"
    TOKEN_SET = "token_set"  # noqa: S105 - a word, no secret
    CLOCK_SET = "clock_set"
    BOX_NAMED = "box_named"
    WIFI_SET = "wifi_set"
    ACCESS_POINT_OPENED = "access_point_opened"
    ACCESS_POINT_CLOSED = "access_point_closed"
    UPDATE_BEGUN = "update_begun"
    BOX_RESTARTED = "box_restarted"
    RESET_REQUESTED = "reset_requested"


class Administered(Event, frozen=True, tag="administered"):
    """Somebody did something to the box itself, for the audit log. No secret is in it.

    Attributes:
        via: As in acknowledging.
        about: Whose PIN or sessions, where it is about a person; else what it was done to.
    """

    by: str
    via: str
    deed: Deed
    about: str | None = None


class Total(msgspec.Struct, frozen=True):
    """All presses of a button under one flag, empty for those that count, since the epoch began."""

    button: str
    flag: str
    presses: int


class Gap(Event, frozen=True, tag="gap"):
    """The journal was full: it keeps records `first` to `last` no more, and nobody has them.

    It stands at `last`. `counters` are the totals at its end of the buttons pressed within it.
    """

    first: int
    last: int
    counters: tuple[Total, ...] = ()


class Salvaged(Event, frozen=True, tag="salvaged"):
    """The journal of `epoch` was damaged, and this one goes on from what could be read of it.

    Attributes:
        last: Its highest sequence that could be read.
        unsent: How many of its records still wait for the server, under their own ids.
        counters: Where the totals of this epoch begin.
    """

    epoch: str
    last: int
    unsent: int
    counters: tuple[Total, ...] = ()


class ClockRepaired(Event, frozen=True, tag="clock_repaired"):
    """The wall clock became right within this boot.

    What this boot recorded without being synchronised happened as long before this record's wall
    time as its monotonic time says. `off_ns` is how far the latest of it was behind.
    """

    off_ns: int


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
    | AnswerStood
    | AnswerWithdrawn
    | AlertResolved
    | CaseDescribed
    | CustomerNamed
    | SecurityCalled
    | AlertMissed
    | AlertReturned
    | GrantIssued
    | GrantRedeemed
    | GrantRedeemUndone
    | GrantVoided
    | TokensSpent
    | ShiftKept
    | GrantKeyRotated
    | PersonalForgotten
    | DailyTestConfirmed
    | OwnerPinReset
    | FactoryResetRequested
    | SettingsChanged
    | Administered
    | Gap
    | Salvaged
    | ClockRepaired
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
