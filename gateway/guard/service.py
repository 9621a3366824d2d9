"""The requests about sessions and the audit log."""

import asyncio
from functools import partial
from typing import Any, Final

from gateway.access import Access
from gateway.clock import NS_PER_S, Clock
from gateway.control import Asker
from gateway.events import Deed
from gateway.guard import audit, messages
from gateway.guard.told import tell
from gateway.journal.store import Journal
from gateway.messages import SetPin
from gateway.model import Role
from gateway.request import Done, Request

_DAY_S: Final = 86400


class GuardService:
    """Answers who is signed in, and who did what.

    Args:
        access: PINs and sessions.
        journal: What was done.
        clock: The time.
    """

    def __init__(self, access: Access, journal: Journal, clock: Clock) -> None:
        self._access: Final = access
        self._journal: Final = journal
        self._clock: Final = clock

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            SetPin: self._set_pin,
            messages.GetSessions: self._sessions,
            messages.EndSession: self._end,
            messages.EndSessions: self._end_all,
            messages.GetAudit: self._audit,
        }

    async def _set_pin(self, request: SetPin, asker: Asker) -> Done:
        self._require_own(request.staff, asker)
        await self._access.set_pin(request.staff, request.pin)
        await self._tell(asker, Deed.PIN_SET, request.staff)
        return Done()

    async def _sessions(
        self, _: messages.GetSessions, asker: Asker
    ) -> tuple[messages.SessionView, ...]:
        found = self._access.sessions(asker.token)
        return tuple(each for each in found if asker.role is Role.OWNER or each.staff == asker.name)

    async def _end(self, request: messages.EndSession, asker: Asker) -> Done:
        for each in await self._sessions(messages.GetSessions(), asker):
            if each.id == request.session:
                await self._access.end(each.id)
                await self._tell(asker, Deed.SESSIONS_ENDED, each.staff)
        return Done()

    async def _end_all(self, request: messages.EndSessions, asker: Asker) -> Done:
        self._require_own(request.staff, asker)
        for each in self._access.sessions(asker.token):
            if each.staff == request.staff and not each.mine:
                await self._access.end(each.id)
        await self._tell(asker, Deed.SESSIONS_ENDED, request.staff)
        return Done()

    async def _audit(self, request: messages.GetAudit, _: Asker) -> tuple[messages.AuditEntry, ...]:
        since_s = float("-inf")
        if request.days is not None:
            since_s = self._clock.now().wall_ns / NS_PER_S - request.days * _DAY_S
        query = partial(audit.entries, kind=request.kind, by=request.by, since_s=since_s)
        return await asyncio.wrap_future(self._journal.read(query))

    def _require_own(self, staff: str, asker: Asker) -> None:
        if staff != asker.name:
            asker.require(Role.OWNER)

    async def _tell(self, asker: Asker, deed: Deed, about: str) -> None:
        await tell(self._journal, self._clock, asker, deed, about)
