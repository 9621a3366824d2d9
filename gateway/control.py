"""The control socket: newline-delimited JSON on one Unix socket, for the page and the commands.

Who may ask is settled here, what is asked is done in `service.py`. A peer that is root, the
gateway's own user or a member of the admin group speaks with the owner's authority, unless it gave
that up with its first words, as the page does. Everybody else speaks with that of the session
whose token comes with the call. Kernel credentials (SO_PEERCRED, unix(7)) say who a peer is.
"""

import asyncio
import contextlib
import grp
import logging
import os
import pwd
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from gateway.errors import CannotStart, GatewayError, Refused
from gateway.messages import MAX_LINE, Answer, Call, Changed, Hello, Problem, Request, Subscribe
from gateway.model import Role

CONNECTIONS_MOST: Final = 128
BEAT_S: Final = 5.0

_UCRED: Final = struct.Struct("3i")  # pid, uid, gid

_log: Final = logging.getLogger(__name__)


class Asker(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        name: The staff member, or the system user of a command.
        role: None for somebody who has not signed in.
        via: `page` or `command`, as events tell it.
        token: The session's, None for a command.
    """

    name: str
    role: Role | None
    via: str
    token: str | None = None

    def require(self, needs: Role | None) -> None:
        """Pass, or say why not.

        Raises:
            Refused: `not_signed_in` or `forbidden`.
        """
        if needs is None:
            return
        if self.role is None:
            raise Refused("not_signed_in", "please sign in")
        if self.role.rank < needs.rank:
            raise Refused("forbidden", f"this needs the role {needs}")


class Service(Protocol):
    """What stands behind the socket."""

    def session_asker(self, token: str) -> Asker:
        """Who a token belongs to; raises `Refused` when nobody."""
        ...

    async def answer(self, request: Request[Any], asker: Asker) -> object:
        """Do what is asked; raises `Refused` or another `GatewayError` with a sentence."""
        ...


class Doorbell:
    """Rings for every subscriber when something that a page shows has changed."""

    def __init__(self) -> None:
        self.version = 0
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Something changed. Only from the event loop."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seen: int, timeout_s: float) -> int:
        """The version, as soon as it is not `seen` any more, or after the time-out."""
        if self.version == seen:
            # Not wait_for: before Python 3.12 it can swallow the cancelling of its caller.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
        return self.version


_KEEP_PATH: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""`close` takes the path away, last of all: until then no second gateway can have it."""


class ControlServer:
    """Serves the socket.

    Args:
        path: Where it is made; a stale one is replaced, a live one is an error.
        service: Answers.
        doorbell: Rings subscribers.
        admin_group: Members speak with the owner's authority.
    """

    def __init__(
        self, path: Path, service: Service, doorbell: Doorbell, *, admin_group: str
    ) -> None:
        self._path: Final = path
        self._service: Final = service
        self._doorbell: Final = doorbell
        self._admin_group: Final = admin_group
        self._server: asyncio.Server | None = None
        self._conversations: Final[set[asyncio.Task[None]]] = set()

    async def open(self) -> None:
        """Take the socket, so that no second gateway can; who connects now waits for `begin`.

        Raises:
            CannotStart: Another gateway listens there, or the socket cannot be made.
        """
        if _is_answered(self._path):
            raise CannotStart(f"another gateway is running already: it answers at {self._path}")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            mask = os.umask(0o117)  # made as 0660: the unit's group decides who may connect
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(mask)
            listener.listen(CONNECTIONS_MOST)  # asyncio would do so only when it begins to serve
        except OSError as error:
            listener.close()
            raise CannotStart(
                f"cannot make the control socket {self._path}: {error.strerror or error}"
            ) from error
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listener, limit=MAX_LINE, start_serving=False, **_KEEP_PATH
        )

    async def begin(self) -> None:
        """Begin to answer."""
        assert self._server is not None  # noqa: S101 - open() comes first
        await self._server.start_serving()

    async def run(self) -> None:
        """Answer until cancelled; who connects after that waits for `close`, and is then told.

        A connection that this loop took in and has no time left for would be nobody's: its caller
        would wait for as long as the process lives.
        """
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._server is not None:
                # Not closed yet: a connection that is just being taken in would be left open then.
                for listener in self._server.sockets:
                    asyncio.get_running_loop().remove_reader(listener.fileno())
            for conversation in self._conversations:
                conversation.cancel()

    def close(self) -> None:
        """Take the socket away."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this callback as a task
        self._conversations.add(task)
        task.add_done_callback(self._ended)
        try:
            if len(self._conversations) > CONNECTIONS_MOST:
                _write(writer, 0, Problem("busy", "too many connections: try again"))
            else:
                await self._converse(reader, writer, self._peer(writer))
            await writer.drain()
        except ConnectionError:
            pass  # it hung up: nothing else is lost by that
        finally:
            writer.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._conversations.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a fault of the program, which asyncio may tell of only much later
            _log.error("a request broke its conversation", exc_info=error)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Asker
    ) -> None:
        while line := await _line(reader):
            try:
                call = msgspec.json.decode(line, type=Call)
            except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
                _write(writer, 0, Problem("bad_request", f"not a request: {error}"))
                await writer.drain()
                continue
            if isinstance(call.request, Hello) and call.request.unprivileged:
                peer = Asker("", None, "page")
            answered = await self._answer(call, peer)
            _write(writer, call.id, answered)
            await writer.drain()
            if isinstance(call.request, Subscribe) and not isinstance(answered, Problem):
                await self._ring(writer)

    async def _answer(self, call: Call, peer: Asker) -> object:
        try:
            asker = self._asker(call, peer)
            asker.require(type(call.request).needs)
            if isinstance(call.request, Subscribe):
                return Changed(version=self._doorbell.version)
            return await self._service.answer(call.request, asker)
        except Refused as refusal:
            return Problem(refusal.code, str(refusal))
        except GatewayError as error:
            return Problem("unavailable", str(error))

    def _asker(self, call: Call, peer: Asker) -> Asker:
        if call.token is None:
            return peer
        try:
            return self._service.session_asker(call.token)
        except Refused:
            if type(call.request).needs is None:
                return peer  # whose session has ended must be able to sign in again
            raise

    async def _ring(self, writer: asyncio.StreamWriter) -> None:
        seen = self._doorbell.version
        while not writer.is_closing():
            seen = await self._doorbell.wait(seen, BEAT_S)
            writer.write(msgspec.json.encode(Changed(version=seen)) + b"\n")
            await writer.drain()

    def _peer(self, writer: asyncio.StreamWriter) -> Asker:
        plain: socket.socket = writer.get_extra_info("socket")
        packed = plain.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        _, uid, gid = _UCRED.unpack(packed)
        name = _user_name(uid)
        is_admin = uid in (0, os.geteuid()) or self._admin_group in _groups(name, gid)
        return Asker(name, Role.OWNER if is_admin else None, "command")


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end, for a half one, and for one longer than any request."""
    try:
        line = await reader.readline()
    except ValueError:
        return b""
    return line if line.endswith(b"\n") else b""


def _write(writer: asyncio.StreamWriter, number: int, answered: object) -> None:
    if isinstance(answered, Problem):
        answer = Answer(id=number, error=answered)
    else:
        answer = Answer(id=number, ok=msgspec.Raw(msgspec.json.encode(answered)))
    writer.write(msgspec.json.encode(answer) + b"\n")


def _is_answered(path: Path) -> bool:
    """Whether somebody listens there already."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (BlockingIOError, TimeoutError):
            return True  # it is there, and too busy to answer
        except OSError:
            return False
    return True


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _groups(name: str, gid: int) -> set[str]:
    try:
        return {grp.getgrgid(each).gr_name for each in os.getgrouplist(name, gid)}
    except (KeyError, OSError):
        return set()
