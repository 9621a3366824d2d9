"""The uplink's protocol over a transport that answers what the test wants."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from gateway.events import Pressed, Started, Total
from gateway.journal import schema
from gateway.journal.store import Identity
from gateway.model import ButtonKind, PressFlag
from gateway.simulator.disk import Disk
from gateway.sync import uplink as module
from gateway.sync.totals import audit
from gateway.sync.uplink import BATCH, Acknowledged, Aside, Batch, Held, Interrupted
from tests.sync.batches import AT
from tests.sync.scripted import (
    PRESS,
    WAIT_S,
    Answer,
    Scripted,
    asides,
    on_disk,
    opened,
    other,
    running,
    whole,
    write,
)

pytestmark = pytest.mark.usefixtures("soon")


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
    path: Path, transport: Scripted, disk: Disk
) -> None:
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
