"""Honest time: every record says which boot it is from and whether the wall clock was right.

A box has no battery clock, so order and age never rest on the wall clock alone: within one boot
the monotonic clock decides, across boots the wall clock does, and only where it was synchronised.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

NS_PER_S: Final = 1_000_000_000

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# systemd-timesyncd touches this file at its first good answer (systemd-timesyncd.service(8));
# it is readable from inside a sandbox that forbids adjtimex.
_SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")
JUMP_NS: Final = 60 * NS_PER_S
"""A wall clock that moves by more than this without a new answer was moved by something else."""
LOOK_NS: Final = NS_PER_S
"""How often at most to see whether the time server has answered: every press takes a stamp."""


class Stamp(msgspec.Struct, frozen=True):
    """One moment, told in every way the box can tell it.

    Attributes:
        boot: The kernel's boot id.
        mono_ns: CLOCK_MONOTONIC, nanoseconds; comparable within one `boot` only.
        wall_ns: Unix time, nanoseconds, as the box believed it then.
        synced: Whether the wall clock was known to be right.
    """

    boot: str
    mono_ns: int
    wall_ns: int
    synced: bool

    def age_ns(self, now: "Stamp") -> int | None:
        """How long ago this was, in nanoseconds, or None where nobody can know.

        Within one boot the monotonic clock answers. Across boots the wall clock does, if both
        ends were synchronised; a box that woke without a clock does not guess.
        """
        if self.boot == now.boot:
            return now.mono_ns - self.mono_ns
        if self.synced and now.synced:
            return max(0, now.wall_ns - self.wall_ns)
        return None

    def iso(self) -> str:
        """The wall time as ISO 8601 in UTC, to the second."""
        return datetime.fromtimestamp(self.wall_ns // NS_PER_S, UTC).isoformat()


class Clock(Protocol):
    """Where the daemon's shell takes the time from; the pure cores get it as an argument."""

    def now(self) -> Stamp:
        """The present moment."""
        ...

    def mono_ns(self) -> int:
        """CLOCK_MONOTONIC in nanoseconds: what timers and the press filter run on."""
        ...

    def at(self, mono_ns: int) -> Stamp:
        """The stamp of a moment of this boot that a kernel or thread has time-stamped."""
        ...


class SystemClock:
    """The clocks of this machine.

    The wall clock is believed from an answer of the time server on, and only for as long as it
    runs beside the monotonic one: a clock that somebody moves by years decides nothing.

    Args:
        synchronised: A file that is touched whenever the time server has answered.
        trusted: Whether the wall clock is right without it, as on the host of a simulated shop.
    """

    def __init__(self, synchronised: Path = _SYNCHRONISED, *, trusted: bool = False) -> None:
        self.boot: Final = _BOOT_ID.read_text().strip()
        self._synchronised: Final = synchronised
        self._trusted: Final = trusted
        self._look_at_ns = 0  # when to look at the file again
        self._is_answered = False
        self._answered_ns = 0  # the answer that `_offset_ns` is from
        self._offset_ns = 0  # wall less monotonic time, as it was then

    def mono_ns(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns()

    def now(self) -> Stamp:
        """See `Clock`."""
        return self.at(time.monotonic_ns())

    def at(self, mono_ns: int) -> Stamp:
        """See `Clock`."""
        now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        offset_ns = wall_ns - now_ns
        synced = self._trusted or self._is_right(offset_ns, now_ns)
        return Stamp(self.boot, mono_ns, offset_ns + mono_ns, synced)

    def _is_right(self, offset_ns: int, now_ns: int) -> bool:
        if now_ns >= self._look_at_ns:
            self._look_at_ns = now_ns + LOOK_NS
            self._is_answered = self._look(offset_ns, offset_ns + now_ns)
        return self._is_answered and abs(offset_ns - self._offset_ns) <= JUMP_NS

    def _look(self, offset_ns: int, wall_ns: int) -> bool:
        """Whether there is an answer to go by, and what the clocks said when it was first seen."""
        try:
            answered_ns = self._synchronised.stat().st_mtime_ns
        except OSError:
            return False
        if answered_ns != self._answered_ns:
            # The file's time is the wall's of then: it lies between the boot and now, unless the
            # wall was moved since.
            if not offset_ns - JUMP_NS <= answered_ns <= wall_ns + JUMP_NS:
                return False
            self._answered_ns, self._offset_ns = answered_ns, offset_ns
        return True
