"""A page on an idle line: whoever brings it writes its first bytes, the thread hears the answer."""

import threading
from typing import TYPE_CHECKING

from gateway.model import Priority, Receipt, ReceiptState

if TYPE_CHECKING:
    from tests.paging.lane.conftest import DirectRig

ACCEPTED = Receipt(ReceiptState.ACCEPTED, first_byte_ns=7)
UNPLUGGED = Receipt(ReceiptState.FAILED, "the line is gone", line_down=True)

HERE = threading.current_thread().name


def test_a_page_is_on_the_line_before_the_lane_returns(direct_rig: "DirectRig") -> None:
    a = direct_rig.until_idle("a")
    direct_rig.send("p")
    assert a.begun == [("p", HERE)]
    assert direct_rig.lane.transmitters[0].queued == 0
    a.answer(ACCEPTED)
    assert direct_rig.result("p") == Receipt(ReceiptState.ACCEPTED, "", "a", first_byte_ns=7)
    assert direct_rig.lane.transmitters[0].sent == 1
    assert a.heard == ["p"]


def test_a_line_that_takes_nothing_at_once_gets_the_page_from_its_thread(
    direct_rig: "DirectRig",
) -> None:
    a = direct_rig.until_idle("a")
    a.has_room = False
    direct_rig.send("p")
    direct_rig.on_line(a, "p")
    a.answer(ACCEPTED)
    assert direct_rig.result("p").transmitter == "a"
    assert (a.heard, a.begun) == (["p"], [])


def test_only_the_first_part_goes_at_once(direct_rig: "DirectRig") -> None:
    a = direct_rig.until_idle("a")
    direct_rig.send("p", "long", text="a customer waits at the till")
    assert a.begun == [("1/2 a customer waits", HERE)]
    a.answer(ACCEPTED)
    direct_rig.on_line(a, "2/2 at the till")
    a.answer(ACCEPTED)
    assert direct_rig.result("p").state is ReceiptState.ACCEPTED
    assert len(a.begun) == 1


def test_a_page_waits_behind_one_on_the_line_however_urgent(direct_rig: "DirectRig") -> None:
    a = direct_rig.until_idle("a")
    direct_rig.send("first")
    direct_rig.send("normal")
    direct_rig.send("alarm", priority=Priority.ALARM)
    assert a.begun == [("first", HERE)]
    assert direct_rig.lane.transmitters[0].queued == 2
    a.answer_all(ACCEPTED)
    direct_rig.result("normal")
    assert a.heard == ["first", "alarm", "normal"]


def test_a_page_that_failed_elsewhere_begins_at_once_too(direct_rig: "DirectRig") -> None:
    a, b = direct_rig.until_idle("a"), direct_rig.until_idle("b")
    direct_rig.send("p")
    a.answer(UNPLUGGED)
    direct_rig.on_line(b, "p")
    assert b.begun == [("p", "pager-a")]
    b.answer(ACCEPTED)
    assert direct_rig.result("p").transmitter == "b"


def test_a_page_that_is_taken_while_it_is_on_the_line_goes_nowhere_else(
    direct_rig: "DirectRig",
) -> None:
    a = direct_rig.until_idle("a")
    direct_rig.send("p", alert="case")
    direct_rig.lane.cancel("case")
    a.answer(UNPLUGGED)
    assert direct_rig.result("p").state is ReceiptState.FAILED
    assert direct_rig.b.heard == []


def test_stopping_hears_the_answer_of_what_was_begun_and_begins_nothing(
    direct_rig: "DirectRig",
) -> None:
    a = direct_rig.until_idle("a")
    transmitter = direct_rig.lane.transmitters[0]
    direct_rig.submit("p")  # nobody rouses the thread: it finds all of it when it wakes
    transmitter._stopping = True
    direct_rig.send("late", "other")
    a.answer(ACCEPTED)
    assert direct_rig.result("p").state is ReceiptState.ACCEPTED
    direct_rig.lane.stop(10.0)
    assert not transmitter.is_alive
    assert a.heard == ["p"]


def test_a_closed_line_is_opened_by_its_thread_first(direct_rig: "DirectRig") -> None:
    a, b = direct_rig.until_idle("a"), direct_rig.until_idle("b")
    direct_rig.send("lost", "only-b")
    b.answer(UNPLUGGED)
    direct_rig.result("lost")
    direct_rig.until_idle("b")
    direct_rig.send("p", "only-b")
    direct_rig.on_line(b, "p")
    assert b.opened == 2
    assert b.begun == [("lost", HERE)]
    assert a.heard == []
