"""The page lane, rule by rule."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.model import Page, Priority, Receipt, ReceiptState
from gateway.paging import transmitter as module
from gateway.paging.transmitter import Transmitter

if TYPE_CHECKING:
    from tests.paging.lane.conftest import Rig

ACCEPTED = Receipt(ReceiptState.ACCEPTED)
REJECTED = Receipt(ReceiptState.FAILED, "511 unknown pager id")
UNPLUGGED = Receipt(ReceiptState.FAILED, "the line is gone", line_down=True)
LOST = Receipt(ReceiptState.UNKNOWN, "no answer", line_down=True)

WAIT_S = 10.0
NEVER_S = 3600.0


# --- one page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("receipt", [ACCEPTED, Receipt(ReceiptState.UNKNOWN, "no answer")])
def test_a_page_has_the_receipt_of_its_transmitter(rig: "Rig", receipt: Receipt) -> None:
    rig.start()
    rig.send("p")
    rig.on_line(rig.a, "p")
    rig.a.answer(receipt)
    result = rig.result("p")
    assert (result.state, result.detail, result.transmitter) == (receipt.state, receipt.detail, "a")
    assert rig.lane.transmitters[0].last_receipt == result
    assert rig.lane.transmitters[0].sent == 1


def test_a_page_goes_out_in_parts_and_the_worst_receipt_is_the_pages(rig: "Rig") -> None:
    rig.start()
    rig.send("p", "long", text="a customer waits at the till")
    for number, state in enumerate((ReceiptState.TRANSMITTED, ReceiptState.UNKNOWN), start=1):
        rig.until(lambda: rig.a.on_line)
        rig.a.answer(Receipt(state, first_byte_ns=number))
    assert rig.result("p") == Receipt(ReceiptState.UNKNOWN, "", "a", first_byte_ns=1)
    assert rig.a.heard == ["1/2 a customer waits", "2/2 at the till"]


def test_a_line_that_goes_with_a_later_part_is_opened_anew(rig: "Rig") -> None:
    rig.start()
    rig.send("p", "long", text="a customer waits at the till")
    for receipt in (Receipt(ReceiptState.UNKNOWN), LOST):
        rig.until(lambda: rig.a.on_line)
        rig.a.answer(receipt)
    assert rig.result("p").state is ReceiptState.UNKNOWN
    assert not rig.lane.transmitters[0].is_usable
    assert rig.a.closed == 1


def test_no_part_follows_one_that_was_lost_with_the_line(rig: "Rig") -> None:
    rig.start()
    rig.send("p", "long", text="a customer waits at the till")
    rig.until(lambda: rig.a.on_line)
    rig.a.answer(LOST)
    assert rig.result("p").state is ReceiptState.UNKNOWN  # nothing else may be said of it
    assert (len(rig.a.heard), rig.b.heard) == (1, [])


def test_a_page_that_no_transmitter_serves_fails_at_once(rig: "Rig") -> None:
    rig.lane = rig.lane_of(rig.transmitter("a"))
    rig.send("p", "only-b")
    assert rig.receipts == [("p", Receipt(ReceiptState.FAILED, "no transmitter"))]
    rig.start()


# --- the queue ---------------------------------------------------------------------------------


def test_the_most_urgent_goes_first_and_first_in_first_out_within_one_urgency(rig: "Rig") -> None:
    rig.start()
    rig.send("first")
    rig.on_line(rig.a, "first")
    order = [("n1", Priority.NORMAL), ("h1", Priority.HIGH), ("a1", Priority.ALARM)]
    order += [("n2", Priority.NORMAL), ("h2", Priority.HIGH), ("a2", Priority.ALARM)]
    for name, priority in order:
        rig.send(name, priority=priority)
    assert rig.lane.transmitters[0].queued == 6
    rig.a.answer_all(ACCEPTED)
    rig.result("n2")
    assert rig.a.heard == ["first", "a1", "a2", "h1", "h2", "n1", "n2"]


def test_a_waiting_page_is_superseded_by_a_newer_one_of_its_alert(rig: "Rig") -> None:
    rig.start()
    rig.send("busy")
    rig.on_line(rig.a, "busy")
    rig.send("old", alert="case")
    rig.send("other pager", "other", alert="case")
    rig.send("new", alert="case")
    rig.a.answer_all(ACCEPTED)
    rig.result("new")
    assert rig.a.heard == ["busy", "other pager", "new"]
    assert [page for page, _ in rig.receipts] == rig.a.heard  # what was not tried has no receipt


def test_test_pages_of_no_alert_supersede_nothing(rig: "Rig") -> None:
    rig.start()
    rig.send("busy")
    rig.on_line(rig.a, "busy")
    rig.send("test-1", alert=None)
    rig.send("test-2", alert=None)
    rig.a.answer_all(ACCEPTED)
    rig.result("test-2")
    assert rig.a.heard == ["busy", "test-1", "test-2"]


def test_a_page_waiting_at_another_transmitter_is_superseded_too(rig: "Rig") -> None:
    rig.start()
    a, _ = rig.lane.transmitters
    rig.send("busy-a")
    rig.on_line(rig.a, "busy-a")
    rig.send("busy-b", "only-b")
    rig.on_line(rig.b, "busy-b")
    rig.send("case-1", alert="case")
    assert a.queued == 1
    a.state = "down"  # the newer page goes the other way
    rig.send("case-2", alert="case")
    assert a.queued == 0
    rig.a.answer_all(ACCEPTED)
    rig.b.answer_all(ACCEPTED)
    assert rig.result("case-2").transmitter == "b"
    rig.result("busy-a")
    assert rig.a.heard == ["busy-a"]


def test_a_page_on_its_way_to_another_queue_is_cancelled_too(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dangerous moment: one queue was looked at, and the page moves there from the next."""
    rig.a.plugged = False
    rig.start()
    rig.a.plugged = True
    rig.send("p", alert="case")
    rig.on_line(rig.b, "p")
    drop = Transmitter.drop

    def drop_and_fail_over(transmitter: Transmitter, unwanted: Callable[..., bool]) -> list[Page]:
        dropped = drop(transmitter, unwanted)
        if transmitter.name == "a":
            rig.b.answer(UNPLUGGED)
            with rig.changed:
                rig.changed.wait_for(lambda: rig.a.on_line, 0.2)
        return dropped

    monkeypatch.setattr(Transmitter, "drop", drop_and_fail_over)
    rig.lane.cancel("case")
    assert rig.result("p").state is ReceiptState.FAILED
    assert rig.a.heard == []


