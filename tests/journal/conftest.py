"""Journals on real files, and a disk that can be made to refuse, to be full and to hang."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.journal import schema
from gateway.journal.store import Identity, Journal

IDENTITY = Identity("box-1", "shop-1", 1)


class Disk:
    """What lies under the writer's statements from now on.

    Attributes:
        may_commit: Clear it, and the next COMMIT hangs until it is set again.
        commits: How many COMMITs there were.
        committing: Set once a COMMIT has begun.
    """

    def __init__(self) -> None:
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.committing = threading.Event()
        self.commits = 0
        self._connections: list[sqlite3.Connection] = []
        self._refusal: sqlite3.Error | None = None

    def refuse(self, code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> None:
        """Answer every COMMIT with an error of this code."""
        self._refusal = kind("ordered by the test")
        self._refusal.sqlite_errorcode = code

    def fill_up(self) -> None:
        """No page more: SQLite's own limit, and its own SQLITE_FULL."""
        (pages,) = self._connections[-1].execute("PRAGMA page_count").fetchone()
        self._connections[-1].execute(f"PRAGMA max_page_count = {pages}")

    def heal(self) -> None:
        """There is room, and nothing is refused any more."""
        self._refusal = None
        self._connections[-1].execute("PRAGMA max_page_count = 1073741823")

    def connection(self, *arguments: object, **named: object) -> sqlite3.Connection:
        """Stands where sqlite3 wants a class of connections."""
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
                if statement == "COMMIT":
                    disk.commits += 1
                    disk.committing.set()
                    disk.may_commit.wait()
                    if disk._refusal is not None:
                        raise disk._refusal
                return super().execute(statement, *values)  # type: ignore[arg-type]

        made = Connection(*arguments, **named)  # type: ignore[arg-type]
        self._connections.append(made)
        return made


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(schema, "open_writer", partial(schema.open_writer, factory=made.connection))
    return made


Open = Callable[..., Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
    """Opens journals, and closes those that the test leaves open."""
    journals: list[Journal] = []

    def make(
        path: Path = tmp_path / "state" / "journal.db",
        identity: Identity = IDENTITY,
        on_change: Callable[[], None] = lambda: None,
    ) -> Journal:
        journal = Journal(path, identity, on_change=on_change)
        journal.start()
        journals.append(journal)
        return journal

    yield make
    for journal in journals:
        if journal.is_alive:
            journal.close()


@pytest.fixture
def journal(open_journal: Open) -> Journal:
    return open_journal()


@pytest.fixture
def at() -> Stamp:
    return Stamp("boot-1", 1_000, 1_700_000_000_000_000_000, synced=True)
