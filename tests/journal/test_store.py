"""The journal while the disk does what it should."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.errors import JournalError, Refused
from gateway.events import AlertRaised, Pressed, Record, Started
from gateway.journal import reading, views
from gateway.journal.store import GROUP, Identity, Journal, Transaction
from gateway.model import AlertCause, ButtonKind

WAIT_S = 10
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
Open = Callable[..., Journal]


def records(journal: Journal) -> list[Record]:
    return journal.read(lambda db: reading.records_after(db, 0, 10_000)).result(WAIT_S)


def test_events_get_their_place_and_come_back_as_they_were(journal: Journal, at: Stamp) -> None:
    kept = [journal.append(Started(version=str(number)), at) for number in range(3)]
    kept[-1].result(WAIT_S)
    assert [each.result(WAIT_S) for each in kept] == records(journal)
    assert [each.seq for each in records(journal)] == [1, 2, 3]
    assert journal.last_seq == 3
    assert {each.id for each in records(journal)} == {
        f"box-1.{journal.epoch}.{seq}" for seq in (1, 2, 3)
    }


def test_several_events_are_kept_together(journal: Journal, at: Stamp) -> None:
    raised = AlertRaised(alert="a", cause=AlertCause.RED, zone="till")
    kept = journal.append_all((PRESS, raised), at).result(WAIT_S)
    counted = msgspec.structs.replace(PRESS, total=1)
    assert [(each.seq, each.event) for each in kept] == [(1, counted), (2, raised)]


def test_it_goes_on_where_it_ended(open_journal: Open, at: Stamp) -> None:
    first = open_journal()
    first.append(PRESS, at).result(WAIT_S)
    first.close()
    second = open_journal()
    assert (second.epoch, second.last_seq) == (first.epoch, 1)
    later = Stamp("boot-2", 5, 6, synced=False)
    assert second.append(PRESS, later).result(WAIT_S).seq == 2
    assert [each.at for each in records(second)] == [at, later]


def test_one_that_never_started_is_closed_at_once(tmp_path: Path, at: Stamp) -> None:
    journal = Journal(tmp_path / "j.sqlite3", Identity("box", "a", 1), on_change=lambda: None)
    early = journal.append(PRESS, at)
    journal.close()
    for kept in (early, journal.append(PRESS, at)):
        assert isinstance(kept.exception(WAIT_S), JournalError)


def test_no_name_of_a_recorded_event_changes(open_journal: Open, at: Stamp) -> None:
    identities = [
        Identity("box-1", "shop-1", 1),
        Identity("box-1", "shop-2", 1),
        Identity("box-1", "shop-2", 2),
        Identity("box-2", "shop-2", 2),
        Identity("box-1", "shop-1", 1),
    ]
    written: list[Record] = []
    for identity in identities:
        for _ in range(2):  # a restart that changes nothing begins no new era
            journal = open_journal(identity=identity)
            written.append(journal.append(PRESS, at).result(WAIT_S))
            journal.close()
    journal = open_journal(identity=Identity("box-9", "shop-9", 9))  # which records nothing
    journal.close()
    journal = open_journal()
    assert records(journal) == written
    assert [
        Identity(each.device, each.account, each.mapping) for each in written[::2]
    ] == identities
    (eras,) = journal.read(lambda db: db.execute("SELECT count(*) FROM era").fetchone()).result()
    assert eras == len(identities) + 1  # and the one that took the place of the empty one


def test_concurrent_writers_leave_no_hole(journal: Journal, at: Stamp) -> None:
    def write() -> None:
        for _ in range(100):
            journal.append(PRESS, at)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    journal.transact(lambda transaction: transaction.last).result(WAIT_S)
    assert [each.seq for each in records(journal)] == list(range(1, 401))
    counted = journal.read(views.counters).result(WAIT_S)
    assert counted == {("exit", ""): 400}


class TestDecisions:
    def test_see_what_was_given_before_them(self, journal: Journal, at: Stamp) -> None:
        kept = journal.append(PRESS, at)
        seen = journal.transact(lambda transaction: views.counters(transaction.connection))
        assert seen.result(WAIT_S) == {("exit", ""): 1}
        assert kept.done()

    def test_that_are_refused_leave_nothing(self, journal: Journal, at: Stamp) -> None:
        elsewhere = Stamp("boot-of-the-refused", 1, 1, synced=False)

        def work(transaction: Transaction) -> None:
            transaction.append(PRESS, elsewhere)
            transaction.connection.execute("INSERT INTO quarantine VALUES (1, 'x')")
            raise Refused("no", "not today")

        before = journal.append(PRESS, at)
        refused = journal.transact(work)
        # The same boot in the same group: its row went with the refused work.
        after = journal.append(PRESS, elsewhere)
        with pytest.raises(Refused, match="not today"):
            refused.result(WAIT_S)
        assert [before.result(WAIT_S).seq, after.result(WAIT_S).seq] == [1, 2]
        assert [each.at for each in records(journal)] == [at, elsewhere]
        assert (
            journal.read(lambda db: db.execute("SELECT * FROM quarantine").fetchall()).result(
                WAIT_S
            )
            == []
        )
        assert journal.read(views.counters).result(WAIT_S) == {("exit", ""): 2}

    def test_cannot_be_taken_back(self, journal: Journal, at: Stamp) -> None:
        entered, leave = threading.Event(), threading.Event()

        def slow(transaction: Transaction) -> int:
            entered.set()
            assert leave.wait(WAIT_S)
            return transaction.append(PRESS, at).seq

        running = journal.transact(slow)
        assert entered.wait(WAIT_S)
        queued = journal.transact(lambda transaction: transaction.append(PRESS, at).seq)
        kept = journal.append(PRESS, at)
        assert not any(each.cancel() for each in (running, queued, kept))
        leave.set()
        assert (running.result(WAIT_S), queued.result(WAIT_S)) == (1, 2)
        assert kept.result(WAIT_S).seq == 3
        assert journal.is_alive


class TestAFaultOfTheProgram:
    @pytest.fixture
    def deaths(self, monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
        seen: list[BaseException] = []

        def hook(arguments: threading.ExceptHookArgs) -> None:
            assert arguments.exc_value is not None
            seen.append(arguments.exc_value)

        monkeypatch.setattr(threading, "excepthook", hook)
        return seen

    @pytest.mark.parametrize("error", [ZeroDivisionError("1/0"), sqlite3.IntegrityError("broken")])
    def test_ends_the_writer_loudly_and_leaves_nobody_waiting(
        self, journal: Journal, at: Stamp, deaths: list[BaseException], error: Exception
    ) -> None:
        entered, leave = threading.Event(), threading.Event()

        def wrong(_: Transaction) -> None:
            entered.set()
            assert leave.wait(WAIT_S)
            raise error

        futures: list[Future[None] | Future[Record]] = [journal.transact(wrong)]
        assert entered.wait(WAIT_S)
        futures += [journal.append(PRESS, at) for _ in range(GROUP + 1)]
        leave.set()
        for each in futures:
            with pytest.raises(JournalError, match="died"):
                each.result(WAIT_S)
        journal._thread.join(WAIT_S)
        assert deaths == [error]
        assert not journal.is_alive
        with pytest.raises(JournalError, match="died"):
            journal.append(PRESS, at).result(WAIT_S)
        journal.close()

    def test_takes_nothing_with_it_that_was_promised(
        self, open_journal: Open, at: Stamp, deaths: list[BaseException]
    ) -> None:
        journal = open_journal()
        journal.append(PRESS, at).result(WAIT_S)

        def wrong(transaction: Transaction) -> None:
            transaction.append(PRESS, at)
            raise KeyError("x")

        with pytest.raises(JournalError):
            journal.transact(wrong).result(WAIT_S)
        journal._thread.join(WAIT_S)
        assert len(deaths) == 1
        assert open_journal().last_seq == 1


class TestTheEnd:
    def test_writes_what_is_waiting(self, open_journal: Open, at: Stamp) -> None:
        journal = open_journal()
        kept = [journal.append(PRESS, at) for _ in range(3 * GROUP)]
        journal.close()
        assert [each.result(0).seq for each in kept] == list(range(1, 3 * GROUP + 1))
        assert not journal.is_alive

    def test_refuses_what_comes_later(self, journal: Journal, at: Stamp) -> None:
        journal.close()
        with pytest.raises(JournalError, match="closed"):
            journal.append(PRESS, at).result(WAIT_S)
        with pytest.raises(JournalError, match="closed"):
            journal.transact(lambda transaction: transaction.last).result(WAIT_S)
        with pytest.raises(JournalError, match="closed"):
            journal.read(views.counters).result(WAIT_S)

    def test_leaves_one_file(self, journal: Journal, at: Stamp) -> None:
        journal.append(PRESS, at).result(WAIT_S)
        assert records(journal)
        journal.close()
        assert [each.name for each in journal.path.parent.iterdir()] == ["journal.db"]


def test_changes_are_told_after_they_are_on_disk(
    open_journal: Open, tmp_path: Path, at: Stamp
) -> None:
    seen: list[int] = []
    told = threading.Event()

    def look() -> None:
        if (tmp_path / "journal.db").exists() and journals and journals[0].last_seq:
            with sqlite3.connect(tmp_path / "journal.db") as db:
                seen.append(reading.last_seq(db))
            db.close()
            told.set()

    journals: list[Journal] = []
    journals.append(open_journal(tmp_path / "journal.db", on_change=look))
    journals[0].append(PRESS, at)
    assert told.wait(WAIT_S)
    assert seen[0] == 1
