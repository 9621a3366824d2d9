"""The counter on the control socket: customers, whatever a scanner reads, and what is forgotten."""

import asyncio
import contextlib
from typing import Any, Final

from gateway.clock import Clock
from gateway.control import Asker
from gateway.customers import history, messages
from gateway.customers.people import People
from gateway.customers.rule import Customer
from gateway.errors import Refused
from gateway.events import GrantKeyRotated, PersonalForgotten
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.keys import Keys
from gateway.journal import views
from gateway.journal.store import Journal
from gateway.request import Request


class CounterService:
    """Answers what the counter asks.

    Args:
        clock: The time.
        journal: Which codes are live.
        people: The customers.
        grants: Redeems.
        codes: Tells a code from a card.
        keys: Changes the key of the codes.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal,
        people: People,
        grants: GrantDesk,
        codes: Codes,
        keys: Keys,
    ) -> None:
        self._clock: Final = clock
        self._journal: Final = journal
        self._people: Final = people
        self._grants: Final = grants
        self._codes: Final = codes
        self._keys: Final = keys

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.LookUpCustomer: self._look_up,
            messages.RedeemScanned: self._redeem_scanned,
            messages.ForgetCustomer: self._forget,
            messages.RotateKey: self._rotate_key,
        }

    async def _look_up(self, request: messages.LookUpCustomer, _: Asker) -> messages.CustomerView:
        return await self._people.view(self._people.rule.read(request.customer))

    async def _redeem_scanned(
        self, request: messages.RedeemScanned, asker: Asker
    ) -> messages.Redemption:
        customer = await self._customer(request.text)
        code = request.text
        if customer is not None:
            live = await self._people.live_grants(customer.account)
            if not live:
                raise Refused("no_grants", "this customer has nothing to redeem here")
            if len(live) > 1:
                return messages.Redemption(
                    redeemed=None, choose=tuple(map(self._people.shown, live))
                )
            code = live[0].code
        grant = await self._grants.redeem(code, by=asker.name, at=self._clock.now())
        return messages.Redemption(redeemed=self._people.shown(grant))

    async def _customer(self, text: str) -> Customer | None:
        """Who was scanned; None where it is a code that was issued here, or nobody.

        A card of sixteen symbols may have by chance what a code of the centre is told by.
        """
        with contextlib.suppress(Refused):
            code = self._codes.parse(text)
            found = self._journal.read(lambda db: views.find_grant(db, code))
            if await asyncio.wrap_future(found) is not None:
                return None
        return self._people.rule.find(text)

    async def _forget(self, request: messages.ForgetCustomer, asker: Asker) -> messages.Forgotten:
        forgotten = await self._people.forget(request.account)
        event = PersonalForgotten(by=asker.name, entries=forgotten.names + forgotten.notes)
        await asyncio.wrap_future(self._journal.append(event, self._clock.now()))
        return forgotten

    async def _rotate_key(self, _: messages.RotateKey, asker: Asker) -> messages.KeyRotated:
        now = self._clock.now()
        # In the writer's turn: every code that was signed before is there.
        live = await asyncio.wrap_future(
            self._journal.transact(lambda work: history.live_codes(work.connection, now))
        )
        old = await self._keys.rotate(live)
        event = GrantKeyRotated(by=asker.name, old=old)
        await asyncio.wrap_future(self._journal.append(event, self._clock.now()))
        return messages.KeyRotated(old=old)
