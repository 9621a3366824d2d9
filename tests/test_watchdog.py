"""The watchdog over a real journal and real transmitters' threads, told to a real socket.

What is stuck is held by the test; how long ago that began, the test's clock tells.
"""

import asyncio
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gateway import sdnotify
from gateway.faults import Faults
from gateway.inputs.gpio import DEAF_S, GpioInputs
from gateway.journal import schema, store
from gateway.journal.store import Identity, Journal
from gateway.journal.transaction import Transaction
from gateway.model import Receipt, ReceiptState
from gateway.paging import transmitter
from gateway.pulse import Pulse
from gateway.sync.mapping import CURRENT
from gateway.watchdog import SLOW_S, Watchdog
from tests.paging.lane.conftest import Rig

WAIT_S = 20.0
ACCEPTED = Receipt(ReceiptState.ACCEPTED)


class Systemd:
    """Its end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def heard(self) -> list[str]:
        """Everything since the last time."""
        self._socket.setblocking(False)
        words = []
        while True:
            try:
                words.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return words

    def wait(self) -> str:
        """The next words."""
        self._socket.settimeout(WAIT_S)
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    path = tmp_path / "notify"
    systemd = Systemd(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield systemd
    systemd.close()


class Box:
    """What the watchdog looks after; `later_s` is how far its clock is ahead."""

    def __init__(self, directory: Path) -> None:
        self.later_s = 0.0
        self.rig = Rig()
        self.journal = Journal(
            directory / "journal.sqlite3", Identity("box", "shop", CURRENT), on_change=lambda: None
        )
        self.inputs = SimpleNamespace(pulse=Pulse(DEAF_S))
        self.faults: dict[str, str] = {}
        self._standing = Faults(lambda _: None)
        self.watchdog = Watchdog(
            self.journal,
            self.rig.lane.transmitters,
            cast("GpioInputs", self.inputs),
            self._standing,
            clock=lambda: time.monotonic() + self.later_s,
        )
        self.gate = threading.Event()

    def start(self) -> None:
        self.journal.start()
        self.rig.start()
        self.until(lambda: not any(each.busy_s(time.monotonic()) for each in self.pulses()))

    def pulses(self) -> list[Pulse]:
        return [self.journal.pulse, *(each.pulse for each in self.rig.lane.transmitters)]

    @staticmethod
    def until(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)

    def words(self, part: str) -> str | None:
        return self._standing.words(part)

    def hang_the_disk(self) -> None:
        """The writer is at work and does not come back before `gate` is set."""
        begun = threading.Event()

        def hang(_: Transaction) -> None:
            begun.set()
            assert self.gate.wait(WAIT_S)

        self.journal.transact(hang)
        assert begun.wait(WAIT_S)

    def close(self) -> None:
        self.gate.set()
        self.rig.close()
        self.journal.close()


@pytest.fixture
def box(tmp_path: Path, systemd: Systemd) -> Iterator[Box]:
    box = Box(tmp_path)
    box.start()
    assert systemd.heard() == []
    yield box
    box.close()


def test_all_is_well(box: Box, systemd: Systemd) -> None:
    box.later_s = 1e6  # threads that rest may do so for ever
    box.watchdog.look()
    assert systemd.heard() == ["WATCHDOG=1"]


def test_nobody_asks(box: Box, systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC")
    box.watchdog.look()
    assert systemd.heard() == []


def test_a_disk_that_hangs(box: Box, systemd: Systemd, caplog: pytest.LogCaptureFixture) -> None:
    """It is shown at once, and for a quarter of an hour pages are worth more than a new start."""
    box.hang_the_disk()
    box.later_s = SLOW_S - WAIT_S / 2
    box.watchdog.look()
    assert box.words("journal/slow") is None
    box.later_s = SLOW_S + 1
    box.watchdog.look()
    assert "pages go out all the same" in (box.words("journal/slow") or "")
    assert systemd.heard() == ["WATCHDOG=1"] * 2

    box.later_s = store.STUCK_S + 1
    with caplog.at_level(logging.CRITICAL):
        box.watchdog.look()
        box.watchdog.look()
    assert systemd.heard() == []
    (record,) = caplog.records
    assert "the journal's writer" in record.message

    box.gate.set()
    box.until(lambda: box.journal.pulse.busy_s(time.monotonic()) == 0)
    box.watchdog.look()
    assert box.words("journal/slow") is None
    assert systemd.heard() == ["WATCHDOG=1"]


def test_a_driver_that_does_not_come_back(box: Box, systemd: Systemd) -> None:
    """Pages go to another transmitter long before the gateway is ended for it."""
    a, b = box.rig.lane.transmitters
    box.rig.send("first")
    box.rig.on_line(box.rig.a, "first")
    box.later_s = transmitter.SLOW_S + 1
    box.watchdog.look()
    assert (a.is_usable, b.is_usable) == (False, True)
    assert "does not come back" in a.state
    assert systemd.heard() == ["WATCHDOG=1"]
    box.rig.b.answer_all(ACCEPTED)
    box.rig.send("second")
    assert box.rig.result("second").transmitter == "b"

    box.later_s = transmitter.STUCK_S + 1
    box.watchdog.look()
    assert systemd.heard() == []

    box.rig.a.answer(ACCEPTED)
    assert box.rig.result("first").transmitter == "a"
    box.until(lambda: a.is_usable)
    box.until(lambda: a.pulse.busy_s(time.monotonic()) == 0)
    box.watchdog.look()
    assert systemd.heard() == ["WATCHDOG=1"]


def test_a_buttons_thread_that_cannot_be_mended(box: Box, systemd: Systemd) -> None:
    box.inputs.pulse.beat()
    box.watchdog.look()
    assert systemd.heard() == ["WATCHDOG=1"]
    box.later_s = DEAF_S + 1
    box.watchdog.look()
    assert systemd.heard() == []
    box.inputs.pulse.rest()
    box.watchdog.look()
    assert systemd.heard() == ["WATCHDOG=1"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died(box: Box, systemd: Systemd) -> None:
    def fault(_: Transaction) -> None:
        raise ZeroDivisionError

    assert isinstance(box.journal.transact(fault).exception(WAIT_S), Exception)
    box.until(lambda: not box.journal.is_alive)
    box.watchdog.look()
    assert systemd.heard() == []


async def test_a_start_that_takes_long_asks_for_time(
    tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big journal on a slow card; one that hangs gets no more than its limit."""
    begun, gate = threading.Event(), threading.Event()
    open_writer = schema.open_writer

    def slowly(path: Path) -> sqlite3.Connection:
        begun.set()
        assert gate.wait(WAIT_S)
        return open_writer(path)

    monkeypatch.setattr(schema, "open_writer", slowly)
    box = Box(tmp_path)
    opening = asyncio.create_task(asyncio.to_thread(box.journal.start))
    try:
        assert await asyncio.to_thread(begun.wait, WAIT_S)
        asking = asyncio.create_task(box.watchdog.starting())
        assert await asyncio.to_thread(systemd.wait) == "EXTEND_TIMEOUT_USEC=60000000\nWATCHDOG=1"
        asking.cancel()
        box.later_s = store.STUCK_S + 1
        await asyncio.wait_for(box.watchdog.starting(), WAIT_S)
        assert systemd.heard() == []
    finally:
        gate.set()
        await opening
        box.rig.start()
        box.close()


async def test_it_looks_thrice_in_systemds_time(
    box: Box, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    assert sdnotify.watchdog_s() == 0.03
    quick = Watchdog(
        box.journal,
        box.rig.lane.transmitters,
        cast("GpioInputs", box.inputs),
        Faults(lambda _: None),
    )
    task = asyncio.create_task(quick.run())
    for _ in range(3):
        assert await asyncio.to_thread(systemd.wait) == "WATCHDOG=1"
    task.cancel()
