"""The journal: one append-only SQLite database, written by one thread with group commit.

Whoever appends gets a future that is done once the record is on disk. Nothing waits for it on the
way of a page; whoever answers a person does. What was given for keeping stays in memory, in its
order, while the disk cannot take it, and is written when it can.
"""

import contextlib
import logging
import queue
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.clock import Stamp
from gateway.config import Retention
from gateway.errors import JournalError
from gateway.events import AnyEvent, Record
from gateway.journal import damage, reading, retention, salvage, schema, views
from gateway.journal.job import Job
from gateway.journal.reader import Reader
from gateway.journal.retention import Room
from gateway.journal.schema import Identity
from gateway.journal.transaction import Transaction
from gateway.pulse import Pulse

__all__ = ["Identity", "Journal", "Transaction"]

T = TypeVar("T")

GROUP: Final = 256
"""The most jobs of one commit: more would only delay the first of them."""
HELD: Final = 20_000
"""Jobs held in memory while the disk refuses; beyond that they are refused, loudly."""
RETRY_S: Final = 1.0
STUCK_S: Final = 900.0
"""Longer than a big journal is looked through on a slow card: then only a new start can help."""
TIDY_EVERY: Final = 1024
"""Records between two looks at what may go; every commit is one when there is no room."""
_AFTER: Final = "after"  # which damaged journal this one goes on from

_log: Final = logging.getLogger(__name__)


