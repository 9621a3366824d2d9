"""The gateway's way to the box's host: one request a connection."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from gateway.errors import Refused
from gateway.host.verbs import AnyVerb, OpenBackup, Reply

SOCKET: Final = Path("/run/achivx-host.sock")
ANSWER_S: Final = 20.0
SLOW_S: Final = 900.0
"""Joining a Wi-Fi takes a minute, unpacking an update some minutes on a slow card."""
_REPLY_BYTES: Final = 64 * 1024


class HostClient:
    """Asks the host.

    Args:
        path: Its socket.
    """

    def __init__(self, path: Path = SOCKET) -> None:
        self._path: Final = path

    @property
    def is_there(self) -> bool:
        """Whether this box has such a host: it is part of the appliance alone."""
        return self._path.is_socket()

    def need(self) -> None:
        """Pass where there is a host.

        Raises:
            Refused: `no_host` with what to do instead.
        """
        if not self.is_there:
            raise Refused(
                "no_host",
                "this machine is no appliance, so the gateway may not do this here: "
                "its administrator can, with the system's own tools",
            )

    async def ask(self, verb: AnyVerb, wait_s: float = ANSWER_S) -> Reply:
        """Have it done.

        Raises:
            Refused: By the host, with its code and words; `no_host` where there is none, or
                `host_failed` when it does not answer.
        """
        self.need()
        with _no_answer():
            async with asyncio.timeout(wait_s):
                return _reply(await self._exchange(verb))

    async def open(self, verb: OpenBackup) -> IO[bytes]:
        """Have a file opened that only the host can reach.

        Raises:
            Refused: As `ask` does.
        """
        self.need()
        with _no_answer():
            return await asyncio.to_thread(self._open, verb)

    def _open(self, verb: OpenBackup) -> IO[bytes]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(str(self._path))
            connection.sendall(msgspec.json.encode(verb) + b"\n")
            line, handles, _, _ = socket.recv_fds(connection, _REPLY_BYTES, 1)
        files = [os.fdopen(handle, "rb") for handle in handles]
        for file in files:
            os.set_inheritable(file.fileno(), False)  # noqa: FBT003 - it has no name
        _reply(line)
        (file,) = files
        return file

    async def _exchange(self, verb: AnyVerb) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=_REPLY_BYTES)
        try:
            writer.write(msgspec.json.encode(verb) + b"\n")
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()


def _reply(line: bytes) -> Reply:
    reply = msgspec.json.decode(line, type=Reply)
    if reply.code:
        raise Refused(reply.code, reply.words)
    return reply


@contextlib.contextmanager
def _no_answer() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a time-out and msgspec's own are among them
        raise Refused(
            "host_failed", "the box's host gave no answer: look at its log, or try again"
        ) from error
