"""Keeping what somebody has done, so that who looks next sees it."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Final, Protocol

from gateway.clock import Clock
from gateway.control import Asker
from gateway.events import Administered, Deed
from gateway.journal.store import Journal

KEEP_S: Final = 5.0
"""How long a deed waits until the journal has it on disk; it is done in any case."""


class Tell(Protocol):
    """`tell` for a room that needs to know neither the journal nor the time."""

    def __call__(self, asker: Asker, deed: Deed, about: str | None = None, /) -> Awaitable[None]:
        """Have the journal keep it."""
        ...


async def tell(
    journal: Journal, clock: Clock, asker: Asker, deed: Deed, about: str | None = None
) -> None:
    """Have the journal keep it.

    Raises:
        JournalError: It takes nothing any more.
    """
    event = Administered(by=asker.name, via=asker.via, deed=deed, about=about)
    kept = asyncio.wrap_future(journal.append(event, clock.now()))
    with contextlib.suppress(TimeoutError):  # it is in memory, and tried again
        await asyncio.wait_for(asyncio.shield(kept), KEEP_S)
