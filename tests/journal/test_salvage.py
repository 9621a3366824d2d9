"""What a damaged journal still tells goes on in the new one, and nothing is doubled by it."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertJoined,
    AlertRaised,
    AnyEvent,
    GrantIssued,
    GrantRedeemed,
    GrantRedeemUndone,
    Pressed,
    Record,
    Salvaged,
)
from gateway.journal import promises, reading, schema, store, views
from gateway.journal.store import Journal
from gateway.model import AlertCause, AlertState, ButtonKind, GrantState, OfferKind
from gateway.sync.mapping import actions_of
from gateway.sync.uplink import _look

WAIT_S = 10
SENT = 300
ASIDE = "SELECT event, reason FROM quarantine_before"
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
Open = Callable[..., Journal]


def issued(code: str) -> GrantIssued:
    return GrantIssued(
        code=code,
        request=f"request {code}",
        offer="coffee",
        kind=OfferKind.COUPON,
        by="Anna",
        expires=Stamp("boot-1", 10**18, 2 * 10**18, synced=True),
        zone="till",
        score=2,
    )


def redeemed(code: str) -> GrantRedeemed:
    return GrantRedeemed(code=code, by="Anna", kind=OfferKind.COUPON)


OPEN: list[AnyEvent] = [
    AlertRaised(alert="a", cause=AlertCause.RED, zone="till", button="exit"),
    AlertJoined(alert="a", button="exit"),
    AlertAcknowledged(alert="a", by="Anna", via="page", account="anna", after_s=3.0),
]
PROMISES: list[AnyEvent] = [
    issued("live"),
    issued("undone"),
    redeemed("undone"),
    GrantRedeemUndone(code="undone", by="Anna"),
    issued("paid"),
    redeemed("paid"),
]


class Old(msgspec.Struct):
    """A journal as it was before it was spoilt."""

    path: Path
    epoch: str
    records: list[Record]
    alerts: list[Alert]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RETRY_S", 0.02)


@pytest.fixture
def old(open_journal: Open, at: Stamp) -> Old:
    journal = open_journal()
    for event in (*OPEN, *PROMISES):
        journal.append(event, at)
    for _ in range(1000):
        journal.append(PRESS, at)
    journal.transact(lambda work: schema.set_meta(work.connection, "cursor", str(SENT))).result(
        WAIT_S
    )
    journal.transact(
        lambda work: work.connection.execute("INSERT INTO quarantine VALUES (7, 'poison')").rowcount
    ).result(WAIT_S)
    made = Old(journal.path, journal.epoch, everything(journal), live(journal))
    journal.close()
    return made


def everything(journal: Journal) -> list[Record]:
    return journal.read(lambda db: reading.records_after(db, 0, 10_000)).result(WAIT_S)


def live(journal: Journal) -> list[Alert]:
    return journal.read(views.live_alerts).result(WAIT_S)


def grants(journal: Journal) -> dict[str, GrantState]:
    found = journal.read(lambda db: views.list_grants(db, None, 99)).result(WAIT_S)
    return {each.code: each.state for each in found}


def waiting(journal: Journal) -> list[Record]:
    rows = journal.read(
        lambda db: db.execute("SELECT record FROM salvaged ORDER BY id").fetchall()
    ).result(WAIT_S)
    return [msgspec.json.decode(record, type=Record) for (record,) in rows]


def pages_of(path: Path, table: str) -> tuple[int, list[int]]:
    """The page size, and the pages of a table but its root."""
    with closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (root,) = db.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    return size, [root]


def spoil_page(path: Path, table: str) -> None:
    """Overwrite the root of a table: all of it is gone."""
    size, (root,) = pages_of(path, table)
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))


def spoil_a_leaf(path: Path) -> None:
    """Overwrite one page of events in the middle, found by what stands in it."""
    size, _ = pages_of(path, "event")
    pages = path.read_bytes()
    leaves = [
        at
        for at in range(0, len(pages), size)
        if pages[at] == 0x0D and b'"type":"pressed"' in pages[at : at + size]
    ]
    with path.open("r+b") as file:
        file.seek(leaves[len(leaves) // 2])
        file.write(os.urandom(size))


def meet(journal: Journal, at: Stamp) -> None:
    """Work until the damage is met: a view is read, or the views are made anew."""
    journal.transact(
        lambda work: work.connection.execute("SELECT count(body) FROM event").fetchone()
    ).exception(WAIT_S)
    journal.append(PRESS, at).result(WAIT_S)


def test_one_bad_page_costs_what_is_in_it(old: Old, open_journal: Open, at: Stamp) -> None:
    spoil_a_leaf(old.path)
    journal = open_journal()
    meet(journal, at)
    assert journal.epoch != old.epoch
    sent_later = waiting(journal)
    unsent = [each for each in old.records if each.seq > SENT]
    assert len(unsent) - 100 < len(sent_later) < len(unsent)
    assert all(each in unsent for each in sent_later)  # as they were, under their own ids
    first = everything(journal)[0].event
    assert isinstance(first, Salvaged)
    assert (first.epoch, first.last) == (old.epoch, len(old.records))
    assert journal.read(views.counters).result(WAIT_S) == {("exit", ""): 1001}
    assert {code for code, state in grants(journal).items() if state is GrantState.ISSUED} == {
        "live",
        "undone",
    }
    assert "paid" not in grants(journal)
    promised = journal.read(lambda db: views.list_grants(db, None, 9)).result(WAIT_S)
    assert {(each.zone, each.score) for each in promised} == {("till", 2)}
    assert journal.read(lambda db: db.execute(ASIDE).fetchall()).result(WAIT_S) == [
        (f"box-1.{old.epoch}.7", "poison")
    ]
    (alert,) = live(journal)
    (before,) = old.alerts
    assert (alert.id, alert.state, alert.presses, alert.raised) == (
        before.id,
        AlertState.ACKNOWLEDGED,
        2,
        before.raised,
    )
    assert alert.acknowledged == before.acknowledged
    # Stock that was promised stays promised.
    assert journal.read(promises.totals).result(WAIT_S)["coffee", "shop"] == 3


@pytest.mark.parametrize("table", ["alert", "grants", "counter"])
def test_without_a_view_the_records_tell(
    old: Old, open_journal: Open, at: Stamp, table: str
) -> None:
    spoil_page(old.path, table)
    journal = open_journal()
    journal.append(PRESS, at).result(WAIT_S)
    for event in (OPEN[1], issued("another")):
        journal.append(event, at).result(WAIT_S)
    assert journal.epoch != old.epoch
    assert [each.id for each in live(journal)] == ["a"]
    assert {"live", "undone"} <= {
        code for code, state in grants(journal).items() if state is GrantState.ISSUED
    }
    assert journal.read(views.counters).result(WAIT_S)["exit", ""] >= 1000
    # A damage is met when its place is come to: one or two events later.
    assert len(old.records) - SENT <= len(waiting(journal)) <= len(old.records) - SENT + 2


def test_nothing_of_it_is_recorded_on_the_server_twice(
    old: Old, open_journal: Open, at: Stamp
) -> None:
    spoil_a_leaf(old.path)
    journal = open_journal()
    meet(journal, at)
    own = everything(journal)
    assert [each.event for each in own if actions_of(each)] == [
        msgspec.structs.replace(PRESS, total=1001)
    ]
    again = journal.transact(
        lambda work: work.append(
            GrantRedeemed(code="undone", by="Anna", kind=OfferKind.COUPON, again=True), at
        )
    ).result(WAIT_S)
    assert actions_of(again) == ()
    (undone,) = [
        each
        for each in journal.read(lambda db: views.list_grants(db, None, 9)).result(WAIT_S)
        if each.code == "undone"
    ]
    assert undone.undone == 1  # so that the desk knows that it was booked


def test_it_is_done_once_and_outlives_a_cut_before_it_was(
    old: Old, open_journal: Open, at: Stamp
) -> None:
    # Set aside, and the power fails before the new journal knows of it.
    old.path.rename(old.path.with_name("journal.db.damaged-20260101T000000.000000-1"))
    journal = open_journal()
    assert len(waiting(journal)) == len(old.records) - SENT
    last = journal.append(PRESS, at).result(WAIT_S).seq
    epoch = journal.epoch
    journal.close()
    again = open_journal()
    assert (again.epoch, again.last_seq) == (epoch, last)
    assert len(waiting(again)) == len(old.records) - SENT


def test_what_waits_survives_a_second_damage(old: Old, open_journal: Open, at: Stamp) -> None:
    spoil_a_leaf(old.path)
    journal = open_journal()
    meet(journal, at)
    before, own, second = waiting(journal), everything(journal), journal.epoch
    journal.close()
    spoil_page(journal.path, "boot")
    third = open_journal()
    meet(third, at)
    assert third.epoch not in (old.epoch, second)
    assert waiting(third)[: len(before)] == before
    assert own[0].epoch == second


def test_the_uplink_begins_with_it(old: Old, open_journal: Open, at: Stamp) -> None:
    spoil_a_leaf(old.path)
    journal = open_journal()
    meet(journal, at)
    found = journal.read(partial(_look, most=64)).result(WAIT_S)
    assert found.epoch == journal.epoch
    assert {each.epoch for each in found.records} == {old.epoch}
    assert found.records[0].seq == SENT + 1


def test_what_contradicts_itself_is_left_where_it_is(
    old: Old, open_journal: Open, at: Stamp
) -> None:
    # Two grants that claim the same request, as a half-written page may show them.
    with closing(sqlite3.connect(old.path)) as db:
        (body,) = db.execute("SELECT body FROM grants WHERE code = 'live'").fetchone()
        db.execute(
            "INSERT INTO grants SELECT 'twin', seq, 'twin', state, ? FROM grants"
            " WHERE code = 'live'",
            (body.replace(b'"code":"live"', b'"code":"twin"'),),
        )
        db.commit()
    old.path.rename(old.path.with_name("journal.db.damaged-20260101T000000.000000-1"))
    journal = open_journal()
    assert journal.append(PRESS, at).result(WAIT_S).seq == 1
    assert (grants(journal), waiting(journal), live(journal)) == ({}, [], [])
