"""What the control socket's requests about spending and past playbooks do."""

import asyncio
from typing import Any, Final

from gateway.clock import Clock
from gateway.control import Asker
from gateway.grants import messages
from gateway.grants.spending import SpendDesk
from gateway.journal import playbooks
from gateway.journal.playbooks import Playbook
from gateway.journal.rewards import Spent
from gateway.journal.store import Journal
from gateway.request import Request


class RewardService:
    """Answers them.

    Args:
        clock: The time.
        journal: Where past playbooks are.
        desk: Spends.
    """

    def __init__(self, clock: Clock, journal: Journal, desk: SpendDesk) -> None:
        self._clock: Final = clock
        self._journal: Final = journal
        self._desk: Final = desk

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {messages.SpendTokens: self._spend, messages.GetPlaybook: self._playbook}

    async def _spend(self, request: messages.SpendTokens, asker: Asker) -> Spent:
        return await self._desk.spend(
            request.request, request.account, request.tokens, by=asker.name, at=self._clock.now()
        )

    async def _playbook(self, request: messages.GetPlaybook, _: Asker) -> Playbook:
        return await asyncio.wrap_future(
            self._journal.read(lambda db: playbooks.find(db, request.version))
        )
