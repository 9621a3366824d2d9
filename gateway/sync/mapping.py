"""From an event to ACHIVX actions, pure and versioned.

Every record names the version it was made under, and every version stays here for ever: the
server's uniqueness is by (account, action, key), so the same event mapped in another way would be
paid a second time. A change is a new version beside the old ones.

Version 1: presses on the shop's account; answered, contacted and recovered alerts on the staff
member's; redeemed grants on the customer's, or on the shop's where the customer stayed anonymous.
Flagged presses, issued grants, what is undone or done again, and the box's own events make no
action. Only positive experience, all of it from the server's configuration; token amounts are
quarters.

Version 2: as version 1, and tokens that were spent on the customer's account, and a shift without a
missed alert on the staff member's. A personal grant of the centre has the centre's id as its key:
it is settled once whichever box hands it over, and in whichever life of its journal.

Version 3: as version 2, and an answer to an alert that can still be taken back makes no action; the
one that it is worth is made when it stands.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from gateway.errors import GatewayError
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertMissed,
    AlertResolved,
    AnswerStood,
    AnyEvent,
    GrantRedeemed,
    Pressed,
    Record,
    ShiftKept,
    TokensSpent,
)
from gateway.model import AlertState, ButtonKind, OfferKind, Outcome

CURRENT: Final = 3
"""The version that new records are made under."""

CANARY: Final = "GatewayCanary"
"""Recorded twice at start, to prove that the server still records one key once."""

IN_TIME_S: Final = 40.0
"""Answered within the first ladder step. Part of version 1: a setting must not change it."""


class UnknownMapping(GatewayError):
    """A record of a mapping version that this program does not have: it is older than the box."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One CreateAction to be.

    Attributes:
        key: The event's id: what makes a repeat harmless.
        reward: Tokens instead of the configured amount, below 0 to take them, or None to leave it
            to the server.
    """

    account: str
    action: str
    key: str
    reward: float | None = None


_PRESSES: Final = {
    ButtonKind.VERY_HAPPY: "PressVeryHappy",
    ButtonKind.HAPPY: "PressHappy",
    ButtonKind.NEUTRAL: "PressNeutral",
    ButtonKind.UNHAPPY: "PressUnhappy",
    ButtonKind.VERY_UNHAPPY: "PressVeryUnhappy",
    ButtonKind.CALL: "PressCall",
    ButtonKind.REASON: "PressReason",
}

REQUIRED: Final = frozenset(
    {
        CANARY,
        *_PRESSES.values(),
        "AlertMissed",
        "AlertAnswered",
        "AlertAnsweredInTime",
        "CustomerContacted",
        "CustomerRecovered",
        "RecoveryTokens",
        "GrantRedeemed",
        "TokensSpent",
        "ShiftWithoutMiss",
    }
)
"""What the server must be configured with for all versions."""


def actions_of(record: Record) -> tuple[Action, ...]:
    """The actions of one record: none for most, and all of them on one account.

    Raises:
        UnknownMapping: The record is from a newer program.
    """
    version = _VERSIONS.get(record.mapping)
    if version is None:
        raise UnknownMapping(
            f"event {record.id} was recorded under mapping {record.mapping}, and this program"
            f" knows up to {CURRENT}: update it"
        )
    return version(record)


_Names = list[tuple[str, str, float | None]]
"""Account, action and tokens of each action of an event."""


def _made(names: _Names, key: str) -> tuple[Action, ...]:
    return tuple(
        Action(account=account, action=action, key=key, reward=reward)
        for account, action, reward in names
    )


def _v1(record: Record) -> tuple[Action, ...]:
    return _made(_names_v1(record.event, record.account), record.id)


def _v2(record: Record) -> tuple[Action, ...]:
    return _made(_names_v2(record.event, record.account), _key(record))


def _v3(record: Record) -> tuple[Action, ...]:
    return _made(_names_v3(record.event, record.account), _key(record))


def _key(record: Record) -> str:
    match record.event:
        case GrantRedeemed(central=str(central)):
            return f"centre:{central}"  # no event's id: a device's has no colon
        case _:
            return record.id


def _names_v3(event: AnyEvent, shop: str) -> _Names:
    match event:
        case AlertAcknowledged(final=False) | AlertContacted(final=False):
            return []
        case AnswerStood(state=AlertState.ACKNOWLEDGED, account=str(person), after_s=after_s):
            return _answered(person, after_s)
        case AnswerStood(state=AlertState.CONTACTED, account=str(person)):
            return [(person, "CustomerContacted", None)]
        case _:
            return _names_v2(event, shop)


def _names_v2(event: AnyEvent, shop: str) -> _Names:
    match event:
        case TokensSpent(account=customer, tokens=tokens):
            return [(customer, "TokensSpent", -tokens)]
        case ShiftKept(account=person):
            return [(person, "ShiftWithoutMiss", None)]
        case _:
            return _names_v1(event, shop)


def _names_v1(event: AnyEvent, shop: str) -> _Names:
    match event:
        case Pressed(flag=None, kind=kind) if kind in _PRESSES:
            return [(shop, _PRESSES[kind], None)]
        case AlertMissed(quiet=False):
            return [(shop, "AlertMissed", None)]
        case AlertAcknowledged(account=str(person), after_s=after_s):
            return _answered(person, after_s)
        case AlertContacted(account=str(person)):
            return [(person, "CustomerContacted", None)]
        case AlertResolved(account=str(person), outcome=Outcome.RECOVERED):
            return [(person, "CustomerRecovered", None)]
        case GrantRedeemed(again=True):
            return []  # booked when it was handed over the first time
        case GrantRedeemed(account=str(customer), kind=OfferKind.TOKENS, tokens=tokens):
            return [(customer, "RecoveryTokens", tokens)]
        case GrantRedeemed(account=account):
            return [(account or shop, "GrantRedeemed", None)]
        case _:
            return []


def _answered(person: str, after_s: float | None) -> _Names:
    names: _Names = [(person, "AlertAnswered", None)]
    if after_s is not None and after_s <= IN_TIME_S:
        names.append((person, "AlertAnsweredInTime", None))
    return names


_VERSIONS: Final[dict[int, Callable[[Record], tuple[Action, ...]]]] = {1: _v1, 2: _v2, 3: _v3}
