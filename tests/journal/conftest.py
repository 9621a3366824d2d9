"""Journals on real files, and a disk that refuses, is full or hangs on order."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.journal import schema
from gateway.journal.store import Identity, Journal
from gateway.simulator.disk import Disk
from tests.journal.bounded import IDENTITY, Box


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


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path / "journal.db")
    yield made
    made.db.close()
