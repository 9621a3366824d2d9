"""Answers that take longer than anybody waits: begun once, kept for a while, told when there."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from gateway.errors import Refused

T = TypeVar("T")

FRESH_S: Final = 60.0
"""An answer so old is as good as a new one."""
KEPT_MOST: Final = 8
"""Answers that are kept."""
WAIT_S: Final = 3.0
"""How long an asker waits; a page's own patience is a little longer."""


class Answers(Generic[T]):
    """Answers by what was asked; one is worked out at a time.

    Args:
        seconds: CLOCK_MONOTONIC.
        wait_s: How long an asker waits.
    """

    def __init__(self, seconds: Callable[[], float], wait_s: float = WAIT_S) -> None:
        self._seconds: Final = seconds
        self._wait_s: Final = wait_s
        self._kept: Final[dict[Hashable, tuple[float, T]]] = {}
        self._running: Final[dict[Hashable, asyncio.Task[T]]] = {}
        self._one_at_a_time: Final = asyncio.Lock()

    async def get(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The answer to `key`, which `work` finds where none of late is kept.

        Raises:
            Refused: `still_counting`: it takes longer, and none of before is kept. It goes on, so
                that a later asker finds it.
        """
        kept = self._kept.get(key)
        if kept is not None and self._seconds() - kept[0] <= FRESH_S:
            return kept[1]
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= KEPT_MOST:
                raise Refused("busy", "too much is being worked out already")
            task = asyncio.create_task(self._work(key, work))
            self._running[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.wait({task}, timeout=self._wait_s)
        if task.done():
            return task.result()
        if kept is not None:
            return kept[1]
        raise Refused("still_counting", "this is still being worked out: ask again")

    async def _work(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            answer = await work()
        self._kept.pop(key, None)
        self._kept[key] = (self._seconds(), answer)
        if len(self._kept) > KEPT_MOST:
            del self._kept[next(iter(self._kept))]
        return answer

    def _ended(self, key: Hashable, task: "asyncio.Task[T]") -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have
