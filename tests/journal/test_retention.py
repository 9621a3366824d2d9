"""The journal keeps its bound, and loses nothing that counts: presses, promises, the sequence."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Retention
from gateway.errors import Refused
from gateway.events import (
    AlertMissed,
    AlertRaised,
    AnyEvent,
    Gap,
    GrantIssued,
    GrantRedeemed,
    Pressed,
    Record,
    Started,
    TokensSpent,
)
from gateway.journal import reading, retention, rewards, schema, store, views
from gateway.journal.repair import repair
from gateway.journal.schema import Identity
from gateway.journal.store import Journal
from gateway.journal.transaction import Transaction
from gateway.model import AlertCause, ButtonKind, GrantState, OfferKind
from gateway.simulator.disk import Disk
from gateway.sync import uplink
from gateway.sync.totals import audit

WAIT_S = 10
DAY_NS: Final = 24 * 3600 * NS_PER_S
PLENTY: Final = 1 << 40
IDENTITY: Final = Identity("box-1", "shop-1", 1)
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
FILL = Started(version="x" * 800)
BOTH: Final[list[AnyEvent]] = [PRESS, FILL]


def at(days: float = 0.0) -> Stamp:
    moment = round(days * DAY_NS)
    return Stamp("boot", moment, 1_700_000_000_000_000_000 + moment, synced=True)


def issued(code: str) -> GrantIssued:
    return GrantIssued(
        code=code,
        request=f"request {code}",
        offer="coupon",
        kind=OfferKind.COUPON,
        by="Anna",
        expires=at(30),
    )


def redeemed(code: str) -> GrantRedeemed:
    return GrantRedeemed(code=code, by="Anna", kind=OfferKind.COUPON)


class Box:
    """A journal's tables without its thread, and what was ever given to it."""

    def __init__(self, path: Path, max_bytes: int = 1 << 20, max_days: int = 400) -> None:
        self.keep = Retention(max_bytes=max_bytes, max_days=max_days, min_free_bytes=0)
        self.pressed: Counter[tuple[str, str]] = Counter()
        self._path = path
        self.open()

    def open(self) -> None:
        self.db = schema.open_writer(self._path)
        self.last = reading.last_seq(self.db)
        schema.begin_era(self.db, self.last + 1, IDENTITY)
        views.prepare(self.db)

    def restart(self) -> None:
        self.db.close()
        self.open()

    def append(self, *events: AnyEvent, stamp: Stamp | None = None) -> None:
        self.db.execute("BEGIN")
        transaction = Transaction(self.db, IDENTITY, "E", self.last)
        for event in events:
            transaction.append(event, stamp or at())
            if isinstance(event, Pressed):
                self.pressed[event.button, event.flag or ""] += event.count
        transaction.flush()
        self.db.execute("COMMIT")
        self.last = transaction.last

    def tidy(self, free_bytes: int = PLENTY) -> retention.Room:
        self.db.execute("BEGIN")
        room = retention.tidy(self.db, self.keep, free_bytes)
        self.db.execute("COMMIT")
        retention.give_back(self.db)
        return room

    def move_cursor(self, seq: int) -> None:
        schema.set_meta(self.db, "cursor", str(seq))

    @property
    def cursor(self) -> int:
        return int(schema.meta(self.db, "cursor") or 0)

    @property
    def records(self) -> list[Record]:
        return list(reading.all_records(self.db))

    def unsent(self) -> list[Record]:
        return [each for each in self.records if each.seq > self.cursor]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path / "journal.db")
    yield made
    made.db.close()


def spans(records: list[Record]) -> list[tuple[int, int]]:
    """What each of them stands for."""
    return [
        (each.event.first, each.event.last) if isinstance(each.event, Gap) else (each.seq, each.seq)
        for each in records
    ]


