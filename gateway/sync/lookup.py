"""What the counter asks of the centre: accounts and leader boards, and the cache when it is away.

The centre is asked with a short bound, because a customer stands there; whatever it does not say
in time the cache does, with the moment that it is of. Nothing here decides anything.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.grants.cache import GrantCache
from gateway.grants.known import BoardLine, KnownAccount, KnownBoard
from gateway.sync import asking

__all__ = ["Centre", "KnownAccount", "Lookup"]

ASK_S: Final = 2.0
"""How long the centre may take for an answer that somebody waits for."""
BOARDS_EVERY_S: Final = 3600.0
BOARDS_AGAIN_S: Final = 60.0
"""How soon the leader boards are asked for again when nobody has answered."""


@runtime_checkable
class Centre(Protocol):
    """A way to ask the centre."""

    async def ask(self, question: asking.Question) -> asking.Reply:
        """Ask; cancelling gives up.

        Raises:
            GatewayError: There is no answer, and it says why.
        """
        ...


class Lookup:
    """Accounts and leader boards.

    Args:
        centre: Asked first; None where there is none.
        cache: Asked then, and told what the centre says.
        clock: When that was.
        on_change: Called on the event loop when the cache has something to write.
        may_show: Whether a person's account may be shown to others; of nobody else it is kept.
        sent: The journal's epoch, and up to where the server has its events.
        ask_s: How long the centre may take.
    """

    def __init__(
        self,
        centre: Centre | None,
        cache: GrantCache,
        clock: Clock,
        *,
        on_change: Callable[[], None],
        may_show: Callable[[str], bool],
        sent: Callable[[], tuple[str, int]] = lambda: ("", 0),
        ask_s: float = ASK_S,
    ) -> None:
        self._sent: Final = sent
        self._centre: Final = centre
        self._cache: Final = cache
        self._clock: Final = clock
        self._on_change: Final = on_change
        self._may_show: Final = may_show
        self._ask_s: Final = ask_s
        self._is_up = False
        self._link_up: Final = asyncio.Event()

    async def account(self, account: str) -> KnownAccount | None:
        """One account: as the centre says now, else as the cache has it; None if neither does."""
        epoch, upto = self._sent()  # before: what arrives meanwhile may be too late for it
        match await self._ask(asking.AskAccount(account=account)):
            case asking.AccountTold() as told if told.account == account:
                known = KnownAccount(
                    account=account,
                    level=told.level,
                    experience=told.experience,
                    balance=told.balance,
                    achievements=told.achievements,
                    as_of_wall_ns=self._clock.now().wall_ns,
                    fresh=True,
                    epoch=epoch,
                    upto=upto,
                )
                await asyncio.to_thread(self._cache.keep_account, known)
                self._on_change()
                return known
            case asking.NoAccountTold():
                await asyncio.to_thread(self._cache.forget_account, account)
                self._on_change()
                return None
            case _:
                return await asyncio.to_thread(self._cache.account, account)

    async def boards(self) -> tuple[KnownBoard, ...]:
        """The leader boards as the cache has them."""
        return await asyncio.to_thread(self._cache.boards)

    def link_is(self, *, up: bool) -> None:
        """Whether the way to the centre is there: once it is, what nobody told is asked again."""
        if up and not self._is_up:
            self._link_up.set()
        self._is_up = up

    async def run(self) -> None:
        """Keep the leader boards of the cache up to date, until cancelled."""
        if self._centre is None:
            return
        while True:
            self._link_up.clear()  # before: it may come up while nobody answers
            told = await self.fetch_boards()
            most_s = BOARDS_EVERY_S if told else BOARDS_AGAIN_S
            # A fleet that lost one broker together must not ask together.
            await self._wait(random.uniform(most_s / 2, most_s), until_link=not told)  # noqa: S311

    async def fetch_boards(self) -> bool:
        """Ask for the leader boards; returns whether the centre has told them."""
        told = await self._ask(asking.AskBoards())
        if not isinstance(told, asking.BoardsTold):
            return False
        boards = tuple(map(self._board, told.boards))
        await asyncio.to_thread(self._cache.keep_boards, boards)
        self._on_change()
        return True

    def _board(self, told: asking.Board) -> KnownBoard:
        lines = tuple(
            BoardLine(rank, each.account, each.score, each.shop)
            for rank, each in enumerate(told.lines, 1)
            if each.account and (each.shop or self._may_show(each.account))
        )
        return KnownBoard(told.name, lines, told.updated_at, self._clock.now().wall_ns)

    async def _ask(self, question: asking.Question) -> asking.Reply | None:
        if self._centre is None:
            return None
        try:
            async with asyncio.timeout(self._ask_s):
                return await self._centre.ask(question)
        except (TimeoutError, GatewayError):
            return None

    async def _wait(self, most_s: float, *, until_link: bool) -> None:
        if not until_link:
            await asyncio.sleep(most_s)
            return
        try:
            async with asyncio.timeout(most_s):
                await self._link_up.wait()
        except TimeoutError:
            return
