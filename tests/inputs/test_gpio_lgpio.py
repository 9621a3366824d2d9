"""The inputs on lgpio's own notify thread and FIFO, with a fake chip where the kernel would be."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Button, Inputs
from gateway.errors import CannotStart
from gateway.inputs.gpio import SOON_NS, GpioInputs
from gateway.inputs.health import FaultKind, Health
from gateway.inputs.pins import Pins, open_pins
from gateway.model import ButtonKind, Label
from tests.inputs.fake_chip import FakeChip

MS = 1_000_000
S = 1_000 * MS
PATIENCE_S = 5.0


def button(name: str = "exit", pin: int = 17, pull: str = "up") -> Button:
    label = Label(ru="плохо", en="bad")
    return Button(name=name, pin=pin, kind=ButtonKind.UNHAPPY, label=label, pull=pull)


class Ears:
    """What the daemon's side hears, from whatever thread."""

    def __init__(self) -> None:
        self.edges: list[tuple[str, bool, int]] = []
        self.faults: list[Health] = []
        self.error: Exception | None = None
        self._heard = threading.Condition()

    def on_edge(self, name: str, active: bool, at_ns: int) -> None:
        with self._heard:
            if self.error:
                raise self.error
            self.edges.append((name, active, at_ns))
            self._heard.notify_all()

    def on_fault(self, health: Health) -> None:
        with self._heard:
            self.faults.append(health)
            self._heard.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._heard:
            assert self._heard.wait_for(condition, PATIENCE_S), (self.edges, self.faults)

    @property
    def levels(self) -> list[tuple[str, bool]]:
        return [(name, active) for name, active, _ in self.edges]


@pytest.fixture
def ears() -> Ears:
    return Ears()


def open_inputs(
    buttons: list[Button], pins: Pins, ears: Ears, clock: Callable[[], int] = time.monotonic_ns
) -> GpioInputs:
    return GpioInputs(
        buttons, Inputs(), pins, on_edge=ears.on_edge, on_fault=ears.on_fault, clock=clock
    )


def test_the_configured_chip_is_opened(chip: FakeChip, real: Pins) -> None:
    assert chip.opened == [3]
    assert real.thread is not None
    assert real.thread.alive


def test_edges_carry_the_kernels_stamp(chip: FakeChip, real: Pins, ears: Ears) -> None:
    chip.put(17, 1)
    inputs = open_inputs([button()], real, ears)
    assert inputs.start() == {"exit": False}
    stamp_ns = time.monotonic_ns() - 40 * MS
    chip.edge(17, 0, stamp_ns)
    chip.edge(17, 1, stamp_ns + 30 * MS)
    ears.wait_for(lambda: len(ears.edges) == 2)
    assert ears.levels == [("exit", True), ("exit", False)]
    for (_, _, at_ns), exact_ns in zip(ears.edges, (stamp_ns, stamp_ns + 30 * MS), strict=True):
        assert abs(at_ns - exact_ns) < 1000  # gpiozero hands it on as seconds in a float
    inputs.close()


