"""Backups to a USB stick and from one: made and checked by the gateway, carried by the host."""

import asyncio
import os
from functools import partial
from typing import IO, Any, Final

from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Deed
from gateway.guard.told import Tell
from gateway.host import messages, verbs
from gateway.host.client import SLOW_S, HostClient
from gateway.request import Done, Request
from gateway.transfer.files import Transfer
from gateway.transfer.messages import PIECE_BYTES
from gateway.transfer.service import Check, on_disk


class StickService:
    """Answers what is asked about backups on a stick.

    Args:
        files: Those on their way.
        check: What a backup that comes in is asked first.
        tell: Keeps who did what.
        client: The way to the host.
    """

    def __init__(
        self, *, files: Transfer, check: Check, tell: Tell, client: HostClient | None = None
    ) -> None:
        self._files: Final = files
        self._check: Final = check
        self._tell: Final = tell
        self._host: Final = client or HostClient()
        self._one_at_a_time: Final = asyncio.Lock()

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.BackupToStick: self._write,
            messages.BackupFromStick: self._fetch,
        }

    async def _write(self, request: messages.BackupToStick, asker: Asker) -> Done:
        self._need_idle()
        self._files.path(request.file)  # one of ours, and no other of this directory
        verb = verbs.WriteBackup(stick=request.stick, file=request.file, name=request.name)
        async with self._one_at_a_time:
            try:
                await self._host.ask(verb, SLOW_S)
            finally:
                await on_disk(partial(self._files.drop, request.file))
        await self._tell(asker, Deed.BACKUP_MADE, f"{request.stick}/{request.name}")
        return Done()

    async def _fetch(self, request: messages.BackupFromStick, _: Asker) -> str:
        self._need_idle()
        async with self._one_at_a_time:
            with await self._host.open(verbs.OpenBackup(request.name)) as file:
                return await on_disk(partial(self._copy, file))

    def _need_idle(self) -> None:
        self._host.need()
        if self._one_at_a_time.locked():
            raise Refused("busy", "another backup is on its way: wait for its end")

    def _copy(self, file: IO[bytes]) -> str:
        """As if somebody had sent it."""
        size = os.fstat(file.fileno()).st_size
        name = self._files.announce(size, self._check(size))
        offset = 0
        while piece := file.read(PIECE_BYTES):
            self._files.add(name, offset, piece)
            offset += len(piece)
        return name
