"""Receipts, answers, and the floor's beginning and end."""

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.alarm import Alarm
from gateway.alerts.case import Alert
from gateway.alerts.desk import Decision
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Pager
from gateway.errors import JournalError
from gateway.events import (
    AlertAcknowledged,
    AlertRaised,
    Paged,
)
from gateway.events import Pressed as PressedEvent
from gateway.model import (
    AlertCause,
    Outcome,
    Page,
    Receipt,
    ReceiptState,
)
from gateway.paging.drivers.base import Message
from gateway.paging.lane import PageLane
from gateway.paging.transmitter import Transmitter

if TYPE_CHECKING:
    from tests.floor.conftest import Rig

WAIT_S = 20.0
ACCEPTED = Receipt(ReceiptState.ACCEPTED, transmitter="tx", first_byte_ns=1)


# --- receipts and answers ----------------------------------------------------------------------


async def test_a_receipt_is_recorded(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    (page,) = rig.pages
    rig.floor.received(page, ACCEPTED)
    paged = await rig.event(Paged)
    assert isinstance(paged, Paged)
    assert (paged.page, paged.state, paged.transmitter) == (page.id, ACCEPTED.state, "tx")
    kinds = [type(event) for event in rig.events]
    assert kinds.index(AlertRaised) < kinds.index(Paged)


async def test_a_transmitter_that_is_back_gets_what_has_failed(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    (page,) = rig.pages
    rig.floor.received(page, Receipt(ReceiptState.FAILED))
    rig.floor.transmitter_back()
    assert rig.pages == [page, page]


async def test_a_page_that_no_alert_asked_for_answers_with_its_receipt(rig: "Rig") -> None:
    rig.open()
    page = Page(id="test.1", pager="anna", text="TEST")
    sending = asyncio.create_task(rig.floor.send(page, WAIT_S))
    await rig.until(lambda: rig.pages)
    rig.floor.received(page, ACCEPTED)
    assert await sending == ACCEPTED


async def test_a_receipt_that_never_comes_is_not_waited_for_for_ever(rig: "Rig") -> None:
    rig.open()
    page = Page(id="test.1", pager="anna", text="TEST")
    with pytest.raises(TimeoutError):
        await rig.floor.send(page, 0.01)
    rig.floor.received(page, ACCEPTED)  # late: recorded, and nobody is left to tell
    assert isinstance(await rig.event(Paged), Paged)


def _resolve(rig: "Rig") -> tuple[Decision, Stamp]:
    now = rig.clock.now()
    return rig.floor.desk.resolve("a0", "Anna", Outcome.RECOVERED, now), now


async def test_an_answer_is_kept_once_it_is_on_disk(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    keeping = asyncio.create_task(rig.floor.keep(*_resolve(rig), WAIT_S))
    await rig.until(lambda: len(rig.futures) == 2)
    assert not keeping.done()
    rig.futures[0].set_result([])
    rig.futures[1].set_result([])
    await keeping
    assert [type(event).__name__ for event in rig.events] == [
        "Pressed",
        "AlertRaised",
        "AlertResolved",
    ]


async def test_an_answer_that_the_disk_does_not_take_is_done_all_the_same(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    with pytest.raises(JournalError, match="the disk is full"):
        await rig.floor.keep(*_resolve(rig), 0.01)
    assert rig.floor.desk.alerts() == ()
    assert "cancel a0" in rig.log


async def test_what_changed_nothing_waits_for_nothing(rig: "Rig") -> None:
    rig.open()
    await asyncio.wait_for(rig.floor.keep(Decision(), rig.clock.now(), WAIT_S), WAIT_S)
    assert rig.futures == []


async def test_an_answer_that_is_taken_back_sends_what_it_took_out_of_the_queues(
    rig: "Rig",
) -> None:
    rig.open()
    at = rig.clock.now()
    rig.floor.edge("red", True, at.mono_ns)
    (page,) = rig.pages
    rig.waiting = [page]
    rig.floor.carry_out(rig.floor.desk.acknowledge("a0", "Anna", "page", at), at)
    rig.floor.carry_out(rig.floor.desk.withdraw("a0", "Anna", at), at)
    assert rig.pages == [page, page]


# --- beginning and end -------------------------------------------------------------------------


def _alert(rig: "Rig") -> Alert:
    raised = rig.clock.at(rig.clock.mono_ns() - NS_PER_S // 1000)
    return Alert(
        id="old",
        cause=AlertCause.RED,
        zone="exit",
        button="red",
        level=0,
        raised=raised,
        climbing=raised,
        last_press=raised,
    )


async def test_alerts_of_before_the_restart_are_taken_up_again(rig: "Rig") -> None:
    rig.open()
    old = _alert(rig)
    rig.edge("red", active=True)  # before the journal was read: it joins nothing yet
    rig.floor.restore([old])
    assert [page.alert for page in rig.pages] == ["a0", "old"]
    await rig.until(lambda: {page.level for page in rig.pages if page.alert == "old"} == {0, 1})


async def test_who_acknowledges_before_they_are_read_takes_one_of_them(rig: "Rig") -> None:
    old = _alert(rig)
    spare: list[str] = []

    def watch(button: Button, _: Stamp) -> None:
        spare.append(button.name)
        rig.moved()

    rig.floor.watch_spare_acknowledges(watch)
    rig.open()
    for down_ms, up_ms in ((500, 400), (300, 100)):
        rig.edge("ack", active=True, ago_ms=down_ms)
        rig.edge("ack", active=False, ago_ms=up_ms)
    assert (rig.events, spare) == ([], [])
    rig.floor.restore([old])
    event = await rig.event(AlertAcknowledged)
    assert isinstance(event, AlertAcknowledged)
    assert (event.alert, event.by) == ("old", "button:ack")
    await rig.until(lambda: spare == ["ack"])


async def test_closing_hands_everything_to_the_journal_and_stops_the_timers(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    assert rig.events == []
    rig.floor.close()
    assert [type(event) for event in rig.events] == [PressedEvent, AlertRaised]
    alarms = [part for part in vars(rig.floor).values() if isinstance(part, Alarm)]
    assert len(alarms) == 4
    assert all(alarm._handle is None for alarm in alarms)


# --- with a real lane --------------------------------------------------------------------------


class _Pager:
    """A transmitter that takes everything at once."""

    carries_text = True
    has_hung_up = False

    def open(self) -> None:
        pass

    def probe(self) -> str:
        return ""

    def send(self, message: Message) -> Receipt:
        return Receipt(ReceiptState.TRANSMITTED, message.text, first_byte_ns=time.monotonic_ns())

    def close(self) -> None:
        pass


async def test_from_an_edge_to_a_recorded_receipt_over_the_transmitters_thread(rig: "Rig") -> None:
    loop = asyncio.get_running_loop()

    def received(page: Page, receipt: Receipt) -> None:
        loop.call_soon_threadsafe(rig.floor.received, page, receipt)

    transmitter = Transmitter("tx", _Pager(), supervise_s=60, on_state=lambda: None)
    lane = PageLane((Pager(name="anna", address="1"),), (transmitter,), received)
    lane.start()
    rig.floor.open(lane, {})
    pressed_ns = rig.clock.mono_ns()
    rig.floor.edge("red", True, pressed_ns)
    paged = await rig.event(Paged)
    lane.stop(WAIT_S)
    assert isinstance(paged, Paged)
    assert (paged.alert, paged.detail, paged.transmitter) == ("a0", "exit: red", "tx")
    assert paged.first_byte_ns is not None
    assert paged.first_byte_ns > pressed_ns
