"""The buttons' pins as a whole: every edge is handed on with its time, and nothing dies in silence.

Edges come from lgpio's one thread. What can go wrong on the way, and what is done about it:

- our own code raises on an edge: lgpio's thread survives it, and `on_fault` is told at once;
- lgpio's thread dies: another is started and every pin claimed anew. If that fails, levels are
  re-read 20 times a second, so that presses still come through, if late;
- edges are lost, because the kernel's or lgpio's queue was full: seen by two like edges in a row,
  by a queue that fills up, and by a level that is not what the last edge said. Then the missing
  edge is handed on and the pin claimed anew.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Final

from gateway.config import Button, Inputs
from gateway.errors import CannotStart
from gateway.inputs.contact import NS_PER_MS
from gateway.inputs.health import FaultKind, Health
from gateway.inputs.judge import ns
from gateway.inputs.levels import edge_ns
from gateway.inputs.listener import Listener, Look, OnEdge, OnFault
from gateway.inputs.pins import Errors, Pins
from gateway.pulse import Pulse

# The second look at a level that disagrees, and every look while no thread hands edges over.
SOON_NS: Final = 50 * NS_PER_MS
DEAF_S: Final = 300.0
"""For how long its thread may be past help: levels are re-read, and presses come late at worst."""
# Beyond this part of lgpio's queue edges are about to be lost.
_FULL: Final = 0.5


class GpioInputs:
    """All buttons of the box.

    Args:
        buttons: The configured buttons.
        inputs: How often levels are re-read.
        pins: The chip they hang on.
        on_edge: Told every edge, from lgpio's thread or from inside `check`; best no more than a
            `call_soon_threadsafe`.
        on_fault: Told when `on_edge` raised, from lgpio's thread. The daemon should end: it is a
            fault of the program.
        clock: CLOCK_MONOTONIC in nanoseconds.

    Attributes:
        pulse: Of lgpio's thread: at rest while it hands edges over, at work while that is mended.

    Raises:
        CannotStart: A pin cannot be claimed.
    """

    def __init__(
        self,
        buttons: Iterable[Button],
        inputs: Inputs,
        pins: Pins,
        *,
        on_edge: OnEdge,
        on_fault: OnFault,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._pins: Final = pins
        self._on_fault: Final = on_fault
        self._clock: Final = clock
        self._reread_ns: Final = ns(inputs.reread_s)
        self._failed: list[Health] = []
        self._deaf = False  # lgpio's thread was dead, and not every pin has come to a new one
        self.pulse: Final = Pulse(DEAF_S)
        self._listeners: Final = [
            Listener(
                button.name,
                pins.input(button),
                self._stamp,
                on_edge=on_edge,
                on_fault=self._callback_failed,
            )
            for button in buttons
        ]
        self.next_check_ns = clock()

    def _stamp(self, stamp_s: float) -> int:
        # Fake pins have no kernel behind them.
        now_ns = self._clock()
        return edge_ns(stamp_s, now_ns) if self._pins.thread else now_ns

    def _callback_failed(self, health: Health) -> None:
        self._failed.append(health)
        self._on_fault(health)

    def start(self) -> dict[str, bool]:
        """Begin to listen; returns by button whether it was pressed already.

        Raises:
            CannotStart: A pin cannot be listened to or read.
        """
        self.next_check_ns = self._clock() + self._reread_ns
        return {listener.name: self._begin(listener) for listener in self._listeners}

    def _begin(self, listener: Listener) -> bool:
        try:
            return listener.start()
        except self._pins.errors as error:
            raise CannotStart(
                f"button {listener.name}: its pin cannot be read: {error}; end what else uses it"
                " (gpioinfo names that), or move the button to another pin"
            ) from error

    def check(self, now_ns: int) -> list[Health]:
        """Look after the inputs, and heal what can be healed. Call it at `next_check_ns`.

        Returns:
            Every fault of this look. One that is not in the next look is gone.
        """
        failed, self._failed = self._failed, []
        thread = self._check_thread()
        found = [*failed, *thread]
        doubtful = any(not fault.healed for fault in thread)
        for listener in self._listeners:
            look, faults = self._check_level(listener, now_ns)
            found += faults
            doubtful |= look is Look.DOUBTFUL
        self.next_check_ns = now_ns + (SOON_NS if doubtful else self._reread_ns)
        return found

    def _check_thread(self) -> list[Health]:
        thread = self._pins.thread
        if thread is None:
            return []
        errors: Errors = (OSError, *self._pins.errors)
        try:
            if not thread.alive:
                if not self._deaf:
                    self.pulse.beat()
                self._deaf = True
                thread.revive()
            if not self._deaf:
                return _overflow(thread.fill())
            for listener in self._listeners:
                listener.restart()
            self._deaf = False
            self.pulse.rest()
        except errors as error:
            words = f"no button edge is heard, and that cannot be helped: {error}"
            return [Health(FaultKind.NOTIFY_THREAD, words)]
        words = "lgpio's thread had died and was started again"
        return [Health(FaultKind.NOTIFY_THREAD, words, healed=True)]

    def _check_level(self, listener: Listener, now_ns: int) -> tuple[Look | None, list[Health]]:
        name = listener.name
        found: list[Health] = []
        if lost := listener.take_lost():
            words = f"{lost} or more edges of the button were lost"
            found.append(Health(FaultKind.OVERFLOW, words, name, healed=True))
        try:
            look = listener.look(now_ns)
        except self._pins.errors as error:
            found.append(Health(FaultKind.UNREADABLE, f"the pin cannot be read: {error}", name))
            return None, found
        if look is Look.HEALED:
            words = "the level was not what the last edge said; the edge was made up for"
            found.append(Health(FaultKind.LEVELS, words, name, healed=True))
        return look, found

    def close(self) -> None:
        """Give all pins back."""
        for listener in self._listeners:
            with contextlib.suppress(*self._pins.errors):  # a chip that is gone has let go
                listener.close()


def _overflow(fill: float) -> list[Health]:
    if fill < _FULL:
        return []
    words = f"edges come faster than they are read; the queue is {fill:.0%} full"
    return [Health(FaultKind.OVERFLOW, words)]
