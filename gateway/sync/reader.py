"""What the ACHIVX server knows, for whoever may ask: the bridge's boxes, or one box's own uplink.

A reading goes through the same gate as recording, so that an account never has two calls at once;
who gives up waiting leaves it under way, and who asks again meanwhile waits for the same one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import (
    AchivxError,
    IndexMissing,
    LeaderBoard,
    NoAccount,
    Rejected,
    TokenUnchecked,
    Unauthenticated,
)
from gateway.sync.asking import (
    BOARDS_MOST,
    BUSY,
    LINES_MOST,
    Account,
    AccountTold,
    AskBoards,
    Board,
    BoardEntry,
    BoardsTold,
    NoAccountTold,
    NotTold,
    Question,
    Reply,
)
from gateway.sync.gate import AccountGate
from gateway.sync.wire import Problem

T = TypeVar("T")

AT_ONCE: Final = 4
"""Readings at the server at once: recording keeps the other places."""
WAITING: Final = 64
BOARDS_S: Final = 300.0
"""How long leader boards are told without asking again: the server counts them now and then."""


class Reader:
    """Reads from one server.

    Args:
        client: Entered by its owner.
        gate: Shared with whoever records through the same client.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        client: AchivxClient,
        gate: AccountGate,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client: Final = client
        self._gate: Final = gate
        self._clock: Final = clock
        self._places: Final = asyncio.Semaphore(AT_ONCE)
        self._readings: Final[dict[str, asyncio.Task[Any]]] = {}
        self._boards: tuple[LeaderBoard, ...] = ()
        self._boards_until = -float("inf")

    async def tell(self, question: Question, entry: Callable[[str, float], BoardEntry]) -> Reply:
        """Answer a question; cancelling gives up waiting.

        Args:
            question: What is asked.
            entry: A line of a leader board, from its account and score.
        """
        try:
            if isinstance(question, AskBoards):
                return _told(await self._once("", self._read_boards), entry)
            read = partial(self._read_account, question.account)
            return await self._once(question.account, read)
        except NoAccount:
            assert not isinstance(question, AskBoards)  # noqa: S101 - boards are nobody's
            return NoAccountTold(account=question.account)
        except _Busy as error:
            return NotTold(problem=BUSY, words=str(error))
        except (Unauthenticated, IndexMissing, Rejected) as error:
            return NotTold(problem=Problem.SERVER, words=str(error))
        except ArithmeticError:
            words = "the server's balance of this account is no number"
            return NotTold(problem=Problem.SERVER, words=words)
        except AchivxError as error:
            return NotTold(problem=Problem.AWAY, words=str(error))

    def close(self) -> None:
        """Give up what is under way."""
        for reading in self._readings.values():
            reading.cancel()

    async def _once(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """The result of the one reading under way for a key."""
        reading = self._readings.get(key)
        if reading is None:
            if len(self._readings) >= WAITING:
                raise _Busy("too many questions wait for the server")
            reading = asyncio.create_task(self._through(key, read), name=f"reading {key}")
            self._readings[key] = reading
            reading.add_done_callback(partial(self._finished, key))
        result: T = await asyncio.shield(reading)
        return result

    async def _through(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        async with self._places, self._gate.passing(key):
            try:
                return await read()
            except TokenUnchecked:
                await self._client.check_token()
                return await read()

    def _finished(self, key: str, reading: "asyncio.Task[Any]") -> None:
        del self._readings[key]
        if not reading.cancelled():
            reading.exception()  # whoever still waits is told; perhaps nobody does

    async def _read_account(self, account: Account) -> AccountTold:
        details = await self._client.account_details(account)
        unlocked = await self._client.achievements(account)
        if not details.balance.is_finite():
            raise Rejected(f"the server's balance of {account} is {details.balance}")
        return AccountTold(
            account=account,
            level=details.level,
            experience=details.experience,
            balance=f"{details.balance:f}",
            achievements=tuple(each.name for each in unlocked if each.unlocked_at is not None),
        )

    async def _read_boards(self) -> tuple[LeaderBoard, ...]:
        if self._clock() >= self._boards_until:
            names = await self._client.leader_boards()
            found = [await self._client.leader_board(name) for name in names[:BOARDS_MOST]]
            self._boards = tuple(board for board in found if board is not None)
            self._boards_until = self._clock() + BOARDS_S
        return self._boards


class _Busy(AchivxError):
    """Too many questions wait."""


def _told(boards: tuple[LeaderBoard, ...], entry: Callable[[str, float], BoardEntry]) -> BoardsTold:
    return BoardsTold(
        boards=tuple(
            Board(
                name=board.name,
                updated_at=board.updated_at,
                lines=tuple(entry(each.account, each.score) for each in board.leaders[:LINES_MOST]),
            )
            for board in boards
        )
    )
