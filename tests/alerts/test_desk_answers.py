"""The desk, rule by rule: who took an alert, what came of it and of its pages."""

from typing import TYPE_CHECKING

import pytest

from gateway.alerts.desk import Decision
from gateway.clock import NS_PER_S
from gateway.config import Hours
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertResolved,
    AlertReturned,
    CaseDescribed,
    CustomerNamed,
    Paged,
    SecurityCalled,
)
from gateway.model import (
    AlertState,
    Outcome,
    Page,
    Receipt,
    ReceiptState,
)

if TYPE_CHECKING:
    from tests.alerts.conftest import Opener


DAYTIME = (Hours(days=("mon",), open="09:00", close="21:00"),)
TO_CLOSING_S = 9 * 3600


def pagers(pages: list[Page]) -> list[str]:
    return [page.pager for page in pages]


# --- answers -----------------------------------------------------------------------------------


def test_a_taken_alert_is_paged_no_more(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(12.5)
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert shop.cancelled == ["a1"]
    event, _ = shop.log[-1]
    assert event == AlertAcknowledged(
        alert="a1", by="Anna", via="page", account="acc-anna", after_s=12.5, final=False
    )
    assert shop.run(899) == []


def test_saying_it_twice_changes_nothing_and_another_is_told_who_was_first(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert shop.desk.acknowledge("a1", "Anna", "command", shop.now) == Decision()
    with pytest.raises(Refused, match="Anna") as refusal:
        shop.desk.acknowledge("a1", "Bo", "page", shop.now)
    assert refusal.value.code == "already_taken"


def test_whoever_is_with_the_customer_has_taken_it_too(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(30)
    shop.did(shop.desk.contact("a1", "Bo", "page", shop.now))
    contacted = AlertContacted(alert="a1", by="Bo", account=None, after_s=30.0, final=False)
    assert shop.log[-1][0] == contacted
    alert = shop.only()
    assert alert.acknowledged is not None
    assert alert.acknowledged.by == "Bo"
    assert shop.desk.contact("a1", "Anna", "page", shop.now).events == []


def test_a_wired_button_takes_the_oldest_open_alert_of_its_zone(open_shop: "Opener") -> None:
    shop = open_shop()
    for button in ("till-red", "exit-red", "exit-call"):
        shop.press(button)
    for _ in range(3):
        shop.did(shop.desk.acknowledge_oldest("exit", "button:exit", shop.now))
    taken = [event.alert for event, _ in shop.log if isinstance(event, AlertAcknowledged)]
    assert taken == ["a2", "a3"]
    shop.did(shop.desk.contact_oldest("exit", "button:exit", shop.now))
    shop.did(shop.desk.contact_oldest("exit", "button:exit", shop.now))
    shop.did(shop.desk.contact_oldest("exit", "button:exit", shop.now))
    met = [event.alert for event, _ in shop.log if isinstance(event, AlertContacted)]
    assert met == ["a2", "a3"]


def test_an_alert_is_closed_with_its_outcome(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    decision = shop.desk.resolve(
        "a1", "Anna", Outcome.RECOVERED, shop.now, severity=3, cause="product", note="K1"
    )
    shop.did(decision)
    assert shop.log[-1][0] == AlertResolved(
        alert="a1",
        by="Anna",
        outcome=Outcome.RECOVERED,
        account="acc-anna",
        severity=3,
        cause="product",
        note="K1",
    )
    assert shop.cancelled == ["a1"]
    assert shop.desk.alerts() == ()
    with pytest.raises(Refused) as refusal:
        shop.desk.contact("a1", "Anna", "page", shop.now)
    assert refusal.value.code == "unknown_alert"


@pytest.mark.parametrize("severity", [0, 6])
def test_a_severity_outside_the_playbook_is_refused(open_shop: "Opener", severity: int) -> None:
    shop = open_shop()
    shop.press("exit-red")
    with pytest.raises(Refused) as refusal:
        shop.desk.resolve("a1", "Anna", Outcome.LEFT, shop.now, severity=severity)
    assert refusal.value.code == "bad_severity"
    assert shop.only().state is AlertState.OPEN


def test_an_answer_from_before_the_press_was_told_took_no_time(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(-0.02)  # the acknowledge button's edge was earlier than the red's
    shop.did(shop.desk.acknowledge_oldest("exit", "button:exit", shop.now))
    event, _ = shop.log[-1]
    assert isinstance(event, AlertAcknowledged)
    assert event.after_s == 0


# --- a taken alert with no outcome -------------------------------------------------------------


def test_a_taken_alert_with_no_outcome_comes_back_and_climbs_anew(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.run(100)
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    pages = shop.run(980)
    assert [(at_s, page.pager, page.level) for at_s, page in pages] == [
        (900.0, "anna", 0),
        (940.0, "anna", 1),
        (980.0, "anna", 2),
        (980.0, "dee", 2),
    ]
    assert pages[0][1].text == "Again 16min exit: exit-red"
    alert = shop.only()
    assert (alert.state, alert.returns, alert.taken) == (AlertState.OPEN, 1, None)


def test_contact_counts_its_own_time_to_the_outcome(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert shop.run(800) == []
    shop.did(shop.desk.contact("a1", "Anna", "page", shop.now))
    assert [at_s for at_s, _ in shop.run(900)] == [900.0]


def test_what_came_back_and_is_taken_again_has_its_whole_time(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.contact("a1", "Anna", "page", shop.now))
    shop.later(900)
    shop.did(shop.desk.acknowledge("a1", "Bo", "page", shop.now))  # not Anna's any more
    assert shop.run(899) == []
    assert shop.only().contacted is None
    shop.run(1)
    returns = [event for event, _ in shop.log if isinstance(event, AlertReturned)]
    assert len(returns) == 2


def test_what_came_back_is_missed_when_nobody_takes_it_again(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    shop.run(900 + 600)
    assert shop.folded()["a1"].state is AlertState.MISSED


# --- receipts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(ReceiptState))
def test_every_receipt_is_recorded(open_shop: "Opener", state: ReceiptState) -> None:
    shop = open_shop()
    (page,) = shop.press("exit-red")
    receipt = Receipt(state, "words", "tx", first_byte_ns=7)
    shop.did(shop.desk.receipt(page, receipt, shop.now))
    assert shop.log[-1][0] == Paged(
        page=page.id,
        pager="anna",
        text=page.text,
        state=state,
        alert="a1",
        level=0,
        detail="words",
        transmitter="tx",
        first_byte_ns=7,
    )
    assert [(note.page, note.state) for note in shop.only().pages] == [(page.id, state)]


def test_a_receipt_that_comes_after_the_end_is_recorded_all_the_same(open_shop: "Opener") -> None:
    shop = open_shop()
    pages = shop.press("exit-red")
    shop.did(shop.desk.resolve("a1", "Anna", Outcome.LEFT, shop.now))
    shop.answer(pages, ReceiptState.ACCEPTED)
    assert isinstance(shop.log[-1][0], Paged)
    assert shop.desk.alerts() == ()
    assert len(shop.folded()["a1"].pages) == 1


def test_a_test_page_is_recorded_without_an_alert(open_shop: "Opener") -> None:
    shop = open_shop()
    page = Page(id="test.1", pager="anna", text="TEST")
    shop.answer([page], ReceiptState.ACCEPTED)
    event, _ = shop.log[-1]
    assert isinstance(event, Paged)
    assert event.alert is None


def test_an_alert_carries_only_its_latest_receipts(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.answer(shop.press("exit-red"), ReceiptState.FAILED)
    for _, page in shop.run(590):
        shop.answer([page], ReceiptState.ACCEPTED)
    notes = shop.only().pages
    assert len(notes) == 12
    assert notes[-1].level == 14


# --- a transmitter that comes back -------------------------------------------------------------


def test_a_transmitter_that_is_back_sends_at_once_what_certainly_did_not_go_out(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    pages = shop.later(80)
    assert pagers(pages) == ["anna", "dee"]
    shop.answer(pages[:1], ReceiptState.FAILED)
    shop.answer(pages[1:], ReceiptState.ACCEPTED)
    again = shop.did(shop.desk.transmitter_back(shop.now))
    assert [page.id for page in again] == [pages[0].id]
    shop.answer(again, ReceiptState.ACCEPTED)
    assert shop.did(shop.desk.transmitter_back(shop.now)) == []


@pytest.mark.parametrize("state", [ReceiptState.UNKNOWN, ReceiptState.ACCEPTED, None])
def test_an_unknown_page_and_one_on_its_way_wait_for_the_ladder(
    open_shop: "Opener", state: ReceiptState | None
) -> None:
    shop = open_shop()
    pages = shop.press("exit-red")
    if state is not None:
        shop.answer(pages, state)
    assert shop.did(shop.desk.transmitter_back(shop.now)) == []
    assert pagers(shop.later(40)) == ["anna"]


def test_a_transmitter_that_is_back_sends_nothing_for_what_is_taken_or_over(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    for button in ("exit-red", "till-red"):
        shop.answer(shop.press(button), ReceiptState.FAILED)
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    shop.sleep(600)  # nobody has looked yet, and a2 is over
    assert shop.did(shop.desk.transmitter_back(shop.now)) == []


def test_a_page_that_went_out_is_not_undone_by_what_is_heard_later(open_shop: "Opener") -> None:
    shop = open_shop()
    pages = shop.press("exit-red")
    shop.answer(pages, ReceiptState.TRANSMITTED)
    shop.answer(pages, ReceiptState.FAILED)
    assert shop.did(shop.desk.transmitter_back(shop.now)) == []


def test_only_receipts_of_the_level_now_are_asked_about(open_shop: "Opener") -> None:
    shop = open_shop()
    first = shop.press("exit-red")
    second = shop.later(40)
    shop.answer(first, ReceiptState.FAILED)  # late: the ladder has gone on
    assert shop.only().receipts == {}
    shop.answer(second, ReceiptState.FAILED)
    assert shop.only().receipts == {second[0].id: ReceiptState.FAILED}
    shop.later(40)
    assert shop.only().receipts == {}


def test_what_is_told_of_a_case_changes_nobodys_way(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    told = CaseDescribed(alert="a1", by="Anna", severity=3, cause="product", note="K1")
    with pytest.raises(Refused) as refusal:
        shop.desk.tell(told, shop.now)
    assert refusal.value.code == "not_contacted"
    due = shop.desk.next_due_s(shop.now)
    for event in (
        CustomerNamed(alert="a1", by="Anna", customer="K2"),
        SecurityCalled(alert="a1", by="Anna"),
    ):
        decision = shop.desk.tell(event, shop.now)
        assert (decision.events, decision.pages, decision.cancelled) == ([event], [], [])
    assert shop.desk.next_due_s(shop.now) == due
    shop.did(shop.desk.contact("a1", "Anna", "page", shop.now))
    shop.did(shop.desk.tell(told, shop.now))
    shop.did(shop.desk.tell(CaseDescribed(alert="a1", by="Bo", severity=2), shop.now))
    alert = shop.only()
    assert (alert.severity, alert.mishap, alert.note, alert.customer) == (2, "product", "K1", "K2")
    assert alert.described is not None
    assert alert.security is not None
    assert (alert.described.by, alert.security.by) == ("Bo", "Anna")
    with pytest.raises(Refused) as refusal:
        shop.desk.tell(CaseDescribed(alert="a1", by="Anna", severity=9), shop.now)
    assert refusal.value.code == "bad_severity"


def test_a_customer_named_before_the_clock_is_set_costs_no_page(open_shop: "Opener") -> None:
    """An alert of before a restart waits for the time; what is told of it takes nothing away."""
    shop = open_shop()
    shop.press("exit-red")
    wall_ns = shop.now.wall_ns
    assert shop.reboot("boot-2", 30, synced=False) == []
    shop.did(shop.desk.tell(CustomerNamed(alert="a1", by="Anna", customer="K"), shop.now))
    shop.set_clock(wall_ns + 35 * NS_PER_S)
    assert [page.alert for page in shop.later(0)] == ["a1"]
