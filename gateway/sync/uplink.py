"""The uplink: one protocol over any transport, from the journal's cursor to the server's word.

One batch at a time, in order. The cursor moves only on an application-level acknowledgement of
`{device, epoch, first, last}` that continues it; everything up to the cursor is on the server.
A broker's or socket's own acknowledgement means nothing here.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import msgspec

from gateway.errors import GatewayError, JournalError
from gateway.events import Record
from gateway.journal import reading, schema
from gateway.journal.store import Journal, Transaction

BATCH: Final = 64
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


class Held(GatewayError):
    """The line stands, and somebody must do something: the sentence says who and what."""


class Interrupted(GatewayError):
    """The server or the way to it is away: the same again, later."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records `first` to `last` of one journal, without a hole."""

    device: str
    epoch: str
    first: int
    last: int
    records: tuple[Record, ...]


class Aside(msgspec.Struct, frozen=True):
    """An event that the server will never take, and why."""

    seq: int
    reason: str


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Records `first` to `last` are done with: on the server, or set aside with a reason."""

    device: str
    epoch: str
    first: int
    last: int
    aside: tuple[Aside, ...] = ()


class Transport(AbstractAsyncContextManager[Any], Protocol):
    """A way to the server: entered and left on the event loop that uses it."""

    async def connect(self, device: str, epoch: str, account: str) -> None:
        """Make sure that what is delivered now is recorded once.

        Raises:
            Interrupted: Nobody there.
            Held: Somebody there, and something wrong that no retry mends.
        """
        ...

    async def deliver(self, batch: Batch) -> Acknowledged:
        """Deliver as much of a batch as can be; returns what is done with, from its first on.

        Raises:
            Interrupted: Not even the first record is done with.
            Held: The same, and no retry mends it.
        """
        ...


class Uplink:
    """Drains the journal into a transport for as long as the daemon runs.

    Args:
        journal: Where the records and the cursor are.
        transport: The way to the server.
        device: The box's id.
        account: The shop's own account.
        on_change: Called when the state or the cursor has changed.
    """

    def __init__(
        self,
        journal: Journal,
        transport: Transport,
        *,
        device: str,
        account: str,
        on_change: Callable[[], None],
    ) -> None:
        self.state = "starting"
        self.cursor = 0
        self.quarantined = 0
        self._journal: Final = journal
        self._transport: Final = transport
        self._device: Final = device
        self._account: Final = account
        self._on_change: Final = on_change
        self._more: Final = asyncio.Event()
        self._link_up: Final = asyncio.Event()

    def notify(self) -> None:
        """There may be new records. Only from the event loop."""
        self._more.set()

    def link_up(self) -> None:
        """The network came back: no need to sit out the back-off. Only from the event loop."""
        self._link_up.set()

    async def run(self) -> None:
        """Drain until cancelled."""
        async with self._transport:
            await self._drain_for_ever()

    async def _drain_for_ever(self) -> None:
        failures = 0
        connected = False
        while True:
            try:
                if not connected:
                    await self._load()
                    await self._transport.connect(self._device, self._journal.epoch, self._account)
                    connected = True
                    self._set_state("ok")
                await self._drain()
                failures = 0
                await self._more.wait()
            except (Interrupted, Held, JournalError) as error:
                connected = False
                self._set_state(str(error))
                failures += 1
                await self._back_off(failures)

    async def _load(self) -> None:
        self.cursor, self.quarantined = await asyncio.wrap_future(self._journal.read(position))

    async def _drain(self) -> None:
        """Deliver batch after batch until the journal has no more."""
        while True:
            self._more.clear()
            records = await asyncio.wrap_future(self._journal.read(self._next_records))
            if not records:
                return
            batch = Batch(
                device=self._device,
                epoch=records[0].epoch,
                first=records[0].seq,
                last=records[-1].seq,
                records=tuple(records),
            )
            await self._advance(batch, await self._transport.deliver(batch))

    def _next_records(self, connection: sqlite3.Connection) -> list[Record]:
        return reading.records_after(connection, self.cursor, BATCH)

    async def _advance(self, batch: Batch, answer: Acknowledged) -> None:
        """Move the cursor, if the acknowledgement is of this batch and continues it."""
        continues = (
            answer.device == batch.device
            and answer.epoch == batch.epoch
            and answer.first == batch.first == self.cursor + 1
            and batch.first <= answer.last <= batch.last
        )
        if not continues:
            raise Interrupted(
                f"an acknowledgement of {answer.first}–{answer.last} does not continue"
                f" {self.cursor}"
            )
        await asyncio.wrap_future(
            self._journal.transact(lambda transaction: _keep(transaction, answer))
        )
        self.cursor = answer.last
        self.quarantined += len(answer.aside)
        for aside in answer.aside:
            _log.error("event %d was set aside: %s", aside.seq, aside.reason)
        self._on_change()

    async def _back_off(self, failures: int) -> None:
        """Full jitter, and no longer than until the link comes up."""
        most = min(BACKOFF_FIRST_S * 2**failures, BACKOFF_MOST_S)
        self._link_up.clear()
        try:
            await asyncio.wait_for(self._link_up.wait(), random.uniform(0, most))  # noqa: S311
        except TimeoutError:
            return

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.warning)("uplink: %s", state)
        self.state = state
        self._on_change()


def position(connection: sqlite3.Connection) -> tuple[int, int]:
    """The cursor, and how many events were set aside."""
    cursor = int(schema.meta(connection, "cursor") or 0)
    (aside,) = connection.execute("SELECT count(*) FROM quarantine").fetchone()
    return cursor, int(aside)


def _keep(transaction: Transaction, answer: Acknowledged) -> None:
    schema.set_meta(transaction.connection, "cursor", str(answer.last))
    transaction.connection.executemany(
        "INSERT OR REPLACE INTO quarantine VALUES (?, ?)",
        [(aside.seq, aside.reason) for aside in answer.aside],
    )
