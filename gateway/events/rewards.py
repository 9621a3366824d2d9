"""Grants and tokens: what is promised to customers, handed over and paid with."""

from typing import Final

from gateway.clock import Stamp
from gateway.events.base import Event
from gateway.model import OfferKind


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


class GrantKeyRotated(Event, frozen=True, tag="grant_key_rotated"):
    """Codes are signed with a new key from now on. `old`: keys whose codes are still good."""

    by: str
    old: int
