"""The journal's writer against what it stands on: raw SQLite and raw fdatasync, in turns.

A transaction is one press: its event, and its counter's row. Raw SQLite executes the same two
statements on tables made by the same statements, with rows that were made before the clock ran.
The journal's own time is taken in its writer thread, from the first statement to the last waiter
told, so that it holds everything that a commit costs: encoding, views, futures.
"""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.common import percentile
from gateway.clock import NS_PER_S, Stamp, SystemClock
from gateway.events import VERSION, Pressed, encode_event
from gateway.journal import schema, views
from gateway.journal.store import GROUP, Identity, Journal
from gateway.model import ButtonKind

IDENTITY: Final = Identity("bench", "shop", 1)
IN_TURN: Final = 8
"""Groups one after another before it is the other's turn."""
PAGE: Final = bytes(4096)

_INSERT: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
_COUNT: Final = (
    "INSERT INTO counter VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET total = total + ?3"
)


def press(number: int) -> Pressed:
    """One of ten buttons, in turn."""
    return Pressed(button=f"button-{number % 10}", kind=ButtonKind.HAPPY, zone="exit")


class TimedJournal(Journal):
    """The journal; each commit's time in its thread is noted, in nanoseconds."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, IDENTITY, on_change=lambda: None)
        self.commits_ns: list[int] = []

    def _commit(self) -> None:
        began_ns = time.perf_counter_ns()
        super()._commit()
        self.commits_ns.append(time.perf_counter_ns() - began_ns)


class RawSqlite:
    """The same rows without a journal around them."""

    def __init__(self, path: Path) -> None:
        self._connection: Final = schema.open_writer(path)
        views.prepare(self._connection)
        self._connection.execute("INSERT INTO boot VALUES (1, 'boot')")
        self._seq = 0

    def rows(self, count: int) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Presses as rows of `event` and `counter`."""
        made = []
        for _ in range(count):
            self._seq += 1
            event, at_ns = press(self._seq), time.monotonic_ns()
            row = (self._seq, 1, at_ns, time.time_ns(), 1, VERSION, encode_event(event))
            made.append((row, (event.button, "", 1)))
        return made

    def commit(self, rows: list[tuple[tuple[Any, ...], tuple[Any, ...]]]) -> int:
        """One transaction; returns its nanoseconds."""
        execute = self._connection.execute
        began_ns = time.perf_counter_ns()
        execute("BEGIN IMMEDIATE")
        for event, counter in rows:
            execute(_INSERT, event)
            execute(_COUNT, counter)
        execute("COMMIT")
        return time.perf_counter_ns() - began_ns

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class RawFile:
    """One page and its fdatasync, over and over in a file that has its size already."""

    PAGES: Final = 1024

    def __init__(self, path: Path) -> None:
        self._handle: Final = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(self._handle, PAGE * self.PAGES)
        os.fsync(self._handle)
        self._place = 0

    def commit(self) -> int:
        """Write and flush; returns its nanoseconds."""
        self._place = (self._place + 1) % self.PAGES
        began_ns = time.perf_counter_ns()
        os.pwrite(self._handle, PAGE, self._place * len(PAGE))
        os.fdatasync(self._handle)
        return time.perf_counter_ns() - began_ns

    def close(self) -> None:
        """Close it."""
        os.close(self._handle)


class Commits(msgspec.Struct, frozen=True):
    """Microseconds of one commit of one press, and events a second in full groups."""

    fdatasync_p50_us: float
    sqlite_p50_us: float
    journal_p50_us: float
    sqlite_p99_us: float
    journal_p99_us: float
    sqlite_group_per_s: int
    journal_group_per_s: int
    commit_p50_over_fdatasync: float
    commit_p50_over_raw_sqlite: float
    group_commit_ratio: float


def measure_commits(directory: Path, commits: int, groups: int) -> Commits:
    """So many single commits and so many full groups, of each."""
    with contextlib.ExitStack() as parts:
        journal = TimedJournal(directory / "ours.db")
        journal.start()
        parts.callback(journal.close)
        sqlite = parts.enter_context(contextlib.closing(RawSqlite(directory / "raw.db")))
        file = parts.enter_context(contextlib.closing(RawFile(directory / "raw")))
        clock = SystemClock(trusted=True)  # as it is nearly always
        sync_ns, raw_ns = [], []
        for number in range(commits):
            # In turns, one by one: the disk's moods meet all three alike.
            sync_ns.append(file.commit())
            raw_ns.append(sqlite.commit(sqlite.rows(1)))
            journal.append(press(number), clock.now()).result()
        ours_ns = list(journal.commits_ns)
        raw_group_ns: list[int] = []
        ours_group_ns: list[int] = []
        for _ in range(max(1, groups // IN_TURN)):
            raw_group_ns += [sqlite.commit(sqlite.rows(GROUP)) for _ in range(IN_TURN)]
            ours_group_ns += _groups(journal, clock.now())
    sync, raw, ours = (percentile(each, 50) for each in (sync_ns, raw_ns, ours_ns))
    raw_group, ours_group = percentile(raw_group_ns, 50), percentile(ours_group_ns, 50)
    return Commits(
        fdatasync_p50_us=_us(sync),
        sqlite_p50_us=_us(raw),
        journal_p50_us=_us(ours),
        sqlite_p99_us=_us(percentile(raw_ns, 99)),
        journal_p99_us=_us(percentile(ours_ns, 99)),
        sqlite_group_per_s=round(GROUP * NS_PER_S / raw_group),
        journal_group_per_s=round(GROUP * NS_PER_S / ours_group),
        commit_p50_over_fdatasync=round(ours / sync, 2),
        commit_p50_over_raw_sqlite=round(ours / raw, 2),
        group_commit_ratio=round(raw_group / ours_group, 2),
    )


def _groups(journal: TimedJournal, at: Stamp) -> list[int]:
    """Nanoseconds of some full groups, one after another."""
    gate = threading.Event()
    held = journal.transact(lambda _: gate.wait())  # until all of them are in its queue
    waiting = [journal.append(press(number), at) for number in range(GROUP * IN_TURN)]
    before = len(journal.commits_ns)
    gate.set()
    held.result()
    waiting[-1].result()
    return journal.commits_ns[before + 1 :]


def _us(ns: float) -> float:
    return round(ns / 1000, 1)
