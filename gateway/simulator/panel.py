"""A panel of simulated buttons: drives fake pins the way fingers and bad wires do."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from gateway.config import Button


class Move(msgspec.Struct, frozen=True):
    """One change of a waveform.

    Attributes:
        down: Whether the button goes down or up.
        lasts_ms: How long it then stays so.
    """

    down: bool
    lasts_ms: float


def press(held_ms: float = 120.0, pause_ms: float = 60.0) -> list[Move]:
    """A clean press, and the pause after it."""
    return [Move(down=True, lasts_ms=held_ms), Move(down=False, lasts_ms=pause_ms)]


def bounce(held_ms: float = 120.0, times: int = 4, pause_ms: float = 60.0) -> list[Move]:
    """A press as a cheap contact makes it: a few bounces of 1 ms on closing and on opening."""
    chattered = chatter(times, on_ms=1.0, off_ms=1.0)
    return [*chattered, *press(held_ms, 1.0), *chattered[:-1], Move(down=False, lasts_ms=pause_ms)]


def chatter(times: int, on_ms: float = 1.0, off_ms: float = 9.0) -> list[Move]:
    """Spikes of a loose or a long wire."""
    return press(on_ms, off_ms) * times


class Panel:
    """All buttons of a box on fake pins.

    Args:
        buttons: The configured buttons.
        factory: gpiozero's MockFactory that the inputs were opened on.
        wait: Lets that many seconds pass; blocks, so a live daemon gives the panel a thread.
    """

    def __init__(
        self, buttons: Iterable[Button], factory: Any, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._buttons: Final = {button.name: button for button in buttons}
        self._pins: Final = {b.name: factory.pin(b.pin) for b in self._buttons.values()}
        self._wait: Final = wait

    def rest(self) -> None:
        """Let go of every button. A fake pin rests at its pull, where a closed loop does not."""
        for name in self._buttons:
            self.put(name, down=False)

    def put(self, name: str, *, down: bool) -> None:
        """Push a button down or let it go.

        Raises:
            KeyError: There is no such button.
        """
        button, pin = self._buttons[name], self._pins[name]
        loop_closed = down is not button.normally_closed
        # A closed loop ties the pin to ground, or to 3.3 V where the resistor pulls it down.
        if loop_closed is (button.pull == "down"):
            pin.drive_high()
        else:
            pin.drive_low()

    def play(self, name: str, moves: Iterable[Move]) -> None:
        """Make a waveform on one button, in real time or in that of `wait`."""
        for move in moves:
            self.put(name, down=move.down)
            self._wait(move.lasts_ms / 1000)
