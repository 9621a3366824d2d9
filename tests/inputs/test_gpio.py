"""The inputs as a whole, on fake pins."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import Button, Inputs
from gateway.errors import CannotStart
from gateway.inputs.gpio import SOON_NS, GpioInputs
from gateway.inputs.health import FaultKind, Health
from gateway.inputs.pins import InputPin, OnChange, Pins, open_pins
from gateway.model import ButtonKind, Label
from gateway.simulator.panel import Panel

MS = 1_000_000
S = 1_000 * MS


def button(name: str = "exit", pin: int = 17, **more: object) -> Button:
    label = Label(ru="плохо", en="bad")
    return Button(name=name, pin=pin, kind=ButtonKind.UNHAPPY, label=label, **more)  # type: ignore[arg-type]


class Ears:
    """What the daemon's side hears, from whatever thread."""

    def __init__(self) -> None:
        self.edges: list[tuple[str, bool, int]] = []
        self.faults: list[Health] = []
        self.error: Exception | None = None
        self.now_ns = 100 * S

    def on_edge(self, name: str, active: bool, at_ns: int) -> None:
        if self.error:
            raise self.error
        self.edges.append((name, active, at_ns))

    def on_fault(self, health: Health) -> None:
        self.faults.append(health)

    def clock(self) -> int:
        return self.now_ns

    @property
    def levels(self) -> list[tuple[str, bool]]:
        return [(name, active) for name, active, _ in self.edges]


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Pins]:
    """Fake pins."""
    pins = open_pins(Inputs(simulated=True), tmp_path)
    yield pins
    pins.close()


def open_inputs(buttons: list[Button], pins: Pins, ears: Ears) -> GpioInputs:
    return GpioInputs(
        buttons, Inputs(), pins, on_edge=ears.on_edge, on_fault=ears.on_fault, clock=ears.clock
    )


@pytest.mark.parametrize("normally_closed", [False, True])
@pytest.mark.parametrize("pull", ["up", "down", "none"])
def test_every_kind_of_loop_is_heard(
    pull: str, normally_closed: bool, fake: Pins, ears: Ears
) -> None:
    exit_button = button(pull=pull, normally_closed=normally_closed)
    inputs = open_inputs([exit_button], fake, ears)
    panel = Panel([exit_button], fake.factory)
    panel.rest()
    assert inputs.start() == {"exit": False}
    panel.put("exit", down=True)
    ears.now_ns += 100 * MS
    panel.put("exit", down=False)
    assert ears.edges == [("exit", True, 100 * S), ("exit", False, 100 * S + 100 * MS)]
    inputs.close()


def test_a_button_that_is_down_when_the_box_wakes_is_told_so(fake: Pins, ears: Ears) -> None:
    buttons = [button("exit", 17), button("till", 27)]
    inputs = open_inputs(buttons, fake, ears)
    Panel(buttons, fake.factory).put("till", down=True)
    assert inputs.start() == {"exit": False, "till": True}
    assert ears.edges == []


def test_an_edge_that_is_quicker_than_the_first_reading_tells_it_all(
    fake: Pins, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = open_inputs([button()], fake, ears)
    pin = fake.factory.pin(17)
    listen = InputPin.listen

    def listen_and_be_pressed(self: InputPin, on_change: OnChange) -> None:
        listen(self, on_change)
        pin.drive_low()

    monkeypatch.setattr(InputPin, "listen", listen_and_be_pressed)
    assert inputs.start() == {"exit": False}
    assert ears.levels == [("exit", True)]


def test_a_pin_that_cannot_be_used_is_named(fake: Pins, ears: Ears) -> None:
    with pytest.raises(CannotStart, match="button till: pin 17"):
        open_inputs([button("exit", 17), button("till", 17)], fake, ears)
    with pytest.raises(CannotStart, match=r"button sda: pin 2: .*fixed pull"):
        open_inputs([button("sda", 2, pull="down")], fake, ears)
    with pytest.raises(CannotStart, match="output on pin 99"):
        fake.output(99)


def test_where_all_is_well_a_check_finds_nothing(fake: Pins, ears: Ears) -> None:
    inputs = open_inputs([button()], fake, ears)
    inputs.start()
    assert inputs.next_check_ns == 105 * S
    assert inputs.check(105 * S) == []
    assert inputs.next_check_ns == 110 * S


def test_a_callback_that_raises_is_a_fault_and_the_next_edge_is_heard(
    fake: Pins, ears: Ears, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = open_inputs([button()], fake, ears)
    inputs.start()
    panel = Panel([button()], fake.factory)
    ears.error = RuntimeError("Event loop is closed")
    panel.put("exit", down=True)
    fault = Health(FaultKind.CALLBACK, "RuntimeError: Event loop is closed", "exit")
    assert ears.faults == [fault]
    assert "exit" in caplog.text
    ears.error = None
    panel.put("exit", down=False)
    assert ears.levels == [("exit", False)]
    assert inputs.check(105 * S) == [fault]
    assert inputs.check(110 * S) == []


def test_a_lost_edge_is_made_up_for_at_the_second_look(fake: Pins, ears: Ears) -> None:
    inputs = open_inputs([button()], fake, ears)
    inputs.start()
    pin = fake.factory.pin(17)
    pin._change_state(False)  # the level without its edge
    assert inputs.check(105 * S) == []
    assert inputs.next_check_ns == 105 * S + SOON_NS
    [health] = inputs.check(inputs.next_check_ns)
    assert (health.kind, health.button, health.healed) == (FaultKind.LEVELS, "exit", True)
    assert ears.edges == [("exit", True, 105 * S + SOON_NS)]
    assert inputs.check(111 * S) == []
    pin.drive_high()  # and the pin is listened to as before
    assert ears.levels == [("exit", True), ("exit", False)]


def test_an_edge_on_its_way_is_not_made_up_for(fake: Pins, ears: Ears) -> None:
    inputs = open_inputs([button()], fake, ears)
    inputs.start()
    pin = fake.factory.pin(17)
    pin._change_state(False)
    inputs.check(105 * S)
    pin._call_when_changed()  # now it comes
    assert inputs.check(105 * S + SOON_NS) == []
    assert ears.levels == [("exit", True)]


def test_two_like_edges_show_that_one_was_lost(fake: Pins, ears: Ears) -> None:
    inputs = open_inputs([button()], fake, ears)
    inputs.start()
    pin = fake.factory.pin(17)
    pin.drive_low()
    pin._call_when_changed()
    [health] = inputs.check(105 * S)
    assert (health.kind, health.button) == (FaultKind.OVERFLOW, "exit")
    assert inputs.check(110 * S) == []
