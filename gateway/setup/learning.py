"""Learning a button: whoever presses it shows which pin it is wired to.

All free pins are opened with their pull-ups and read a hundred times a second. A contact that opens
when it is pressed is told from one that closes by the level it rests at.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import msgspec
from gpiozero import DigitalInputDevice

from gateway.config import Button, Config
from gateway.inputs.pins import Errors, Pins, let_go

LEARN_S: Final = 60.0
READ_S: Final = 0.01
SURE_READS: Final = 3
"""A change must stand for so many readings: a spike on a wire does not."""
HEADER: Final = tuple(range(28))
RESERVED: Final = frozenset({0, 1, 14, 15})
"""The hat's EEPROM, and the UART, which a claim of its pins would take from a transmitter."""

_log: Final = logging.getLogger(__name__)


class Found(msgspec.Struct, frozen=True):
    """A button that was pressed. `normally_closed`: its contact opens when it is pressed."""

    pin: int
    normally_closed: bool


def free_pins(config: Config) -> tuple[int, ...]:
    """The pins of the header that nothing in these settings uses."""
    used = {config.inputs.fault_led_pin, config.inputs.buzzer_pin}
    for button in config.buttons:
        used |= {button.pin, button.led_pin}
    return tuple(pin for pin in HEADER if pin not in used and pin not in RESERVED)


class Learner:
    """Finds the first pin that leaves its resting level and stays away from it. Pure.

    Args:
        rest: The level of each pin before anybody presses: high or not.
    """

    def __init__(self, rest: dict[int, bool]) -> None:
        self._rest: Final = rest
        self._away: Final = dict.fromkeys(rest, 0)

    def read(self, levels: dict[int, bool]) -> Found | None:
        """Take one reading of every pin."""
        for pin in levels.keys() & self._rest.keys():
            level = levels[pin]
            self._away[pin] = 0 if level == self._rest[pin] else self._away[pin] + 1
            if self._away[pin] >= SURE_READS:
                # With the pull-up a closed contact rests low.
                return Found(pin, normally_closed=not self._rest[pin])
        return None


class Sense(Protocol):
    """Pins that are being read."""

    def levels(self) -> dict[int, bool]:
        """The level of each pin: high or not."""
        ...

    def close(self) -> None:
        """Give the pins back."""
        ...


class OpenPins:
    """Free pins of the chip, as inputs with pull-ups; one that cannot be opened is left out."""

    def __init__(self, pins: Pins, numbers: Iterable[int]) -> None:
        errors: Errors = (OSError, *pins.errors)
        self._devices: Final[dict[int, Any]] = {}
        self._errors: Final = errors
        for number in numbers:
            try:
                self._devices[number] = DigitalInputDevice(
                    number, pull_up=True, pin_factory=pins.factory
                )
            except errors as error:
                _log.info("pin %d cannot be learned from: %s", number, error)

    def levels(self) -> dict[int, bool]:
        """See `Sense`; a pin that cannot be read is left out."""
        read = {}
        for number, device in self._devices.items():
            with contextlib.suppress(*self._errors):
                read[number] = bool(device.pin.state)
        return read

    def close(self) -> None:
        """See `Sense`."""
        for device in self._devices.values():
            with contextlib.suppress(*self._errors):  # a chip that is gone has let go by itself
                let_go(device)
        self._devices.clear()


class Lesson:
    """One try to learn a button, until it is found, stopped, or the time is over.

    Args:
        sense: The pins, open.
        on_end: Called on the event loop when it ends by itself.

    Attributes:
        found: The button that was pressed.
        placed: The configured button that was pressed instead of a free one.
    """

    def __init__(self, sense: Sense, on_end: Callable[[], None]) -> None:
        self.found: Found | None = None
        self.placed: Button | None = None
        self._sense: Final = sense
        self._on_end: Final = on_end
        self._ends_s: Final = asyncio.get_running_loop().time() + LEARN_S
        self._task: Final = asyncio.create_task(self._run(), name="learning")

    @property
    def left_s(self) -> float:
        """How long it still listens; 0 once it has ended."""
        if self._task.done():
            return 0.0
        return max(0.0, self._ends_s - asyncio.get_running_loop().time())

    def press_placed(self, button: Button) -> None:
        """A button that has its place already was pressed."""
        if not self._task.done():
            self.placed = button
            self._on_end()

    async def _run(self) -> None:
        learner = Learner(self._sense.levels())
        try:
            async with asyncio.timeout_at(self._ends_s):
                while self.found is None:
                    await asyncio.sleep(READ_S)
                    self.found = learner.read(self._sense.levels())
        except TimeoutError:
            pass
        finally:
            self._sense.close()
        self._on_end()

    async def stop(self) -> None:
        """Give the pins back; safe to call twice."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._sense.close()  # a task that is cancelled before its first step never gets to its own
