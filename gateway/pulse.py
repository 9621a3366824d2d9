"""Whether a thread gets on with its work: what a thread that merely lives does not show."""

import time
from typing import Final


class Pulse:
    """Since when a thread has been at one piece of work. Told by that thread, read by any.

    Attributes:
        limit_s: The longest that one piece can take; a thread at it for longer is stuck.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s: Final = limit_s
        self._began_s: float | None = None

    def beat(self) -> None:
        """A piece of work begins."""
        self._began_s = time.monotonic()

    def rest(self) -> None:
        """It is done, and the thread waits for the next."""
        self._began_s = None

    def busy_s(self, now_s: float) -> float:
        """How long it has been at it, by CLOCK_MONOTONIC; 0 at rest."""
        began_s = self._began_s
        return 0.0 if began_s is None else now_s - began_s
