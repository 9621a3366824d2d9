"""An answer that is taken back: the ladder goes on as if nobody had said it."""

from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.alerts.desk import Decision
from gateway.clock import NS_PER_S
from gateway.config import Ladder, Step
from gateway.errors import Refused
from gateway.events import (
    AlertClimbed,
    AlertMissed,
    AlertResolved,
    AlertReturned,
    AnswerStood,
    AnswerWithdrawn,
    CaseDescribed,
    CustomerNamed,
    Record,
)
from gateway.model import AlertState, Outcome, Page, ReceiptState
from gateway.sync.mapping import CURRENT, actions_of

if TYPE_CHECKING:
    from tests.alerts.conftest import Floorless, Opener

GOES = AnswerStood(
    alert="a1", by="Anna", state=AlertState.ACKNOWLEDGED, account="acc-anna", after_s=0.0
)
MEETS = msgspec.structs.replace(GOES, state=AlertState.CONTACTED)


def go(shop: "Floorless", by: str = "Anna") -> None:
    shop.did(shop.desk.acknowledge("a1", by, "page", shop.now))


def answered(open_shop: "Opener") -> "Floorless":
    """A shop with one alert, to which Anna goes."""
    shop = open_shop()
    shop.press("exit-red")
    go(shop)
    return shop


def meet(shop: "Floorless", by: str = "Anna") -> None:
    shop.did(shop.desk.contact("a1", by, "page", shop.now))


def undo(shop: "Floorless", by: str = "Anna") -> list[Page]:
    return shop.did(shop.desk.withdraw("a1", by, shop.now))


def why_not(shop: "Floorless", by: str = "Anna") -> str:
    """The code of the refusal; nothing has changed by it."""
    before = shop.desk.alerts()
    with pytest.raises(Refused) as refusal:
        shop.desk.withdraw("a1", by, shop.now)
    assert shop.desk.alerts() == before
    return refusal.value.code


def earned(shop: "Floorless") -> list[tuple[str, str]]:
    """Whom the server would pay for what, staff alone."""
    actions = [
        action
        for seq, (event, at) in enumerate(shop.log, 1)
        for action in actions_of(
            Record(
                device="box",
                epoch="E",
                seq=seq,
                at=at,
                mapping=CURRENT,
                account="acc-shop",
                event=event,
            )
        )
    ]
    return [(each.account, each.action) for each in actions if each.account != "acc-shop"]


# --- the ladder --------------------------------------------------------------------------------


def test_the_next_step_comes_at_its_own_time_as_if_nobody_had_gone(open_shop: "Opener") -> None:
    slip, other = open_shop(), open_shop()
    for shop in (slip, other):
        shop.answer(shop.press("exit-red"), ReceiptState.ACCEPTED)
        shop.run(20)
    go(slip)
    for shop in (slip, other):
        assert shop.run(9.5) == []
    assert undo(slip) == []
    assert slip.log[-1][0] == AnswerWithdrawn(alert="a1", by="Anna", state=AlertState.OPEN)
    assert slip.only() == other.only()
    assert slip.run(600) == other.run(600)
    assert slip.folded() == other.folded()


