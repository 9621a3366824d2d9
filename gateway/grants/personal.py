"""Personal grants: what the centre promises to one customer, to be handed over in this shop.

Each is recorded once by the centre's id, whatever is pushed how often, and from then on it is a
grant as any other: the journal decides its redemption, also while the centre is away. It counts for
no cap of the shop and for nobody's misuse: nobody here has promised it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.events import PUSHED, GrantIssued
from gateway.grants.codes import Codes
from gateway.grants.grant import Grant
from gateway.grants.words import check_names
from gateway.journal import views
from gateway.journal.store import Transaction
from gateway.model import OfferKind

BY: Final = "centre"
EXPIRES_DAYS_MOST: Final = 366
"""How far ahead a grant may expire: as long as that its record is kept, so that it comes once."""
_DAY_NS: Final = 24 * 3600 * NS_PER_S


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """One grant as the centre pushed it; see `wire.PersonalGrant`."""

    id: str
    device: str
    offer: str
    expires: datetime
    code: str | None = None
    account: str | None = None


class Personal:
    """Records what the centre promises.

    Args:
        codes: This box's; they check the centre's codes too, and make one where it gave none.
        offers: The playbook in force, by name.
    """

    def __init__(self, codes: Codes, offers: Mapping[str, Offer]) -> None:
        self._codes: Final = codes
        self._offers: Final = offers

    def keep_all(
        self, transaction: Transaction, grants: Iterable[Pushed], at: Stamp
    ) -> tuple[list[str], list[Grant], list[str]]:
        """Record grants, each by itself: the ids that stand now, the new grants, the refusals."""
        ids: list[str] = []
        new: list[Grant] = []
        refusals: list[str] = []
        for each in grants:
            try:
                grant = self._keep(transaction, each, at)
            except Refused as refusal:
                refusals.append(f"grant {each.id}: {refusal}")
                continue
            ids.append(each.id)
            if grant is not None:
                new.append(grant)
        return ids, new, refusals

    def _keep(self, transaction: Transaction, pushed: Pushed, at: Stamp) -> Grant | None:
        """Record one; None where it is recorded already."""
        if pushed.device != self._codes.device:
            words = f"it is for {pushed.device}, and this is {self._codes.device}"
            raise Refused("foreign_shop", words)
        known = views.grant_of_request(transaction.connection, request_of(pushed.id))
        if known is not None:
            if known.central is None:
                raise Refused("request_reused", "somebody in the shop has taken its id")
            return None
        offer = self._offers.get(pushed.offer)
        if offer is None:
            words = f"the playbook has no offer named {pushed.offer!r}"
            raise Refused("unknown_offer", words)
        if offer.kind is OfferKind.TOKENS and pushed.account is None:
            raise Refused("no_account", "tokens need the customer's account")
        if pushed.code is None and pushed.account is None:
            raise Refused("bad_request", "it needs a code or an account, or nobody can redeem it")
        check_names(pushed.id, pushed.account)
        code = self._code(pushed, lambda new: views.find_grant(transaction.connection, new) is None)
        event = GrantIssued(
            code=code,
            request=request_of(pushed.id),
            offer=offer.name,
            kind=offer.kind,
            by=BY,
            expires=_expires(pushed.expires, at),
            account=pushed.account,
            tokens=offer.tokens,
            cost=offer.cost,
            central=pushed.id,
        )
        transaction.append(event, at)
        return views.find_grant(transaction.connection, code)

    def _code(self, pushed: Pushed, is_free: Callable[[str], bool]) -> str:
        if pushed.code is None:
            code = self._codes.new()
            while not is_free(code):
                code = self._codes.new()
            return code
        code = self._codes.parse_pushed(pushed.code)
        if not is_free(code):
            raise Refused("bad_request", "its code is another grant's")
        return code


def request_of(central: str) -> str:
    """The request id that a personal grant is recorded under: no page or command makes such."""
    return f"{PUSHED}{central}"


def _expires(wanted: datetime, at: Stamp) -> Stamp:
    """The moment on the wall clock alone: what the box's own clock showed meanwhile is no matter.

    Raises:
        Refused: It is past, or further ahead than a record is kept.
    """
    wall_ns = int(wanted.timestamp()) * NS_PER_S
    if at.synced and wall_ns <= at.wall_ns:
        raise Refused("expired", "it has expired")
    if at.synced and wall_ns > at.wall_ns + EXPIRES_DAYS_MOST * _DAY_NS:
        raise Refused("bad_request", f"it may expire within {EXPIRES_DAYS_MOST} days, not later")
    return Stamp(BY, 0, wall_ns, synced=True)
