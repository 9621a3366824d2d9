"""This room put together, and what it does by itself: deleting what is over."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gateway.clock import NS_PER_S, Clock
from gateway.config import Config
from gateway.customers import history
from gateway.customers.cases import CaseService
from gateway.customers.counter import CounterService
from gateway.customers.people import Accounts, People, Remembered
from gateway.customers.personal import Personal, PersonalError
from gateway.errors import JournalError, Refused
from gateway.faults import Faults
from gateway.files import key_file
from gateway.floor import Floor
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.keys import Keys
from gateway.journal.store import Journal
from gateway.request import Request

LOOK_S: Final = 3600.0
"""How often what is over is deleted."""
CODE_KEY: Final = "grants"
"""The part of the box whose fault it is that the codes' key is not on disk."""
_TAG_KEY: Final = "personal/key"
_BY_DISK: Final = (CODE_KEY, _TAG_KEY, "personal")
_DAY_NS: Final = 24 * 3600 * NS_PER_S


class CustomerRoom:
    """Cases, customers and personal data of one box.

    Args:
        config: What is in force.
        clock: The time.
        floor: Alerts and pages.
        journal: What happened.
        grants: Issues and redeems.
        codes: What the desk signs with.
        faults: Told what cannot be kept.
        accounts: The centre, or what is remembered of it.
        remembered: What is to be forgotten with a customer.
        on_forgotten: Called on the event loop when that has something to write.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        floor: Floor,
        journal: Journal,
        grants: GrantDesk,
        codes: Codes,
        faults: Faults,
        accounts: Accounts,
        remembered: Remembered,
        on_forgotten: Callable[[], None],
    ) -> None:
        state = Path(config.paths.state)
        self._clock: Final = clock
        self._journal: Final = journal
        self._keep_ns: Final = config.customers.keep_days * _DAY_NS
        self._personal: Final = Personal(state / "personal.db", faults.set)
        self._keys: Final = Keys(state / "grant.key", codes)
        self._faults: Final = faults
        self._tag_key_file: Final = state / "customer.key"
        self._is_due: Final = asyncio.Event()
        self._people: Final = People(
            config=config.customers,
            clock=clock,
            journal=journal,
            desk=floor.desk,
            grants=grants,
            personal=self._personal,
            tag_key=_tag_key(self._tag_key_file, faults),
            accounts=accounts,
            remembered=remembered,
            on_forgotten=on_forgotten,
        )
        self._cases: Final = CaseService(
            config=config, clock=clock, floor=floor, journal=journal, people=self._people
        )
        self._counter: Final = CounterService(
            clock=clock,
            journal=journal,
            people=self._people,
            grants=grants,
            codes=codes,
            keys=self._keys,
        )

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {**self._cases.handlers(), **self._counter.handlers()}

    def close(self) -> None:
        """Finish what was begun."""
        self._personal.close()

    def disk_works(self) -> None:
        """The disk takes again what is written: perhaps also what it would not at the start."""
        if any(self._faults.words(part) for part in _BY_DISK):
            self._is_due.set()

    async def run(self) -> None:
        """Delete what is over, from now on and until cancelled."""
        while True:
            self._is_due.clear()
            # The faults tell what does not work.
            with contextlib.suppress(PersonalError, Refused):
                await self._keep_keys()
            with contextlib.suppress(PersonalError, JournalError, Refused):
                await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._is_due.wait()

    async def _keep_keys(self) -> None:
        """Keep the keys that there was no disk for at the start."""
        if self._faults.words(CODE_KEY):
            await self._keys.keep()
            self._faults.set(CODE_KEY, None)
        if self._faults.words(_TAG_KEY):
            try:
                key = await asyncio.to_thread(key_file, self._tag_key_file, self._people.tag_key)
            except OSError as error:
                raise PersonalError(f"the key cannot be kept: {error}") from error
            self._people.tag_key = key
            self._faults.set(_TAG_KEY, None)

    async def look(self) -> None:
        """Delete what is over: personal data after its days, keys after their last code.

        Raises:
            PersonalError: The disk refuses.
            JournalError: Nobody knows which codes are live.
            Refused: A key that is over cannot be deleted.
        """
        now = self._clock.now()
        await self._personal.do(lambda file: file.sweep(now, self._keep_ns))
        if now.synced:
            before_ns = now.wall_ns - self._keep_ns
            await self._personal.do(lambda file: file.drop_damaged(before_ns))
        live = await asyncio.wrap_future(
            self._journal.transact(lambda work: history.live_codes(work.connection, now))
        )
        await self._keys.let_go(live)


def _tag_key(path: Path, faults: Faults) -> bytes:
    try:
        return key_file(path)
    except OSError as error:
        faults.set(_TAG_KEY, f"customers are known until a restart: {error.strerror}")
        return secrets.token_bytes(32)
