"""One filter after another within a moment, as settings are applied: a press stays one press."""

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.filter import LEFT_NS, PressFilter
from gateway.inputs.health import FaultKind
from gateway.inputs.verdicts import LineFault, LineHealed, Pressed, Released, SetupHeld, Verdict
from gateway.model import ButtonKind, Label, PressFlag

MS = 1_000_000
BEGAN_MS, LEFT_MS, WOKE_MS = 1000, 2000, 2100


class Lives:
    """Two filters, one after the other; times are in milliseconds."""

    def __init__(self) -> None:
        self.label = Label(ru="кнопка", en="button")
        self.buttons = {
            kind: Button(name=kind.value, pin=pin, kind=kind, label=self.label)
            for pin, kind in enumerate(ButtonKind)
        }
        self.filter = self.made()
        self.verdicts: list[Verdict] = []

    def made(self) -> PressFilter:
        return PressFilter(self.buttons.values(), Inputs())

    def edge(self, kind: ButtonKind, at_ms: int, *, active: bool) -> None:
        name = self.buttons[kind].name
        self.verdicts += self.filter.edge(name, active=active, at_ns=at_ms * MS)

    def until(self, at_ms: int) -> None:
        self.verdicts += self.filter.advance(at_ms * MS)

    def start_anew(self, *down: ButtonKind, left_ms: int = LEFT_MS, woke_ms: int = WOKE_MS) -> None:
        """Go on with another filter, where these are down when it wakes."""
        self.until(left_ms)
        left = self.filter.left(left_ms * MS)
        self.filter = self.made()
        for kind, button in self.buttons.items():
            self.filter.begin(button.name, active=kind in down, at_ns=woke_ms * MS, left=left)

    @property
    def presses(self) -> list[tuple[str, int, PressFlag | None]]:
        """Button, leading edge in ms, flag."""
        told = [each for each in self.verdicts if isinstance(each, Pressed)]
        return [(each.press.button, each.at_ns // MS, each.press.flag) for each in told]


RED, GREEN = ButtonKind.VERY_UNHAPPY, ButtonKind.VERY_HAPPY
ACK, SETUP = ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP


@pytest.fixture
def lives() -> Lives:
    return Lives()


def test_a_press_that_is_held_meanwhile_is_one(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew(RED)
    lives.edge(RED, 3000, active=False)
    lives.until(60_000)
    assert lives.presses == [("very_unhappy", BEGAN_MS, None)]
    assert len(lives.verdicts) == 1


def test_its_release_locks_out_and_the_next_press_is_told(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew(RED)
    for at_ms, active in ((3000, False), (3010, True), (3011, False), (3100, True)):
        lives.edge(RED, at_ms, active=active)
    lives.until(3200)
    assert lives.presses == [("very_unhappy", BEGAN_MS, None), ("very_unhappy", 3100, None)]


def test_one_that_ended_meanwhile_is_over_at_waking(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew()
    lives.edge(RED, WOKE_MS + 10, active=True)  # its bounce
    lives.edge(RED, WOKE_MS + 11, active=False)
    lives.edge(RED, WOKE_MS + 42, active=True)
    lives.until(3000)
    assert [at_ms for _, at_ms, _ in lives.presses] == [BEGAN_MS, WOKE_MS + 42]


def test_one_that_began_meanwhile_is_told_at_once(lives: Lives) -> None:
    lives.start_anew(RED)
    lives.until(WOKE_MS + 5)
    assert lives.presses == [("very_unhappy", WOKE_MS, None)]
    lives.edge(RED, 3000, active=False)
    lives.until(60_000)
    assert len(lives.verdicts) == 1


def test_one_that_was_not_told_yet_is_told_once(lives: Lives) -> None:
    """It began less than the glitch time before."""
    lives.edge(RED, LEFT_MS - 4, active=True)
    lives.start_anew(RED)
    lives.until(60_000)
    assert lives.presses == [("very_unhappy", WOKE_MS, None)]


def test_another_button_of_the_panel_is_simultaneous_with_it(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew(RED)
    lives.edge(GREEN, 2500, active=True)
    lives.until(2600)
    assert lives.presses[1:] == [("very_happy", 2500, PressFlag.SIMULTANEOUS)]


def test_held_too_long_counts_from_its_edge(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew(RED)
    lives.until(60_000)
    fault = LineFault("very_unhappy", (BEGAN_MS + 10_000) * MS, FaultKind.STUCK)
    assert lives.verdicts[1:] == [fault]


def test_a_fault_is_told_again_and_heals(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    lives.start_anew(RED, left_ms=20_000, woke_ms=20_100)
    lives.until(20_100)
    fault = LineFault("very_unhappy", (BEGAN_MS + 10_000) * MS, FaultKind.STUCK)
    assert lives.verdicts[1:] == [fault, fault]
    lives.edge(RED, 30_000, active=False)
    lives.until(60_000)
    assert lives.verdicts[3:] == [LineHealed("very_unhappy", 30_000 * MS)]


@pytest.mark.parametrize("released_ms", [WOKE_MS, 2500])
def test_staff_s_release_is_told(lives: Lives, released_ms: int) -> None:
    lives.edge(ACK, BEGAN_MS, active=True)
    lives.start_anew(*([ACK] if released_ms > WOKE_MS else []))
    lives.edge(ACK, released_ms, active=False)
    lives.until(60_000)
    held_ms = released_ms - BEGAN_MS
    released = Released("acknowledge", released_ms * MS, held_ms * MS, long=True)
    assert lives.verdicts[1:] == [released]


def test_a_set_up_button_goes_on_counting(lives: Lives) -> None:
    lives.edge(SETUP, BEGAN_MS, active=True)
    lives.start_anew(SETUP)
    lives.edge(SETUP, 12_000, active=False)
    lives.until(60_000)
    _, held, released = lives.verdicts
    assert isinstance(held, SetupHeld)
    assert isinstance(released, Released)
    assert (held.at_ns, released.stage) == ((BEGAN_MS + 10_000) * MS, held.stage)


def test_one_that_was_down_before_the_first_woke_is_judged_by_its_end(lives: Lives) -> None:
    """Neither filter has seen its edge: it is a press of the second one's waking."""
    lives.filter.begin("very_unhappy", active=True, at_ns=BEGAN_MS * MS)
    lives.start_anew(RED)
    lives.until(3000)
    assert lives.verdicts == []
    lives.edge(RED, 3000, active=False)
    lives.until(4000)
    assert lives.presses == [("very_unhappy", WOKE_MS, None)]


def test_what_was_left_long_ago_says_nothing(lives: Lives) -> None:
    lives.edge(RED, BEGAN_MS, active=True)
    woke_ms = LEFT_MS + LEFT_NS // MS + 1
    lives.start_anew(RED, woke_ms=woke_ms)
    lives.edge(RED, woke_ms + 500, active=False)
    lives.until(woke_ms + 1000)
    assert len(lives.presses) == 2


def test_what_it_is_called_does_not_matter_but_where_it_is_and_what_it_means(lives: Lives) -> None:
    """A contact that was closed for long as a customer's button must not reset the box."""
    lives.edge(RED, BEGAN_MS, active=True)
    pin = lives.buttons[RED].pin
    lives.buttons[RED] = Button(name="exit", pin=pin, kind=RED, label=lives.label)
    lives.start_anew(RED)
    lives.buttons[SETUP] = Button(name="setup", pin=pin, kind=SETUP, label=lives.label)
    del lives.buttons[RED]
    lives.start_anew(SETUP, left_ms=2200, woke_ms=2300)
    lives.edge(SETUP, 60_000, active=False)
    lives.until(70_000)
    assert lives.presses == [("very_unhappy", BEGAN_MS, None)]
    assert len(lives.verdicts) == 1
