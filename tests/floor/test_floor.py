"""From an edge to the lane and the journal: a page waits for nothing."""

from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertRaised,
    AnyEvent,
    FaultCleared,
    FaultRaised,
)
from gateway.events import Pressed as PressedEvent
from gateway.inputs.indicators import State
from gateway.inputs.verdicts import Pressed
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    Press,
    PressFlag,
)

if TYPE_CHECKING:
    from tests.floor.conftest import Rig

# --- a press -----------------------------------------------------------------------------------


async def test_a_page_reaches_the_lane_before_the_edge_is_done_with(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    (page,) = rig.pages
    assert (page.pager, page.alert, page.level) == ("anna", "a0", 0)
    assert rig.log == [page]  # the journal has not been troubled yet


async def test_an_answer_is_listened_for_once_the_page_has_had_time_to_leave(rig: "Rig") -> None:
    rig.open()
    roused = rig.roused
    rig.edge("red", active=True)
    assert rig.roused == roused
    await rig.until(lambda: rig.roused > roused)


async def test_what_led_to_a_page_is_recorded_at_once_where_somebody_asks(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    (page,) = rig.pages
    rig.floor.settle()
    (first, group) = rig.log
    assert first == page
    assert isinstance(group, tuple)
    assert [type(event) for event in group] == [PressedEvent, AlertRaised]
    rig.floor.settle()
    assert len(rig.log) == 2


async def test_pages_go_on_though_the_journal_never_commits(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    await rig.until(lambda: len(rig.pages) == 2)
    assert [page.level for page in rig.pages] == [0, 1]
    await rig.event(AlertClimbed)
    assert rig.futures
    assert not any(future.done() for future in rig.futures)


async def test_the_press_and_its_alert_are_recorded_together_in_their_order(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    await rig.event(AlertRaised)
    group = next(entry for entry in rig.log if isinstance(entry, tuple))
    assert [type(event) for event in group] == [PressedEvent, AlertRaised]
    assert rig.changes == len(rig.futures)


async def test_a_press_that_does_not_count_is_recorded_with_its_reason(rig: "Rig") -> None:
    rig.open()
    for active, ago_ms in ((True, 900), (False, 800), (True, 500), (False, 400)):
        rig.edge("red", active, ago_ms)
    await rig.until(lambda: len(rig.events) >= 3)
    presses = [event for event in rig.events if isinstance(event, PressedEvent)]
    assert [press.flag for press in presses] == [None, PressFlag.REPEAT]
    assert len({page.alert for page in rig.pages}) == 1


@pytest.mark.parametrize("name", ["ack", "setup"])
async def test_what_was_no_press_of_a_staff_button_is_recorded_too(rig: "Rig", name: str) -> None:
    rig.open()
    flagged = Press(name, ButtonKind.ACKNOWLEDGE, "exit", PressFlag.GLITCH)
    rig.floor._take([Pressed(flagged, rig.clock.mono_ns(), count=7)])
    (event,) = [event for event in rig.events if isinstance(event, PressedEvent)]
    assert (event.button, event.flag, event.count) == (name, PressFlag.GLITCH, 7)
    rig.floor._take([Pressed(msgspec.structs.replace(flagged, flag=None), rig.clock.mono_ns())])
    assert len([event for event in rig.events if isinstance(event, PressedEvent)]) == 1
    assert rig.pages == []


async def test_events_are_recorded_in_the_order_of_what_happened(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True, ago_ms=200)
    rig.edge("green", active=True)  # pages nobody: nothing is held back behind it
    kinds = [event.kind for event in rig.events if isinstance(event, PressedEvent)]
    assert kinds == [ButtonKind.VERY_UNHAPPY, ButtonKind.VERY_HAPPY]


async def test_a_button_held_while_the_box_woke_pages_when_it_is_let_go(rig: "Rig") -> None:
    rig.open(red=True)
    rig.edge("red", active=False)
    await rig.until(lambda: rig.pages)


async def test_a_line_that_is_stuck_is_a_fault_until_it_opens(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True, ago_ms=11_000)
    fault = await rig.event(FaultRaised)
    assert fault == FaultRaised(part="button/red", words="the line is stuck")
    rig.edge("red", active=False)
    assert await rig.event(FaultCleared) == FaultCleared(part="button/red")
    assert {page.level for page in rig.pages} <= {0, 1}  # its press stands


async def test_who_watches_hears_of_presses_until_he_stops(rig: "Rig") -> None:
    rig.open()
    seen: list[Pressed] = []
    stop = rig.floor.watch_presses(seen.append)
    rig.edge("green", active=True)
    stop()
    rig.edge("red", active=True)
    assert [verdict.press.button for verdict in seen] == ["green"]


async def test_who_watches_hears_of_a_press_once_its_page_has_had_time_to_leave(
    rig: "Rig",
) -> None:
    rig.open()
    seen: list[Pressed] = []
    rig.floor.watch_presses(seen.append)
    rig.edge("red", active=True)
    assert rig.pages
    assert not seen
    await rig.until(lambda: bool(seen))
    assert [verdict.press.button for verdict in seen] == ["red"]


async def test_what_a_watcher_makes_of_a_press_is_recorded_with_it_and_behind_it(
    rig: "Rig",
) -> None:
    rig.open()
    found = AlertRaised(alert="p1", cause=AlertCause.PATTERN, zone="exit", level=0)

    def watch(_: Pressed) -> None:
        now = rig.clock.now()
        rig.floor.carry_out(rig.floor.desk.raise_alert(found, now), now)

    rig.floor.watch_presses(watch)
    rig.edge("red", active=True)
    rig.floor.settle()
    rig.floor.settle()
    assert [type(event) for event in rig.events] == [PressedEvent, AlertRaised, AlertRaised]
    assert rig.events[-1] == found


# --- the buttons of staff ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_ms", "state", "kind"),
    [
        (300, AlertState.ACKNOWLEDGED, AlertAcknowledged),
        (1500, AlertState.CONTACTED, AlertContacted),
    ],
)
async def test_the_acknowledge_button_takes_the_alert_and_held_long_says_contact(
    rig: "Rig", held_ms: int, state: AlertState, kind: type[AnyEvent]
) -> None:
    rig.open()
    rig.edge("red", active=True, ago_ms=5)
    rig.edge("ack", active=True, ago_ms=held_ms + 100)
    rig.edge("ack", active=False, ago_ms=100)
    event = await rig.event(kind)
    assert isinstance(event, AlertAcknowledged | AlertContacted)
    assert (event.alert, event.by) == ("a0", "button:ack")
    (alert,) = rig.floor.desk.alerts()
    assert alert.state is state
    assert "cancel a0" in rig.log
    presses = [event for event in rig.events if isinstance(event, PressedEvent)]
    assert [press.kind for press in presses] == [ButtonKind.VERY_UNHAPPY]


async def test_the_set_up_button_raises_and_records_nothing(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True, ago_ms=5)
    rig.edge("setup", active=True, ago_ms=40)
    rig.edge("setup", active=False)
    await rig.until(lambda: rig.lights[14] == [True, False])
    (alert,) = rig.floor.desk.alerts()
    assert alert.state is AlertState.OPEN


# --- indicators --------------------------------------------------------------------------------


async def test_the_customer_sees_that_the_press_has_registered(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    assert rig.pages
    assert rig.lights[11] == []  # the page has the processor first
    await rig.until(lambda: rig.lights[11] == [True, False])


async def test_what_the_filter_waits_for_comes_though_a_page_is_leaving(rig: "Rig") -> None:
    rig.open()
    rig.edge("red", active=True)
    rig.edge("ack", active=True)
    rig.edge("ack", active=False)  # a release is believed 30 ms later
    await rig.event(AlertAcknowledged)


async def test_the_fault_led_tells_the_state(rig: "Rig") -> None:
    rig.open()
    rig.floor.show_state(State.TRANSMITTER_FAULT)
    await rig.until(lambda: rig.lights[9][:3] == [True, False, True])
