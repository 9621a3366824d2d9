"""The task that keeps the grant cache's file beside the journal."""

import asyncio
import contextlib
from typing import Final

from gateway.config import Offer
from gateway.errors import JournalError
from gateway.faults import Faults
from gateway.grants.cache import GRANTS_MOST, GrantCache
from gateway.grants.grant import Grant
from gateway.grants.playbook import STARTER
from gateway.journal import views
from gateway.journal.store import Journal

GATHER_S: Final = 1.0
"""How long changes are gathered before they are written."""


class Mirror:
    """Brings what changes into the cache, and the cache to disk a little later.

    Args:
        cache: The file and what is in it.
        journal: What the grants are taken from at the start.
        offers: The shop's; none: the starter playbook.
        faults: Told while the file cannot be written.
    """

    def __init__(
        self, cache: GrantCache, journal: Journal, offers: tuple[Offer, ...], faults: Faults
    ) -> None:
        self._cache: Final = cache
        self._journal: Final = journal
        self._offers: Final = offers or STARTER
        self._faults: Final = faults
        self._changed: Final = asyncio.Event()
        self._waiting: dict[str, Grant] = {}

    def changed(self) -> None:
        """Something in the cache itself has changed."""
        self._changed.set()

    def put(self, grant: Grant) -> None:
        """A grant has changed."""
        self._waiting[grant.code] = grant
        self._changed.set()

    async def fill(self) -> None:
        """Make it anew from the journal; without one there are no grants to mirror."""
        with contextlib.suppress(JournalError):
            grants = await asyncio.wrap_future(
                self._journal.read(lambda db: views.list_grants(db, None, GRANTS_MOST))
            )
            self._cache.rebuild(self._offers, grants)
            self._changed.set()

    async def run(self) -> None:
        """Write what changes, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            grants, self._waiting = tuple(self._waiting.values()), {}
            try:
                await asyncio.to_thread(self._write, grants)
                self._faults.set("grant-cache", None)
            except OSError as error:
                self._faults.set("grant-cache", f"cannot be written: {error.strerror}")
            await asyncio.sleep(GATHER_S)

    def close(self) -> None:
        """What the centre told within the last second is not asked for again at the next start."""
        with contextlib.suppress(OSError):  # it is a view: what is lost was only faster to have
            self._write(tuple(self._waiting.values()))

    def _write(self, grants: tuple[Grant, ...]) -> None:
        if grants:
            self._cache.put(*grants)
        self._cache.flush()
