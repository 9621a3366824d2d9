"""How much room the journal has, and what happens while it has none."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Retention
from gateway.errors import Refused
from gateway.journal import retention, schema, store
from gateway.journal.repair import repair
from gateway.journal.store import Journal
from gateway.simulator.disk import Disk
from tests.journal.bounded import FILL, IDENTITY, PRESS, WAIT_S, Box, at, issued, room


class TestRoom:
    def test_shrinks_with_the_disk_and_not_to_nothing(self, box: Box) -> None:
        box.keep = Retention(max_bytes=1 << 30, min_free_bytes=1 << 20)
        box.append(PRESS)
        assert not box.tidy(1 << 20).disk_short
        room = box.tidy((1 << 20) - 1)
        assert room.disk_short
        assert room.is_full
        assert room.limit_bytes == (1 << 30) // retention.SHARE
        assert len(box.records) == 1

    def test_tells_how_long_it_lasts(self, box: Box) -> None:
        assert box.tidy().days_left is None
        for day in range(10):
            box.append(*[PRESS] * 100, stamp=at(day))
        days = box.tidy().days_left
        assert days is not None
        records = (1 << 20) / (box.tidy().used_bytes / 1000) - 1000
        assert days == pytest.approx(records / 111, rel=0.01)
        box.move_cursor(box.last)
        more = box.tidy().days_left
        assert more is not None
        assert more > days + 8

    def test_a_look_writes_nothing(self, box: Box) -> None:
        box.append(*[PRESS] * 100)
        before = box.db.total_changes
        box.tidy()
        assert box.db.total_changes == before


def test_a_full_journal_refuses_grants_takes_presses_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TIDY_EVERY", 64)
    journal = Journal(
        tmp_path / "journal.db",
        IDENTITY,
        on_change=lambda: None,
        keep=Retention(max_bytes=1 << 20, min_free_bytes=0),
    )
    journal.start()
    with contextlib.closing(journal):
        for _ in range(8):
            for kept in [journal.append(FILL, at()) for _ in range(256)]:
                kept.result(WAIT_S)
        journal.tidy().result(WAIT_S)
        assert room(journal).reached
        with pytest.raises(Refused, match="no grant can be issued") as refusal:
            journal.transact(lambda work: work.append(issued("C"), at())).result(WAIT_S)
        assert refusal.value.code == "journal_full"
        assert room(journal).is_full
        assert journal.append(PRESS, at()).result(WAIT_S).seq == 2049
        last = journal.last_seq
        journal.transact(lambda work: schema.set_meta(work.connection, "cursor", str(last))).result(
            WAIT_S
        )
        journal.append(PRESS, at()).result(WAIT_S)
        assert not room(journal).is_full
        journal.transact(lambda work: work.append(issued("C"), at())).result(WAIT_S)
        assert Path(f"{journal.path}-wal").stat().st_size < 5 << 20


def test_looking_after_an_idle_journal_leaves_its_files_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", IDENTITY, on_change=lambda: None)
    journal.start()
    with contextlib.closing(journal):
        journal.append(PRESS, at()).result(WAIT_S)
        journal.tidy().result(WAIT_S)
        used = room(journal).used_bytes
        before = {
            each: each.read_bytes() for each in tmp_path.iterdir() if each.suffix != ".db-shm"
        }
        for _ in range(5):
            journal.transact(lambda work: repair(work, at(1))).result(WAIT_S)
            journal.tidy().result(WAIT_S)
        assert room(journal).used_bytes == used > 0
        assert {each: each.read_bytes() for each in before} == before


def test_a_look_that_the_disk_refuses_is_no_end(
    disk: Disk, open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TIDY_EVERY", 1)
    journal = open_journal()
    looks: list[int] = []
    tidy = retention.tidy

    def refuse_once(db: sqlite3.Connection, keep: Retention, free_bytes: int) -> retention.Room:
        looks.append(free_bytes)
        if len(looks) == 1:
            disk.refuse(sqlite3.SQLITE_IOERR, once=True)
        return tidy(db, keep, free_bytes)

    monkeypatch.setattr(retention, "tidy", refuse_once)
    assert journal.append(PRESS, at()).result(WAIT_S).seq == 1
    assert journal.append(PRESS, at()).result(WAIT_S).seq == 2
    assert room(journal).used_bytes > 0
    assert len(looks) == 2
    assert journal.state == "ok"
