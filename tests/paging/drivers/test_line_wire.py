"""What the wire takes, which the kernel hides: bytes that were written and have not left yet."""

import os
import socket
import threading
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Template
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers import line as line_module
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template import TemplateDriver

WAIT_S = 30.0


class Clock:
    """Stands still, unless a test moves it."""

    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1e9)


class Pty(NamedTuple):
    """A line whose other end nobody serves."""

    near: int
    path: str


@pytest.fixture
def pty() -> Iterator[Pty]:
    near, far = os.openpty()
    tty.setraw(far)
    yield Pty(near, os.ttyname(far))
    os.close(near)
    os.close(far)


@pytest.mark.parametrize(
    ("baud", "framing", "takes_s"),
    [(300, "7E1", 10 / 3), (1200, "8N1", 10 / 12), (1200, "7E2", 11 / 12), (9600, "7N1", 9 / 96)],
)
def test_how_long_a_hundred_characters_take(
    pty: Pty, baud: int, framing: str, takes_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    with Line(pty.path, baud=baud, framing=framing) as line:
        monkeypatch.setattr(line_module, "time", clock)
        assert line.pending_s == 0
        assert line.write_now(b"x" * 50) == 50
        assert line.pending_s == pytest.approx(takes_s / 2)
        line.write(b"x" * 50)
        assert line.pending_s == pytest.approx(takes_s)
        clock.now_s += takes_s / 4
        assert line.pending_s == pytest.approx(takes_s * 3 / 4)
        clock.now_s += takes_s
        assert line.pending_s == 0
        line.write(b"x")
        assert line.pending_s == pytest.approx(takes_s / 100)


def test_a_refusal_that_comes_when_the_frame_has_left_is_no_silence(pty: Pty) -> None:
    """COMP2 has 1 s to refuse; at 300 baud this frame is on the wire for 8 s before that."""
    driver = TemplateDriver(Template(name="d", port=pty.path, template="comp2", baud=300))
    with closing(driver):
        driver.open()
        refusal = threading.Timer(1.5, os.write, (pty.near, b"Invalid ID\r\r\x1e\r"))
        refusal.start()
        receipt = driver.send(Message(Pager(name="p", address="9"), "x" * 235))
        refusal.join()
    assert (receipt.state, receipt.detail) == (ReceiptState.FAILED, "Invalid ID")


# --- what has not left -------------------------------------------------------------------------


@contextmanager
def connected() -> Iterator[tuple[Line, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Line(port, baud=115200, write_timeout_s=0.3) as line:
            peer, _ = server.accept()
            with peer:
                yield line, peer


def fill(line: Line) -> None:
    """Write until the kernels of both ends hold all they can."""
    with pytest.raises(LineError, match="half way"):
        line.write(b"x" * 50_000_000)
    line._gone_s = 0  # by the baud rate it would take an hour


def test_all_has_left_when_the_other_end_has_it() -> None:
    with connected() as (line, peer):
        fill(line)

        def swallow() -> None:
            while peer.recv(65536):
                pass

        reader = threading.Thread(target=swallow)
        reader.start()
        line.drain(WAIT_S)
        line.close()
        reader.join()


def test_what_nobody_takes_does_not_leave() -> None:
    with connected() as (line, _):
        fill(line)
        with pytest.raises(LineError, match="held up half way"):
            line.drain(0.05)


def test_a_line_that_is_gone_has_nothing_left_to_wait_for(pty: Pty) -> None:
    line = Line(pty.path)
    line.drain(0)
    line.close()
    with pytest.raises(LineError, match="cannot write"):
        line.drain(0)


def test_a_line_that_cannot_tell_is_not_waited_for() -> None:
    with Line("loop://") as line:
        line.write(b"page")
        line.drain(0)