class Journal:
    """The journal of one box.

    Args:
        path: The database file; its directory is made where it is missing.
        identity: Under which names new records are made.
        on_change: Called from the writer thread after each commit, and when the state changes.
        keep: How much is kept.

    Attributes:
        state: `ok`, or why nothing can be written, in words.
        epoch: The journal's own id.
        last_seq: The highest sequence on disk.
        set_aside: Where a damaged journal was put since the start, or None.
        pulse: Of the writer's thread: at rest while it waits for something to write.
        room: How it stands to its bound, as of the latest look.
    """

    def __init__(
        self,
        path: Path,
        identity: Identity,
        *,
        on_change: Callable[[], None],
        keep: Retention = Retention(),  # noqa: B008 - frozen
    ) -> None:
        self.path: Final = path
        self.state = "starting"
        self.epoch = ""
        self.last_seq = 0
        self.set_aside: Path | None = None
        self.pulse: Final = Pulse(STUCK_S)
        self.room = Room()
        self._keep: Final = keep
        self._untidied = 0
        self._look_due = False
        self._identity: Final = identity
        self._on_change: Final = on_change
        self._queue: Final[queue.SimpleQueue[Job[Any] | None]] = queue.SimpleQueue()
        self._held: deque[Job[Any]] = deque()
        self._door: Final = threading.Lock()
        self._ended: JournalError | None = None
        self._connection: sqlite3.Connection | None = None
        self._opened: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="journal", daemon=True)
        self._reader: Final = Reader(path)

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
        cannot keep it: then nothing was decided. Anything else that the work raises is a fault of
        the program: it ends the writer, and with it the daemon.
        """
        return self._submit(work, kept=False)

    def tidy(self) -> "Future[None]":
        """Look at the room, and let go of what may go. Writes nothing when nothing may."""

        def due(_: Transaction) -> None:
            self._look_due = True

        return self._submit(due, kept=False)

    def read(self, query: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Run a query on the reader's thread; it sees what is committed.

        The future raises `JournalError` when there is nothing to read from.
        """
        return self._reader.read(query)

    @property
    def waiting(self) -> int:
        """Jobs that are not on disk yet."""
        return self._queue.qsize() + len(self._held)

    @property
    def is_alive(self) -> bool:
        """Whether the writer thread lives."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write what is waiting, if the disk takes it, and stop; one that never started may too.

        What could not be written, or comes later, fails with a `JournalError`.
        """
        self._reader.close()  # first: who closes last folds the log into the file, and it cannot
        if self._thread.ident is None:
            self._end(JournalError("the journal was never opened"))
            return
        self._queue.put(None)
        self._thread.join()

    def _submit(self, work: Callable[[Transaction], T], *, kept: bool) -> "Future[T]":
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can take the work back
        with self._door:
            if self._ended is None:
                self._queue.put(Job(work, future, kept))
            else:
                future.set_exception(self._ended)
        return future

    # --- the writer's thread ---------------------------------------------------------------

    def _run(self) -> None:
        reason = JournalError("the journal is closed")
        self.pulse.beat()
        try:
            self._open()
            if self._connection is not None:
                self._set_state("ok")  # later on, only what was written proves it
            self._opened.set()
            self._write()
        except BaseException as error:
            reason = JournalError(f"the journal's writer died of {error!r}")
            reason.__cause__ = error
            raise  # threading.excepthook ends the daemon
        finally:
            self._opened.set()
            self._end(reason)
            self._close()

    def _write(self) -> None:
        stopping = False
        while not stopping:
            self.pulse.rest()
            stopping = self._collect()
            self.pulse.beat()
            self._commit()
        while self._held and self.state == "ok":
            self._commit()

    def _end(self, reason: JournalError) -> None:
        """Leave nobody waiting, now or later."""
        with self._door:
            self._ended = reason
            with contextlib.suppress(queue.Empty):
                while True:
                    job = self._queue.get_nowait()
                    if job is not None:
                        self._held.append(job)
        if self._held:
            _log.error("%d jobs could not be written: %s", len(self._held), reason)
        for job in self._held:
            if not job.future.done():
                job.future.set_exception(reason)
        self._held.clear()

    def _collect(self) -> bool:
        """Move what is queued into `_held`, at most a group; True when it is time to stop."""
        wait_s = None
        if self._held:
            wait_s = 0.0 if self.state == "ok" else RETRY_S
        try:
            job = self._queue.get(timeout=wait_s)
            while job is not None:
                if len(self._held) < HELD:
                    self._held.append(job)
                else:
                    _log.error("the disk refuses for too long: something was not kept")
                    job.future.set_exception(JournalError("too much is waiting for the disk"))
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
            self._refuse()
            return
        group = list(islice(self._held, GROUP))
        transaction = Transaction(
            connection, self._identity, self.epoch, self.last_seq, is_full=self.room.is_full
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
            done = [job.attempt(transaction) for job in group]
            transaction.flush()
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._failed(error)
            return
        for _ in group:
            self._held.popleft()
        self._untidied += transaction.last - self.last_seq
        self.last_seq = transaction.last
        self._set_state("ok")
        for finish in done:
            finish()
        if self._untidied >= TIDY_EVERY or self._look_due or self.room.is_full:
            self._tidy(connection)
        self._on_change()

    def _tidy(self, connection: sqlite3.Connection) -> None:
        has_grown = self._untidied > 0
        self._untidied, self._look_due = 0, False
        try:
            free_bytes = shutil.disk_usage(self.path.parent).free
            connection.execute("BEGIN IMMEDIATE")
            self.room = retention.tidy(connection, self._keep, free_bytes)
            connection.execute("COMMIT")
            if has_grown:  # an idle box leaves its disk alone
                retention.give_back(connection)
        except OSError as error:
            _log.error("the journal's disk does not say what is free: %s", error)
        except sqlite3.Error as error:
            self._failed(error)

    def _failed(self, error: sqlite3.Error) -> None:
        if damage.is_damage(error):
            self._close()
            self._put_aside(error)
        elif isinstance(error, sqlite3.OperationalError):
            self._set_state(f"cannot be written: {error}")
            if damage.code(error) == sqlite3.SQLITE_FULL:
                self._roll_back()
            else:
                self._close()  # a new handle may do where this one is stale
        else:
            raise error  # a constraint we broke ourselves: loud, at once
        self._refuse()

    def _roll_back(self) -> None:
        connection = self._connection
        try:
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._close()

    def _refuse(self) -> None:
        """Answer whoever asked for a decision; hold what was given for keeping."""
        kept = deque(job for job in self._held if job.kept)
        refused = [job for job in self._held if not job.kept]
        self._held = kept
        for job in refused:
            job.future.set_exception(JournalError(f"the journal {self.state}"))

    def _open(self) -> None:
        """Open the file, once more where a damaged one had to be set aside first."""
        for _ in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = schema.open_writer(self.path)
                self._begin(self._connection)
            except sqlite3.DatabaseError as error:
                self._close()
                if not damage.is_damage(error) and not self.path.is_dir():
                    self._set_state(f"cannot be opened: {error}")
                    return
                self._put_aside(error)
            except OSError as error:
                self._set_state(f"cannot be opened: {error}")
                return
            else:
                return

    def _begin(self, connection: sqlite3.Connection) -> None:
        last = reading.last_seq(connection)
        schema.begin_era(connection, last + 1, self._identity)
        views.prepare(connection)
        self.epoch = schema.meta(connection, "epoch") or ""
        self.last_seq = last
        if last == 0 and schema.meta(connection, _AFTER) is None:
            spoilt = self.set_aside or damage.latest_aside(self.path)
            if spoilt is not None:
                self._go_on_from(connection, spoilt)

    def _go_on_from(self, connection: sqlite3.Connection, spoilt: Path) -> None:
        """Begin with what can be read of a damaged journal: once, and all of it or nothing."""
        transaction = Transaction(connection, self._identity, self.epoch, self.last_seq)
        connection.execute("BEGIN IMMEDIATE")
        schema.set_meta(connection, _AFTER, spoilt.name)
        salvage.take_over(transaction, spoilt)
        transaction.flush()
        connection.execute("COMMIT")
        self.last_seq = transaction.last

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _put_aside(self, error: sqlite3.Error) -> None:
        """Make room for a new journal, which has an epoch of its own."""
        try:
            self.set_aside = damage.set_aside(self.path)
        except OSError as refusal:
            self._set_state(f"is damaged and cannot be set aside: {refusal}")
            return
        _log.error("the journal is damaged (%s): set aside as %s", error, self.set_aside)
        self._reader.forget()
        self._set_state(f"is damaged: {error}")

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.error)("journal: %s", state)
        self.state = state
        self._on_change()
