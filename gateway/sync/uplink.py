"""The uplink: one protocol over any transport, from the journal's cursor to the server's word.

One batch at a time, in order. The cursor moves only on an application-level acknowledgement of
`{device, epoch, first, last}` that continues it; everything up to the cursor is on the server.
A broker's or socket's own acknowledgement means nothing here.
"""

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import takewhile
from typing import Any, Final, Protocol

import msgspec

from gateway.errors import GatewayError, JournalError
from gateway.events import Gap, Record, Total
from gateway.journal import reading, schema
from gateway.journal.store import Journal, Transaction
from gateway.sync import totals
from gateway.sync.totals import Totals

BATCH: Final = 256
"""The most records of a batch. A line that fails is given a quarter, and then twice as many again:
what a thin one cannot carry in time must not be all that is ever tried."""
REST_S: Final = 0.02
"""After each full batch while the box is busy: a long backlog must not keep a page waiting."""
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


class Held(GatewayError):
    """The line stands, and somebody must do something: the sentence says who and what."""


class Interrupted(GatewayError):
    """The server or the way to it is away: the same again, later."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records `first` to `last` of one journal, without a hole.

    A gap of several begins a batch: its record's number is its last. `before` are the totals that
    were acknowledged before it, see `totals.audit`.
    """

    device: str
    epoch: str
    first: int
    last: int
    records: tuple[Record, ...]
    before: tuple[Total, ...] | None = None


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

    Attributes:
        is_busy: Whether staff are being called, so that the backlog has to rest between batches.
        latest_aside: The event that was set aside last since the start, and why; None: none was.
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
        self.is_busy: Callable[[], bool] = lambda: False
        self.state = "starting"
        self.cursor = 0
        self.quarantined = 0
        self.latest_aside: str | None = None
        self.salvaged = 0  # records of damaged journals that are yet to be sent
        self._journal: Final = journal
        self._transport: Final = transport
        self._device: Final = device
        self._account: Final = account
        self._on_change: Final = on_change
        self._connected: str | None = None  # the epoch it was connected for
        self._failures = 0
        self._size = BATCH
        self._more: Final = asyncio.Event()
        self._link_up: Final = asyncio.Event()

    @property
    def transport(self) -> Transport:
        """The way to the server."""
        return self._transport

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
        while True:
            try:
                await self._drain()
                await self._more.wait()
            except (Interrupted, Held, JournalError) as error:
                self._connected = None
                self._set_state(str(error))
                await self._back_off()

    async def _drain(self) -> None:
        """Deliver batch after batch until the journal has no more."""
        while True:
            self._more.clear()
            size = self._size
            found = await asyncio.wrap_future(self._journal.read(partial(_look, most=size)))
            self.cursor, self.quarantined = found.cursor, found.quarantined
            self.salvaged = found.salvaged
            if found.epoch != self._connected:
                await self._transport.connect(self._device, found.epoch, self._account)
                self._connected = found.epoch
                self._set_state("ok")
            if not found.records:
                self._failures = 0
                return
            batch = _salvaged(found) if found.salvaged else _batch(found)
            self._size = max(1, size // 4)  # unless this gets through
            await self._advance(batch, await self._transport.deliver(batch))
            self._size = min(2 * size, BATCH)
            if len(found.records) == size and self.is_busy():
                await asyncio.sleep(REST_S)

    async def _advance(self, batch: Batch, answer: Acknowledged) -> None:
        """Move the cursor, if the acknowledgement is of this batch and continues it."""
        fits = (
            (answer.device, answer.epoch, answer.first) == (batch.device, batch.epoch, batch.first)
            and batch.first <= answer.last <= batch.last
            and all(batch.first <= aside.seq <= answer.last for aside in answer.aside)
        )
        if not fits or not await asyncio.wrap_future(
            self._journal.transact(lambda transaction: _keep(transaction, batch, answer))
        ):
            raise Interrupted(
                f"an acknowledgement of {answer.first}–{answer.last} does not continue"
                f" {self.cursor}"
            )
        for aside in answer.aside:
            self.latest_aside = f"{_event_id(answer, aside)}: {aside.reason}"
            _log.error("an event was set aside: %s", self.latest_aside)
        self.quarantined += len(answer.aside)
        if answer.epoch == self._connected:
            self.cursor = answer.last
        self._failures = 0
        self._on_change()

    async def _back_off(self) -> None:
        """Full jitter, and no longer than until the link comes up: then it begins anew."""
        most_s = min(BACKOFF_FIRST_S * 2 ** min(self._failures, 16), BACKOFF_MOST_S)
        self._failures += 1
        with contextlib.suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it swallows a stop that comes with the link.
            async with asyncio.timeout(random.uniform(0, most_s)):  # noqa: S311
                await self._link_up.wait()
            self._failures = 0
        self._link_up.clear()  # only now: it may have come up while the last try was failing

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.warning)("uplink: %s", state)
        self.state = state
        self._on_change()


