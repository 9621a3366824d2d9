"""One grant, folded from its events."""

import msgspec

from gateway.clock import Stamp
from gateway.events import AnyEvent, GrantIssued, GrantRedeemed, GrantRedeemUndone, GrantVoided
from gateway.model import GrantState, OfferKind


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy promised to one customer, redeemed once at the counter.

    Attributes:
        day: The day that it counts on where promises are limited.
        override: Why a manager granted it, although something spoke for misuse.
        zone: The alert's.
        score: How much spoke for misuse.
        undone: How often a redemption was taken back.
        central: The centre's id of a personal grant.
        playbook: The version of the playbook that it was issued under.
    """

    code: str
    request: str
    offer: str
    kind: OfferKind
    issued_by: str
    issued: Stamp
    expires: Stamp
    alert: str | None = None
    account: str | None = None
    tokens: float = 0.0
    cost: float = 0.0
    state: GrantState = GrantState.ISSUED
    redeemed_by: str | None = None
    redeemed: Stamp | None = None
    day: str = ""
    override: str | None = None
    zone: str | None = None
    score: int = 0
    undone: int = 0
    voided_by: str | None = None
    voided: Stamp | None = None
    void_reason: str | None = None
    playbook: str = ""
    central: str | None = None

    @classmethod
    def of(cls, event: GrantIssued, at: Stamp) -> "Grant":
        """The grant that an event begins."""
        return cls(
            code=event.code,
            request=event.request,
            offer=event.offer,
            kind=event.kind,
            issued_by=event.by,
            issued=at,
            expires=event.expires,
            alert=event.alert,
            account=event.account,
            tokens=event.tokens,
            cost=event.cost,
            day=event.day,
            override=event.override,
            zone=event.zone,
            score=event.score,
            playbook=event.playbook,
            central=event.central,
        )

    def is_over(self, now: Stamp) -> bool:
        """Whether it has certainly expired; while nobody knows, the customer is right."""
        if self.expires.boot == now.boot:  # of which boot is settled when it is promised
            return now.mono_ns > self.expires.mono_ns
        return self.expires.synced and now.synced and now.wall_ns > self.expires.wall_ns

    def as_of(self, now: Stamp) -> "Grant":
        """The same with the state that it has now: that it expired is written nowhere."""
        if self.state is GrantState.ISSUED and self.is_over(now):
            return msgspec.structs.replace(self, state=GrantState.EXPIRED)
        return self


def fold(grant: Grant | None, event: AnyEvent, at: Stamp) -> Grant | None:
    """The grant after the event; None before it is issued."""
    match event:
        case GrantIssued():
            return Grant.of(event, at)
        case GrantRedeemed(by=by) if grant is not None:
            return msgspec.structs.replace(
                grant, state=GrantState.REDEEMED, redeemed_by=by, redeemed=at
            )
        case GrantRedeemUndone() if grant is not None:
            return msgspec.structs.replace(
                grant,
                state=GrantState.ISSUED,
                redeemed_by=None,
                redeemed=None,
                undone=grant.undone + 1,
            )
        case GrantVoided() if grant is not None:
            return msgspec.structs.replace(
                grant,
                state=GrantState.VOID,
                voided_by=event.by,
                voided=at,
                void_reason=event.reason,
            )
        case _:
            return grant