def test_a_pin_that_lost_an_edge_is_claimed_anew_with_its_pull(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    inputs = open_inputs([button(pull="down")], real, ears)
    inputs.start()
    assert chip.flags[17] == chip.lgpio.SET_PULL_DOWN
    chip.alerts.clear()
    chip.put(17, 1)
    inputs.check(105 * S)
    [health] = inputs.check(106 * S)
    assert health.kind is FaultKind.LEVELS
    assert chip.flags[17] == chip.lgpio.SET_PULL_DOWN
    assert 17 in chip.alerts
    inputs.close()
    assert chip.lgpio._notify_thread.callbacks == []  # or they trip up whoever opens the pin next


def test_a_raising_callback_does_not_kill_lgpios_thread(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    chip.put(17, 1)
    inputs = open_inputs([button()], real, ears)
    inputs.start()
    ears.error = ValueError("a fault of ours")
    chip.edge(17, 0, time.monotonic_ns())
    ears.wait_for(lambda: bool(ears.faults))
    ears.error = None
    chip.edge(17, 1, time.monotonic_ns())
    ears.wait_for(lambda: bool(ears.edges))
    assert real.thread is not None
    assert real.thread.alive
    inputs.close()


def kill_notify_thread(chip: FakeChip, line: int) -> None:
    """What any other user of lgpio in the process can do with one careless callback."""
    thread = chip.lgpio._notify_thread

    def careless(_chip: int, _line: int, _level: int, _stamp: int) -> None:
        raise RuntimeError("careless")

    chip.lgpio.callback(chip.opened[-1] << 16, line, chip.lgpio.BOTH_EDGES, careless)
    chip.edge(line, 1 - chip.levels.get(line, 0), time.monotonic_ns())
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_notify_thread_is_replaced_and_every_button_heard_again(
    chip: FakeChip, real: Pins, ears: Ears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (17, 27):
        chip.put(line, 1)
    buttons = [button("exit", 17), button("till", 27)]
    inputs = open_inputs(buttons, real, ears)
    inputs.start()
    kill_notify_thread(chip, 17)
    ears.edges.clear()
    [health] = inputs.check(105 * S)
    assert (health.kind, health.button, health.healed) == (FaultKind.NOTIFY_THREAD, None, True)
    assert Path.cwd() == tmp_path
    assert inputs.check(110 * S) == []
    for line in (17, 27):
        chip.edge(line, 1 - chip.levels[line], time.monotonic_ns())
    ears.wait_for(lambda: len(ears.edges) == 2)
    assert {name for name, _ in ears.levels} == {"exit", "till"}
    inputs.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_cannot_be_replaced_leaves_levels_read_often(
    chip: FakeChip, real: Pins, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip.put(17, 1)
    inputs = open_inputs([button()], real, ears)
    inputs.start()
    kill_notify_thread(chip, 17)
    ears.edges.clear()
    with monkeypatch.context() as patch:
        patch.setattr(chip.lgpio, "_callback_thread", _no_fifo)
        [health] = inputs.check(105 * S)
        assert (health.kind, health.healed) == (FaultKind.NOTIFY_THREAD, False)
        deaf_at_s = time.monotonic() + inputs.pulse.limit_s
        assert inputs.next_check_ns == 105 * S + SOON_NS
        chip.put(17, 1)
        kinds = [h.kind for look in range(2, 5) for h in inputs.check(105 * S + look * SOON_NS)]
        assert FaultKind.LEVELS in kinds
        assert ears.levels == [("exit", False)]
        assert inputs.pulse.busy_s(deaf_at_s) >= inputs.pulse.limit_s, "counted from the first look"
    assert inputs.check(106 * S)[0].healed
    assert inputs.pulse.busy_s(deaf_at_s) == 0
    chip.edge(17, 0, time.monotonic_ns())
    ears.wait_for(lambda: len(ears.edges) == 2)
    inputs.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_pins_that_could_not_be_claimed_for_the_new_thread_are_claimed_later(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    chip.put(17, 1)
    inputs = open_inputs([button()], real, ears)
    inputs.start()
    kill_notify_thread(chip, 17)
    ears.edges.clear()
    chip.gone = True
    assert not inputs.check(105 * S)[0].healed
    chip.gone = False
    assert inputs.check(106 * S)[0].healed
    chip.edge(17, 1, time.monotonic_ns())
    ears.wait_for(lambda: bool(ears.edges))
    inputs.close()


def _no_fifo() -> None:
    raise FileNotFoundError("no FIFO")


def test_a_queue_that_fills_up_is_told(
    real: Pins, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = open_inputs([button()], real, ears)
    inputs.start()
    assert real.thread is not None
    assert real.thread.fill() == 0
    monkeypatch.setattr(type(real.thread), "fill", lambda _self: 0.75)
    [health] = inputs.check(105 * S)
    assert (health.kind, health.button) == (FaultKind.OVERFLOW, None)
    assert "75%" in health.words
    inputs.close()


def test_a_chip_that_is_taken_away_is_told_for_each_button(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    inputs = open_inputs([button()], real, ears)
    inputs.start()
    chip.gone = True
    [health] = inputs.check(105 * S)
    assert (health.kind, health.button, health.healed) == (FaultKind.UNREADABLE, "exit", False)
    chip.gone = False
    chip.put(17, 1)
    inputs.check(110 * S)
    inputs.close()


def test_a_pin_that_cannot_be_read_at_the_start_says_what_to_do(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    inputs = open_inputs([button()], real, ears)
    chip.gone = True
    with pytest.raises(CannotStart, match=r"button exit: .*the chip is gone.*gpioinfo"):
        inputs.start()
    chip.gone = False
    inputs.close()


def test_a_light_that_fails_is_logged_once_and_raises_nothing(
    chip: FakeChip, real: Pins, caplog: pytest.LogCaptureFixture
) -> None:
    led = real.output(22)
    led.set(on=True)
    assert chip.levels[22] == 1
    chip.gone = True
    led.set(on=False)
    led.set(on=False)
    assert caplog.text.count("pin 22") == 1
    chip.gone = False
    led.set(on=False)
    assert chip.levels[22] == 0
    led.close()


def test_importing_lgpio_leaves_the_working_directory(
    chip: FakeChip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_pins(Inputs(chip=0), chip.work).close()
    assert Path.cwd() == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_without_a_chip_the_box_says_what_to_do(chip: FakeChip) -> None:
    chip.gone = True
    with pytest.raises(CannotStart, match=r"inputs\.chip.*group gpio"):
        open_pins(Inputs(chip=9), chip.work)


def test_without_lgpio_the_box_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(CannotStart, match="python3-lgpio"):
        open_pins(Inputs(), tmp_path)


def test_where_there_can_be_no_directory_for_its_fifo_the_box_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="FIFO"):
        open_pins(Inputs(), tmp_path / "file" / "state")


def test_pins_that_were_given_back_can_be_claimed_at_once(chip: FakeChip) -> None:
    """By the next gateway of the same process, whether or not the one before was collected."""
    kept = []
    for _ in range(2):
        pins = open_pins(Inputs(chip=3), chip.work)
        kept += [pins.output(22), pins.input(button())]
        pins.close()
        pins.close()


def test_a_chip_that_is_taken_away_need_not_be_given_back(
    chip: FakeChip, real: Pins, ears: Ears
) -> None:
    led, inputs = real.output(22), open_inputs([button()], real, ears)
    inputs.start()
    chip.gone = True
    inputs.close()
    real.close()
    chip.gone = False
    led.close()
    inputs.close()