class TestWhatIsOnTheServer:
    def test_goes_when_it_is_old(self, box: Box) -> None:
        box.append(*[PRESS] * 600)
        box.append(*[PRESS] * 10, stamp=at(401))
        box.move_cursor(box.last)
        room = box.tidy()
        assert [each.seq for each in box.records] == list(range(601, 611))
        assert not room.is_full
        assert views.counters(box.db) == box.pressed

    def test_stays_while_nobody_knows_its_age(self, box: Box) -> None:
        box.append(*[PRESS] * 10, stamp=Stamp("another boot", 1, 2, synced=False))
        box.append(PRESS, stamp=at(4000))
        box.move_cursor(box.last)
        box.tidy()
        assert len(box.records) == 11

    def test_goes_when_there_is_no_room(self, box: Box) -> None:
        box.append(*[FILL] * 2000)
        box.move_cursor(box.last - 100)
        room = box.tidy()
        assert room.used_bytes <= room.limit_bytes == box.keep.max_bytes
        assert not room.reached
        kept = [each.seq for each in box.records]
        assert kept == list(range(kept[0], box.last + 1))
        assert kept[0] > 64

    def test_but_never_the_latest_record(self, box: Box) -> None:
        box.append(*[FILL] * 3000)
        box.move_cursor(box.last)
        box.keep = Retention(max_bytes=1, max_days=1, min_free_bytes=0)
        for _ in range(9):
            box.tidy()
        assert [each.seq for each in box.records] == [3000]
        box.restart()
        box.append(PRESS)
        assert box.last == 3001

    def test_its_room_goes_back_to_the_disk(self, tmp_path: Path) -> None:
        box = Box(tmp_path / "journal.db", max_bytes=8 << 20)
        with contextlib.closing(box.db):
            box.append(*[FILL] * 8000)
            box.move_cursor(box.last)
            (before,) = box.db.execute("PRAGMA page_count").fetchone()
            box.keep = Retention(max_bytes=1 << 20)
            for _ in range(12):
                box.tidy()
            (after,) = box.db.execute("PRAGMA page_count").fetchone()
        assert after < before / 2


