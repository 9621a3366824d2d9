"""One grant, folded from its events."""

import msgspec

from gateway.clock import Stamp
from gateway.events import AnyEvent, GrantIssued, GrantRedeemed
from gateway.model import GrantState, OfferKind


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy promised to one customer, redeemed once at the counter."""

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


def fold(grant: Grant | None, event: AnyEvent, at: Stamp) -> Grant | None:
    """The grant after the event; None before it is issued."""
    match event:
        case GrantIssued():
            return Grant(
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
            )
        case GrantRedeemed(by=by) if grant is not None:
            return msgspec.structs.replace(
                grant, state=GrantState.REDEEMED, redeemed_by=by, redeemed=at
            )
        case _:
            return grant
