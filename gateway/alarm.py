"""A timer on the event loop that can be moved."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from gateway.clock import NS_PER_S


class Alarm:
    """Calls back once at a moment of CLOCK_MONOTONIC, which the loop's own clock is too.

    Args:
        callback: Called from the loop; sets the alarm again if it wants to.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Final = callback
        self._handle: asyncio.TimerHandle | None = None  # while it is set

    def set_ns(self, mono_ns: int | None) -> None:
        """Move it to a moment in nanoseconds, or switch it off."""
        self._set(None if mono_ns is None else mono_ns / NS_PER_S)

    def set_s(self, wait_s: float | None) -> None:
        """Move it to so many seconds from now, or switch it off."""
        self._set(None if wait_s is None else time.monotonic() + wait_s)

    def cancel(self) -> None:
        """Switch it off."""
        self._set(None)

    def _set(self, at_s: float | None) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if at_s is not None:
            self._handle = asyncio.get_running_loop().call_at(at_s, self._ring)

    def _ring(self) -> None:
        self._handle = None
        self._callback()
