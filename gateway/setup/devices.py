"""What is asked about the parts of the box: what they did lately, and a test of each signal."""

import asyncio
import sqlite3
from functools import partial
from typing import Any, Final

from gateway.config import Config
from gateway.control import Asker
from gateway.errors import Refused
from gateway.floor import Floor
from gateway.journal.store import Journal
from gateway.request import Done, Request
from gateway.setup import device_messages as messages
from gateway.setup import fault_log, lately

LATEST_FAULTS: Final = 10


class DeviceService:
    """Answers what the page of devices asks.

    Args:
        config: What the gateway runs on.
        journal: Has what happened.
        floor: Has the LEDs and the buzzer.
    """

    def __init__(self, config: Config, journal: Journal, floor: Floor) -> None:
        self._pagers: Final = tuple(pager.name for pager in config.pagers)
        self._journal: Final = journal
        self._floor: Final = floor

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.GetDevices: self._get,
            messages.GetFaults: self._faults,
            messages.TrySignal: self._try,
        }

    async def _get(self, _: messages.GetDevices, __: Asker) -> messages.DevicesView:
        return await asyncio.wrap_future(self._journal.read(self._read))

    def _read(self, connection: sqlite3.Connection) -> messages.DevicesView:
        lights, has_buzzer = self._floor.signals
        return messages.DevicesView(
            pressed=lately.pressed(connection),
            faults=fault_log.latest(connection).moments[:LATEST_FAULTS],
            pagers=self._pagers,
            paged=lately.paged(connection, self._pagers),
            lights=lights,
            has_buzzer=has_buzzer,
        )

    async def _faults(self, request: messages.GetFaults, _: Asker) -> messages.FaultsView:
        if request.before is not None:
            look = partial(fault_log.before, seq=request.before)
        elif request.after is not None:
            look = partial(fault_log.after, seq=request.after)
        else:
            look = partial(fault_log.latest)
        return await asyncio.wrap_future(self._journal.read(look))

    async def _try(self, request: messages.TrySignal, _: Asker) -> Done:
        if not self._floor.try_signal(request.button):
            raise Refused("no_signal", "there is no LED or buzzer of this kind to try")
        return Done()