class TestWhatIsNot:
    def test_stays_up_to_the_bound_whatever_its_age(self, box: Box) -> None:
        box.append(*[PRESS] * 1000)
        box.append(PRESS, stamp=at(9000))
        box.tidy()
        assert [each.seq for each in box.records] == list(range(1, 1002))

    def test_makes_room_and_leaves_a_gap(self, box: Box) -> None:
        box.append(*BOTH * 1000)
        room = box.tidy()
        assert room.reached
        assert room.used_bytes <= room.limit_bytes
        (gap, *rest) = box.records
        assert isinstance(gap.event, Gap)
        assert (gap.event.first, gap.event.last) == (1, gap.seq)
        assert [each.seq for each in rest] == list(range(gap.seq + 1, 2001))
        (total,) = gap.event.counters
        assert (total.button, total.flag, total.presses) == ("exit", "", gap.seq // 2)
        # The first press after it goes on counting where the gap ends.
        after = next(each.event for each in rest if isinstance(each.event, Pressed))
        assert after.total == total.presses + 1
        box.append(*BOTH * 500)
        box.tidy()
        assert [isinstance(each.event, Gap) for each in box.records].count(True) == 1
        assert spans(box.records)[0] == (1, box.records[0].seq)

    def test_an_acknowledged_gap_is_not_made_longer(self, box: Box) -> None:
        box.append(*[FILL] * 2000)
        box.tidy()
        first = box.records[0].seq
        box.move_cursor(first)
        box.append(*[FILL] * 1000)
        box.tidy()
        assert spans(box.unsent())[0][0] == first + 1

    def test_money_and_what_is_open_outlive_it(self, box: Box) -> None:
        raised = AlertRaised(alert="a", cause=AlertCause.RED, zone="z")
        closed = AlertRaised(alert="b", cause=AlertCause.RED, zone="z")
        box.append(PRESS, issued("live"), PRESS, issued("paid"), redeemed("paid"), PRESS, raised)
        box.append(closed, AlertMissed(alert="b"), PRESS, *[FILL] * 3000)
        box.tidy()
        kept = [each.event for each in box.records]
        assert issued("live") in kept
        assert redeemed("paid") in kept
        assert raised in kept
        assert issued("paid") not in kept
        assert closed not in kept
        assert spans(box.records)[:6] == [(1, 1), (2, 2), (3, 4), (5, 5), (6, 6), (7, 7)]
        schema.set_meta(box.db, "views", "of another version")
        box.restart()
        assert [each.id for each in views.live_alerts(box.db)] == ["a"]
        assert [each.code for each in views.list_grants(box.db, GrantState.ISSUED, 9)] == ["live"]
        assert views.counters(box.db) == box.pressed

    def test_tokens_that_were_spent_stay_until_the_server_has_them(self, box: Box) -> None:
        spent = TokensSpent(request="r", account="zoe", tokens=2.5, by="Anna", balance=9.0)
        box.append(PRESS, spent, *[FILL] * 3000)
        box.tidy()
        assert spent in [each.event for each in box.records]
        assert rewards.unconfirmed(box.db) == 2.5
        box.move_cursor(box.last - 1)
        box.append(*[FILL] * 3000)
        box.tidy()
        assert spent not in [each.event for each in box.records]
        assert rewards.unconfirmed(box.db) == 0
        assert rewards.find_spent(box.db, "r") is None

    def test_what_stayed_goes_once_it_is_over_and_on_the_server(self, box: Box) -> None:
        box.append(issued("C"), *[FILL] * 2000)
        box.tidy()
        assert spans(box.records)[0] == (1, 1)
        box.append(redeemed("C"))
        box.tidy()
        assert spans(box.records)[0] == (1, 1)
        box.move_cursor(box.last - 1)
        box.tidy()
        assert 1 not in [each.seq for each in box.records]
        box.move_cursor(box.last)
        assert box.records[-1].event == redeemed("C")


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


def room(journal: Journal) -> retention.Room:
    """As of the commits so far."""
    journal.transact(lambda _: None).result(WAIT_S)
    return journal.room


# --- all of it together ------------------------------------------------------------------------

codes = st.sampled_from(["C1", "C2", "C3"])
alerts = st.sampled_from(["a1", "a2"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("press"), st.integers(1, 400)),
        st.tuples(st.just("fill"), st.integers(100, 900)),
        st.tuples(st.just("issue"), codes),
        st.tuples(st.just("redeem"), codes),
        st.tuples(st.just("raise"), alerts),
        st.tuples(st.just("miss"), alerts),
        st.tuples(st.just("send"), st.integers(1, 6)),
        st.tuples(st.just("tidy"), st.just(0)),
        st.tuples(st.just("restart"), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_whatever_happens_nothing_that_counts_is_lost(given_steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        box = Box(Path(folder) / "journal.db", max_bytes=400_000)
        server: dict[int, tuple[int, int]] = {}
        state: dict[str, str] = {}
        for what, value in given_steps:
            take(box, server, state, what, value)
        box.tidy()
        send(box, server, 10_000)
        box.db.close()
    # Every sequence ever given out is on the server: itself, or inside exactly one gap.
    check_contiguous(sorted(server.values()), 0)
    assert max((last for _, last in server.values()), default=0) == box.last


def take(
    box: Box, server: dict[int, tuple[int, int]], state: dict[str, str], what: str, value: object
) -> None:
    match what, value:
        case "press", int(count):
            box.append(*[PRESS] * count)
        case "fill", int(count):
            box.append(*[FILL] * count)
        case "issue", str(code) if code not in state:
            state[code] = "live"
            box.append(issued(code))
        case "redeem", str(code) if state.get(code) == "live":
            state[code] = "redeemed"
            box.append(redeemed(code))
        case "raise", str(alert) if alert not in state:
            state[alert] = "live"
            box.append(AlertRaised(alert=alert, cause=AlertCause.RED, zone="z"))
        case "miss", str(alert) if state.get(alert) == "live":
            state[alert] = "missed"
            box.append(AlertMissed(alert=alert))
        case "send", int(batches):
            send(box, server, batches)
        case "restart", bool(anew):
            if anew:
                schema.set_meta(box.db, "views", "of another version")
            box.restart()
        case "tidy", _:
            last = reading.last_seq(box.db)
            unsent = [each.seq for each in box.unsent()]
            room = box.tidy()
            if not room.reached:
                assert [each.seq for each in box.unsent()] == unsent
            assert reading.last_seq(box.db) == last
    assert views.counters(box.db) == box.pressed
    live = {name for name, each in state.items() if each == "live"}
    assert {each.code for each in views.list_grants(box.db, GrantState.ISSUED, 9)} == {
        name for name in live if name.startswith("C")
    }
    assert {each.id for each in views.live_alerts(box.db)} == {
        name for name in live if name.startswith("a")
    }
    check_contiguous(spans(box.unsent()), box.cursor)


def check_contiguous(found: list[tuple[int, int]], after: int) -> None:
    """Every sequence is a record or inside exactly one gap."""
    for first, last in found:
        assert first == after + 1
        after = last


def send(box: Box, server: dict[int, tuple[int, int]], batches: int) -> None:
    """As the uplink does, without a network."""
    for _ in range(batches):
        found = uplink._look(box.db, most=64)
        if not found.records:
            return
        batch = uplink._batch(found)
        assert batch.before is not None
        assert audit(batch.before, batch.records).doubts == ()
        for record in batch.records:
            event = record.event
            server[record.seq] = (
                (event.first, event.last) if isinstance(event, Gap) else (record.seq, record.seq)
            )
        answer = uplink.Acknowledged(
            device=batch.device, epoch="E", first=batch.first, last=batch.last
        )
        assert uplink._keep(Transaction(box.db, IDENTITY, "E", box.last), batch, answer)
