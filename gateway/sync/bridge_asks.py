"""The boxes' questions: who may ask what, and how often. Nothing is kept."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from gateway.sync import wire
from gateway.sync.asking import (
    ASK,
    BUSY,
    CORRELATION_BYTES,
    TOLD,
    AskAccount,
    BoardEntry,
    NotTold,
    Question,
    Reply,
)
from gateway.sync.bridge_policy import Binding, Policy
from gateway.sync.mqtt import Message
from gateway.sync.reader import Reader
from gateway.sync.wire import Problem

TELL_S: Final = 5.0
"""How long an answer may take: nobody waits for it any more then."""
EXPIRES_S: Final = 10
"""How long the broker keeps an answer."""
BURST: Final = 10
PER_S: Final = 0.5
"""How many questions a box may ask at once, and how soon it may ask one more."""


class Asks:
    """Answers the boxes' questions.

    Args:
        policy: What a box may write, and so what it may know.
        reader: The way to the server.
        clock: Seconds that only go up.
        tell_s: How long an answer may take.
    """

    def __init__(
        self,
        policy: Policy,
        reader: Reader,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell_s: float = TELL_S,
    ) -> None:
        self._policy: Final = policy
        self._reader: Final = reader
        self._clock: Final = clock
        self._tell_s: Final = tell_s
        self._left: Final[dict[str, tuple[float, float]]] = {}

    async def answer(self, message: Message) -> Reply | None:
        """The reply to a question, None where it may have none.

        Only the box's own topic is replied on: the bridge may write on everybody's, and a box that
        names another's must not make it do so.
        """
        device = wire.device_of(message.topic)
        binding = self._policy.binding(device)
        mine = message.reply_to == wire.topic(device, TOLD)
        if binding is None or not mine or len(message.correlation) > CORRELATION_BYTES:
            return None
        if not self._may_ask(device):
            return NotTold(problem=BUSY, words=f"{device} asks too much: again in {1 / PER_S:g} s")
        try:
            question: Question = wire.decode(message.payload, Question)
        except wire.Unreadable as error:
            return NotTold(problem=Problem.UNREADABLE, words=str(error)[:1000])
        if isinstance(question, AskAccount) and not _may_know(binding, question.account):
            words = f"{device} may not know of {question.account!r}"
            return NotTold(problem=Problem.BINDING, words=words)
        return await self._tell(question, binding)

    async def _tell(self, question: Question, binding: Binding) -> Reply:
        def entry(account: str, score: float) -> BoardEntry:
            shop = self._policy.is_shop(account)
            known = shop or _may_know(binding, account)
            return BoardEntry(account if known else "", score, shop)

        try:
            async with asyncio.timeout(self._tell_s):
                return await self._reader.tell(question, entry)
        except TimeoutError:
            words = f"the server has not answered in {self._tell_s:g} s"
            return NotTold(problem=Problem.AWAY, words=words)

    def _may_ask(self, device: str) -> bool:
        now = self._clock()
        left, at = self._left.get(device, (float(BURST), now))
        left = min(float(BURST), left + (now - at) * PER_S)
        allowed = left >= 1
        self._left[device] = (left - 1 if allowed else left, now)
        return allowed


def topic(group: str) -> str:
    """Where all boxes of a group of bridges ask."""
    return f"$share/{group}/{wire.ROOT}/+/{ASK}"


def _may_know(binding: Binding, account: str) -> bool:
    own = account == binding.account
    return own or account.startswith((*binding.customers, *binding.staff))
