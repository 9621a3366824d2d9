"""Spikes of one line, told in sums: a broken wire makes them by the thousand."""

from typing import Final

from gateway.clock import NS_PER_S
from gateway.inputs.contact import NS_PER_MS

# A contact that closes may bounce for this long before it stays closed.
BOUNCE_NS: Final = 50 * NS_PER_MS
# At most one sum in this time, apart from the one that a press brings forward.
EVERY_NS: Final = 60 * NS_PER_S


class Spikes:
    """Counts spikes and says when how many of them are to be told.

    A run of spikes is at most `BOUNCE_NS` long. If a press begins within it, the run was the
    bounce of that press and is forgotten. Otherwise it is told: the first run at once, what
    follows as one sum a minute. A press brings the sum forward, so that what is told stays in the
    order in which it began.
    """

    def __init__(self) -> None:
        self._run = 0
        self._run_first_ns = 0
        self._untold = 0
        self._untold_first_ns = 0
        self._due_ns = 0
        self._not_before_ns: int | None = None

    def add(self, lead_ns: int) -> None:
        """Count one spike by its leading edge."""
        if not self._run:
            self._run_first_ns = lead_ns
        self._run += 1

    @property
    def deadline_ns(self) -> int | None:
        """When `fire` is to be called next."""
        if self._run:
            return self._run_first_ns + BOUNCE_NS
        return self._due_ns if self._untold else None

    def fire(self) -> tuple[int, int] | None:
        """The deadline has come.

        Returns:
            First leading edge and number of the spikes to tell, None when it is not time.
        """
        if self._run:
            self._end_run()
            return None
        return self._tell(self._due_ns)

    def press_at(self, lead_ns: int) -> tuple[int, int] | None:
        """A press began at `lead_ns`: returns what is to be told before it, like `fire`."""
        self._run = 0  # one that did not end before the press is its bounce
        return self._tell(lead_ns) if self._untold else None

    def _end_run(self) -> None:
        ripe_ns = self._run_first_ns + BOUNCE_NS
        if not self._untold:
            self._untold_first_ns = self._run_first_ns
            self._due_ns = max(ripe_ns, self._not_before_ns or ripe_ns)
        self._untold += self._run
        self._run = 0

    def _tell(self, at_ns: int) -> tuple[int, int]:
        told = (self._untold_first_ns, self._untold)
        self._untold = 0
        self._not_before_ns = at_ns + EVERY_NS
        return told
