"""A TAP 1.8 paging terminal on a pty or a TCP socket: the demo's pager system and a test oracle."""

import os
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from gateway.simulator.tap_dialogue import NO_FAULTS, Faults, TapDialogue, Vintage

_CHUNK: Final = 4096


class TapPage(msgspec.Struct, frozen=True):
    """One page that the terminal took.

    Attributes:
        pager: Field 1, the pager id.
        text: Field 2, without its escapes.
        mono_ns: CLOCK_MONOTONIC when the page was complete.
    """

    pager: str
    text: str
    mono_ns: int


class TapTerminal:
    """A terminal with a thread of its own; use it as a context manager, or start and stop it.

    Args:
        pagers: The pager ids it knows (all others get 511); None knows all.
        password: What a logon must carry.
        vintage: How it frames its answers.
        faults: What goes wrong, on purpose.
        on_page: Called from the terminal's thread for every page, before it is acknowledged.
        link: A path to keep as a symbolic link to the pty, like `/dev/serial/by-id/…`: the pty's
            own name changes when the terminal has dropped the line.
        tcp: Serve `socket://` on a free port of the loopback interface instead of a pty.
        patience_s: How long it waits for the other side within a session.
    """

    def __init__(
        self,
        *,
        pagers: Collection[str] | None = None,
        password: str = "",
        vintage: Vintage = Vintage.CODES,
        faults: Faults = NO_FAULTS,
        on_page: Callable[[TapPage], None] | None = None,
        link: Path | None = None,
        tcp: bool = False,
        patience_s: float = 8.0,
    ) -> None:
        self._dialogue = TapDialogue(
            self._take, pagers=pagers, password=password, vintage=vintage, faults=faults
        )
        self._on_page = on_page
        self._link = link
        self._tcp = tcp
        self._patience_s = patience_s
        self._pages: list[TapPage] = []
        self._waited_for = 0
        self._arrival = threading.Condition()
        self._wire: _Wire | None = None
        self._thread: threading.Thread | None = None
        self._stop_read, self._stop_write = -1, -1

    @property
    def port(self) -> str:
        """What to put into the transmitter's `port`.

        Raises:
            RuntimeError: It has not been started.
        """
        if self._wire is None:
            raise RuntimeError("the terminal is not running")
        return self._wire.port

    @property
    def pages(self) -> tuple[TapPage, ...]:
        """All pages taken so far, oldest first."""
        with self._arrival:
            return tuple(self._pages)

    def wait_for_page(self, timeout_s: float) -> TapPage | None:
        """The next page that no call has returned yet; None when none comes in time."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self._pages) > self._waited_for, timeout_s):
                return None
            self._waited_for += 1
            return self._pages[self._waited_for - 1]

    def start(self) -> None:
        """Open the line and answer on it."""
        self._wire = wire = _TcpWire() if self._tcp else _PtyWire(self._link)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, args=(wire,), name="tap-terminal")
        self._thread.start()

    def stop(self) -> None:
        """Close the line and end the thread. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        os.close(self._stop_write)
        thread.join()
        os.close(self._stop_read)
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _take(self, pager: str, text: str) -> None:
        page = TapPage(pager, text, time.monotonic_ns())
        if self._on_page is not None:
            self._on_page(page)
        with self._arrival:
            self._pages.append(page)
            self._arrival.notify_all()

    def _run(self, wire: "_Wire") -> None:
        while True:
            patience_s = self._patience_s if self._dialogue.in_session else None
            ready = select.select([wire.fileno(), self._stop_read], [], [], patience_s)[0]
            if self._stop_read in ready:
                return
            self._turn(wire, heard=bool(ready))

    def _turn(self, wire: "_Wire", *, heard: bool) -> None:
        if heard:
            data = wire.read()
            if data is None:
                self._dialogue.reset()
                return
            wire.write(self._dialogue.feed(data))
        else:
            wire.write(self._dialogue.expire())
        if self._dialogue.dropped:
            self._dialogue.dropped = False
            wire.drop()


class _Wire(Protocol):
    """Where the terminal's line ends."""

    port: str

    def fileno(self) -> int:
        """What to wait on for the next read."""

    def read(self) -> bytes | None:
        """What has arrived; None when the other side has gone."""

    def write(self, data: bytes) -> None:
        """Say it, if anybody listens; a full line loses it, as a wire does."""

    def drop(self) -> None:
        """Hang up, and be ready for the next caller."""

    def close(self) -> None:
        """Hang up for good."""


class _PtyWire:
    """A pty whose other end is the serial port. Dropping it looks like an unplugged adapter."""

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._open()

    def _open(self) -> None:
        # The far end stays open here too: a master alone reads EIO whenever no driver has it.
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        name = os.ttyname(self._far)
        self.port = name if self._link is None else str(self._link)
        if self._link is not None:
            fresh = self._link.with_name(self._link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(name)
            fresh.replace(self._link)

    def fileno(self) -> int:
        return self._near

    def read(self) -> bytes | None:
        with suppress(BlockingIOError):
            return os.read(self._near, _CHUNK)
        return b""

    def write(self, data: bytes) -> None:
        with suppress(BlockingIOError):
            os.write(self._near, data)

    def drop(self) -> None:
        old = self._near, self._far
        self._open()  # first: a reader that notices the drop finds the new one behind the link
        for descriptor in old:
            os.close(descriptor)

    def close(self) -> None:
        os.close(self._near)
        os.close(self._far)
        if self._link is not None:
            self._link.unlink(missing_ok=True)


class _TcpWire:
    """A serial server: one caller at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._caller: socket.socket | None = None
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def fileno(self) -> int:
        return (self._caller or self._listener).fileno()

    def read(self) -> bytes | None:
        if self._caller is None:
            self._caller = self._listener.accept()[0]
            self._caller.settimeout(0)
            return b""
        with suppress(ConnectionError):
            data = self._caller.recv(_CHUNK)
            if data:
                return data
        self.drop()
        return None

    def write(self, data: bytes) -> None:
        if self._caller is not None:
            with suppress(ConnectionError, BlockingIOError):
                self._caller.sendall(data)

    def drop(self) -> None:
        caller, self._caller = self._caller, None
        if caller is not None:
            caller.close()

    def close(self) -> None:
        self.drop()
        self._listener.close()
