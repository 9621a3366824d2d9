"""A host that speaks its protocol and does nothing, and the real gateway with it in its place.

Run as a program it is that gateway: `python -m tests.webui.fake_host SOCKET python -m gateway …`.
"""

import runpy
import shutil
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.client import HostClient
from gateway.host.verbs import AnyVerb, Reply, Stick


class FakeHost:
    """Answers every sound verb with yes, but for those in `refuse`; `asked` is what it was asked.

    Attributes:
        sticks: What it says is in the box.
        stick: The one on which backups are; None: it only says that it has written them.
        transfer: Where the gateway leaves a backup.
        hold: While it is clear, updates and Wi-Fi are under way and come to no end.
    """

    def __init__(self, path: Path) -> None:
        self.asked: list[AnyVerb] = []
        self.refuse: dict[type[Any], Reply] = {}
        self.sticks: tuple[Stick, ...] = ()
        self.stick: Path | None = None
        self.transfer: Path | None = None
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
                reply, files = host.answer(self.rfile.readline(verbs.REQUEST_BYTES))
                line = msgspec.json.encode(reply) + b"\n"
                if files:
                    socket.send_fds(self.request, [line], [each.fileno() for each in files])
                else:
                    self.wfile.write(line)
                for each in files:
                    each.close()

        return Handler

    def answer(self, line: bytes) -> tuple[Reply, list[IO[bytes]]]:
        """What it says to one line, and the files that go with it."""
        verb = msgspec.json.decode(line, type=AnyVerb)
        try:
            verbs.check(verb, built_s=1.7e9)
        except Refused as refused:
            return Reply(code=refused.code, words=str(refused)), []
        self.asked.append(verb)
        if isinstance(verb, verbs.ApplyUpdate | verbs.SetWifi):
            self.hold.wait(10)
        if type(verb) in self.refuse:
            return self.refuse[type(verb)], []
        if isinstance(verb, verbs.WriteBackup) and self.stick and self.transfer:
            shutil.copyfile(self.transfer / verb.file, self.stick / verb.name)
        if isinstance(verb, verbs.OpenBackup) and self.stick:
            return Reply(), [(self.stick / verb.name.partition("/")[2]).open("rb")]
        return Reply(sticks=self.sticks if isinstance(verb, verbs.ListSticks) else ()), []

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


def _main(place: str, _python: str, _m: str, module: str, *words: str) -> None:
    HostClient.__init__.__defaults__ = (Path(place),)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
