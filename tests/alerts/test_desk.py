"""The desk, rule by rule: what raises an alert, who is paged when, and how it ends."""

from typing import TYPE_CHECKING

import pytest

from gateway.config import Hours, Ladder, Step
from gateway.events import (
    AlertClimbed,
    AlertMissed,
    AlertRaised,
)
from gateway.model import (
    AlertCause,
    AlertState,
    Label,
    Page,
    Press,
    PressFlag,
    Priority,
)

if TYPE_CHECKING:
    from tests.alerts.conftest import Opener


DAYTIME = (Hours(days=("mon",), open="09:00", close="21:00"),)
TO_CLOSING_S = 9 * 3600


def pagers(pages: list[Page]) -> list[str]:
    return [page.pager for page in pages]


# --- what raises an alert ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "cause", "priority", "pager"),
    [
        ("exit-red", AlertCause.RED, Priority.ALARM, "anna"),
        ("exit-sad", AlertCause.RED, Priority.ALARM, "anna"),
        ("exit-call", AlertCause.CALL, Priority.HIGH, "anna"),
        ("till-why", AlertCause.REASON, Priority.HIGH, "bo"),
    ],
)
def test_a_press_that_must_be_answered_pages_its_zone_at_once(
    open_shop: "Opener", button: str, cause: AlertCause, priority: Priority, pager: str
) -> None:
    shop = open_shop()
    (page,) = shop.press(button)
    assert (page.pager, page.priority, page.kind, page.level) == (pager, priority, cause, 0)
    alert = shop.only()
    assert (alert.id, alert.cause, alert.state) == (page.alert, cause, AlertState.OPEN)


@pytest.mark.parametrize("button", ["exit-happy", "exit-why"])
def test_a_green_and_a_reason_that_does_not_page_raise_nothing(
    open_shop: "Opener", button: str
) -> None:
    shop = open_shop()
    assert shop.press(button) == []
    assert shop.desk.alerts() == ()


@pytest.mark.parametrize("flag", list(PressFlag))
def test_a_press_that_does_not_count_raises_nothing(open_shop: "Opener", flag: PressFlag) -> None:
    shop = open_shop()
    assert shop.press("exit-red", flag) == []
    assert shop.desk.next_due_s(shop.now) is None


def test_a_button_that_is_not_configured_is_an_error_and_not_a_silence(open_shop: "Opener") -> None:
    shop = open_shop()
    button = next(each for each in shop.config.buttons if each.kind.is_red)
    with pytest.raises(KeyError):
        shop.desk.press(Press("gone", button.kind, button.zone), shop.now)


def test_an_alert_of_no_button_is_called_after_its_zone(open_shop: "Opener") -> None:
    shop = open_shop()
    event = AlertRaised(alert="rule-1", cause=AlertCause.PATTERN, zone="till", level=0)
    (page,) = shop.did(shop.desk.raise_alert(event, shop.now))
    assert (page.pager, page.kind) == ("bo", AlertCause.PATTERN)
    assert shop.desk.label(shop.only()) == Label(ru="till", en="till")


# --- one incident per burst --------------------------------------------------------------------


