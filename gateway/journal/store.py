"""The journal: one append-only SQLite database, written by one thread with group commit.

Whoever appends gets a future that is done once the record is on disk. Nothing waits for it on the
way of a page; whoever answers a person does. What was given for keeping stays in memory, in its
order, while the disk cannot take it, and is written when it can.
"""

import logging
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from gateway.clock import Stamp
from gateway.errors import JournalError, Refused
from gateway.events import VERSION, AnyEvent, Record, encode_event
from gateway.files import sync_directory
from gateway.journal import reading, schema, views

T = TypeVar("T")

GROUP: Final = 256
"""The most jobs of one commit: more would only delay the first of them."""
HELD: Final = 20_000
"""Jobs held in memory while the disk refuses; beyond that they are refused, loudly."""
RETRY_S: Final = 1.0

_log: Final = logging.getLogger(__name__)


class Identity(msgspec.Struct, frozen=True):
    """Under which names new records are made.

    Attributes:
        device: The box's id.
        account: The shop's own account on the ACHIVX server.
        mapping: The version of the mapping to ACHIVX actions.
    """

    device: str
    account: str
    mapping: int


class Transaction:
    """What work may do: read the views as they are now, append events."""

    def __init__(
        self, connection: sqlite3.Connection, identity: "Identity", epoch: str, last: int
    ) -> None:
        self.connection: Final = connection
        self.last: int = last
        self._identity: Final = identity
        self._epoch: Final = epoch
        self._boots: dict[str, int] = {}

    def append(self, event: AnyEvent, at: Stamp) -> Record:
        """Add one event and bring the views up to it."""
        record = Record(
            device=self._identity.device,
            epoch=self._epoch,
            seq=self.last + 1,
            at=at,
            mapping=self._identity.mapping,
            account=self._identity.account,
            event=event,
        )
        self.connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                record.seq,
                self._boot(at.boot),
                at.mono_ns,
                at.wall_ns,
                at.synced,
                VERSION,
                encode_event(event),
            ),
        )
        views.apply(self.connection, record)
        self.last = record.seq
        return record

    def _boot(self, name: str) -> int:
        if name not in self._boots:
            self.connection.execute("INSERT OR IGNORE INTO boot (name) VALUES (?)", (name,))
            row = self.connection.execute("SELECT id FROM boot WHERE name = ?", (name,))
            self._boots[name] = int(row.fetchone()[0])
        return self._boots[name]


class _Job(msgspec.Struct, Generic[T]):
    """One piece of work and whoever waits for it. Kept work outlasts a full disk."""

    work: Callable[[Transaction], T]
    future: "Future[T]"
    kept: bool