def test_the_pages_of_a_taken_alert_are_cancelled(rig: "Rig") -> None:
    rig.start()
    rig.send("on the line", alert="case")
    rig.on_line(rig.a, "on the line")
    rig.send("waiting", "other", alert="case")
    rig.send("another", alert="another case")
    rig.lane.cancel("case")
    assert rig.lane.transmitters[0].queued == 1
    rig.a.answer(ACCEPTED)
    rig.on_line(rig.a, "another")
    assert rig.result("on the line").state is ReceiptState.ACCEPTED
    rig.a.answer(ACCEPTED)
    rig.result("another")
    assert rig.a.heard == ["on the line", "another"]


@pytest.mark.parametrize("newer", [True, False], ids=["superseded", "cancelled"])
def test_an_unwanted_page_on_the_line_goes_to_no_other_transmitter(rig: "Rig", newer: bool) -> None:
    rig.start()
    rig.send("old", alert="case")
    rig.on_line(rig.a, "old")
    if newer:
        rig.send("new", alert="case")
    else:
        rig.lane.cancel("case")
    rig.a.answer(UNPLUGGED)
    assert rig.result("old").state is ReceiptState.FAILED
    rig.a.answer_all(ACCEPTED)
    if newer:
        rig.result("new")
    assert rig.b.heard == []


def test_a_full_queue_gives_up_its_least_urgent_page(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MOST", 2)
    rig.start()
    rig.send("busy", "only-b")
    rig.on_line(rig.b, "busy")
    for name in ("n1", "n2", "n3"):
        rig.send(name, "only-b")
    rig.send("alarm", "only-b", priority=Priority.ALARM)
    assert [page for page, _ in rig.receipts] == ["n3", "n2"]
    assert {receipt.detail for _, receipt in rig.receipts} == {"the queue is full"}
    assert rig.lane.transmitters[1].queued == 2
    rig.b.answer_all(ACCEPTED)
    rig.result("n1")
    assert rig.b.heard == ["busy", "alarm", "n1"]


def test_a_page_that_one_queue_has_no_room_for_waits_at_the_next(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MOST", 1)
    rig.start()
    for name in ("on a", "waits at a"):
        rig.send(name)
        rig.on_line(rig.a, "on a")
    rig.send("on b")
    rig.on_line(rig.b, "on b")
    assert rig.receipts == []


def test_a_page_pushed_out_by_one_that_failed_elsewhere_says_why(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MOST", 1)
    rig.start()
    rig.send("busy", "only-b")
    rig.on_line(rig.b, "busy")
    rig.send("normal", "only-b")
    rig.send("alarm", priority=Priority.ALARM)
    rig.on_line(rig.a, "alarm")
    rig.a.answer(UNPLUGGED)
    assert rig.result("normal") == Receipt(ReceiptState.FAILED, "the queue is full")


# --- the adapter -------------------------------------------------------------------------------


def test_an_idle_adapter_that_is_unplugged_is_seen_and_found_again(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "REOPEN_FIRST_S", NEVER_S)  # only the look can bring it back
    monkeypatch.setattr(module, "REOPEN_MOST_S", NEVER_S)
    rig.start()
    rig.a.plugged, rig.a.adapter = False, None
    rig.until(lambda: rig.lane.transmitters[0].state == "no such device")
    rig.a.plugged, rig.a.adapter = True, 2
    rig.until(lambda: rig.lane.transmitters[0].state == "ok")


def test_an_adapter_plugged_in_anew_between_two_looks_is_opened_anew(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    rig.start()
    opened = rig.a.opened
    rig.a.adapter = 2
    rig.until(lambda: rig.a.opened > opened and rig.lane.transmitters[0].state == "ok")
