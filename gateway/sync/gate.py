"""How many calls the ACHIVX server is given at once.

Many calls in flight on one account collapse the server (72 a second one at a time, 2.6 with 64),
while 16 over different accounts are where it does best.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

IN_FLIGHT: Final = 16


class AccountGate:
    """One call in flight per account, `in_flight` over all.

    Args:
        in_flight: The most that may be inside at once.
    """

    def __init__(self, in_flight: int = IN_FLIGHT) -> None:
        self._places = asyncio.Semaphore(in_flight)
        # A lock lives only as long as somebody holds or awaits it: accounts are many.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def passing(self, account: str) -> AsyncIterator[None]:
        """Wait until a call on `account` may go out; the next one goes after the block.

        The account comes first: a queue on one busy account must not take everybody's places.
        """
        lock = self._locks.setdefault(account, asyncio.Lock())
        async with lock, self._places:
            yield
