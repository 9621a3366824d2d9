"""The page lane when equipment fails, comes back, hangs or has a bug."""

import threading
from typing import TYPE_CHECKING

import pytest

from gateway.model import Receipt, ReceiptState
from gateway.paging import transmitter as module

if TYPE_CHECKING:
    from tests.paging.lane.conftest import Rig

ACCEPTED = Receipt(ReceiptState.ACCEPTED)
REJECTED = Receipt(ReceiptState.FAILED, "511 unknown pager id")
UNPLUGGED = Receipt(ReceiptState.FAILED, "the line is gone", line_down=True)
LOST = Receipt(ReceiptState.UNKNOWN, "no answer", line_down=True)

WAIT_S = 10.0
NEVER_S = 3600.0


# --- fail-over ---------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [UNPLUGGED, REJECTED])
def test_a_page_that_did_not_go_out_goes_to_the_next(rig: "Rig", failure: Receipt) -> None:
    rig.start()
    rig.send("p")
    rig.on_line(rig.a, "p")
    rig.a.answer(failure)
    rig.on_line(rig.b, "p")
    rig.b.answer(ACCEPTED)
    assert rig.result("p").transmitter == "b"
    assert rig.lane.transmitters[0].is_usable is (failure is REJECTED)


@pytest.mark.parametrize("receipt", [LOST, Receipt(ReceiptState.UNKNOWN)])
def test_a_page_that_may_have_gone_out_does_not(rig: "Rig", receipt: Receipt) -> None:
    rig.start()
    rig.send("p")
    rig.on_line(rig.a, "p")
    rig.a.answer(receipt)
    assert rig.result("p").state is ReceiptState.UNKNOWN
    assert rig.b.heard == []


def test_when_all_have_failed_the_last_one_says_why(rig: "Rig") -> None:
    rig.start()
    rig.send("p")
    rig.on_line(rig.a, "p")
    rig.a.answer(UNPLUGGED)
    rig.on_line(rig.b, "p")
    rig.b.answer(REJECTED)
    assert (rig.result("p").detail, rig.result("p").transmitter) == (REJECTED.detail, "b")


def test_a_transmitter_that_is_down_is_the_last_to_be_tried(rig: "Rig") -> None:
    rig.a.plugged = False
    rig.start()
    assert rig.lane.transmitters[0].state == "no such device"
    rig.send("p")
    rig.on_line(rig.b, "p")
    assert rig.a.opened == 1


def test_a_page_that_comes_while_the_line_is_down_is_tried_at_once(rig: "Rig") -> None:
    rig.a.plugged = rig.b.plugged = False
    rig.start()
    rig.send("p")
    assert rig.result("p").detail == "no such device"
    assert (rig.a.opened, rig.b.opened) == (2, 2)
    rig.a.plugged = True
    rig.send("q")
    rig.on_line(rig.a, "q")
    rig.a.answer(ACCEPTED)
    assert rig.result("q").state is ReceiptState.ACCEPTED
    assert rig.lane.transmitters[0].state == "ok"


# --- supervision -------------------------------------------------------------------------------


def test_an_adapter_that_was_unplugged_is_found_again(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REOPEN_FIRST_S", 0.001)
    monkeypatch.setattr(module, "REOPEN_MOST_S", 0.004)
    rig.a.plugged = False
    rig.lane = rig.lane_of(rig.transmitter("a"))
    rig.start()
    rig.until(lambda: rig.a.opened > 3)
    assert not rig.lane.transmitters[0].is_usable
    rig.a.plugged = True
    rig.until(lambda: rig.lane.transmitters[0].state == "ok")


def test_idle_equipment_is_asked_whether_it_is_alive(rig: "Rig") -> None:
    rig.lane = rig.lane_of(rig.transmitter("a", supervise_s=0.001))
    rig.start()
    rig.until(lambda: rig.a.probed > 3)
    rig.a.mute = True
    rig.until(lambda: rig.lane.transmitters[0].state == "does not answer")
    assert rig.a.closed


def test_equipment_that_opens_and_does_not_answer_is_not_called_fine(rig: "Rig") -> None:
    rig.a.mute = True
    rig.start()
    assert [each.state for each in rig.lane.transmitters] == ["does not answer", "ok"]


def test_equipment_that_greets_and_then_fails_keeps_its_back_off(
    rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a page that is sent anew each time it greets would be tried twice a second."""
    monkeypatch.setattr(module, "REOPEN_FIRST_S", 0.001)
    monkeypatch.setattr(module, "REOPEN_MOST_S", NEVER_S)
    only = rig.transmitter("a")
    rig.lane = rig.lane_of(only)
    rig.a.answer_all(UNPLUGGED)
    rig.start()
    for number in range(4):
        rig.until(lambda: only.state == "ok")
        rig.send(f"p{number}")
        rig.result(f"p{number}")
    assert only._reopen_s == pytest.approx(0.016)
    rig.until(lambda: only.state == "ok")
    rig.a.answer_all(ACCEPTED)
    rig.send("p")
    rig.result("p")
    assert only._reopen_s == 0.001


def test_a_bug_in_a_driver_is_loud(rig: "Rig", monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    rig.start()
    rig.a.error = ZeroDivisionError("a bug")
    rig.send("p")
    rig.lane.transmitters[0]._thread.join(WAIT_S)
    assert not rig.lane.transmitters[0].is_alive
    assert [hook.exc_type for hook in died] == [ZeroDivisionError]
    assert rig.receipts == []  # nobody knows what became of it


def test_stopping_finishes_the_page_on_the_line_and_begins_no_other(rig: "Rig") -> None:
    rig.start()
    rig.send("on the line")
    rig.on_line(rig.a, "on the line")
    rig.send("waiting")
    stopping = threading.Thread(target=rig.lane.stop, args=(WAIT_S,))
    stopping.start()
    rig.until(lambda: rig.lane.transmitters[0]._stopping)
    rig.a.answer(ACCEPTED)
    stopping.join(WAIT_S)
    assert not stopping.is_alive()
    assert rig.a.heard == ["on the line"]
    assert [page for page, _ in rig.receipts] == ["on the line"]
    assert (rig.a.closed, rig.b.closed) == (1, 1)


def test_a_line_that_hangs_is_left_behind(rig: "Rig") -> None:
    rig.start()
    rig.send("p")
    rig.on_line(rig.a, "p")
    rig.lane.stop(0.0)
    assert rig.lane.transmitters[0].is_alive
