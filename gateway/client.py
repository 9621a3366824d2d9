"""The blocking client of the control socket: what the command line and the page speak through."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, get_args

import msgspec

from gateway.errors import GatewayError, Refused
from gateway.messages import MAX_LINE, Answer, Changed, Request, Subscribe

T = TypeVar("T")


class Unreachable(GatewayError, OSError):
    """Nobody answers on the socket."""


class _Line(msgspec.Struct, frozen=True):
    """A `Call` for any set of requests: the simulator has some of its own."""

    id: int
    request: Any
    token: str | None = None


class Client:
    """One connection. Calls go one after another; not for sharing between threads.

    Args:
        path: The Unix socket.
        token: Goes with every call, once there is one.
        timeout_s: The longest wait for an answer.
    """

    def __init__(self, path: Path, *, token: str | None = None, timeout_s: float = 10.0) -> None:
        self.token = token
        self._path: Final = path
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Unreachable(f"no gateway answers at {path}: {error.strerror or error}") from error
        self._reader = self._socket.makefile("rb")

    def call(self, request: Request[T]) -> T:
        """Ask, and wait for the answer.

        Raises:
            Refused: The gateway said no, with its code and sentence.
            Unreachable: It is gone, or took longer than the time-out.
        """
        self._number += 1
        self._send(request)
        answer = self._read(Answer)
        # 0 is the number of what could not be read as a question, or came from one too many.
        if answer.error is not None and answer.id in (self._number, 0):
            raise Refused(answer.error.code, answer.error.message)
        if answer.id != self._number:
            raise Unreachable(f"the answer at {self._path} is to another question")
        value: T = self._decode(answer.ok, answer_type(type(request)))
        return value

    def changes(self) -> Iterator[Changed]:
        """Subscribe, and yield at every ring until the gateway goes away.

        Raises:
            Refused: The gateway said no.
            Unreachable: It is gone, or no ring came within the time-out.
        """
        yield self.call(Subscribe())
        while True:
            yield self._read(Changed)

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()

    def _send(self, request: Request[Any]) -> None:
        line = msgspec.json.encode(_Line(self._number, request, self.token)) + b"\n"
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise Unreachable(f"the gateway at {self._path} is gone") from error

    def _read(self, kind: type[T]) -> T:
        try:
            line = self._reader.readline(MAX_LINE + 1)
        except TimeoutError as error:
            raise Unreachable(f"the gateway at {self._path} does not answer in time") from error
        except OSError as error:
            raise Unreachable(f"the gateway at {self._path} is gone") from error
        if not line.endswith(b"\n"):
            raise Unreachable(f"the gateway at {self._path} is gone")
        message: T = self._decode(line, kind)
        return message

    def _decode(self, text: bytes | msgspec.Raw, kind: Any) -> Any:
        try:
            return msgspec.json.decode(text, type=kind)
        except ValueError as error:  # msgspec's own are ValueErrors
            raise Unreachable(f"{self._path} speaks another language: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def answer_type(request: type[Request[Any]]) -> Any:
    """The type of a request's answer: the parameter of its `Request[…]` base."""
    bases: tuple[Any, ...] = request.__orig_bases__  # type: ignore[attr-defined]
    return get_args(bases[0])[0]
