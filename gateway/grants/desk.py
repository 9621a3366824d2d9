"""The grant desk: issues and redeems, decided inside the journal's own transaction.

One conditional update in SQLite decides a redemption, so two tills that hand over the same code at
once cannot both succeed, whatever any cache says.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.events import GrantIssued, GrantRedeemed
from gateway.grants.codes import Codes
from gateway.grants.grant import Grant
from gateway.grants.playbook import STARTER
from gateway.journal import views
from gateway.journal.store import Journal, Transaction
from gateway.model import GrantState, OfferKind, Role

_DAY_NS: Final = 24 * 3600 * NS_PER_S
_REQUEST_CHARS: Final = 64
_ACCOUNT_CHARS: Final = 200


class GrantDesk:
    """Promises remedies and hands them over.

    Args:
        journal: Decides and keeps.
        codes: Makes and checks this shop's codes.
        offers: The playbook of the configuration; empty takes the starter playbook.
        on_grant: Called on the event loop with each grant that was kept anew.
    """

    def __init__(
        self,
        journal: Journal,
        codes: Codes,
        offers: tuple[Offer, ...],
        on_grant: Callable[[Grant], None],
    ) -> None:
        self._journal: Final = journal
        self._codes: Final = codes
        self._offers: Final = {offer.name: offer for offer in offers or STARTER}
        self._on_grant: Final = on_grant

    def offer(self, name: str) -> Offer | None:
        """One offer of the playbook."""
        return self._offers.get(name)

    async def issue(
        self,
        request: str,
        offer_name: str,
        *,
        by: str,
        role: Role,
        at: Stamp,
        alert: str | None = None,
        account: str | None = None,
    ) -> Grant:
        """Promise a remedy; a repeat of the same request answers with the same grant.

        Raises:
            Refused: `unknown_offer`, `forbidden`, `no_account` for tokens to nobody,
                `bad_request`, or `request_reused` for a request id that was another
                grant's.
            JournalError: It could not be kept, and so was not issued.
        """
        offer = self._offers.get(offer_name)
        if offer is None:
            raise Refused("unknown_offer", f"the playbook has no offer named {offer_name!r}")
        if offer.role.rank > role.rank:
            raise Refused("forbidden", f"only a {offer.role} may grant {offer.name}")
        if offer.kind is OfferKind.TOKENS and not account:
            raise Refused("no_account", "tokens need the customer's account")
        if not _is_word(request, _REQUEST_CHARS):
            raise Refused("bad_request", f"a request id has 1 to {_REQUEST_CHARS} characters")
        if account is not None and not _is_word(account, _ACCOUNT_CHARS):
            raise Refused("bad_request", f"an account has 1 to {_ACCOUNT_CHARS} characters")

        def work(transaction: Transaction) -> Grant:
            known = views.grant_of_request(transaction.connection, request)
            if known is not None:
                if (known.offer, known.alert, known.account) != (offer.name, alert, account):
                    raise Refused("request_reused", f"request {request!r} was another grant")
                return known
            code = self._codes.new()
            while views.find_grant(transaction.connection, code) is not None:
                code = self._codes.new()
            event = GrantIssued(
                code=code,
                request=request,
                offer=offer.name,
                kind=offer.kind,
                by=by,
                expires=_later(at, offer.valid_days),
                alert=alert,
                account=account,
                tokens=offer.tokens,
                cost=offer.cost,
            )
            transaction.append(event, at)
            return _found(transaction, code)

        return await self._decide(work)

    async def redeem(self, typed: str, *, by: str, at: Stamp) -> Grant:
        """Hand over what a code promises, once.

        Raises:
            Refused: `mistyped`, `foreign_shop`, `forged`, `unknown_code`, `already_redeemed`
                (when and by whom), `void` or `expired`.
            JournalError: It could not be kept, and so was not redeemed.
        """
        code = self._codes.parse(typed)

        def work(transaction: Transaction) -> Grant:
            grant = _found(transaction, code)
            if grant.state is GrantState.ISSUED and _is_over(grant.expires, at):
                raise Refused("expired", f"this code expired on {grant.expires.iso()}")
            # The row itself decides: only one caller ever finds it still issued.
            won = transaction.connection.execute(
                "UPDATE grants SET state = ? WHERE code = ? AND state = ?",
                (GrantState.REDEEMED, code, GrantState.ISSUED),
            )
            if won.rowcount != 1:
                raise _refusal(grant)
            event = GrantRedeemed(
                code=code, by=by, kind=grant.kind, account=grant.account, tokens=grant.tokens
            )
            transaction.append(event, at)
            return _found(transaction, code)

        return await self._decide(work)

    async def _decide(self, work: Callable[[Transaction], Grant]) -> Grant:
        grant = await asyncio.wrap_future(self._journal.transact(work))
        self._on_grant(grant)
        return grant


def _is_word(text: str, most: int) -> bool:
    """Whether it is printable and of a sane length: what goes to the server must be."""
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()


def _found(transaction: Transaction, code: str) -> Grant:
    grant = views.find_grant(transaction.connection, code)
    if grant is None:
        raise Refused("unknown_code", "this shop knows no such code")
    return grant


def _refusal(grant: Grant) -> Refused:
    if grant.state is GrantState.REDEEMED and grant.redeemed is not None:
        return Refused(
            "already_redeemed",
            f"redeemed already on {grant.redeemed.iso()} by {grant.redeemed_by}",
        )
    return Refused(grant.state.value, f"this code is {grant.state}")


def _later(at: Stamp, days: int) -> Stamp:
    """`days` after a moment, on both of its clocks."""
    return Stamp(at.boot, at.mono_ns + days * _DAY_NS, at.wall_ns + days * _DAY_NS, at.synced)


def _is_over(expires: Stamp, now: Stamp) -> bool:
    """Whether a moment has certainly passed; while nobody knows, the customer is right."""
    age_ns = expires.age_ns(now)
    return age_ns is not None and age_ns > 0