class Journal:
    """The journal of one box.

    Args:
        path: The database file; its directory is made where it is missing.
        identity: Under which names new records are made.
        on_change: Called from the writer thread after each commit, and when the state changes.
    """

    def __init__(self, path: Path, identity: Identity, *, on_change: Callable[[], None]) -> None:
        self.path: Final = path
        self.state = "starting"
        self.epoch = ""
        self.last_seq = 0
        self.set_aside: Path | None = None
        self._identity: Final = identity
        self._on_change: Final = on_change
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._held: deque[_Job[Any]] = deque()
        self._connection: sqlite3.Connection | None = None
        self._opened: Final = threading.Event()
        self._retry: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="journal", daemon=True)
        self._readers: Final = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._reader: sqlite3.Connection | None = None

    # --- for everybody ---------------------------------------------------------------------

    def start(self) -> None:
        """Start the writer; returns when the first attempt to open is over, good or bad."""
        self._thread.start()
        self._opened.wait()

    def append(self, event: AnyEvent, at: Stamp) -> "Future[Record]":
        """Keep one event. It is held in memory for as long as the disk refuses it."""
        return self._submit(lambda transaction: transaction.append(event, at), kept=True)

    def append_all(self, events: tuple[AnyEvent, ...], at: Stamp) -> "Future[list[Record]]":
        """Keep several events together: all of them in one transaction."""
        return self._submit(
            lambda transaction: [transaction.append(event, at) for event in events], kept=True
        )

    def transact(self, work: Callable[[Transaction], T]) -> "Future[T]":
        """Run a decision inside the writer's transaction, alone and in order.

        The future raises `Refused` where the work does, and `JournalError` at once when the disk
        cannot keep it: then nothing was decided.
        """
        return self._submit(work, kept=False)

    def read(self, query: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Run a query on the reader's thread; it sees what is committed.

        The future raises `JournalError` when there is nothing to read from.
        """
        return self._readers.submit(self._read, query)

    @property
    def waiting(self) -> int:
        """Jobs that are not on disk yet."""
        return self._queue.qsize() + len(self._held)

    @property
    def is_alive(self) -> bool:
        """Whether the writer thread lives."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write what is waiting, if the disk takes it, and stop."""
        self._retry.set()
        self._queue.put(None)
        self._thread.join()
        self._readers.submit(self._close_reader).result()
        self._readers.shutdown()

    def _submit(self, work: Callable[[Transaction], T], *, kept: bool) -> "Future[T]":
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can take the work back
        self._queue.put(_Job(work, future, kept))
        return future

    # --- the reader's thread ---------------------------------------------------------------

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._reader is None:
                self._reader = schema.open_reader(self.path)
            return query(self._reader)
        except sqlite3.Error as error:
            self._close_reader()
            raise JournalError(f"the journal cannot be read: {error}") from error

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # --- the writer's thread ---------------------------------------------------------------

    def _run(self) -> None:
        self._open()
        self._opened.set()
        stopping = False
        while not stopping:
            if self._held and self.state != "ok" and self._queue.empty():
                self._retry.wait(RETRY_S)  # only close() sets it
            stopping = self._collect(wait=not self._held)
            self._commit()
        while self._held and self.state == "ok":
            self._commit()
        for job in self._held:
            job.future.set_exception(JournalError("the journal was closed before it could write"))
        if self._connection is not None:
            self._connection.close()

    def _collect(self, *, wait: bool) -> bool:
        """Move what is queued into `_held`, at most a group; True when it is time to stop."""
        try:
            job = self._queue.get(block=wait)
            while job is not None:
                if len(self._held) >= HELD:
                    job.future.set_exception(JournalError("too much is waiting for the disk"))
                else:
                    self._held.append(job)
                if self.state == "ok" and len(self._held) >= GROUP:
                    return False
                job = self._queue.get_nowait()
        except queue.Empty:
            return False
        return True

    def _commit(self) -> None:
        """Write one group; on a disk error keep what must be kept and refuse the rest."""
        if not self._held:
            return
        if self._connection is None:
            self._open()
        connection = self._connection
        if connection is None:
            self._refuse(JournalError(f"the journal cannot be opened: {self.state}"))
            return
        group = [self._held[index] for index in range(min(GROUP, len(self._held)))]
        transaction = Transaction(connection, self._identity, self.epoch, self.last_seq)
        try:
            connection.execute("BEGIN IMMEDIATE")
            done = [self._attempt(job, transaction) for job in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._failed(connection, error)
            return
        for _ in group:
            self._held.popleft()
        self.last_seq = transaction.last
        self._set_state("ok")
        for finish in done:
            finish()
        self._on_change()

    def _attempt(self, job: _Job[Any], transaction: Transaction) -> Callable[[], None]:
        """Do one job; returns what tells its waiter, to be called once committed."""
        if job.kept:
            result = job.work(transaction)
            return lambda: job.future.set_result(result)
        before = transaction.last
        transaction.connection.execute("SAVEPOINT job")
        try:
            result = job.work(transaction)
        except Refused as refusal:
            transaction.connection.execute("ROLLBACK TO job")
            transaction.last = before
            reason = refusal
            return lambda: job.future.set_exception(reason)
        finally:
            if transaction.connection.in_transaction:
                transaction.connection.execute("RELEASE job")
        return lambda: job.future.set_result(result)

    def _failed(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError):  # full, read-only, an input/output error
            self._set_state(f"cannot write: {error}")
        else:
            connection.close()
            self._connection = None
            if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
                self._put_aside(error)
            else:
                raise error  # a constraint we broke ourselves: loud, at once
        self._refuse(JournalError(f"the journal {self.state}"))

    def _refuse(self, reason: JournalError) -> None:
        """Answer whoever asked for a decision; hold what was given for keeping."""
        kept = [job for job in self._held if job.kept]
        for job in self._held:
            if not job.kept:
                job.future.set_exception(reason)
        self._held = deque(kept)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = schema.open_writer(self.path)
            schema.set_meta(connection, "device", self._identity.device)
            last = reading.last_seq(connection)
            schema.begin_era(connection, last + 1, self._identity.mapping, self._identity.account)
            views.prepare(connection)
        except sqlite3.DatabaseError as error:
            if _is_damage(error) and self.path.exists():
                self._put_aside(error)
                self._open()
            else:
                self._set_state(f"cannot be opened: {error}")
            return
        except OSError as error:
            self._set_state(f"cannot be opened: {error.strerror}")
            return
        self._connection = connection
        self.epoch = schema.meta(connection, "epoch") or ""
        self.last_seq = last
        self._set_state("ok")

    def _put_aside(self, error: sqlite3.Error) -> None:
        """Keep a damaged file under a dated name, and begin a new journal with a new epoch."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{os.getpid()}")
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        sync_directory(self.path.parent)
        self.set_aside = aside
        _log.error("the journal is damaged (%s): set aside as %s", error, aside)

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.error)("journal: %s", state)
        self.state = state
        self._on_change()


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, rather than the disk full or away."""
    return error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
