"""What a paging system says of a call only after a while, and what may cut the listening short."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Espa
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging.drivers.base import Message, PatientDriver
from gateway.paging.drivers.espa import EspaDriver
from gateway.paging.lane import PageLane
from gateway.paging.transmitter import Transmitter
from gateway.simulator.espa_system import EspaSystem, Faults

WAIT_S = 30.0
LONG_S = 60.0  # far beyond WAIT_S: whoever waits for it fails
POLL_MS = 50


def settings(system: EspaSystem, status_s: float) -> Espa:
    return Espa(name="wards", port=system.port, poll_ms=POLL_MS, status_s=status_s)


def sent(
    status: str, late_by: int, status_s: float, is_awaited: Callable[[], bool] | None = None
) -> Receipt:
    """One call to a system that tells what became of it only after so many polls."""
    with EspaSystem(statuses=(status,), faults=Faults(polls_without_status=late_by)) as system:
        driver = EspaDriver(settings(system, status_s))
        if is_awaited is not None:
            driver.is_awaited = is_awaited
        driver.open()
        try:
            return driver.send(Message(Pager(name="p", address="550"), "Table 5"))
        finally:
            driver.close()


def test_it_is_patient() -> None:
    assert isinstance(EspaDriver(Espa(name="wards", port="/dev/null")), PatientDriver)


@pytest.mark.parametrize(
    ("status", "state", "detail"),
    [
        ("3", ReceiptState.TRANSMITTED, "3 paged"),
        ("4", ReceiptState.FAILED, "4 absent"),
    ],
)
def test_a_late_status_becomes_the_receipt(status: str, state: ReceiptState, detail: str) -> None:
    receipt = sent(status, late_by=20, status_s=LONG_S)
    assert (receipt.state, receipt.detail, receipt.line_down) == (state, detail, False)


def test_a_status_that_comes_later_than_the_setting() -> None:
    assert sent("3", late_by=1000, status_s=0.5).detail == "accepted"


def test_what_waits_cuts_the_listening_short_and_no_shorter_than_three_polls() -> None:
    asked: list[int] = []

    def is_awaited() -> bool:
        asked.append(1)
        return True

    assert sent("3", late_by=2, status_s=LONG_S, is_awaited=is_awaited).detail == "3 paged"
    assert asked == []
    assert sent("3", late_by=3, status_s=LONG_S, is_awaited=is_awaited).detail == "accepted"
    assert asked == [1]


@contextmanager
def lane(system: EspaSystem) -> Iterator[tuple[PageLane, list[str], threading.Event]]:
    """A lane with that system alone; the receipts' pages and words, and that one has come."""
    words: list[str] = []
    answered = threading.Event()

    def received(page: Page, receipt: Receipt) -> None:
        words.append(f"{page.id}: {receipt.detail}")
        answered.set()

    transmitter = Transmitter(
        "wards", EspaDriver(settings(system, LONG_S)), supervise_s=300, on_state=lambda: None
    )
    pagers = (Pager(name="p", address="550", max_chars=20), Pager(name="q", address="551"))
    made = PageLane(pagers, (transmitter,), received)
    made.start()
    try:
        yield made, words, answered
    finally:
        made.stop(WAIT_S)
    assert not transmitter.is_alive  # stopping, too, is something that waits


def test_another_page_does_not_wait_until_the_system_has_told_of_the_first() -> None:
    with EspaSystem(statuses=()) as system, lane(system) as (pages, words, answered):
        pages.submit(Page(id="1", pager="p", text="one"))
        assert system.wait_for_page(WAIT_S) is not None
        pages.submit(Page(id="2", pager="q", text="two"))
        assert system.wait_for_page(WAIT_S) is not None
        assert answered.wait(WAIT_S)
        assert words[0] == "1: accepted"


def test_nor_does_the_second_part_of_a_page() -> None:
    with EspaSystem(statuses=()) as system, lane(system) as (pages, _, _):
        pages.submit(Page(id="1", pager="p", text="a customer waits at the till"))
        assert system.wait_for_page(WAIT_S) is not None
        assert system.wait_for_page(WAIT_S) is not None
