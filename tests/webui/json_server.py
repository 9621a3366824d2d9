"""Newline JSON on a Unix socket, as the real sockets speak it."""

import socket
import socketserver
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from gateway import messages as say
from gateway.errors import Refused


class JsonServer(ABC):
    """Answers newline JSON on a Unix socket, one thread a connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: set[socket.socket] = set()
        self._serve()

    def _serve(self) -> None:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._open.add(self.request)
                with suppress(OSError):
                    outer.converse(self.rfile.readline, self.wfile.write)
                outer._open.discard(self.request)

        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    @abstractmethod
    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        """Read requests and answer them, until the line ends."""

    def reply(self, write: Callable[[bytes], object], number: int, do: Callable[[], Any]) -> bool:
        """Write what `do` returns, or why it would not; whether it did."""
        try:
            answer = say.Answer(id=number, ok=msgspec.Raw(msgspec.json.encode(do())))
        except Refused as refused:
            answer = say.Answer(id=number, error=say.Problem(refused.code, str(refused)))
        write(msgspec.json.encode(answer) + b"\n")
        return answer.error is None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.path.unlink(missing_ok=True)
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def start_again(self) -> None:
        self._serve()