def test_a_step_whose_time_has_passed_meanwhile_comes_at_once_and_no_other_twice(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.run(38)
    go(shop)
    shop.run(5)
    pages = undo(shop)
    assert [(page.pager, page.level) for page in pages] == [("anna", 1)]
    assert [type(event) for event, _ in shop.log[-2:]] == [AnswerWithdrawn, AlertClimbed]
    assert [(at_s, page.level) for at_s, page in shop.run(38)] == [(37.0, 2), (37.0, 2)]


def test_what_was_no_longer_fresh_by_then_is_missed(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.run(595)
    go(shop)
    shop.run(6)
    assert undo(shop) == []
    assert [type(event) for event, _ in shop.log[-2:]] == [AnswerWithdrawn, AlertMissed]
    assert shop.desk.alerts() == ()


def test_pages_that_it_took_out_of_the_queues_go_there_again(open_shop: "Opener") -> None:
    shop = open_shop(Ladder(steps=(Step(after_s=0, to=("everyone",)),)))
    pages = shop.press("exit-red")
    assert len(pages) == 3
    go(shop)
    shop.desk.cancelled("a1", pages[1:])  # the first is on the line
    shop.sleep(3)
    assert undo(shop) == pages[1:]
    go(shop)
    shop.desk.cancelled("a1", [])
    assert undo(shop) == []


def test_what_it_took_out_is_forgotten_once_it_stands(open_shop: "Opener") -> None:
    shop = open_shop()
    pages = shop.press("exit-red")
    go(shop)
    shop.desk.cancelled("a1", pages)
    shop.run(10)
    meet(shop)
    assert undo(shop) == []
    assert shop.only().state is AlertState.ACKNOWLEDGED


def test_an_alert_that_waits_for_the_clock_is_paged_once_that_is_set(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    wall_ns = shop.now.wall_ns
    assert shop.reboot("boot-2", 30, synced=False) == []
    go(shop)
    shop.set_clock(wall_ns + 35 * NS_PER_S)
    assert shop.later(0) == []
    assert [page.id for page in undo(shop)] == ["a1.0.0.anna"]


def test_a_quiet_alert_stays_quiet(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    shop.run(900)
    quiet = msgspec.structs.replace(shop.only(), quiet=True)
    shop.forget()
    shop.did(shop.desk.restore([quiet], shop.now))
    go(shop)
    assert undo(shop) == []
    assert shop.only() == quiet


# --- what it goes back to ----------------------------------------------------------------------


def test_who_is_with_the_customer_after_all_is_not_is_on_the_way_again(
    open_shop: "Opener",
) -> None:
    shop = answered(open_shop)
    shop.run(100)
    before = shop.only()
    meet(shop)
    shop.run(9)
    assert undo(shop) == []
    assert shop.only() == before
    assert [at_s for at_s, _ in shop.run(800)] == [791.0]  # 900 s after the word that stands


def test_contact_said_at_once_goes_back_to_open(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    before = shop.only()
    meet(shop, "Bo")
    undo(shop, "Bo")
    assert shop.only() == before


def test_a_taken_alert_whose_time_was_up_meanwhile_comes_back_at_once(
    open_shop: "Opener",
) -> None:
    shop = answered(open_shop)
    shop.run(895)
    meet(shop)
    shop.run(6)
    assert [page.level for page in undo(shop)] == [0]
    assert isinstance(shop.log[-1][0], AlertReturned)


def test_somebody_else_may_take_it_then(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    undo(shop)
    go(shop, "Bo")
    assert why_not(shop) == "not_your_answer"
    shop.run(10)
    assert earned(shop) == []  # Bo has no account
    assert shop.log[-1][0] == msgspec.structs.replace(GOES, by="Bo", account=None)


# --- when it is refused ------------------------------------------------------------------------


def test_only_for_ten_seconds_and_only_by_the_same_person(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    shop.sleep(9.999)
    assert why_not(shop, "Bo") == "not_your_answer"
    shop.sleep(0.001)
    assert why_not(shop) == "answer_stands"
    shop.later(0)
    assert shop.log[-1][0] == GOES
    assert shop.only().answer is None
    assert why_not(shop) == "answer_stands"


def test_a_jump_of_the_wall_clock_is_no_passing_of_time(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    shop.set_clock(shop.now.wall_ns + 3600 * NS_PER_S)
    shop.later(1)
    undo(shop)
    assert shop.only().state is AlertState.OPEN


def test_of_an_open_alert_nothing_is_taken_back_and_of_an_ended_one_neither(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    assert shop.desk.withdraw("a1", "Anna", shop.now) == Decision()
    shop.did(shop.desk.resolve("a1", "Anna", Outcome.LEFT, shop.now))
    assert why_not(shop) == "unknown_alert"


@pytest.mark.parametrize("told", ["named", "granted", "met and unmet"])
def test_not_once_more_was_said_or_done_about_it(open_shop: "Opener", told: str) -> None:
    shop = answered(open_shop)
    if told == "named":
        shop.did(shop.desk.tell(CustomerNamed(alert="a1", by="Bo", customer="K"), shop.now))
    elif told == "granted":
        shop.did(shop.desk.settle("a1", shop.now))
    else:
        meet(shop)
        undo(shop)
    assert why_not(shop) == "answer_stands"
    stood = [event for event, _ in shop.log if isinstance(event, AnswerStood)]
    assert stood == [GOES]


def test_another_press_of_the_same_burst_is_nothing_that_staff_did(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    shop.sleep(2)
    shop.press("exit-sad")
    undo(shop)
    assert (shop.only().state, shop.only().presses) == (AlertState.OPEN, 2)


def test_not_after_a_restart_and_the_answer_stands_by_then(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    shop.sleep(1)
    shop.restart()
    assert shop.log[-1][0] == GOES
    assert why_not(shop) == "answer_stands"
    shop.restart()
    shop.run(60)
    assert earned(shop) == [("acc-anna", "AlertAnswered"), ("acc-anna", "AlertAnsweredInTime")]


def test_what_a_button_on_the_wall_says_stands_at_once(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge_oldest("exit", "button:exit", shop.now))
    assert why_not(shop, "button:exit") == "answer_stands"
    shop.did(shop.desk.contact_oldest("exit", "button:exit", shop.now))
    assert why_not(shop, "button:exit") == "answer_stands"
    shop.run(60)
    assert not [event for event, _ in shop.log if isinstance(event, AnswerStood)]


# --- what it is worth --------------------------------------------------------------------------


def test_said_and_taken_back_as_often_as_one_likes_it_counts_once(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    for _ in range(5):
        go(shop)
        undo(shop)
    assert earned(shop) == []
    go(shop)
    for _ in range(5):
        meet(shop)
        undo(shop)
    assert earned(shop) == [("acc-anna", "AlertAnswered"), ("acc-anna", "AlertAnsweredInTime")]
    meet(shop)
    shop.run(10)
    assert earned(shop)[2:] == [("acc-anna", "CustomerContacted")]
    shop.run(60)
    assert len(earned(shop)) == 3


def test_what_is_said_next_makes_it_stand_first(open_shop: "Opener") -> None:
    shop = answered(open_shop)
    meet(shop)
    shop.did(shop.desk.tell(CaseDescribed(alert="a1", by="Anna", severity=2), shop.now))
    meet(shop)
    shop.did(shop.desk.resolve("a1", "Anna", Outcome.RECOVERED, shop.now))
    kinds = [type(event).__name__ for event, _ in shop.log[1:]]
    assert kinds == [
        "AlertAcknowledged",
        "AnswerStood",
        "AlertContacted",
        "AnswerStood",
        "CaseDescribed",
        "AlertResolved",
    ]
    assert [event for event, _ in shop.log if isinstance(event, AnswerStood)] == [GOES, MEETS]
    assert isinstance(shop.log[-1][0], AlertResolved)
    assert [action for _, action in earned(shop)] == [
        "AlertAnswered",
        "AlertAnsweredInTime",
        "CustomerContacted",
        "CustomerRecovered",
    ]


def test_it_counts_from_when_it_was_said(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.run(35)
    go(shop)
    shop.run(10)
    event, at = shop.log[-1]
    assert event == msgspec.structs.replace(GOES, after_s=35.0)
    assert at == shop.now
