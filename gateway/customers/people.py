"""The customers: who was named in a case, what the box and the centre know of them."""

import asyncio
import contextlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from gateway.alerts.case import Alert
from gateway.alerts.desk import Desk
from gateway.clock import Clock
from gateway.config import Customers
from gateway.customers.messages import CustomerView, Forgotten
from gateway.customers.personal import Entry, Personal, PersonalError
from gateway.customers.rule import Customer, CustomerRule
from gateway.grants import crockford
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.known import KnownAccount
from gateway.journal import holders, views
from gateway.journal.store import Journal
from gateway.model import GrantState
from gateway.request import GrantView
from gateway.shown import alert_view, grant_view

LATEST: Final = 5
"""Cases and grants of a customer that are shown."""
LIVE_MOST: Final = 50
"""Live grants of a customer that are looked at: nobody chooses from more."""
_REMEMBERED: Final = 256
_KEY_SYMBOLS: Final = 16


class Accounts(Protocol):
    """Knows accounts of the centre."""

    async def account(self, account: str) -> KnownAccount | None:
        """One account, or None when nobody knows it."""
        ...


class Remembered(Protocol):
    """What is remembered of accounts for a time without the centre."""

    def account(self, account: str) -> KnownAccount | None:
        """One account, or None."""
        ...

    def forget_account(self, account: str) -> None:
        """Remember it no longer."""
        ...

    def flush(self) -> None:
        """Make the disk forget it too.

        Raises:
            OSError: It refused.
        """
        ...


