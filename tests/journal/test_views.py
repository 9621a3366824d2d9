"""The views are a fold of all events, whatever their order, and are remade only when they must."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnyEvent,
    FaultRaised,
    GrantIssued,
    GrantRedeemed,
    Paged,
    Pressed,
    Record,
    Started,
)
from gateway.grants import grant as grants
from gateway.grants.grant import Grant
from gateway.journal import reading, schema, views
from gateway.journal.store import Transaction
from gateway.model import (
    AlertCause,
    ButtonKind,
    GrantState,
    OfferKind,
    Outcome,
    PressFlag,
    ReceiptState,
)
from tests.journal.bounded import IDENTITY, issued

AT: Final = Stamp("boot", 1, 2, synced=True)

alerts = st.sampled_from(["a1", "a2", "a3"])
people = st.sampled_from(["Anna", "Boris"])
codes = st.sampled_from(["C1", "C2", "C3"])
levels = st.integers(-1, 3)


events: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(
        Pressed,
        button=st.sampled_from(["exit", "till"]),
        kind=st.sampled_from(ButtonKind),
        zone=st.just("z"),
        flag=st.none() | st.sampled_from(PressFlag),
        count=st.integers(1, 9),
    ),
    st.builds(
        AlertRaised,
        alert=alerts,
        cause=st.sampled_from(AlertCause),
        zone=st.just("z"),
        level=levels,
        quiet=st.booleans(),
    ),
    st.builds(AlertJoined, alert=alerts, button=st.just("exit")),
    st.builds(AlertClimbed, alert=alerts, level=levels),
    st.builds(
        Paged,
        page=st.just("p"),
        pager=people,
        text=st.text(max_size=5),
        state=st.sampled_from(ReceiptState),
        alert=st.none() | alerts,
        level=levels,
    ),
    st.builds(AlertAcknowledged, alert=alerts, by=people, via=st.just("page")),
    st.builds(AlertContacted, alert=alerts, by=people),
    st.builds(AlertResolved, alert=alerts, by=people, outcome=st.sampled_from(Outcome)),
    st.builds(AlertMissed, alert=alerts),
    st.builds(AlertReturned, alert=alerts, level=levels),
    st.builds(issued, codes),
    st.builds(GrantRedeemed, code=codes, by=people, kind=st.just(OfferKind.COUPON)),
    st.builds(Started, version=st.text(max_size=3)),
    st.builds(FaultRaised, part=st.text(max_size=3), words=st.text(max_size=3)),
)
stamps = st.builds(
    Stamp,
    boot=st.sampled_from(["boot-1", "boot-2"]),
    mono_ns=st.integers(0, 2**62),
    wall_ns=st.integers(0, 2**62),
    synced=st.booleans(),
)


@contextmanager
def journal() -> Iterator[sqlite3.Connection]:
    with (
        TemporaryDirectory() as folder,
        closing(schema.open_writer(Path(folder) / "journal.db")) as connection,
    ):
        schema.begin_era(connection, 1, IDENTITY)
        views.prepare(connection)
        yield connection


class Fold:
    """The same views, made in the plainest way."""

    def __init__(self, records: list[Record]) -> None:
        self.alerts: dict[str, Alert] = {}
        self.grants: dict[str, Grant] = {}
        self.counters: Counter[tuple[str, str]] = Counter()
        for record in records:
            self._take(record.event, record.at)

    def _take(self, event: AnyEvent, at: Stamp) -> None:
        if isinstance(event, Pressed):
            self.counters[event.button, event.flag or ""] += event.count
        alert_id = case.alert_of(event)
        if alert_id is not None:
            alert = case.fold(self.alerts.get(alert_id), event, at)
            if alert is not None:
                self.alerts[alert_id] = alert
        if isinstance(event, GrantIssued | GrantRedeemed):
            grant = grants.fold(self.grants.get(event.code), event, at)
            if grant is not None:
                self.grants[event.code] = grant


def counted(given: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """As the journal keeps them: a press knows how many there were."""
    totals: Counter[tuple[str, str]] = Counter()
    for event in given:
        if isinstance(event, Pressed):
            totals[event.button, event.flag or ""] += event.count
            total = totals[event.button, event.flag or ""]
            yield msgspec.structs.replace(event, total=total)
        else:
            yield event


def check(connection: sqlite3.Connection, records: list[Record]) -> None:
    fold = Fold(records)
    known = list(fold.alerts.values())
    assert views.live_alerts(connection) == [each for each in known if each.is_live]
    ended = [each for each in reversed(known) if not each.is_live]
    assert views.closed_alerts(connection, 99) == ended
    assert views.closed_alerts(connection, 1) == ended[:1]
    assert {each: views.find_alert(connection, each) for each in fold.alerts} == fold.alerts
    newest = list(reversed(fold.grants.values()))
    assert views.list_grants(connection, None, 99) == newest
    for state in GrantState:
        in_state = [each for each in newest if each.state is state]
        assert views.list_grants(connection, state, 99) == in_state
    for code, grant in fold.grants.items():
        assert views.find_grant(connection, code) == grant
        assert views.grant_of_request(connection, f"request {code}") == grant
    assert views.counters(connection) == fold.counters


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(events, stamps), max_size=40), st.integers(0, 40))
def test_views_equal_a_fold_of_all_events(steps: list[tuple[AnyEvent, Stamp]], cut: int) -> None:
    with journal() as connection:
        transaction = Transaction(connection, IDENTITY, "E", 0)
        for event, at in steps[:cut]:
            transaction.append(event, at)
        # A refused decision: not a trace of it is left.
        transaction.connection.execute("SAVEPOINT doubtful")
        before = transaction.last
        for event, at in steps[cut:]:
            transaction.append(event, at)
        check(transaction.connection, reading.records_after(connection, 0, 99))
        transaction.connection.execute("ROLLBACK TO doubtful")
        transaction.step_back(before)
        for event, at in reversed(steps[cut:]):
            transaction.append(event, at)
        transaction.connection.execute("RELEASE doubtful")
        records = reading.records_after(connection, 0, 99)
        assert [each.event for each in records] == list(
            counted(event for event, _ in (*steps[:cut], *reversed(steps[cut:])))
        )
        check(connection, records)
        schema.set_meta(connection, "views", "of another version")
        views.prepare(connection)
        check(connection, records)


@pytest.mark.parametrize("table", ["alert", "grants", "counter"])
def test_a_missing_table_is_made_anew(table: str) -> None:
    with journal() as connection:
        transaction = Transaction(connection, IDENTITY, "E", 0)
        press = Pressed(button="b", kind=ButtonKind.CALL, zone="z")
        for event in (press, issued("C1"), AlertRaised(alert="a", cause=AlertCause.RED, zone="z")):
            transaction.append(event, AT)
        transaction.connection.execute(f"DROP TABLE {table}")
        views.prepare(connection)
        check(connection, reading.records_after(connection, 0, 99))


def test_views_that_are_there_are_left_alone() -> None:
    with journal() as connection:
        connection.execute("INSERT INTO counter VALUES ('b', '', 7)")  # that no event made
        views.prepare(connection)
        assert views.counters(connection) == {("b", ""): 7}


def test_one_request_is_one_grant_for_the_database_too() -> None:
    with journal() as connection:
        transaction = Transaction(connection, IDENTITY, "E", 0)
        transaction.append(issued("C1"), AT)
        again = issued("C1")
        with pytest.raises(sqlite3.IntegrityError):
            transaction.append(
                GrantIssued(
                    code="C2",
                    request=again.request,
                    offer=again.offer,
                    kind=again.kind,
                    by=again.by,
                    expires=AT,
                ),
                AT,
            )
        assert [each.code for each in views.list_grants(connection, None, 9)] == ["C1"]


def test_all_records_come_in_pieces_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PIECE", 7)
    with journal() as connection:
        transaction = Transaction(connection, IDENTITY, "E", 0)
        connection.execute("BEGIN")
        for number in range(50):
            transaction.append(Started(version=str(number)), AT)
        transaction.flush()
        connection.execute("COMMIT")
        assert [each.seq for each in reading.all_records(connection)] == list(range(1, 51))
        assert [each.seq for each in reading.all_records(connection, 44)] == list(range(45, 51))
