"""What is read from a real journal: hours of the shop, repaired times, pieces, damage."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button
from gateway.events import Started
from gateway.insights import reading
from gateway.insights.cases import Cases
from gateway.insights.figures import Tally
from gateway.journal import schema
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind, Label, Outcome
from tests.insights.filling import at, fill, incident, press

BERLIN = ZoneInfo("Europe/Berlin")
BUTTONS = tuple(
    Button(name=kind.value, pin=pin, kind=kind, label=Label("", ""), panel="exit")
    for pin, kind in enumerate((ButtonKind.HAPPY, ButtonKind.NEUTRAL, ButtonKind.VERY_UNHAPPY), 2)
)
POINTS = reading.Points(BUTTONS)


def moment(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def span(first: str, last: str) -> reading.Span:
    return reading.Span(round(moment(first)) * NS_PER_S, round(moment(last)) * NS_PER_S, BERLIN)


OCTOBER = span("2025-10-01T00:00", "2025-11-01T00:00")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def read(path: Path, days: reading.Span = OCTOBER) -> tuple[Tally, Cases]:
    connection = schema.open_reader(path)
    tally, cases = Tally(), Cases(days.since_ns, days.until_ns, POINTS.panels)
    first = reading.first_since(connection, days.since_ns)
    for piece in range(first, reading.last_seq(connection) + 1, reading.PIECE):
        reading.follow_cases(connection, piece, cases)
        reading.count_presses(connection, piece, days, POINTS, tally)
    connection.close()
    return tally, cases


def test_hours_are_the_shops_own_also_when_the_clocks_go_back(path: Path) -> None:
    twice = [moment("2025-10-26T02:30", fold) for fold in (0, 1)]
    fill(path, [(press(ButtonKind.HAPPY), at(second)) for second in twice])
    tally, _ = read(path)
    assert (tally.hours["02"].n, tally.weekdays["sun"].n, tally.index.n) == (2, 2, 2)


def test_a_day_begins_and_ends_at_the_shops_midnight(path: Path) -> None:
    edges = ("2025-10-06T23:59:59", "2025-10-07T00:00", "2025-10-07T23:59:59", "2025-10-08T00:00")
    fill(path, [(press(ButtonKind.HAPPY), at(moment(edge))) for edge in edges])
    tally, _ = read(path, span("2025-10-07T00:00", "2025-10-08T00:00"))
    assert tally.presses == 2


def test_a_panel_with_a_neutral_button_has_the_scale_of_five(path: Path) -> None:
    fill(path, [(press(ButtonKind.HAPPY), at(moment("2025-10-07T12:00")))])
    tally, _ = read(path)
    assert (tally.index.value, list(tally.points)) == (75.0, ["exit"])


def test_a_time_that_became_known_later_is_the_one_that_counts(path: Path) -> None:
    noon = moment("2025-10-07T12:00")
    journal = Journal(path, Identity("box", "1", 1), on_change=lambda: None)
    journal.start()
    early = at(noon, boot="unsure", synced=False, off_s=7 * 3600)
    journal.append(press(ButtonKind.HAPPY), early).result(30)
    journal.close()
    tally, _ = read(path)
    assert (tally.hours["05"].n, tally.unsure) == (1, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        right = round(noon * NS_PER_S) - early.mono_ns
        connection.execute("UPDATE clock SET offset_ns = ?", (right,))
    tally, _ = read(path)
    assert (tally.hours["12"].n, tally.unsure) == (1, 0)


def test_pieces_make_the_same_sums_as_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = moment("2025-10-07T08:00")
    fill(
        path,
        [
            entry
            for number in range(40)
            for entry in incident(f"a{number}", began + number * 900, Outcome.RECOVERED)
        ],
    )
    whole = read(path)
    monkeypatch.setattr(reading, "PIECE", 7)
    parts = read(path)
    assert [tally.presses for tally, _ in (whole, parts)] == [40, 40]
    assert [list(cases.to_page) for _, cases in (whole, parts)] == [[0.5] * 40] * 2
    assert [cases.repeated for _, cases in (whole, parts)] == [39, 39]


def test_a_damaged_record_takes_no_other_with_it(path: Path) -> None:
    noon = moment("2025-10-07T12:00")
    fill(path, [(press(ButtonKind.HAPPY), at(noon + second)) for second in range(3)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE event SET body = ? WHERE seq = 2", (b'{"type":"pressed"',))
    tally, _ = read(path)
    assert tally.presses == 2


def test_the_beginning_is_found_among_records_of_unknown_time(path: Path) -> None:
    began = moment("2025-10-07T00:00")
    entries = []
    for number in range(300):
        second = began + number * 60
        is_sure = number % 7 == 0
        stamp = at(second, boot=f"b{is_sure}", synced=is_sure, off_s=0 if is_sure else 1e9)
        entries.append((Started(version="1"), stamp))
    fill(path, entries)
    connection = schema.open_reader(path)
    for number in (0, 1, 139, 140, 141, 299, 300):
        wanted = round((began + number * 60) * NS_PER_S)
        first = reading.first_since(connection, wanted)
        sure = [seq for seq in range(1, 301) if (seq - 1) % 7 == 0 and seq - 1 >= number]
        assert first <= min(sure, default=301)
        assert not [seq for seq in range(first, 301) if (seq - 1) % 7 == 0 and seq - 1 < number]
    connection.close()


def test_an_empty_journal_has_a_beginning_and_no_presses(path: Path) -> None:
    fill(path, [])
    tally, cases = read(path)
    assert (tally.presses, cases.incidents) == (0, 0)


def test_a_stamp_of_the_tests_is_what_it_says() -> None:
    assert at(10, off_s=4) == Stamp("past", 10 * NS_PER_S, 6 * NS_PER_S, synced=True)