class People:
    """The customers of one shop.

    Args:
        config: How they are named, and what is kept of it.
        clock: The time.
        journal: Their cases and grants.
        desk: Live alerts.
        grants: The playbook's labels.
        personal: Keeps who was named.
        tag_key: Under which accounts are hashed, 32 bytes.
        accounts: The centre, or what is remembered of it.
        remembered: What is to be forgotten with a customer.
        on_forgotten: Called on the event loop when that has something to write.
    """

    def __init__(
        self,
        *,
        config: Customers,
        clock: Clock,
        journal: Journal,
        desk: Desk,
        grants: GrantDesk,
        personal: Personal,
        tag_key: bytes,
        accounts: Accounts,
        remembered: Remembered,
        on_forgotten: Callable[[], None],
    ) -> None:
        self.rule: Final = CustomerRule(config)
        self._plain: Final = config.keep == "plain"
        self._clock: Final = clock
        self._journal: Final = journal
        self._desk: Final = desk
        self._grants: Final = grants
        self._personal: Final = personal
        self.tag_key = tag_key
        self._accounts: Final = accounts
        self._remembered: Final = remembered
        self._on_forgotten: Final = on_forgotten
        # Of cases of now: whose hash alone is kept is known for as long as the gateway runs.
        self._named: Final[OrderedDict[str, str]] = OrderedDict()

    async def name(self, alert: str, customer: Customer) -> str:
        """Keep whose case it is; returns its key for the event.

        Raises:
            PersonalError: It could not be kept.
        """
        key = await self.keep(
            alert,
            tag=self._tag(customer.account),
            kind=customer.kind,
            account=customer.account if self._plain else None,
        )
        self._named[key] = customer.account
        while len(self._named) > _REMEMBERED:
            self._named.popitem(last=False)
        return key

    async def keep(
        self,
        alert: str,
        *,
        tag: str | None = None,
        kind: str | None = None,
        account: str | None = None,
        note: str | None = None,
    ) -> str:
        """Keep one personal entry of an alert; returns its key.

        Raises:
            PersonalError: It could not be kept.
        """
        key = crockford.random(_KEY_SYMBOLS)
        entry = Entry(
            key=key,
            alert=alert,
            at=self._clock.now(),
            tag=tag,
            kind=kind,
            account=account,
            note=note,
        )
        await self._personal.do(lambda file: file.put(entry))
        return key

    async def drop(self, key: str | None) -> None:
        """Delete one entry, if the disk lets it; else it goes in its time."""
        if key is not None:
            self._named.pop(key, None)
            with contextlib.suppress(PersonalError):
                await self._personal.do(lambda file: file.drop(key))

    def case_over(self, alert: Alert) -> None:
        """Nobody needs the account of this case's customer in memory any more."""
        self._named.pop(alert.customer or "", None)

    async def note(self, key: str | None) -> str | None:
        """A free note, None where there is none any more."""
        entry = await self._find(key)
        return None if entry is None else entry.note

    async def named(self, key: str | None, *, ask: bool) -> CustomerView | None:
        """Whose case it is, as far as that is kept; `ask` the centre, or tell what is remembered.

        A card that is shown again and again must not wait for a centre that is away each time.
        """
        entry = await self._find(key)
        if entry is None or entry.tag is None:
            return None
        account = entry.account or self._named.get(entry.key)
        return await self._view(entry.kind or "", account, entry.tag, ask=ask)

    async def view(self, customer: Customer) -> CustomerView:
        """A customer who stands at the counter."""
        tag = self._tag(customer.account)
        return await self._view(customer.kind, customer.account, tag, ask=True)

    async def live_grants(self, account: str) -> list[Grant]:
        """What an account may redeem now, newest first."""
        issued = await self._grants_of(account, GrantState.ISSUED, LIVE_MOST)
        return [each for each in issued if each.state is GrantState.ISSUED]

    async def forget(self, account: str) -> Forgotten:
        """Delete what is kept of the customer of an account.

        Raises:
            PersonalError: It could not be deleted.
        """
        tag = self._tag(account)
        names, notes = await self._personal.do(lambda file: file.forget(tag))
        damaged = await self._personal.do(lambda file: file.drop_damaged())
        for key in [key for key, named in self._named.items() if named == account]:
            del self._named[key]
        details = await asyncio.to_thread(self._remembered.account, account) is not None
        await asyncio.to_thread(self._remembered.forget_account, account)
        self._on_forgotten()
        try:
            await asyncio.to_thread(self._remembered.flush)
        except OSError as error:
            raise PersonalError(f"{account} cannot be forgotten: {error}") from error
        return Forgotten(names=names, notes=notes, details=details, damaged=damaged)

    async def _find(self, key: str | None) -> Entry | None:
        if key is None:
            return None
        try:
            return await self._personal.do(lambda file: file.find(key))
        except PersonalError:
            return None  # the fault tells why

    async def _view(self, kind: str, account: str | None, tag: str, *, ask: bool) -> CustomerView:
        known, grants, live = None, [], []
        if account is not None:
            if ask:
                known = await self._accounts.account(account)
            else:
                known = await asyncio.to_thread(self._remembered.account, account)
            grants = await self._grants_of(account, None, LATEST)
            live = await self.live_grants(account)
        now = self._clock.now()
        return CustomerView(
            kind=kind,
            account=account,
            known=known,
            cases=tuple(alert_view(each, self._desk, now) for each in await self._cases(tag)),
            grants=tuple(map(self.shown, grants)),
            live=len(live),
        )

    def shown(self, grant: Grant) -> GrantView:
        """A grant with its offer's label."""
        return grant_view(grant, self._grants.offer(grant.offer), self._clock.now())

    async def _cases(self, tag: str) -> list[Alert]:
        try:
            ids = await self._personal.do(lambda file: file.cases_of(tag, LATEST))
        except PersonalError:
            return []
        found = await asyncio.wrap_future(
            self._journal.read(lambda db: [views.find_alert(db, each) for each in ids])
        )
        return [alert for alert in found if alert is not None]

    async def _grants_of(self, account: str, state: GrantState | None, most: int) -> list[Grant]:
        now = self._clock.now()
        found = await asyncio.wrap_future(
            self._journal.read(lambda db: holders.grants_of(db, account, state, most))
        )
        return [grant.as_of(now) for grant in found]

    def _tag(self, account: str) -> str:
        return hmac.digest(self.tag_key, account.encode(), "sha256").hex()
