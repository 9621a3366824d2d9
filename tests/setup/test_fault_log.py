"""The log of faults, page by page."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.events import FaultCleared, FaultRaised
from gateway.journal import schema
from gateway.model import ButtonKind
from gateway.setup import fault_log
from gateway.setup.device_messages import FaultsView
from tests.insights.filling import Entry, at, fill, press

T0 = 1_760_000_000


def faults(count: int) -> Iterator[Entry]:
    """Faults that come and go, with presses between them; the number of each is its text."""
    for number in range(count):
        yield press(ButtonKind.HAPPY), at(T0 + 10 * number)
        yield FaultRaised("transmitter/main", f"no. {number}"), at(T0 + 10 * number + 1)
        yield FaultCleared("transmitter/main"), at(T0 + 10 * number + 2)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """With 120 moments of faults among 180 records."""
    fill(tmp_path / "journal.db", faults(60))
    connection = schema.open_reader(tmp_path / "journal.db")
    yield connection
    connection.close()


def told(view: FaultsView) -> list[str | None]:
    return [moment.words for moment in view.moments]


def all_pages(journal: sqlite3.Connection) -> list[FaultsView]:
    pages = [fault_log.latest(journal)]
    while (older := pages[-1].older) is not None:
        pages.append(fault_log.before(journal, older))
    return pages


def test_every_moment_is_on_one_page_the_latest_first(journal: sqlite3.Connection) -> None:
    pages = all_pages(journal)
    assert [len(page.moments) for page in pages] == [50, 50, 20]
    words = [each for page in pages for each in told(page)]
    assert words == [each for number in reversed(range(60)) for each in (None, f"no. {number}")]
    times = [moment.at_s for page in pages for moment in page.moments]
    assert times == sorted(times, reverse=True)
    assert (pages[0].newer, pages[-1].older) == (None, None)


def test_the_way_back_leads_past_the_same_pages(journal: sqlite3.Connection) -> None:
    first, second, third = all_pages(journal)
    assert third.newer is not None
    assert fault_log.after(journal, third.newer).moments == second.moments
    assert second.newer is not None
    assert fault_log.after(journal, second.newer) == first


def test_newer_than_a_page_that_is_not_full_is_the_latest(journal: sqlite3.Connection) -> None:
    latest = fault_log.latest(journal)
    assert fault_log.after(journal, 170) == latest
    assert fault_log.after(journal, 10**15) == latest


def test_one_page_looks_through_a_bounded_part_of_the_journal(
    journal: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is more to look through than to show, a page is short and leads on."""
    whole = [moment for page in all_pages(journal) for moment in page.moments]
    monkeypatch.setattr(fault_log, "SOUGHT", 40)
    pages = all_pages(journal)
    assert [moment for page in pages for moment in page.moments] == whole
    assert all(len(page.moments) <= 27 for page in pages)
    back = pages[-1]
    seen = list(back.moments[::-1])
    while back.newer is not None:
        back = fault_log.after(journal, back.newer)
        seen += back.moments[::-1]
    assert set(whole) == set(seen)


def test_a_stretch_without_any_leads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = [(press(ButtonKind.HAPPY), at(T0 + 100 + second)) for second in range(30)]
    fill(tmp_path / "journal.db", [*faults(1), *quiet])
    monkeypatch.setattr(fault_log, "SOUGHT", 10)
    connection = schema.open_reader(tmp_path / "journal.db")
    pages = all_pages(connection)
    assert [told(page) for page in pages] == [[], [], [], [None, "no. 0"]]
    assert pages[1].newer is not None
    assert fault_log.after(connection, pages[1].newer) == pages[0]
    connection.close()


def test_a_box_that_nothing_has_happened_to_has_an_empty_log(tmp_path: Path) -> None:
    fill(tmp_path / "journal.db", [])
    connection = schema.open_reader(tmp_path / "journal.db")
    assert fault_log.latest(connection) == FaultsView(moments=())
    connection.close()
