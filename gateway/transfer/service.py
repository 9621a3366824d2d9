"""Answers what is asked about the pieces of files."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from gateway.control import Asker
from gateway.errors import Refused
from gateway.request import Done, Request
from gateway.transfer import messages
from gateway.transfer.files import Transfer
from gateway.transfer.messages import Purpose

T = TypeVar("T")
Check = Callable[[int], int]
"""Passes a file of so many bytes, and says how many it takes of the disk in all; or refuses it."""


class TransferService:
    """Takes files in pieces, and gives them out.

    Args:
        files: Those on their way.
        checks: What each purpose asks of a file before any of it is taken.
    """

    def __init__(self, files: Transfer, checks: Mapping[Purpose, Check]) -> None:
        self._files: Final = files
        self._checks: Final = checks

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.ReadPiece: self._read,
            messages.BeginUpload: self._begin,
            messages.SendPiece: self._take,
        }

    async def _read(self, request: messages.ReadPiece, _: Asker) -> bytes:
        return await on_disk(lambda: self._files.piece(request.file, request.offset))

    async def _begin(self, request: messages.BeginUpload, _: Asker) -> str:
        needed = self._checks[request.purpose](request.bytes)
        return await on_disk(lambda: self._files.announce(request.bytes, needed))

    async def _take(self, request: messages.SendPiece, _: Asker) -> Done:
        await on_disk(lambda: self._files.add(request.file, request.offset, request.data))
        return Done()


async def on_disk(work: Callable[[], T]) -> T:
    """Do it in a thread, and say in words what the disk would not do.

    Raises:
        Refused: `not_kept`, else what the work refuses.
    """
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Refused(
            "not_kept", f"the disk does not do this: {error.strerror or error}"
        ) from error