def test_reds_of_one_panel_are_one_incident_while_they_come_close_together(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-red")
    for _ in range(3):
        shop.sleep(30)
        assert shop.press("exit-sad") == []
    assert shop.only().presses == 4
    shop.sleep(30.001)
    assert pagers(shop.press("exit-red")) == ["anna"]
    assert len(shop.desk.alerts()) == 2


def test_a_red_at_another_point_is_another_incident(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    assert pagers(shop.press("till-red")) == ["bo"]


@pytest.mark.parametrize("reason", ["exit-why", "till-why"])
def test_a_reason_after_a_red_on_its_panel_joins_it(open_shop: "Opener", reason: str) -> None:
    shop = open_shop()
    shop.press(f"{reason.partition('-')[0]}-red")
    shop.sleep(5)
    assert shop.press(reason) == []
    assert shop.only().presses == 2


def test_a_red_after_a_reason_still_pages_as_a_red(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("till-why")
    (page,) = shop.press("till-red")
    assert page.priority is Priority.ALARM


def test_a_reason_does_not_join_a_call(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-call")
    shop.press("exit-why")
    assert shop.only().presses == 1


def test_a_call_pressed_again_while_it_is_open_is_the_same_call(
    open_shop: "Opener",
) -> None:
    shop = open_shop()
    shop.press("exit-call")
    shop.later(300)
    assert shop.press("exit-call") == []
    assert pagers(shop.press("till-call")) == ["bo"]
    assert [alert.presses for alert in shop.desk.alerts()] == [2, 1]


def test_a_call_pressed_long_after_it_was_taken_is_a_new_one(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-call")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    shop.sleep(20)
    assert shop.press("exit-call") == []  # still the same impatience
    shop.sleep(31)
    assert pagers(shop.press("exit-call")) == ["anna"]


def test_a_press_never_joins_what_is_over_though_nobody_has_looked_yet(open_shop: "Opener") -> None:
    shop = open_shop(Ladder(burst_s=3600))
    for button in ("exit-call", "till-red"):
        shop.press(button)
    shop.sleep(600)
    assert pagers(shop.press("exit-call")) == ["anna"]
    assert pagers(shop.press("till-red")) == ["bo"]


# --- quiet outside hours -----------------------------------------------------------------------


def test_outside_hours_an_alert_is_shown_and_not_paged(open_shop: "Opener") -> None:
    shop = open_shop(hours=DAYTIME)
    shop.sleep(TO_CLOSING_S)
    assert shop.press("exit-red") == []
    assert (shop.only().quiet, shop.only().level) == (True, -1)
    assert shop.desk.next_page_s(shop.only(), shop.now) is None
    assert shop.run(3600) == []
    assert shop.folded()["a1"].state is AlertState.MISSED
    assert shop.folded()["a1"].quiet


def test_a_button_that_pages_when_closed_does(open_shop: "Opener") -> None:
    shop = open_shop(hours=DAYTIME)
    shop.sleep(TO_CLOSING_S)
    assert pagers(shop.press("safe-red")) == ["anna"]


def test_a_clock_that_is_not_set_closes_no_shop(open_shop: "Opener") -> None:
    shop = open_shop(hours=(Hours(days=("sun",), open="09:00", close="09:01"),), synced=False)
    assert pagers(shop.press("exit-red")) == ["anna"]


def test_the_first_red_after_opening_pages_though_one_was_quiet_just_before(
    open_shop: "Opener",
) -> None:
    shop = open_shop(hours=(Hours(days=("mon",), open="12:01", close="21:00"),))
    shop.sleep(50)
    assert shop.press("exit-red") == []
    shop.sleep(10)
    assert pagers(shop.press("exit-red")) == ["anna"]


def test_a_red_repeated_over_the_opening_counts_once(open_shop: "Opener") -> None:
    """The filter calls it a repeat of the one just before; the first one inside always alerts."""
    shop = open_shop(hours=(Hours(days=("mon",), open="12:01", close="21:00"),))
    shop.sleep(58)
    assert shop.press("exit-red") == []
    shop.sleep(1)
    assert shop.press("exit-red", PressFlag.REPEAT) == []
    shop.sleep(2)
    assert pagers(shop.press("exit-red", PressFlag.REPEAT)) == ["anna"]
    shop.sleep(1)
    assert shop.press("exit-red", PressFlag.REPEAT) == []
    assert [alert.quiet for alert in shop.desk.alerts()] == [True, False]


def test_a_flag_without_a_quiet_press_before_it_pages_nobody(open_shop: "Opener") -> None:
    shop = open_shop(hours=(Hours(days=("mon",), open="12:01", close="21:00"),))
    shop.sleep(50)
    assert shop.press("exit-red") == []
    shop.sleep(12)
    for flag in PressFlag:
        assert shop.press("exit-red", flag) == []
    assert shop.press("till-red", PressFlag.REPEAT) == []


def test_an_alert_raised_before_closing_climbs_on_after_it(open_shop: "Opener") -> None:
    shop = open_shop(hours=DAYTIME)
    shop.sleep(TO_CLOSING_S - 20)
    shop.press("exit-red")
    assert pagers(shop.later(40)) == ["anna"]


def test_what_comes_back_after_closing_is_shown_and_not_paged(open_shop: "Opener") -> None:
    shop = open_shop(hours=DAYTIME)
    shop.sleep(TO_CLOSING_S - 20)
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert shop.later(900) == []
    assert (shop.only().state, shop.only().quiet) == (AlertState.OPEN, True)
    assert shop.run(3600) == []
    assert shop.desk.alerts() == ()


def test_a_quiet_alert_that_someone_took_climbs_if_it_comes_back_in_hours(
    open_shop: "Opener",
) -> None:
    shop = open_shop(hours=(Hours(days=("mon",), open="12:01", close="21:00"),))
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert pagers(shop.later(900)) == ["anna"]
    assert [page.level for _, page in shop.run(80)] == [1, 2, 2]


# --- the ladder --------------------------------------------------------------------------------


def test_an_alert_climbs_until_its_freshness_is_over_and_is_missed(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    climb = [(at_s, page.pager) for at_s, page in shop.run(700)]
    everyone = ("anna", "bo", "dee")
    expected = [(40.0, "anna"), (80.0, "anna"), (80.0, "dee")]
    expected += [(float(at_s), pager) for at_s in range(120, 600, 40) for pager in everyone]
    assert climb == expected
    assert shop.desk.alerts() == ()
    assert shop.cancelled == ["a1"]
    event, at = shop.log[-1]
    assert isinstance(event, AlertMissed)
    assert at.mono_ns - shop.log[0][1].mono_ns == 600 * 10**9


def test_a_late_look_takes_only_the_highest_step(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    assert {page.level for page in shop.later(125)} == {3}
    climbs = [event.level for event, _ in shop.log if isinstance(event, AlertClimbed)]
    assert climbs == [3]


def test_a_look_long_after_its_time_pages_nobody(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    assert shop.later(100_000) == []
    assert shop.folded()["a1"].state is AlertState.MISSED


def test_a_first_step_may_wait(open_shop: "Opener") -> None:
    shop = open_shop(Ladder(steps=(Step(after_s=20, to=("zone",)),), repeat_s=30))
    assert shop.press("exit-red") == []
    assert shop.only().level == -1
    assert shop.desk.next_page_s(shop.only(), shop.now) == 20
    assert [(at_s, page.level) for at_s, page in shop.run(60)] == [(20.0, 0), (50.0, 1)]


def test_what_comes_back_does_not_wait_for_a_first_step(open_shop: "Opener") -> None:
    shop = open_shop(Ladder(steps=(Step(after_s=20, to=("zone",)),), repeat_s=30))
    shop.press("exit-red")
    shop.did(shop.desk.acknowledge("a1", "Anna", "page", shop.now))
    assert [(at_s, page.level) for at_s, page in shop.run(960)] == [(900.0, 0), (950.0, 1)]


def test_the_next_page_is_told_until_there_is_none(open_shop: "Opener") -> None:
    shop = open_shop()
    shop.press("exit-red")
    shop.sleep(15)
    assert shop.desk.next_page_s(shop.only(), shop.now) == 25
    shop.run(550)
    assert shop.desk.next_page_s(shop.only(), shop.now) is None  # the next thing is that it ends
    assert shop.desk.next_due_s(shop.now) == 35


def test_the_text_is_the_steps_own_or_tells_how_high_it_has_climbed(open_shop: "Opener") -> None:
    shop = open_shop()
    texts = [page.text for page in shop.press("exit-red")]
    texts += [page.text for _, page in shop.run(80) if page.pager == "anna"]
    assert texts == [
        "exit: exit-red 12:00",
        "Again 40s exit: exit-red",
        "No answer 1min exit: exit-red",
    ]
