"""The header's pins through gpiozero: the only place that touches it."""

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gpiozero import DigitalInputDevice, DigitalOutputDevice, GPIOZeroError
from gpiozero.pins.mock import MockFactory

from gateway.config import Button, Inputs
from gateway.errors import CannotStart
from gateway.inputs.levels import pressed_is_high
from gateway.inputs.notify import NotifyThread

_log: Final = logging.getLogger(__name__)

Errors = tuple[type[Exception], ...]
OnChange = Callable[[float, int], None]
"""Told the kernel's stamp in seconds and the new level, from lgpio's thread."""


class InputPin:
    """One button's pin.

    Args:
        button: Its pin, pull and kind of loop.
        factory: gpiozero's pin factory.

    Attributes:
        high_when_pressed: Which level means pressed.
    """

    def __init__(self, button: Button, factory: Any) -> None:
        self.high_when_pressed: Final = pressed_is_high(button)
        pulled = button.pull != "none"
        # bounce_time stays None: gpiozero's differs by backend and drops edges.
        self._device: Any = DigitalInputDevice(
            button.pin,
            pull_up=button.pull == "up" if pulled else None,
            active_state=None if pulled else self.high_when_pressed,
            bounce_time=None,
            pin_factory=factory,
        )

    def listen(self, on_change: OnChange) -> None:
        """Hand every edge to `on_change`, of which gpiozero keeps a weak reference only."""
        self._device.pin.when_changed = on_change

    def listen_again(self, on_change: OnChange) -> None:
        """Claim the edges from the kernel anew and hand them to `on_change`."""
        self._device.pin.when_changed = None
        self.listen(on_change)

    def is_pressed(self) -> bool:
        """Read the level: raises one of `Pins.errors` if the chip is gone."""
        return bool(self._device.pin.state) == self.high_when_pressed

    def close(self) -> None:
        """Give the pin back."""
        let_go(self._device)


class OutputPin:
    """An LED's or a buzzer's pin, high for on. One that fails is logged once, and never raises."""

    def __init__(self, pin: int, factory: Any, errors: Errors) -> None:
        self._device: Any = DigitalOutputDevice(pin, pin_factory=factory)
        self._pin: Final = pin
        self._errors: Final = errors
        self._failed = False

    def set(self, *, on: bool) -> None:
        """Switch it; a light that does not work must not stop a page."""
        try:
            self._device.value = on
        except self._errors as error:
            if not self._failed:
                _log.warning("output on pin %d does not work: %s", self._pin, error)
            self._failed = True
        else:
            self._failed = False

    def close(self) -> None:
        """Give the pin back, off."""
        self._device.close()


def let_go(device: Any) -> None:
    """Close one of gpiozero's input devices, each of which listens to its pin from the start.

    gpiozero leaves the callback with lgpio: once the device is collected, the next edge of that
    pin, whoever has it by then, ends lgpio's only thread. Safe to call twice.
    """
    if not device.closed:
        device.pin.when_changed = None
        device.close()


class Pins:
    """All pins of one chip.

    Args:
        factory: gpiozero's pin factory.
        thread: lgpio's thread that hands over edges; None where there is none.
        errors: What reading, writing or claiming a pin may raise.
    """

    def __init__(
        self, factory: Any, thread: NotifyThread | None = None, errors: Errors = (GPIOZeroError,)
    ) -> None:
        self.factory: Final = factory
        self.thread: Final = thread
        self.errors: Final = errors
        self._given: Final = contextlib.ExitStack()
        self._given.enter_context(contextlib.suppress(*errors))  # a chip that is gone has let go
        self._given.callback(factory.close)

    def input(self, button: Button) -> InputPin:
        """Claim a button's pin.

        Raises:
            CannotStart: The pin does not exist, is in use, or has a fixed pull of the other kind.
        """
        try:
            pin = InputPin(button, self.factory)
        except self.errors as error:
            raise CannotStart(f"button {button.name}: pin {button.pin}: {error}") from error
        self._given.callback(pin.close)
        return pin

    def output(self, pin: int) -> OutputPin:
        """Claim a pin for an LED or a buzzer.

        Raises:
            CannotStart: The pin does not exist or is in use.
        """
        try:
            output = OutputPin(pin, self.factory, self.errors)
        except self.errors as error:
            raise CannotStart(f"output on pin {pin}: {error}") from error
        self._given.callback(output.close)
        return output

    def close(self) -> None:
        """Give every pin and the chip back; safe to call twice.

        gpiozero remembers for the whole process whose a pin is, until its device is closed or
        collected: the next gateway of this process would find it in use.
        """
        self._given.close()


def open_pins(inputs: Inputs, work: Path) -> Pins:
    """Open the configured chip, or fake pins where `simulated` is set.

    Args:
        inputs: Which chip; None lets gpiozero find the header.
        work: A directory of the daemon's own, where lgpio keeps its FIFO.

    Raises:
        CannotStart: There is no such chip, or lgpio is not installed.
    """
    if inputs.simulated:
        return Pins(MockFactory())
    try:
        lgpio, factory_class = _import_lgpio(work)
    except ImportError as error:
        raise CannotStart(
            f"lgpio is missing ({error}): install python3-lgpio, or set inputs.simulated"
        ) from error
    except OSError as error:
        raise CannotStart(f"lgpio cannot keep its FIFO in {work}: {error}") from error
    errors: Errors = (GPIOZeroError, lgpio.error)
    try:
        factory = factory_class(chip=inputs.chip)
    except errors as error:
        raise CannotStart(
            f"no GPIO chip: {error}; set inputs.chip, and put the daemon's user into group gpio"
        ) from error
    return Pins(factory, NotifyThread(lgpio, work), errors)


def _import_lgpio(work: Path) -> tuple[Any, Any]:
    """Import lgpio where its FIFO may be.

    Raises:
        OSError: There can be no such directory.

    At its import lgpio makes a FIFO in $LG_WD, changes the whole process into that directory, and
    opens the FIFO by its bare name. Afterwards the process is put back where it was.
    """
    work.mkdir(parents=True, exist_ok=True)
    os.environ["LG_WD"] = str(work)
    with contextlib.chdir(work):
        import lgpio  # noqa: PLC0415 - only where there are real pins
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415

    return lgpio, LGPIOFactory
