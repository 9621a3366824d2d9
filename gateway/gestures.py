"""What holding the set-up button does: the owner's PIN is forgotten, or all that the box knows.

The box itself cannot make itself new: it leaves a mark in its state directory, which the host's
own service looks for, and says so until it has been obeyed.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final

from gateway.access import Access
from gateway.errors import Refused
from gateway.events import AnyEvent, FactoryResetRequested, OwnerPinReset
from gateway.faults import Faults
from gateway.files import write_atomic
from gateway.host.reset import RESET_MARK as RESET_MARK  # noqa: PLC0414 - exported
from gateway.inputs.verdicts import Released, SetupStage

REQUESTED: Final = "asked for, and done once the box's host has seen it"

_log: Final = logging.getLogger(__name__)


class Gestures:
    """Acts on the set-up button once it is let go.

    Args:
        state: The state directory.
        access: Knows the PINs.
        faults: Told of what has been asked for and is not done.
        record: Keeps an event.
    """

    def __init__(
        self, state: Path, access: Access, faults: Faults, record: Callable[[AnyEvent], None]
    ) -> None:
        self._mark: Final = state / RESET_MARK
        self._access: Final = access
        self._faults: Final = faults
        self._record: Final = record
        self._running: Final[set[asyncio.Task[None]]] = set()
        if self._mark.exists():
            self._faults.set("box/factory-reset", REQUESTED)

    def released(self, verdict: Released) -> None:
        """The set-up button was let go."""
        match verdict.stage:
            case SetupStage.PASSWORD_RESET:
                self._start(self._reset_owner(verdict.button))
            case SetupStage.FACTORY_RESET:
                self._start(self.request_reset(verdict.button))
            case None:
                pass

    async def settled(self) -> None:
        """Return once everything that was begun is done."""
        await asyncio.gather(*self._running)

    # --- how -------------------------------------------------------------------------------

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)  # the loop itself keeps no hold of a task
        task.add_done_callback(self._running.discard)

    async def _reset_owner(self, button: str) -> None:
        try:
            await self._access.reset_owner()
        except Refused as refusal:
            self._faults.set("access", str(refusal))
            return
        _log.warning("the owners' PINs were reset at the set-up button %s", button)
        self._record(OwnerPinReset(button=button))

    async def request_reset(self, button: str) -> None:
        """Leave the mark that the host makes the box new by; `button` is empty for the page."""
        try:
            await asyncio.to_thread(write_atomic, self._mark, b"")
        except OSError as error:
            words = f"asked for, and cannot be noted: {error.strerror}"
            self._faults.set("box/factory-reset", words)
            return
        _log.warning("a factory reset was asked for at %s", button or "the page")
        self._record(FactoryResetRequested(button=button))
        self._faults.set("box/factory-reset", REQUESTED)
