"""The gateway's watchdog: systemd hears of it only while all that a press needs gets on.

A thread that is alive may still be stuck: in a driver that does not come back, or in a disk that
does not. So each of them tells when it takes work up and when it rests (`gateway.pulse`). The event
loop proves itself by running this. What is stuck is shown as a fault long before systemd ends the
gateway for it; pages go out all that time, by another transmitter or past the journal.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from gateway import sdnotify
from gateway.faults import Faults
from gateway.inputs.gpio import GpioInputs
from gateway.journal.store import Journal
from gateway.paging.transmitter import Transmitter

LOOK_S: Final = 5.0
SLOW_S: Final = 30.0
"""The disk has let the journal wait for longer than any disk that is well."""
EXTEND_S: Final = 60.0
"""A start that looks through a big journal asks systemd for so much more time, again and again."""

_log: Final = logging.getLogger(__name__)


class Watchdog:
    """Looks after the threads of one gateway.

    Args:
        journal: Its writer's thread.
        transmitters: A thread each.
        inputs: The thread that every button's edge comes through.
        faults: Told of what is slow.
        clock: CLOCK_MONOTONIC in seconds.
    """

    def __init__(
        self,
        journal: Journal,
        transmitters: tuple[Transmitter, ...],
        inputs: GpioInputs,
        faults: Faults,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal: Final = journal
        self._transmitters: Final = transmitters
        self._inputs: Final = inputs
        self._faults: Final = faults
        self._clock: Final = clock
        self._every_s: Final = min(LOOK_S, (sdnotify.watchdog_s() or LOOK_S) / 3)
        self._stuck: tuple[str, ...] = ()

    async def starting(self) -> None:
        """Ask for more time while the journal is looked through; until cancelled."""
        while self._journal.pulse.busy_s(self._clock()) < self._journal.pulse.limit_s:
            sdnotify.notify(f"EXTEND_TIMEOUT_USEC={EXTEND_S * 1e6:.0f}\nWATCHDOG=1")
            await asyncio.sleep(self._every_s)

    async def run(self) -> None:
        """Look, and feed systemd's watchdog if there is one, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(self._every_s)

    def look(self) -> None:
        """Feed it, unless something is stuck."""
        now_s = self._clock()
        for transmitter in self._transmitters:
            transmitter.look(now_s)
        is_slow = self._journal.pulse.busy_s(now_s) > SLOW_S
        words = "the disk does not answer: nothing is kept meanwhile, pages go out all the same"
        self._faults.set("journal/slow", words if is_slow else None)
        stuck = tuple(self._find_stuck(now_s))
        if stuck and stuck != self._stuck:
            _log.critical("stuck: %s; systemd's watchdog is fed no more", ", ".join(stuck))
        self._stuck = stuck
        if not stuck and sdnotify.watchdog_s() is not None:
            sdnotify.notify("WATCHDOG=1")

    def _find_stuck(self, now_s: float) -> list[str]:
        parts = [
            ("the journal's writer", self._journal.is_alive, self._journal.pulse),
            ("the buttons' thread", True, self._inputs.pulse),
            *(
                (f"transmitter {each.name}", each.is_alive, each.pulse)
                for each in self._transmitters
            ),
        ]
        return [
            name
            for name, is_alive, pulse in parts
            if not is_alive or pulse.busy_s(now_s) > pulse.limit_s
        ]
