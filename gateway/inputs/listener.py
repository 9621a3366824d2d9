"""Listens to one button's pin, and knows when something was not heard."""

import logging
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from gateway.inputs.health import FaultKind, Health
from gateway.inputs.pins import InputPin

_log: Final = logging.getLogger(__name__)

OnEdge = Callable[[str, bool, int], None]
"""Told a button's name, whether it went to its pressed level, and CLOCK_MONOTONIC of the edge."""
OnFault = Callable[[Health], None]
"""Told a fault the moment it happens."""
Stamp = Callable[[float], int]
"""From a pin's own stamp in seconds to CLOCK_MONOTONIC in nanoseconds."""


class Look(Enum):
    """What re-reading a pin showed."""

    AGREES = auto()  # its level is what the last edge said
    DOUBTFUL = auto()  # it is not, but the edge may be on its way
    HEALED = auto()  # it is still not: the edge was lost, and has been handed on now


class Listener:
    """One button's pin and the last that was heard of it.

    Edges come from lgpio's notify thread, looks from the daemon's; the lock keeps what both touch.

    Args:
        name: The button's configured name.
        pin: Its pin.
        stamp: What an edge's time stamp means.
        on_edge: Told every edge; from lgpio's thread, or from the one that looks.
        on_fault: Told when `on_edge` raised; from lgpio's thread.
    """

    def __init__(
        self, name: str, pin: InputPin, stamp: Stamp, *, on_edge: OnEdge, on_fault: OnFault
    ) -> None:
        self.name: Final = name
        self._pin: Final = pin
        self._stamp: Final = stamp
        self._on_edge: Final = on_edge
        self._on_fault: Final = on_fault
        self._lock: Final = threading.Lock()
        self._active: bool | None = None
        self._edges = 0
        self._lost = 0
        self._doubted_at: int | None = None  # `_edges` when the level first disagreed

    def start(self) -> bool:
        """Begin to listen.

        Returns:
            Whether the button was at its pressed level before the first edge that is handed on.
        """
        self._pin.listen(self._changed)
        pressed = self._pin.is_pressed()
        with self._lock:
            if self._active is not None:  # an edge was quicker than the reading, and tells it all
                return False
            self._active = pressed
        return pressed

    def restart(self) -> None:
        """Claim the edges anew, after they came from a thread that is dead."""
        self._pin.listen_again(self._changed)

    def _changed(self, stamp_s: float, state: int) -> None:
        try:
            active = bool(state) == self._pin.high_when_pressed
            at_ns = self._stamp(stamp_s)
            with self._lock:
                self._lost += active == self._active  # edges alternate: one between is missing
                self._active = active
                self._edges += 1
            self._on_edge(self.name, active, at_ns)
        except Exception as error:  # noqa: BLE001 - whatever passes here ends lgpio's only thread
            _log.exception("an edge of button %s was not handled", self.name)
            words = f"{type(error).__name__}: {error}"
            self._on_fault(Health(FaultKind.CALLBACK, words, self.name))

    def take_lost(self) -> int:
        """How many edges were missing since the last call, as far as the others show."""
        with self._lock:
            lost, self._lost = self._lost, 0
        return lost

    def look(self, now_ns: int) -> Look:
        """Re-read the level; on the second disagreement in a row hand the lost edge on.

        Raises one of `Pins.errors` if the pin cannot be read.
        """
        pressed = self._pin.is_pressed()
        with self._lock:
            if pressed == self._active:
                self._doubted_at = None
                return Look.AGREES
            if self._doubted_at != self._edges:
                self._doubted_at = self._edges
                return Look.DOUBTFUL
            self._doubted_at = None
            self._active = pressed
            self._edges += 1
        self.restart()
        self._on_edge(self.name, pressed, now_ns)
        return Look.HEALED

    def close(self) -> None:
        """Give the pin back."""
        self._pin.close()
