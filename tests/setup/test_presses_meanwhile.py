"""What is pressed while settings are applied, on the real daemon: one press stays one."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.client import Client
from gateway.events import AnyEvent, Pressed, Started
from gateway.journal import reading, schema
from gateway.messages import GetAlerts, GetSettings, GetStatus, PutSettings, SimulatePress
from gateway.model import AlertState
from gateway.setup.messages import ApplySettings
from gateway.simulator.shop import SimulatedShop
from tests.setup.applied import applied

HAPPY, RED, ACK = "exit-happy", "exit-very-unhappy", "counter-ack"
RUNNER = Path(__file__).with_name("fingers.py")
WAIT_S = 20.0


@pytest.fixture
def fingers(tmp_path: Path) -> Path:
    """A file in here holds the button of its name down."""
    made = tmp_path / "fingers"
    made.mkdir()
    return made


@pytest.fixture
async def shop(tmp_path: Path, fingers: Path) -> AsyncIterator[SimulatedShop]:
    under = (sys.executable, str(RUNNER), str(fingers))
    async with SimulatedShop(tmp_path, signed_up=False, under=under) as opened:
        yield opened


def told(shop: SimulatedShop) -> list[AnyEvent]:
    with contextlib.closing(schema.open_reader(shop.config.paths.journal)) as connection:
        return [each.event for each in reading.all_records(connection)]


def presses(shop: SimulatedShop, button: str) -> list[Pressed]:
    found = [each for each in told(shop) if isinstance(each, Pressed)]
    return [press for press in found if press.button == button]


def count(shop: SimulatedShop, kind: type[AnyEvent]) -> int:
    return sum(isinstance(each, kind) for each in told(shop))


async def until(shop: SimulatedShop, true: Callable[[], object]) -> None:
    """Look again at each ring of the gateway's doorbell."""

    def wait() -> None:
        deadline_s = time.monotonic() + WAIT_S
        with Client(shop.control_socket, timeout_s=WAIT_S) as client:
            rings = client.changes()
            while not true():
                assert time.monotonic() < deadline_s
                next(rings)

    await asyncio.to_thread(wait)


@pytest.mark.parametrize("button", [HAPPY, RED])
async def test_a_button_that_is_held_is_pressed_once(
    shop: SimulatedShop, fingers: Path, button: str
) -> None:
    (fingers / button).touch()
    assert (await shop.ask(SimulatePress(button=button))).verdicts == ("counted",)
    await applied(shop)
    await applied(shop)
    (fingers / button).unlink()
    await shop.ask(SimulatePress(button=button))  # it is let go
    assert (await shop.ask(SimulatePress(button=button))).verdicts == ("counted",)
    await until(shop, lambda: len(presses(shop, button)) >= 2)
    assert [press.flag for press in presses(shop, button)] == [None, None]
    assert count(shop, Started) == 3


async def test_an_acknowledge_button_that_is_let_go_meanwhile_acknowledges(
    shop: SimulatedShop, fingers: Path
) -> None:
    await shop.ask(SimulatePress(button=RED))
    (fingers / ACK).touch()
    await shop.ask(SimulatePress(button=ACK))
    (view,) = await shop.ask(GetAlerts())
    assert view.alert.state is AlertState.OPEN
    (fingers / ACK).unlink()
    await applied(shop)

    def is_taken() -> bool:
        with Client(shop.control_socket) as client:
            (view,) = client.call(GetAlerts())
        return view.alert.state is not AlertState.OPEN

    await until(shop, is_taken)


async def test_what_is_pressed_while_the_last_page_is_finished_is_kept(
    shop: SimulatedShop, fingers: Path
) -> None:
    """The transmitters have a second for it, and the journal outlives that."""
    (fingers / "last").write_text(HAPPY)
    await applied(shop)
    assert not (fingers / "last").exists()
    await until(shop, lambda: count(shop, Started) == 2)
    kinds = [type(each) for each in told(shop) if isinstance(each, Pressed | Started)]
    assert kinds == [Started, Pressed, Started]


async def test_a_signal_that_comes_while_it_ends_to_start_anew_has_the_last_word(
    shop: SimulatedShop, fingers: Path
) -> None:
    assert shop.gateway is not None
    (fingers / "stop").touch()
    await shop.ask(ApplySettings())
    assert await asyncio.wait_for(shop.gateway.process.wait(), WAIT_S) == 0
    assert count(shop, Started) == 1


async def test_a_loop_that_rests_closed_is_not_pressed_when_a_simulated_box_wakes(
    shop: SimulatedShop,
) -> None:
    await shop.stop_gateway()
    text = shop.config_file.read_text().replace("pin = 6\n", "pin = 6\nnormally_closed = true\n")
    shop.config_file.write_text(text)
    await shop.start_gateway()
    before_ns = time.monotonic_ns()
    assert (await shop.ask(SimulatePress(button=HAPPY))).pressed_ns > before_ns


async def test_settings_that_cannot_be_started_on_leave_the_pins_to_those_before(
    shop: SimulatedShop,
) -> None:
    good = await shop.ask(GetSettings())
    text = good.text.replace(str(shop.control_socket), "/proc/nowhere/control.sock")
    await shop.ask(PutSettings(text=text, replaces_sha256=good.sha256))
    await applied(shop)
    (fault,) = (await shop.ask(GetStatus())).faults
    assert "cannot be started on" in fault
    assert (await shop.ask(SimulatePress(button=HAPPY))).verdicts == ("counted",)
