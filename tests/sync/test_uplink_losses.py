"""What the uplink does about records that are gone, unreadable, salvaged or another journal's."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from gateway.events import Gap, Record, encode_event
from gateway.journal.store import Journal, Transaction
from gateway.simulator.disk import Disk
from gateway.sync.uplink import Acknowledged, Aside, Batch, Interrupted
from tests.sync.batches import AT
from tests.sync.scripted import PRESS, WAIT_S, Scripted, asides, opened, running, whole, write

pytestmark = pytest.mark.usefixtures("soon")


class TestANewJournal:
    async def test_that_takes_over_while_running_begins_at_its_own_start(
        self, path: Path, transport: Scripted, disk: Disk
    ) -> None:
        with opened(path) as journal:
            write(journal, 5)
            old = journal.epoch
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 5)
                disk.refuse(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError, once=True)
                write(journal, 2)
                assert journal.epoch != old
                run.uplink.notify()
                await run.until(lambda: run.uplink.cursor == 3)
            assert [each.epoch for each in transport.batches] == [old, journal.epoch]
            # It begins with what it goes on from.
            assert transport.spans == [(1, 5), (1, 3)]
            assert [epoch for _, epoch, _ in transport.connects] == [old, journal.epoch]

    async def test_is_not_moved_by_an_acknowledgement_of_the_old_one(
        self, path: Path, transport: Scripted, disk: Disk
    ) -> None:
        with opened(path) as journal:
            write(journal, 3)

            def lose_the_journal(batch: Batch) -> Acknowledged:
                disk.refuse(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError, once=True)
                write(journal, 4)
                return whole(batch)

            transport.script = [lose_the_journal]
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 5)
            # The first three of the new journal are other events than those of the old one, and
            # those are done with.
            assert transport.spans == [(1, 3), (1, 5)]
            assert run.uplink.salvaged == 0

    async def test_after_a_loss_between_two_runs_begins_at_its_own_start(
        self, tmp_path: Path, transport: Scripted
    ) -> None:
        epochs = []
        for name in ("journal.db", "the one after the loss.db"):
            with opened(tmp_path / name) as journal:
                write(journal, 3)
                epochs.append(journal.epoch)
                async with running(journal, transport) as run:
                    await run.until(lambda: run.uplink.cursor == 3)
        assert transport.spans == [(1, 3), (1, 3)]
        assert [each.epoch for each in transport.batches] == epochs
        assert epochs[0] != epochs[1]


async def test_a_hole_is_never_jumped(path: Path, transport: Scripted) -> None:
    with opened(path) as journal:
        write(journal, 5)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM event WHERE seq = 3")
    db.close()
    with opened(path) as journal:
        async with running(journal, transport) as run:
            await run.until(lambda: "lost its events after 2" in run.uplink.state)
            assert run.uplink.cursor == 2
    assert transport.spans == [(1, 2)]


async def test_an_unreadable_event_stops_the_line_in_words(path: Path, transport: Scripted) -> None:
    with opened(path) as journal:
        write(journal, 5)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE event SET body = ? WHERE seq = 3", (b'{"type":"of_tomorrow"}',))
    db.close()
    with opened(path) as journal:
        async with running(journal, transport) as run:
            await run.until(lambda: "event 3 is damaged, or of a newer" in run.uplink.state)
    assert transport.spans == [(1, 2)]


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no directory")
    return tmp_path / "file" / "journal.db"


async def test_without_a_journal_it_waits_in_words(nowhere: Path, transport: Scripted) -> None:
    with opened(nowhere) as journal:
        async with running(journal, transport) as run:
            await run.until(lambda: "cannot be read" in run.uplink.state)
    assert transport.connects == []


def gap_of(journal: Journal, first: int, last: int) -> None:
    """As retention leaves it."""
    body = encode_event(Gap(first=first, last=last))

    def work(transaction: Transaction) -> None:
        db = transaction.connection
        db.execute("DELETE FROM event WHERE seq >= ? AND seq < ?", (first, last))
        db.execute("UPDATE event SET body = ? WHERE seq = ?", (body, last))

    journal.transact(work).result(WAIT_S)


class TestAGap:
    async def test_begins_a_batch_at_its_own_number(self, path: Path, transport: Scripted) -> None:
        with opened(path) as journal:
            write(journal, 20)
            gap_of(journal, 4, 9)
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 20)
            assert transport.spans == [(1, 3), (9, 20)]
            assert isinstance(transport.batches[1].records[0].event, Gap)
            assert run.states == ["ok", "ok", "ok"]

    async def test_of_one_record_is_a_record(self, path: Path, transport: Scripted) -> None:
        with opened(path) as journal:
            write(journal, 9)
            gap_of(journal, 4, 4)
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 9)
            assert transport.spans == [(1, 9)]

    @pytest.mark.parametrize(("first", "last"), [(1, 4), (1, 15), (8, 12)])
    async def test_that_comes_while_a_batch_is_under_way_stops_nothing(
        self, path: Path, transport: Scripted, first: int, last: int
    ) -> None:
        with opened(path) as journal:
            write(journal, 10)

            def make_room(batch: Batch) -> Acknowledged:
                write(journal, 10)
                gap_of(journal, first, last)
                return whole(batch)

            transport.script = [make_room]
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 20)
            assert transport.spans == [(1, 10), (max(11, last), 20)]

    async def test_that_grows_while_it_is_under_way_stops_nothing(
        self, path: Path, transport: Scripted
    ) -> None:
        with opened(path) as journal:
            write(journal, 20)
            gap_of(journal, 1, 5)

            def make_room(batch: Batch) -> Acknowledged:
                write(journal, 10)
                gap_of(journal, 1, 22)
                return whole(batch)

            transport.script = [make_room]
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 30)
            assert transport.spans == [(5, 20), (22, 30)]

    async def test_does_not_hide_a_loss(self, path: Path, transport: Scripted) -> None:
        with opened(path) as journal:
            write(journal, 20)
            gap_of(journal, 9, 12)
            journal.transact(
                lambda work: work.connection.execute("DELETE FROM event WHERE seq < 9").rowcount
            ).result(WAIT_S)
            async with running(journal, transport) as run:
                await run.until(lambda: "lost its events after 0" in run.uplink.state)
            assert transport.spans == []


async def test_what_was_salvaged_goes_first_under_its_own_ids(
    path: Path, transport: Scripted
) -> None:
    with opened(path) as journal:
        write(journal, 3)
        rows = [
            Record(
                device="box-1", epoch=epoch, seq=seq, at=AT, mapping=1, account="shop", event=PRESS
            )
            for epoch, seq in [("A", 7), ("A", 8), ("A", 10), ("B", 11)]
        ]
        journal.transact(
            lambda work: (
                work.connection.executemany(
                    "INSERT INTO salvaged (device, epoch, seq, record) VALUES (?, ?, ?, ?)",
                    [
                        (each.device, each.epoch, each.seq, msgspec.json.encode(each))
                        for each in rows
                    ],
                ).rowcount
            )
        ).result(WAIT_S)
        poison = (Aside(7, "poison"),)
        transport.script = [
            Interrupted("away"),
            lambda _: Acknowledged(device="box-1", epoch="A", first=7, last=7, aside=poison),
        ]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 3 and not run.uplink.salvaged)
            assert run.uplink.quarantined == 1
            assert run.uplink.latest_aside == "box-1.A.7: poison"
        spans = [(each.epoch, each.first, each.last) for each in transport.batches]
        assert spans == [
            ("A", 7, 8),
            ("A", 7, 8),
            ("A", 8, 8),
            ("A", 10, 10),
            ("B", 11, 11),
            (journal.epoch, 1, 3),
        ]
        assert [each.before for each in transport.batches] == [None] * 5 + [()]
        assert asides(journal) == [("box-1.A.7", "poison")]
