"""The journal's event types: what happened, frozen and versioned.

An event's tag and fields never change their meaning. A new field gets a default, so that old
journals still read; a change of meaning gets a new tag. Names and card numbers of customers are
not in here: events outlive the time for which personal data may be kept.

The modules are its subjects; whoever needs an event imports it from the package.
"""

from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.events.alerts import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnswerStood,
    AnswerWithdrawn,
    CaseDescribed,
    CustomerNamed,
    Paged,
    Pressed,
    SecurityCalled,
    ShiftKept,
)
from gateway.events.base import Event
from gateway.events.box import (
    Administered,
    DailyTestConfirmed,
    Deed,
    FactoryResetRequested,
    FaultCleared,
    FaultRaised,
    OwnerPinReset,
    PersonalForgotten,
    SettingsChanged,
    Started,
)
from gateway.events.journal import ClockRepaired, Gap, Salvaged, Total
from gateway.events.rewards import (
    PUSHED,
    GrantEvent,
    GrantIssued,
    GrantKeyRotated,
    GrantRedeemed,
    GrantRedeemUndone,
    GrantVoided,
    TokensSpent,
)

__all__ = [
    "PUSHED",
    "VERSION",
    "Administered",
    "AlertAcknowledged",
    "AlertClimbed",
    "AlertContacted",
    "AlertJoined",
    "AlertMissed",
    "AlertRaised",
    "AlertResolved",
    "AlertReturned",
    "AnswerStood",
    "AnswerWithdrawn",
    "AnyEvent",
    "CaseDescribed",
    "ClockRepaired",
    "CustomerNamed",
    "DailyTestConfirmed",
    "Deed",
    "Event",
    "FactoryResetRequested",
    "FaultCleared",
    "FaultRaised",
    "Gap",
    "GrantEvent",
    "GrantIssued",
    "GrantKeyRotated",
    "GrantRedeemUndone",
    "GrantRedeemed",
    "GrantVoided",
    "OwnerPinReset",
    "Paged",
    "PersonalForgotten",
    "Pressed",
    "Record",
    "Salvaged",
    "SecurityCalled",
    "SettingsChanged",
    "ShiftKept",
    "Started",
    "TokensSpent",
    "Total",
    "decode_event",
    "encode_event",
]

VERSION: Final = 1
"""The version of this vocabulary, written with every record."""

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
