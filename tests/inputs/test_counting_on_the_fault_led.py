"""A set-up button without an LED of its own counts on the fault LED, which then goes on."""

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.indicators import Indicators, State
from gateway.inputs.verdicts import Pressed, Released
from gateway.model import ButtonKind, Label, Press

MS = 1_000_000
S = 1_000 * MS
FAULT = 25


class Light:
    """An output that remembers when it went on and off, in ms."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.spans_ms: list[tuple[float, float]] = []
        self.on_ms: float | None = None

    def set(self, *, on: bool) -> None:
        if on:
            self.on_ms = self._room.now_ns / MS
        elif self.on_ms is not None:
            self.spans_ms.append((self.on_ms, self._room.now_ns / MS))
            self.on_ms = None


class Room:
    """Set-up buttons without LEDs, and the LED of the box where it has one."""

    def __init__(self, *names: str, fault_led_pin: int | None = FAULT) -> None:
        self.now_ns = 0
        self.lights: dict[int, Light] = {}
        self.indicators = Indicators(
            [
                Button(name=name, pin=pin, kind=ButtonKind.SETUP, label=Label(ru="н", en="s"))
                for pin, name in enumerate(names)
            ],
            Inputs(fault_led_pin=fault_led_pin),
            lambda pin: self.lights.setdefault(pin, Light(self)),
        )

    def press(self, name: str) -> None:
        press = Press(name, ButtonKind.SETUP, "main")
        self.indicators.show(Pressed(press, self.now_ns), self.now_ns)

    def let_go(self, name: str) -> None:
        self.indicators.show(Released(name, self.now_ns, 0, long=False), self.now_ns)

    def tell(self, state: State) -> None:
        self.indicators.set_state(state, self.now_ns)

    def flashes(self, until_s: float) -> list[tuple[float, float]]:
        """Let time pass: when the LED was on meanwhile, from and until in ms."""
        light = self.lights[FAULT]
        light.spans_ms.clear()
        while (due_ns := self.indicators.next_deadline_ns) is not None and due_ns <= until_s * S:
            self.now_ns = due_ns
            self.indicators.advance(due_ns)
        self.now_ns = round(until_s * S)
        return light.spans_ms


def test_it_counts_while_it_is_held_and_tells_the_state_again_afterwards() -> None:
    room = Room("set-up")
    room.tell(State.UNCLAIMED)
    room.flashes(0.9)
    room.press("set-up")
    seconds = room.flashes(10.85)
    assert [round(until - since) for since, until in seconds[1:]] == [100] * 9
    assert [since for since, _ in seconds[1:]] == [1900 + 1000 * n for n in range(9)]
    twice = room.flashes(30.85)
    assert [since for since, _ in twice[:4]] == [10900, 11150, 11900, 12150]
    assert len(twice) == 40
    assert room.flashes(60) == []
    assert room.lights[FAULT].on_ms == 30900
    room.let_go("set-up")
    assert [until - since for since, until in room.flashes(66.5)] == [1000, 1000, 1000]


def test_a_state_that_comes_while_it_counts_is_told_afterwards() -> None:
    room = Room("set-up")
    room.tell(State.UNCLAIMED)
    room.press("set-up")
    room.tell(State.NO_SERVER)
    assert room.flashes(2.5)[-1] == (2000, 2100)
    room.let_go("set-up")
    assert room.flashes(5.5) == [(2500, 2700), (2950, 3150), (4550, 4750), (5000, 5200)]


def test_with_two_of_them_it_counts_until_both_are_let_go() -> None:
    room = Room("set-up", "reset")
    room.tell(State.FINE)
    room.press("set-up")
    room.press("reset")
    room.let_go("reset")
    assert room.flashes(1.5)[-1] == (1000, 1100)
    room.let_go("set-up")
    assert room.flashes(5)[-1] == (4500, 4550)


@pytest.mark.parametrize("fault_led_pin", [None, FAULT])
def test_before_any_state_is_told_nothing_is_left_on(fault_led_pin: int | None) -> None:
    room = Room("set-up", fault_led_pin=fault_led_pin)
    room.press("set-up")
    room.let_go("set-up")
    assert room.indicators.next_deadline_ns is None
    assert all(light.on_ms is None for light in room.lights.values())


def test_a_release_whose_press_was_not_shown_leaves_the_state_alone() -> None:
    room = Room("set-up")
    room.tell(State.FINE)
    room.flashes(2)
    room.let_go("set-up")
    assert room.flashes(3.5) == [(3000, 3050)]
