"""The journal on a disk that is full, fails or hangs."""

import logging
import queue
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.errors import JournalError
from gateway.events import Paged, Pressed, Record
from gateway.journal import reading, store
from gateway.journal.store import GROUP, Journal, Transaction
from gateway.model import ButtonKind, ReceiptState
from gateway.simulator.disk import Disk

WAIT_S = 10
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
BIG = Paged(page="p", pager="anna", text="x" * 20_000, state=ReceiptState.FAILED)
Open = Callable[..., Journal]


class Changes:
    """Waits for what the journal says of itself."""

    def __init__(self) -> None:
        self.journal: Journal | None = None
        self._states: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self) -> None:
        if self.journal is not None:
            self._states.put(self.journal.state)

    def until(self, words: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while words not in self._states.get(timeout=max(0.0, deadline - time.monotonic())):
            pass


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def journal(disk: Disk, open_journal: Open, changes: Changes) -> Journal:  # noqa: ARG001
    changes.journal = open_journal(on_change=changes)
    return changes.journal


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RETRY_S", 0.02)


def append_now(transaction: Transaction, at: Stamp) -> Record:
    return transaction.append(PRESS, at)


def test_a_full_disk_keeps_refuses_and_heals(
    disk: Disk, journal: Journal, changes: Changes, at: Stamp
) -> None:
    journal.append(PRESS, at).result(WAIT_S)
    disk.fill_up()
    kept = [journal.append(BIG, at) for _ in range(2 * GROUP)]
    changes.until("full")
    with pytest.raises(JournalError, match="full"):
        journal.transact(lambda transaction: append_now(transaction, at)).result(WAIT_S)
    kept.append(journal.append(PRESS, at))
    assert not any(each.done() for each in kept)
    assert journal.waiting >= 2 * GROUP
    # What is on disk can still be read.
    assert journal.read(reading.last_seq).result(WAIT_S) == journal.last_seq == 1
    disk.heal()
    changes.until("ok")
    assert [each.result(WAIT_S).seq for each in kept] == list(range(2, 2 * GROUP + 3))
    assert journal.transact(lambda each: append_now(each, at)).result(WAIT_S).seq == len(kept) + 2
    found = journal.read(lambda db: reading.records_after(db, 0, 10_000)).result(WAIT_S)
    assert [each.seq for each in found] == list(range(1, len(kept) + 3))
    assert [each.event for each in found[1:-2]] == [BIG] * (2 * GROUP)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
    ],
)
def test_a_failing_disk_keeps_refuses_and_heals(
    disk: Disk, journal: Journal, changes: Changes, at: Stamp, code: int
) -> None:
    epoch = journal.epoch
    disk.refuse(code)
    kept = [journal.append(PRESS, at) for _ in range(3)]
    changes.until("cannot be written: the simulated disk refuses")
    with pytest.raises(JournalError, match="the simulated disk refuses"):
        journal.transact(lambda transaction: append_now(transaction, at)).result(WAIT_S)
    disk.heal()
    assert [each.result(WAIT_S).seq for each in kept] == [1, 2, 3]
    assert (journal.state, journal.epoch, journal.set_aside) == ("ok", epoch, None)


def test_damage_met_while_writing_begins_a_new_journal(
    disk: Disk, journal: Journal, at: Stamp
) -> None:
    journal.append(PRESS, at).result(WAIT_S)
    epoch = journal.epoch
    assert journal.read(reading.last_seq).result(WAIT_S) == 1
    disk.refuse(sqlite3.SQLITE_CORRUPT_INDEX, sqlite3.DatabaseError, once=True)
    record = journal.append(BIG, at).result(WAIT_S)
    assert record.seq == 2  # after what could be read of the old one
    assert record.epoch == journal.epoch != epoch
    # The reader has turned to the new one.
    assert journal.read(lambda db: reading.records_after(db, 1, 9)).result(WAIT_S) == [record]
    assert journal.set_aside is not None
    with sqlite3.connect(journal.set_aside) as old:
        assert [each.epoch for each in reading.records_after(old, 0, 9)] == [epoch]
    old.close()


def test_a_hanging_disk_makes_one_group_of_what_waits(
    disk: Disk, journal: Journal, at: Stamp
) -> None:
    journal.append(PRESS, at).result(WAIT_S)
    disk.may_commit.clear()
    disk.committing.clear()
    first = journal.append(PRESS, at)
    assert disk.committing.wait(WAIT_S)
    commits = disk.commits
    rest = [journal.append(PRESS, at) for _ in range(GROUP)]
    assert not first.done()
    disk.may_commit.set()
    assert [each.result(WAIT_S).seq for each in rest] == list(range(3, GROUP + 3))
    assert disk.commits == commits + 1


def test_closing_while_the_disk_refuses_leaves_nobody_waiting(
    disk: Disk, journal: Journal, changes: Changes, at: Stamp
) -> None:
    disk.refuse(sqlite3.SQLITE_IOERR)
    kept = [journal.append(PRESS, at) for _ in range(5)]
    changes.until("cannot be written")
    journal.close()
    for each in kept:
        with pytest.raises(JournalError, match="closed"):
            each.result(0)


def test_memory_is_bounded_and_says_so(
    disk: Disk,
    journal: Journal,
    changes: Changes,
    at: Stamp,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(store, "HELD", 10)
    disk.refuse(sqlite3.SQLITE_FULL)
    first = journal.append(PRESS, at)
    changes.until("cannot be written")
    kept = [journal.append(PRESS, at) for _ in range(9)]
    with pytest.raises(JournalError, match="too much"), caplog.at_level(logging.ERROR):
        journal.append(PRESS, at).result(WAIT_S)
    assert "was not kept" in caplog.text
    disk.heal()
    assert [each.result(WAIT_S).seq for each in (first, *kept)] == list(range(1, 11))


# A real limit of the operating system: no file may grow beyond this size.
CHILD = f"""
import resource, signal, sys
from pathlib import Path
from gateway.clock import Stamp
from gateway.errors import JournalError
from gateway.events import Started
from gateway.journal import store
from gateway.journal.store import Identity, Journal

store.RETRY_S = 0.02
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]), Identity("box-1", "shop-1", 1), on_change=lambda: None)
journal.start()
at = Stamp("boot", 1, 2, True)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, ({256 * 1024}, unlimited[1]))
kept = []
while journal.state == "ok":
    kept.append(journal.append(Started(version="x" * 4000), at))
    try:
        kept[-1].result(0.5)
    except TimeoutError:
        pass
print(journal.state)
try:
    journal.transact(lambda transaction: transaction.last).result(10)
except JournalError as error:
    print("refused:", error)
kept += [journal.append(Started(version="late"), at) for _ in range(3)]
print(sum(not each.done() for each in kept), "wait")
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
assert [each.result(10).seq for each in kept] == list(range(1, len(kept) + 1))
journal.close()
print("healed", len(kept))
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY,
    reason="files are limited here already",
)
def test_a_limit_of_the_operating_system_heals_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "journal.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state, refused, wait, healed = done.stdout.splitlines()
    assert state.startswith("cannot be written: ")
    assert refused.startswith("refused: the journal cannot be ")
    assert int(wait.split()[0]) >= 4
    with sqlite3.connect(tmp_path / "journal.db") as db:
        assert reading.last_seq(db) == int(healed.split()[1])
    db.close()
