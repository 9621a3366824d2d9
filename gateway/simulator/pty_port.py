"""A serial port with a program at its other end, for simulated equipment."""

import os
import select
import threading
import time
import tty
from types import TracebackType
from typing import Self


class PtyPort:
    """One end of a pseudo terminal, read by a thread of its own.

    A subclass says in `receive` what the equipment does; a driver opens `port`. A pty knows no
    baud rate, no parity and no modem lines: equipment that drives one of those has it as an
    attribute.

    Attributes:
        port: The path of the driver's end.
        heard: All bytes so far.
        heard_ns: CLOCK_MONOTONIC at which the latest of them were there.
    """

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.heard = bytearray()
        self.heard_ns = 0
        self._dealt_with = 0
        self._changed = threading.Condition()
        self._stop_read, self._stop_write = os.pipe()
        self._plugged = True
        self._thread = threading.Thread(target=self._run, name=self.port, daemon=True)

    def receive(self, data: bytes) -> None:
        """What the equipment does with bytes from the line; called in its thread."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Say something on the line, asked or not."""
        os.write(self._master, data)

    def hang_up(self) -> None:
        """Go off the line at once, from within `receive`: the driver finds it gone."""
        self._plugged = False
        os.close(self._master)
        os.close(self._slave)

    def wait_until_heard(self, count: int, timeout_s: float = 5.0) -> bytes:
        """Everything heard and dealt with, once it is `count` bytes or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._dealt_with >= count, timeout_s)
            return bytes(self.heard[: self._dealt_with])

    def close(self) -> None:
        """Pull the plug and stop. Safe to call twice."""
        if self._thread.is_alive():
            os.write(self._stop_write, b"x")
            self._thread.join()
        if self._plugged:
            self.hang_up()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _run(self) -> None:
        """Pass on what arrives until told to stop or gone."""
        while self._plugged:
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            now_ns = time.monotonic_ns()
            if self._stop_read in ready:
                return
            self.heard_ns = now_ns
            data = os.read(self._master, 4096)
            self.heard += data  # before the answer: whoever has that may look here at once
            self.receive(data)
            with self._changed:
                self._dealt_with += len(data)
                self._changed.notify_all()
