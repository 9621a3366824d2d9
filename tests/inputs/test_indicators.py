"""What the people at the buttons see and hear."""

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.health import FaultKind
from gateway.inputs.indicators import Indicators, State, state_of
from gateway.inputs.verdicts import LineFault, Pressed, Released, SetupHeld, SetupStage
from gateway.model import ButtonKind, Label, Press, PressFlag

MS = 1_000_000
S = 1_000 * MS
FAULT, BUZZER = 5, 6
LEDS = {ButtonKind.HAPPY: 20, ButtonKind.UNHAPPY: 21, ButtonKind.ACKNOWLEDGE: 22}
LEDS |= {ButtonKind.SETUP: 23}


class Light:
    """An output that remembers when it was switched."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.on = False
        self.switched: list[tuple[float, bool]] = []

    def set(self, *, on: bool) -> None:
        assert on != self.on  # the pin is not written for nothing
        self.on = on
        self.switched.append((self._room.now_ns / MS, on))


class Room:
    """Indicators with one button per kind that has an LED, and one without."""

    def __init__(self, inputs: Inputs | None = None) -> None:
        self.now_ns = 0
        self.lights: dict[int, Light] = {}
        buttons = [
            Button(
                name=kind.value,
                pin=pin,
                kind=kind,
                label=Label(ru="кнопка", en="button"),
                led_pin=LEDS.get(kind),
            )
            for pin, kind in enumerate((*LEDS, ButtonKind.CALL))
        ]
        inputs = inputs or Inputs(fault_led_pin=FAULT, buzzer_pin=BUZZER)
        self.indicators = Indicators(buttons, inputs, self._claim)

    def _claim(self, pin: int) -> Light:
        assert pin not in self.lights
        self.lights[pin] = Light(self)
        return self.lights[pin]

    def press(self, kind: ButtonKind, flag: PressFlag | None = None) -> None:
        press = Press(kind.value, kind, "hall", flag)
        self.indicators.show(Pressed(press, self.now_ns), self.now_ns)

    def run(self, until_ms: float) -> None:
        """Call `advance` at each deadline, and at no other time."""
        while (deadline := self.indicators.next_deadline_ns) and deadline <= until_ms * MS:
            assert deadline > self.now_ns
            self.now_ns = deadline
            self.indicators.advance(deadline)
        self.now_ns = round(until_ms * MS)

    def switched(self, pin: int) -> list[tuple[float, bool]]:
        return self.lights[pin].switched


@pytest.mark.parametrize("flag", [None, PressFlag.REPEAT, PressFlag.MASHING])
@pytest.mark.parametrize("kind", [ButtonKind.HAPPY, ButtonKind.UNHAPPY])
def test_a_press_is_seen_the_same_whatever_it_is(kind: ButtonKind, flag: PressFlag | None) -> None:
    room = Room()
    room.press(kind, flag)
    room.run(60_000)
    assert room.switched(LEDS[kind]) == [(0, True), (250, False)]
    assert room.indicators.next_deadline_ns is None


def test_a_second_press_keeps_the_light_on_for_longer() -> None:
    room = Room()
    room.press(ButtonKind.HAPPY)
    room.run(100)
    room.press(ButtonKind.HAPPY)
    room.run(60_000)
    assert room.switched(LEDS[ButtonKind.HAPPY]) == [(0, True), (350, False)]


def test_an_led_and_the_buzzer_are_tried_and_end_dark() -> None:
    room = Room()
    assert room.indicators.try_signal(ButtonKind.UNHAPPY.value, room.now_ns)
    assert room.indicators.try_signal(None, room.now_ns)
    room.run(6000)
    flashes = room.switched(21)
    assert (len(flashes), flashes[0], flashes[-1]) == (20, (0, True), (4800, False))
    assert room.switched(BUZZER)[-1] == (1000, False)
    assert not room.indicators.try_signal(ButtonKind.CALL.value, room.now_ns)


def test_without_a_buzzer_there_is_none_to_try() -> None:
    assert not Room(Inputs()).indicators.try_signal(None, 0)


def test_a_press_chirps_but_a_red_one_is_discreet() -> None:
    room = Room()
    room.press(ButtonKind.UNHAPPY)
    room.press(ButtonKind.HAPPY, PressFlag.REPEAT)
    assert room.switched(BUZZER) == []
    room.press(ButtonKind.CALL)
    room.run(1000)
    assert room.switched(BUZZER) == [(0, True), (40, False)]


@pytest.mark.parametrize("flag", [PressFlag.GLITCH, PressFlag.STUCK])
def test_what_no_person_did_is_not_shown(flag: PressFlag) -> None:
    room = Room()
    room.press(ButtonKind.HAPPY, flag)
    room.indicators.show(LineFault("happy", 0, FaultKind.STUCK), 0)
    assert room.indicators.next_deadline_ns is None
    assert not any(light.switched for light in room.lights.values())


def test_without_lights_and_buzzer_nothing_happens() -> None:
    room = Room(Inputs())
    room.press(ButtonKind.CALL)
    room.indicators.set_state(State.FINE, 0)
    assert room.indicators.next_deadline_ns is None
    assert set(room.lights) == set(LEDS.values())


def test_the_setup_light_counts_from_the_leading_edge_until_the_release() -> None:
    room = Room()
    led = LEDS[ButtonKind.SETUP]
    press = Press("setup", ButtonKind.SETUP, "hall")
    room.now_ns = 5 * MS
    room.indicators.show(Pressed(press, at_ns=0), room.now_ns)
    room.run(10_010)
    room.indicators.show(SetupHeld("setup", 10 * S, SetupStage.PASSWORD_RESET), room.now_ns)
    lit_ms = [at_ms for at_ms, on in room.switched(led) if on]
    assert lit_ms == [5, *range(1000, 10_001, 1000)]
    room.run(12_050)
    assert room.lights[led].on
    room.indicators.show(Released("setup", 12 * S, 12 * S, long=True), room.now_ns)
    assert not room.lights[led].on
    assert room.indicators.next_deadline_ns is None


def test_a_release_of_another_button_does_not_cut_its_light_short() -> None:
    room = Room()
    room.press(ButtonKind.ACKNOWLEDGE)
    room.run(100)
    room.indicators.show(Released("acknowledge", 100 * MS, 100 * MS, long=False), room.now_ns)
    room.run(1000)
    assert room.switched(LEDS[ButtonKind.ACKNOWLEDGE]) == [(0, True), (250, False)]


def test_the_fault_led_tells_the_state_and_goes_on_when_it_is_told_again() -> None:
    room = Room()
    room.indicators.set_state(State.NO_SERVER, 0)
    room.run(100)
    room.indicators.set_state(State.NO_SERVER, room.now_ns)
    room.run(2049)
    assert room.switched(FAULT) == [(0, True), (200, False), (450, True), (650, False)]
    room.indicators.set_state(State.FINE, room.now_ns)
    assert room.lights[FAULT].on
    room.run(2200)
    assert room.switched(FAULT)[4:] == [(2049, True), (2099, False)]


@pytest.mark.parametrize(
    ("is_ready", "ill", "is_claimed", "is_server_reached", "state"),
    [
        (False, {"transmitter/", "button/"}, False, False, State.BOOTING),
        (True, {"transmitter/", "button/"}, False, False, State.UNCLAIMED),
        (True, {"transmitter/", "button/"}, True, False, State.TRANSMITTER_FAULT),
        (True, {"button/"}, True, False, State.BUTTON_FAULT),
        (True, {"input/"}, True, True, State.BUTTON_FAULT),
        (True, set(), False, False, State.UNCLAIMED),
        (True, set(), True, False, State.NO_SERVER),
        (True, set(), True, True, State.FINE),
    ],
)
def test_the_fault_led_tells_the_worst_thing(
    is_ready: bool, ill: set[str], is_claimed: bool, is_server_reached: bool, state: State
) -> None:
    shown = state_of(
        is_ready=is_ready,
        ill=ill.__contains__,
        is_claimed=is_claimed,
        is_server_reached=is_server_reached,
    )
    assert shown is state


def test_no_two_states_look_alike() -> None:
    assert len({state.value for state in State}) == len(State) == 6
