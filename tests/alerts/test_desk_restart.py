"""A restart in the middle: the ladder goes on where it was, and nothing old is paged as new."""

from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.config import Ladder
from gateway.events import AlertAcknowledged
from gateway.model import AlertState, Page, ReceiptState

if TYPE_CHECKING:
    from tests.alerts.conftest import Opener


S = 1_000_000_000
YEARS_NS = 30 * 365 * 86400 * S


def sent(pages: list[Page]) -> list[tuple[str, int]]:
    return [(page.pager, page.level) for page in pages]


@pytest.mark.parametrize("state", [ReceiptState.ACCEPTED, ReceiptState.TRANSMITTED])
def test_a_page_with_a_durable_receipt_is_not_sent_again(
    open_shop: "Opener", state: ReceiptState
) -> None:
    shop = open_shop()
    shop.answer(shop.press("exit-red"), state)
    shop.sleep(15)
    assert shop.restart() == []
    assert [(at_s, page.level) for at_s, page in shop.run(65)] == [(25.0, 1), (65.0, 2), (65.0, 2)]


@pytest.mark.parametrize("state", [ReceiptState.UNKNOWN, ReceiptState.FAILED, None])
def test_a_page_without_one_goes_out_once_more(
    open_shop: "Opener", state: ReceiptState | None
) -> None:
    shop = open_shop()
    pages = shop.press("exit-red")
    if state is not None:
        shop.answer(pages, state)
    shop.sleep(15)
    again = shop.restart()
    assert [page.id for page in again] == [page.id for page in pages]
    assert shop.later(1) == []


