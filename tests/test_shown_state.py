"""What the LED of a new box tells: the real gateway on the settings that a box comes with."""

import asyncio
import contextlib
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tomlkit

from gateway.app import Gateway
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.config.settings import Settings
from gateway.inputs import patterns
from gateway.inputs.patterns import Pattern
from gateway.inputs.pins import open_pins
from gateway.model import Language
from gateway.setup import claim
from gateway.setup.messages import Claim
from tests.sync.batches import until

EXAMPLE = Path(__file__).parents[1] / "docs/gateway.example.toml"
LED = 25


class NewBox:
    """A box as it is shipped, on simulated pins; its transmitter is not there.

    Attributes:
        gateway: The daemon, running in this process.
        state: Its state directory.
    """

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self._socket = directory / "control.sock"
        settings = tomllib.loads(EXAMPLE.read_text())
        settings["paths"] = {"state": str(self.state), "control_socket": str(self._socket)}
        settings["inputs"] |= {"simulated": True, "reread_s": 0.5}
        (directory / "gateway.toml").write_text(tomlkit.dumps(settings))
        kept = Settings(directory / "gateway.toml")
        loaded = kept.load_or_last_good()
        pins = open_pins(loaded.config.inputs, self.state)
        self.gateway = Gateway(loaded, kept, SystemClock(trusted=True), pins)

    @property
    def shown(self) -> Pattern | None:
        """What plays on the LED's pin."""
        player = self.gateway._floor._indicators._fault
        assert player is not None
        return player._pattern

    @property
    def changes(self) -> int:
        """How often the LED's pin has changed its level so far."""
        return len(self.gateway._pins.factory.pin(LED).states)

    def hold(self, button: str, *, down: bool) -> None:
        panel = self.gateway._panel
        assert panel is not None
        panel.put(button, down=down)

    async def claim(self) -> None:
        def ask() -> None:
            with Client(self._socket, timeout_s=20.0) as client:
                code = claim.read(self.state)
                client.call(
                    Claim(code=code, name="Anna", password="long enough", language=Language.RU)
                )

        await asyncio.to_thread(ask)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[NewBox]:
    opened = NewBox(tmp_path)
    running = asyncio.create_task(opened.gateway.run())
    with contextlib.ExitStack() as stack:
        stack.callback(opened.gateway._life.stop)
        await until(lambda: opened.gateway._is_ready or running.done())
        yield opened
    await running


async def test_a_new_box_without_its_transmitter_says_that_nobody_owns_it(box: NewBox) -> None:
    await until(lambda: box.gateway._faults.has("transmitter/"))
    assert box.shown == patterns.UNCLAIMED
    await box.claim()
    await until(lambda: box.shown == patterns.TRANSMITTER_FAULT)
    before = box.changes
    await until(lambda: box.changes > before)


async def test_its_set_up_button_counts_on_that_led(box: NewBox) -> None:
    before = box.changes
    box.hold("set-up", down=True)
    await until(lambda: box.shown == patterns.COUNTING)
    await until(lambda: box.changes > before)
    box.hold("set-up", down=False)
    await until(lambda: box.shown == patterns.UNCLAIMED)