class _Found(msgspec.Struct, frozen=True):
    """Where one journal stands, and what comes next in it, or before it.

    `sent` are the totals up to the cursor, None where nobody has noted them.
    """

    epoch: str
    cursor: int
    sent: Totals | None
    quarantined: int
    salvaged: int
    records: list[Record]


def _look(connection: sqlite3.Connection, most: int) -> _Found:
    cursor = _cursor(connection)
    (aside,) = connection.execute(
        "SELECT (SELECT count(*) FROM quarantine) + (SELECT count(*) FROM quarantine_before)"
    ).fetchone()
    (salvaged,) = connection.execute("SELECT count(*) FROM salvaged").fetchone()
    if salvaged:
        records = _salvaged_records(connection, most)
    else:
        records = reading.records_after(connection, cursor, most)
    epoch = schema.meta(connection, "epoch") or ""
    return _Found(epoch, cursor, _sent(connection), aside, salvaged, records)


def _salvaged_records(connection: sqlite3.Connection, most: int) -> list[Record]:
    rows = connection.execute("SELECT record FROM salvaged ORDER BY id LIMIT ?", (most,))
    try:
        return [msgspec.json.decode(record, type=Record) for (record,) in rows]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"what was salvaged is of a newer program than this: {error}") from error


def _cursor(connection: sqlite3.Connection) -> int:
    return int(schema.meta(connection, "cursor") or 0)


def _sent(connection: sqlite3.Connection) -> Totals | None:
    if not _cursor(connection):
        return {}
    noted = schema.meta(connection, "sent")
    if noted is None:
        return None
    found = msgspec.json.decode(noted, type=list[Total])
    return {(each.button, each.flag): each.presses for each in found}


def _batch(found: _Found) -> Batch:
    """The next records without a hole, as long as they are of one device id.

    Raises:
        Held: The next record of all is missing.
    """
    expected = found.cursor + 1
    records: list[Record] = []
    for record in found.records:
        event = record.event
        first = event.first if isinstance(event, Gap) else record.seq
        continues = first <= expected <= record.seq
        begins = not records or (expected == record.seq and record.device == records[0].device)
        if not (continues and begins):
            break
        records.append(record)
        expected = record.seq + 1
    if not records:
        raise Held(f"the journal has lost its events after {found.cursor}")
    before = None if found.sent is None else totals.of_buttons_in(records, found.sent)
    return _of(records, before)


def _salvaged(found: _Found) -> Batch:
    """The next records of a journal before this one; what it had lost between them is lost."""
    head = found.records[0]
    numbered = enumerate(found.records, head.seq)
    run = takewhile(
        lambda each: (
            (each[1].device, each[1].epoch, each[1].seq) == (head.device, head.epoch, each[0])
        ),
        numbered,
    )
    return _of([record for _, record in run])


def _of(records: list[Record], before: tuple[Total, ...] | None = None) -> Batch:
    return Batch(
        device=records[0].device,
        epoch=records[0].epoch,
        first=records[0].seq,
        last=records[-1].seq,
        records=tuple(records),
        before=before,
    )


def _keep(transaction: Transaction, batch: Batch, answer: Acknowledged) -> bool:
    """Move the cursor on disk; False when it is another journal's or not the next."""
    connection = transaction.connection
    if answer.epoch != transaction.epoch:
        return _keep_salvaged(connection, answer)
    # Between the cursor and a gap's own number there is nothing.
    (between,) = connection.execute(
        "SELECT count(*) FROM event WHERE seq > ? AND seq < ?", (_cursor(connection), answer.first)
    ).fetchone()
    if answer.first <= _cursor(connection) or between:
        return False
    _keep_totals(connection, [each for each in batch.records if each.seq <= answer.last])
    schema.set_meta(connection, "cursor", str(answer.last))
    connection.executemany(
        "INSERT OR REPLACE INTO quarantine VALUES (?, ?)",
        [(aside.seq, aside.reason) for aside in answer.aside],
    )
    return True


def _keep_salvaged(connection: sqlite3.Connection, answer: Acknowledged) -> bool:
    gone = connection.execute(
        "DELETE FROM salvaged WHERE device = ? AND epoch = ? AND seq BETWEEN ? AND ?",
        (answer.device, answer.epoch, answer.first, answer.last),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO quarantine_before VALUES (?, ?)",
        [(_event_id(answer, aside), aside.reason) for aside in answer.aside],
    )
    return gone.rowcount > 0


def _keep_totals(connection: sqlite3.Connection, records: list[Record]) -> None:
    """Note the totals as they are after these, as far as those before are known."""
    sent = _sent(connection)
    if sent is not None:
        now = [Total(*key, total) for key, total in totals.after(sent, records).items()]
        schema.set_meta(connection, "sent", msgspec.json.encode(now).decode())


def _event_id(answer: Acknowledged, aside: Aside) -> str:
    """As `Record.id`."""
    return f"{answer.device}.{answer.epoch}.{aside.seq}"
