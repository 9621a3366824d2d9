"""The grant desk: issues and redeems, decided inside the journal's own transaction.

One conditional update in SQLite decides a redemption, so two tills that hand over the same code at
once cannot both succeed, whatever any cache says. Caps and stock are counted in that transaction
too, and so is what speaks for misuse.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer, Staff
from gateway.errors import Refused
from gateway.events import GrantIssued, GrantRedeemed, GrantRedeemUndone, GrantVoided
from gateway.grants import limits, misuse
from gateway.grants.codes import Codes
from gateway.grants.grant import Grant
from gateway.grants.guesses import GUESSES, Guesses
from gateway.grants.personal import Personal, Pushed
from gateway.grants.playbook import STARTER, version_of
from gateway.grants.words import check_names, check_reason
from gateway.journal import playbooks, promises, views
from gateway.journal.store import Journal, Transaction
from gateway.model import GrantState, OfferKind, Role

UNDO_S: Final = 60
"""How long whoever redeemed may take it back."""
_DAY_NS: Final = 24 * 3600 * NS_PER_S


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that somebody asks for.

    Attributes:
        override: Why a manager wants it, although something speaks for misuse.
    """

    request: str
    offer: Offer
    by: str
    role: Role
    at: Stamp
    alert: str | None
    account: str | None
    override: str | None


class GrantDesk:
    """Promises remedies and hands them over.

    Args:
        journal: Decides and keeps.
        codes: Makes and checks this shop's codes.
        offers: The playbook of the configuration; empty takes the starter playbook.
        on_grant: Called on the event loop with each grant that was kept anew.
        staff: Whose accounts are no customers'.
        timezone: The shop's: when a day of its caps begins.
    """

    def __init__(
        self,
        journal: Journal,
        codes: Codes,
        offers: tuple[Offer, ...],
        on_grant: Callable[[Grant], None],
        *,
        staff: tuple[Staff, ...] = (),
        timezone: str = "UTC",
    ) -> None:
        self._journal: Final = journal
        self._codes: Final = codes
        self._offers: Final = {offer.name: offer for offer in offers or STARTER}
        self._playbook: Final = version_of(offers or STARTER)
        self._personal: Final = Personal(codes, self._offers)
        self._on_grant: Final = on_grant
        self._owners: Final = {each.account: each.name for each in staff if each.account}
        self._timezone: Final = ZoneInfo(timezone)
        self._guesses: Final = Guesses()

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
        override: str | None = None,
    ) -> Grant:
        """Promise a remedy; a repeat of the same request answers with the same grant.

        Raises:
            Refused: `unknown_offer`, `forbidden`, `no_account` for tokens to nobody,
                `bad_request`, `request_reused` for a request id that was another grant's,
                `out_of_stock`, `over_cap`, or `needs_manager` where something speaks for misuse
                and no manager says why it is granted all the same.
            JournalError: It could not be kept, and so was not issued.
        """
        offer = self._offers.get(offer_name)
        if offer is None:
            raise Refused("unknown_offer", f"the playbook has no offer named {offer_name!r}")
        order = Order(
            request=request,
            offer=offer,
            by=by,
            role=role,
            at=at,
            alert=alert,
            account=account,
            override=override,
        )
        _check(order)
        return await self._decide(lambda transaction: self._issue(transaction, order))

    async def redeem(self, typed: str, *, by: str, at: Stamp) -> Grant:
        """Hand over what a code promises, once.

        Raises:
            Refused: `mistyped`, `foreign_shop`, `forged`, `unknown_code`, `too_many_guesses`,
                `already_redeemed` (when and by whom), `void` or `expired`.
            JournalError: It could not be kept, and so was not redeemed.
        """

        def work(transaction: Transaction, code: str) -> Grant:
            grant = _found(transaction, code)
            if grant.as_of(at).state is GrantState.EXPIRED:
                raise Refused("expired", f"this code expired on {grant.expires.iso()}")
            _move(transaction, grant, GrantState.ISSUED, GrantState.REDEEMED)
            event = GrantRedeemed(
                code=code,
                by=by,
                kind=grant.kind,
                account=grant.account,
                tokens=grant.tokens,
                again=grant.undone > 0,
                central=grant.central,
            )
            transaction.append(event, at)
            return _found(transaction, code)

        return await self._on_code(typed, by, at, work)

    async def undo(self, typed: str, *, by: str, at: Stamp) -> Grant:
        """Take back a redemption: the code is good again.

        Raises:
            Refused: As `redeem` for what is no code of ours, `not_redeemed`, `not_yours` where
                another person redeemed it, `too_late` after a minute, or `tokens_paid`: nothing
                takes tokens back from the server.
            JournalError: It could not be kept, and so was not undone.
        """

        def work(transaction: Transaction, code: str) -> Grant:
            grant = _found(transaction, code)
            _check_undo(grant, by, at)
            _move(transaction, grant, GrantState.REDEEMED, GrantState.ISSUED)
            transaction.append(GrantRedeemUndone(code=code, by=by), at)
            return _found(transaction, code)

        return await self._on_code(typed, by, at, work)

    async def void(self, typed: str, *, by: str, reason: str, at: Stamp) -> Grant:
        """Take a promise back, expired or not: its code is good for nothing any more.

        Raises:
            Refused: As `redeem` for what is no code of ours, `no_reason`, `already_redeemed` or
                `void`.
            JournalError: It could not be kept, and so was not taken back.
        """
        check_reason(reason)

        def work(transaction: Transaction, code: str) -> Grant:
            grant = _found(transaction, code)
            _move(transaction, grant, GrantState.ISSUED, GrantState.VOID)
            transaction.append(GrantVoided(code=code, by=by, reason=reason), at)
            return _found(transaction, code)

        return await self._on_code(typed, by, at, work)

    async def push(self, grants: Sequence[Pushed], at: Stamp) -> tuple[list[str], list[str]]:
        """Record personal grants of the centre, each once.

        Returns:
            The ids of those that are recorded, now or before, and why the others are refused.

        Raises:
            JournalError: They could not be kept, none of them.
        """
        ids, new, refusals = await asyncio.wrap_future(
            self._journal.transact(lambda work: self._personal.keep_all(work, grants, at))
        )
        for grant in new:
            self._on_grant(grant)
        return ids, refusals

    # --- inside the transaction ------------------------------------------------------------

    def _issue(self, transaction: Transaction, order: Order) -> Grant:
        connection = transaction.connection
        known = views.grant_of_request(connection, order.request)
        if known is not None:
            if (known.offer, known.alert, known.account) != (
                order.offer.name,
                order.alert,
                order.account,
            ):
                raise Refused("request_reused", f"request {order.request!r} was another grant")
            return known
        for limit in limits.limits_of(
            order.offer, order.by, order.account, order.at, self._timezone
        ):
            counted = promises.counted(connection, order.offer.name, limit.who, limit.days)
            if counted >= limit.most:
                raise limit.refused
        alert = views.find_alert(connection, order.alert) if order.alert is not None else None
        zone = None if alert is None else alert.zone
        mashed = 0 if zone is None else promises.mashed(connection, zone, order.at)
        presses = 0 if alert is None else alert.presses + mashed
        verdict = self._judge(transaction, order, zone, presses)
        code = self._codes.new()
        while views.find_grant(connection, code) is not None:
            code = self._codes.new()
        event = GrantIssued(
            code=code,
            request=order.request,
            offer=order.offer.name,
            kind=order.offer.kind,
            by=order.by,
            expires=_later(order.at, order.offer.valid_days),
            alert=order.alert,
            account=order.account,
            tokens=order.offer.tokens,
            cost=order.offer.cost,
            zone=zone,
            day=limits.day_of(order.at, self._timezone),
            score=verdict.score,
            override=order.override if verdict.needs_manager else None,
            playbook=self._playbook,
        )
        playbooks.keep(transaction, self._playbook, tuple(self._offers.values()))
        transaction.append(event, order.at)
        return Grant.of(event, order.at)

    def _judge(
        self, transaction: Transaction, order: Order, zone: str | None, presses: int
    ) -> misuse.Verdict:
        """What speaks for misuse, where it needs no manager or has one; free words never do."""
        if not order.offer.cost and not order.offer.tokens:
            return misuse.Verdict(())
        asked = misuse.Request(
            claim=misuse.Claim(order.by, order.account, zone, order.alert is not None, order.at),
            before=promises.claimed(transaction.connection, order.account or ""),
            owner=self._owners.get(order.account or ""),
            presses=presses,
        )
        verdict = misuse.judge(asked, promises.latest_claims(transaction.connection))
        may_override = order.role.rank >= Role.MANAGER.rank and order.override is not None
        if verdict.needs_manager and not may_override:
            raise Refused(
                "needs_manager",
                f"a manager must approve this and say why: {verdict.words.en} / {verdict.words.ru}",
            )
        return verdict

    async def _on_code(
        self, typed: str, by: str, at: Stamp, work: Callable[[Transaction, str], Grant]
    ) -> Grant:
        """Do something about the grant of a typed code, unless it is one guess too many."""
        self._guesses.check(by, at.mono_ns)
        try:
            code = self._codes.parse(typed)
            return await self._decide(lambda transaction: work(transaction, code))
        except Refused as refusal:
            if refusal.code in GUESSES:
                self._guesses.wrong(by, at.mono_ns)
            raise

    async def _decide(self, work: Callable[[Transaction], Grant]) -> Grant:
        grant = await asyncio.wrap_future(self._journal.transact(work))
        self._on_grant(grant)
        return grant


