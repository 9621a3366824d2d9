"""A host that speaks its protocol and does nothing, and the real gateway with it in its place.

Run as a program it is that gateway: `python -m tests.webui.fake_host SOCKET python -m gateway …`.
"""

import runpy
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.client import HostClient
from gateway.host.verbs import AnyVerb, Reply


class FakeHost:
    """Answers every sound verb with yes, but for those in `refuse`; `asked` is what it was asked.

    Attributes:
        hold: While it is clear, updates and Wi-Fi are under way and come to no end.
    """

    def __init__(self, path: Path) -> None:
        self.asked: list[AnyVerb] = []
        self.refuse: dict[type[Any], Reply] = {}
        self.hold = threading.Event()
        self.hold.set()
        self._server = socketserver.ThreadingUnixStreamServer(str(path), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))
        self._thread.start()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        host = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline(verbs.REQUEST_BYTES)
                self.wfile.write(msgspec.json.encode(host.answer(line)) + b"\n")

        return Handler

    def answer(self, line: bytes) -> Reply:
        """What it says to one line."""
        verb = msgspec.json.decode(line, type=AnyVerb)
        try:
            verbs.check(verb, built_s=1.7e9)
        except Refused as refused:
            return Reply(code=refused.code, words=str(refused))
        self.asked.append(verb)
        if isinstance(verb, verbs.ApplyUpdate | verbs.SetWifi):
            self.hold.wait(10)
        return self.refuse.get(type(verb), Reply())

    def of(self, kind: type[Any]) -> list[Any]:
        """What was asked of one kind."""
        return [verb for verb in self.asked if isinstance(verb, kind)]

    def close(self) -> None:
        """Answer nobody any more."""
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def fake_host(path: Path) -> Iterator[FakeHost]:
    """A host at this socket."""
    host = FakeHost(path)
    try:
        yield host
    finally:
        host.close()


def gateway_with_host(path: Path) -> tuple[str, ...]:
    """What a gateway is run under so that it asks the host at this socket."""
    return (sys.executable, "-m", "tests.webui.fake_host", str(path))


def _main(socket: str, _python: str, _m: str, module: str, *words: str) -> None:
    HostClient.__init__.__defaults__ = (Path(socket),)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