def test_only_the_pagers_that_were_not_reached_are_paged_again(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    _, dee = shop.later(80)
    shop.answer([dee], ReceiptState.ACCEPTED)
    assert sent(shop.restart()) == [("anna", 2)]


def test_a_step_that_came_due_meanwhile_takes_the_place_of_the_one_before(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(45)
    assert sent(shop.restart()) == [("anna", 1)]


def test_what_is_no_longer_fresh_is_missed_and_never_paged(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(600)
    assert shop.restart() == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_taken_alert_comes_back_at_its_time_after_a_restart(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    shop.sleep(500)
    assert shop.restart() == []
    assert [at_s for at_s, _ in shop.run(400)] == [400.0]


def test_what_was_pressed_before_the_journal_was_read_stands(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.press("till-red")
    before = shop.desk.alerts()
    shop.forget()
    (page,) = shop.press("exit-call")
    behind = shop.only()
    shop.answer([page], ReceiptState.ACCEPTED)
    ahead = shop.only()
    assert ahead != behind
    assert sent(shop.did(shop.desk.restore([*before, behind], shop.now))) == [
        ("anna", 0),
        ("bo", 0),
    ]
    assert shop.desk.alerts() == (*before, ahead)  # the oldest first


# --- across boots ------------------------------------------------------------------------------


def test_with_both_clocks_set_the_ladder_goes_on_after_a_power_cut(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.answer(shop.press("exit-red"), ReceiptState.ACCEPTED)
    assert sent(shop.reboot("boot-2", off_s=30, synced=True, uptime_s=20)) == [("anna", 1)]
    assert [at_s for at_s, _ in shop.run(30)] == [30.0, 30.0]


def test_with_both_clocks_set_what_is_old_is_missed(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    assert shop.reboot("boot-2", off_s=600, synced=True) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_nothing_is_paged_while_nobody_knows_the_age_and_then_it_goes_on(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    there = shop.now.wall_ns
    assert shop.reboot("boot-2", off_s=10, synced=False, uptime_s=5) == []
    assert shop.desk.next_page_s(shop.only(), shop.now) is None
    assert shop.did(shop.desk.transmitter_back(shop.now)) == []
    assert shop.run(20) == []
    assert shop.desk.next_due_s(shop.now) == 5
    shop.set_clock(there + 50 * S)
    assert sent(shop.later(5)) == [("anna", 1)]  # it looks again by itself
    assert [at_s for at_s, _ in shop.run(25)] == [25.0, 25.0]


def test_a_level_without_a_receipt_goes_out_once_the_clock_is_set(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    there = shop.now.wall_ns
    shop.reboot("boot-2", off_s=5, synced=False, uptime_s=5)
    shop.set_clock(there + 10 * S)
    assert sent(shop.did(shop.desk.advance(shop.now))) == [("anna", 0)]
    assert shop.did(shop.desk.advance(shop.now)) == []


def test_an_alert_of_unknown_age_is_missed_once_this_boot_alone_is_too_long(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.reboot("boot-2", off_s=10, synced=False, uptime_s=20)
    assert shop.run(579) == []
    assert shop.only().state is AlertState.OPEN
    assert shop.run(1) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_an_alert_of_a_clock_that_was_never_set_is_not_guessed_at(open_shop: "Opener") -> None:
    shop = open_shop(synced=False)
    shop.press("exit-red")
    assert shop.reboot("boot-2", off_s=10, synced=True) == []
    assert shop.run(600) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_an_alert_of_unknown_age_can_be_taken_and_a_new_press_is_new(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-call")
    shop.reboot("boot-2", off_s=10, synced=False, uptime_s=5)
    assert sent(shop.press("exit-call")) == [("anna", 0)]
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    event, _ = shop.log[-1]
    assert isinstance(event, AlertAcknowledged)
    assert event.after_s is None  # nobody knows
    assert shop.desk.alert("a1").state is AlertState.ACKNOWLEDGED


def test_one_of_unknown_age_that_was_taken_comes_back_with_one_page(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.reboot("boot-2", off_s=10, synced=False, uptime_s=20)
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert [(at_s, page.level) for at_s, page in shop.run(900)] == [(900.0, 0)]
    assert shop.later(1) == []


def test_a_taken_alert_of_unknown_age_comes_back_to_the_board_and_pages_nobody(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    shop.reboot("boot-2", off_s=10, synced=False, uptime_s=20)
    assert shop.run(880) == []
    assert (shop.only().state, shop.only().quiet) == (AlertState.OPEN, True)
    assert shop.run(600) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_taken_alert_of_days_ago_is_missed_and_pages_nobody(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert shop.reboot("boot-2", off_s=3 * 86400, synced=True) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_taken_alert_that_came_due_while_the_box_was_off_comes_back(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    pages = shop.reboot("boot-2", off_s=1000, synced=True)
    assert [(page.level, page.text) for page in pages] == [(0, "Again 17min exit: exit-red")]


# --- clocks that jump --------------------------------------------------------------------------


@pytest.mark.parametrize("jump_ns", [-YEARS_NS, YEARS_NS])
def test_a_wall_clock_that_jumps_by_years_is_nothing(open_shop: "Opener", jump_ns: int) -> None:
    shop = open_shop(Ladder(fresh_s=100))
    shop.press("exit-red")
    shop.sleep(10)
    shop.now = msgspec.structs.replace(shop.now, wall_ns=shop.now.wall_ns + jump_ns)
    assert [(at_s, page.level) for at_s, page in shop.run(70)] == [(30.0, 1), (70.0, 2), (70.0, 2)]
    shop.restart()
    shop.run(20)
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_clock_that_goes_back_across_boots_makes_no_old_alert_new(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.reboot("boot-2", off_s=-YEARS_NS / S, synced=True, uptime_s=700)
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_shop_that_changed_its_buttons_still_answers_the_alert(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    left = tuple(each for each in shop.config.buttons if each.name != "exit-red")
    shop.config = msgspec.structs.replace(shop.config, buttons=left)
    (page,) = shop.restart()
    assert page.text == "exit: exit 12:00"
    assert sent(shop.press("exit-sad")) == [("anna", 0)]  # its panel is not known any more