def _check(order: Order) -> None:
    """What can be refused without looking into the journal."""
    offer = order.offer
    if offer.role.rank > order.role.rank:
        raise Refused("forbidden", f"only a {offer.role} may grant {offer.name}")
    if offer.kind is OfferKind.TOKENS and not order.account:
        raise Refused("no_account", "tokens need the customer's account")
    check_names(order.request, order.account)
    if order.override is not None:
        check_reason(order.override)


def _check_undo(grant: Grant, by: str, at: Stamp) -> None:
    if grant.state is not GrantState.REDEEMED or grant.redeemed is None:
        raise Refused("not_redeemed", "this code has not been redeemed")
    if grant.redeemed_by != by:
        raise Refused("not_yours", f"only {grant.redeemed_by}, who redeemed it, may undo that")
    if grant.kind is OfferKind.TOKENS:
        raise Refused("tokens_paid", "tokens that were paid cannot be taken back")
    # Of another boot it is too late anyhow: starting alone takes much of the minute.
    fresh = grant.redeemed.boot == at.boot
    if not fresh or at.mono_ns - grant.redeemed.mono_ns > UNDO_S * NS_PER_S:
        raise Refused("too_late", f"a redemption can be undone for {UNDO_S} s, and no longer")


def _move(transaction: Transaction, grant: Grant, old: GrantState, new: GrantState) -> None:
    """The row itself decides: only one caller ever finds it in its old state."""
    won = transaction.connection.execute(
        "UPDATE grants SET state = ? WHERE code = ? AND state = ?", (new, grant.code, old)
    )
    if won.rowcount != 1:
        raise _refusal(grant)


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
