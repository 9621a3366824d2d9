"""The uplink's protocol over a transport that answers what the test wants."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.events import Gap, Pressed, Record, Started, Total, encode_event
from gateway.journal import schema, store
from gateway.journal.store import Identity, Journal, Transaction
from gateway.model import ButtonKind, PressFlag
from gateway.simulator.disk import Disk
from gateway.sync import uplink as module
from gateway.sync.totals import audit
from gateway.sync.uplink import (
    BATCH,
    Acknowledged,
    Aside,
    Batch,
    Held,
    Interrupted,
    Uplink,
)

WAIT_S = 10
AT = Stamp("boot", 1, 2, synced=True)
PRESS = Pressed(button="b", kind=ButtonKind.CALL, zone="z")
IDENTITY = Identity("box-1", "shop", 1)

Answer = Callable[[Batch], Acknowledged]


def whole(batch: Batch) -> Acknowledged:
    return Acknowledged(device=batch.device, epoch=batch.epoch, first=batch.first, last=batch.last)


class Scripted:
    """Answers batches by the script, and then as they should be."""

    def __init__(self) -> None:
        self.script: list[Answer | Exception] = []
        self.connect_script: list[Exception] = []
        self.connects: list[tuple[str, str, str]] = []
        self.batches: list[Batch] = []
        self.inside = False

    async def __aenter__(self) -> Self:
        self.inside = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.inside = False

    async def connect(self, device: str, epoch: str, account: str) -> None:
        self.connects.append((device, epoch, account))
        if self.connect_script:
            raise self.connect_script.pop(0)

    async def deliver(self, batch: Batch) -> Acknowledged:
        self.batches.append(batch)
        answer = self.script.pop(0) if self.script else whole
        if isinstance(answer, Exception):
            raise answer
        return answer(batch)

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(each.first, each.last) for each in self.batches]


class Running:
    """An uplink at work, and what it has said."""

    def __init__(self, journal: Journal, transport: Scripted) -> None:
        self.changed = asyncio.Event()
        self.states: list[str] = []
        self.uplink = Uplink(
            journal, transport, device="box-1", account="shop", on_change=self._on_change
        )

    def _on_change(self) -> None:
        self.states.append(self.uplink.state)
        self.changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(journal: Journal, transport: Scripted) -> AsyncIterator[Running]:
    started = Running(journal, transport)
    task = asyncio.create_task(started.uplink.run())
    try:
        yield started
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert not transport.inside


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(module, "BACKOFF_MOST_S", 0.005)
    monkeypatch.setattr(store, "RETRY_S", 0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def transport() -> Scripted:
    return Scripted()


@contextlib.contextmanager
def opened(path: Path, identity: Identity = IDENTITY) -> Iterator[Journal]:
    journal = Journal(path, identity, on_change=lambda: None)
    journal.start()
    try:
        yield journal
    finally:
        journal.close()


def write(journal: Journal, count: int) -> None:
    for kept in [journal.append(PRESS, AT) for _ in range(count)]:
        kept.result(WAIT_S)


def on_disk(journal: Journal) -> str | None:
    return journal.read(lambda db: schema.meta(db, "cursor")).result(WAIT_S)


def asides(journal: Journal) -> list[tuple[int | str, str]]:
    return journal.read(
        lambda db: db.execute(
            "SELECT * FROM quarantine UNION ALL SELECT * FROM quarantine_before"
        ).fetchall()
    ).result(WAIT_S)


async def test_it_drains_batch_after_batch_and_then_waits_for_more(
    path: Path, transport: Scripted
) -> None:
    with opened(path) as journal:
        write(journal, BATCH + 5)
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == BATCH + 5)
            assert run.uplink.state == "ok"
            write(journal, 1)
            run.uplink.notify()
            await run.until(lambda: run.uplink.cursor == BATCH + 6)
        assert transport.spans == [(1, BATCH), (BATCH + 1, BATCH + 5), (BATCH + 6, BATCH + 6)]
        assert transport.connects == [("box-1", journal.epoch, "shop")]
        assert on_disk(journal) == str(BATCH + 6)
        assert [each.seq for batch in transport.batches for each in batch.records] == list(
            range(1, BATCH + 7)
        )


async def test_a_line_that_fails_is_given_less_and_then_more_again(
    path: Path, transport: Scripted
) -> None:
    with opened(path) as journal:
        write(journal, 2 * BATCH)
        transport.script = [Interrupted("too much"), Interrupted("still too much")]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 2 * BATCH)
    sizes = [len(each.records) for each in transport.batches]
    tail = [BATCH // 16 * 2**step for step in range(5)]
    assert sizes == [BATCH, BATCH // 4, *tail, 2 * BATCH - sum(tail)]


@pytest.mark.parametrize(("busy", "rests"), [(False, []), (True, [module.REST_S] * 2)])
async def test_a_backlog_rests_only_while_somebody_is_called(
    path: Path,
    transport: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    rests: list[float],
    *,
    busy: bool,
) -> None:
    seen: list[float] = []

    async def rest(seconds: float) -> None:
        seen.append(seconds)

    with opened(path) as journal:
        write(journal, 2 * BATCH + 1)
        async with running(journal, transport) as run:
            run.uplink.is_busy = lambda: busy
            monkeypatch.setattr(asyncio, "sleep", rest)
            await run.until(lambda: run.uplink.cursor == 2 * BATCH + 1)
            monkeypatch.undo()
    assert seen == rests


async def test_each_batch_says_what_was_acknowledged_before_it(
    path: Path, transport: Scripted
) -> None:
    glitch = Pressed(button="c", kind=ButtonKind.CALL, zone="z", flag=PressFlag.GLITCH, count=7)
    with opened(path) as journal:
        for event in (PRESS, glitch, PRESS, glitch, Started(version="1"), PRESS):
            journal.append(event, AT).result(WAIT_S)
        transport.script = [other(last=3), Interrupted("gone"), other(last=4), other(last=5)]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 6)
    b, c = Total("b", "", 2), Total("c", "glitch", 7)
    first, again, lost, half, last = transport.batches
    assert (first.before, again.before, lost.before) == ((), (b, c), (b, c))
    assert (half.before, last.before) == ((b,), (b,))
    for each in transport.batches:
        assert audit(each.before, each.records).doubts == ()


async def test_a_journal_that_never_noted_its_totals_says_so(
    path: Path, transport: Scripted
) -> None:
    with opened(path) as journal:
        write(journal, 4)
        journal.transact(lambda work: schema.set_meta(work.connection, "cursor", "2")).result(10)
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 4)
    assert [each.before for each in transport.batches] == [None]


async def test_after_a_restart_it_goes_on_behind_the_cursor(
    path: Path, transport: Scripted
) -> None:
    with opened(path) as journal:
        write(journal, 3)
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 3)
    with opened(path) as journal:
        write(journal, 1)
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 4)
    assert transport.spans == [(1, 3), (4, 4)]


def other(**changes: object) -> Answer:
    return lambda batch: msgspec.structs.replace(whole(batch), **changes)


@pytest.mark.parametrize(
    "wrong",
    [
        other(device="box-2"),
        other(epoch="of-another-life"),
        other(first=2),
        other(first=0),
        other(last=0),
        other(last=6),
        other(aside=(Aside(6, "beyond"),)),
        other(aside=(Aside(0, "before"),)),
        other(last=2, aside=(Aside(3, "behind the last"),)),
    ],
)
async def test_an_acknowledgement_of_anything_else_moves_nothing(
    path: Path, transport: Scripted, wrong: Answer
) -> None:
    with opened(path) as journal:
        write(journal, 5)
        seen: list[object] = []

        def look(batch: Batch) -> Acknowledged:
            seen.append((on_disk(journal), asides(journal)))
            return whole(batch)

        transport.script = [wrong, look]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 5)
        assert seen == [(None, [])]
        assert transport.spans == [(1, 5), (1, 5)]
        assert asides(journal) == []


async def test_part_of_a_batch_moves_the_cursor_so_far(path: Path, transport: Scripted) -> None:
    with opened(path) as journal:
        write(journal, 5)
        transport.script = [
            other(last=2, aside=(Aside(1, "poison"),)),
            Interrupted("gone"),
            other(last=3),
        ]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 5)
            assert run.uplink.quarantined == 1
            assert run.uplink.latest_aside == f"box-1.{journal.epoch}.1: poison"
        assert transport.spans == [(1, 5), (3, 5), (3, 5), (4, 5)]
        assert asides(journal) == [(1, "poison")]
    with opened(path) as journal:
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.state == "ok")
            assert run.uplink.quarantined == 1


@pytest.mark.parametrize("error", [Held("somebody must do something"), Interrupted("gone")])
async def test_what_stands_in_the_way_is_said_and_tried_again_from_the_start(
    path: Path, transport: Scripted, error: Exception
) -> None:
    with opened(path) as journal:
        write(journal, 1)
        transport.connect_script = [error]
        transport.script = [error]
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 1)
        assert run.states.count(str(error)) == 2
        assert len(transport.connects) == 3


async def test_a_journal_that_refuses_the_cursor_has_the_batch_sent_again(
    path: Path, transport: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    monkeypatch.setattr(schema, "open_writer", partial(schema.open_writer, factory=disk.connection))
    with opened(path) as journal:
        write(journal, 2)
        disk.refuse(sqlite3.SQLITE_FULL)
        async with running(journal, transport) as run:
            await run.until(lambda: any("refuses" in state for state in run.states))
            assert run.uplink.cursor == 0
            disk.heal()
            await run.until(lambda: run.uplink.cursor == 2)
        assert set(transport.spans) == {(1, 2)}
        assert len(transport.spans) >= 2


class TestANewJournal:
    async def test_that_takes_over_while_running_begins_at_its_own_start(
        self, path: Path, transport: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk = Disk()
        factory = partial(schema.open_writer, factory=disk.connection)
        monkeypatch.setattr(schema, "open_writer", factory)
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
        self, path: Path, transport: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk = Disk()
        factory = partial(schema.open_writer, factory=disk.connection)
        monkeypatch.setattr(schema, "open_writer", factory)
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


async def test_a_batch_is_of_one_device_id(path: Path, transport: Scripted) -> None:
    for device in ("box-1", "box-2", "box-1"):
        with opened(path, Identity(device, "shop", 1)) as journal:
            write(journal, 2)
    with opened(path) as journal:
        async with running(journal, transport) as run:
            await run.until(lambda: run.uplink.cursor == 6)
    assert [(each.device, each.first, each.last) for each in transport.batches] == [
        ("box-1", 1, 2),
        ("box-2", 3, 4),
        ("box-1", 5, 6),
    ]


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


class TestBackOff:
    @pytest.fixture
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """The upper ends that full jitter draws from; every draw is as short as can be."""
        monkeypatch.undo()
        seen: list[float] = []

        def draw(low: float, high: float) -> float:
            assert low == 0
            seen.append(high)
            return 0.0

        monkeypatch.setattr(random, "uniform", draw)
        return seen

    async def test_grows_to_its_most_and_never_ends(
        self, path: Path, transport: Scripted, waits: list[float]
    ) -> None:
        transport.connect_script = [Interrupted("gone") for _ in range(1200)]
        with opened(path) as journal:
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.state == "ok")
        assert waits[:9] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
        assert waits[9:] == [60] * 1191

    async def test_begins_anew_after_progress(
        self, path: Path, transport: Scripted, waits: list[float]
    ) -> None:
        gone = Interrupted("gone")
        transport.script = [gone, gone, other(last=1), gone]
        with opened(path) as journal:
            write(journal, 2)
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.cursor == 2)
        assert waits == [0.5, 1, 0.5]

    async def test_ends_when_the_link_comes_up(
        self, path: Path, transport: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(random, "uniform", lambda _, __: 3600.0)
        transport.connect_script = [Interrupted("gone")]
        with opened(path) as journal:
            async with running(journal, transport) as run:
                await run.until(lambda: run.uplink.state == "gone")
                run.uplink.link_up()
                await run.until(lambda: run.uplink.state == "ok")

    async def test_is_skipped_when_the_link_came_up_during_the_failing_try(
        self, path: Path, transport: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(random, "uniform", lambda _, __: 3600.0)
        with opened(path) as journal:
            write(journal, 1)
            async with running(journal, transport) as run:

                def fail(_: Batch) -> Acknowledged:
                    run.uplink.link_up()
                    raise Interrupted("gone")

                transport.script = [fail]
                await run.until(lambda: run.uplink.cursor == 1)


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
