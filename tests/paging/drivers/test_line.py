import os
import select
import socket
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from serial import SerialTimeoutException, rfc2217, serial_for_url

from gateway.errors import LineError
from gateway.paging.drivers.line import Line


class FarEnd:
    """The other end of a pty; `path` is the port to open."""

    def __init__(self) -> None:
        self.descriptor, self._port = os.openpty()
        tty.setraw(self._port)
        self.path = os.ttyname(self._port)

    def read(self) -> bytes:
        assert select.select([self.descriptor], [], [], 5)[0]
        return os.read(self.descriptor, 4096)

    def write(self, data: bytes) -> None:
        os.write(self.descriptor, data)

    def unplug(self) -> None:
        for descriptor in (self.descriptor, self._port):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self._port = -1


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()
    yield end
    end.unplug()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def url(server: socket.socket, scheme: str = "socket") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"


def test_bytes_both_ways(far: FarEnd) -> None:
    with Line(far.path) as line:
        line.write(b"\x00to\xff")
        assert far.read() == b"\x00to\xff"
        far.write(b"\x00fro\xff")
        assert line.read(5) == b"\x00fro\xff"


def test_a_seven_bit_line_has_its_eighth_bit_stripped(far: FarEnd) -> None:
    with Line(far.path, framing="7E1") as line:
        far.write(b"\xc1\x42\x8d")
        assert line.read(5) == b"AB\r"


def test_a_read_ends_in_time_and_takes_no_more_than_asked(far: FarEnd) -> None:
    with Line(far.path) as line:
        started = time.monotonic()
        assert line.read(0.05) == b""
        assert 0.04 < time.monotonic() - started < 2
        assert line.read(-1) == b""
        far.write(b"abcdef")
        assert line.read(5, at_most=4) == b"abcd"
        assert line.read(5, at_most=1) == b"e"


def test_what_was_not_asked_for_is_thrown_away(far: FarEnd) -> None:
    with Line(far.path) as line:
        far.write(b"x" * 2000)
        line.discard_input()
        assert line.read(0) == b""
        far.write(b"answer")
        assert line.read(5) == b"answer"


def test_a_line_that_babbles_is_not_waited_out(server: socket.socket) -> None:
    quiet = threading.Event()

    def babble() -> None:
        peer, _ = server.accept()
        with peer, suppress(ConnectionError):
            while not quiet.is_set():
                peer.sendall(b"x" * 4096)

    babbler = threading.Thread(target=babble)
    babbler.start()
    with Line(url(server)) as line:
        assert line.read(5)
        started = time.monotonic()
        line.discard_input()
        took_s = time.monotonic() - started
        quiet.set()
    babbler.join()

    assert took_s < 20


def first_byte_ns(line: Line) -> int | None:
    return line.first_byte_ns


def test_the_first_byte_of_a_page_is_timed(far: FarEnd) -> None:
    with Line(far.path) as line:
        assert first_byte_ns(line) is None
        before_ns = time.monotonic_ns()
        line.write(b"1")
        first_ns = first_byte_ns(line) or 0
        line.write(b"2")
        assert before_ns < first_ns < time.monotonic_ns()
        assert first_byte_ns(line) == first_ns
        line.mark()
        assert first_byte_ns(line) is None
        line.write(b"3")
        assert (first_byte_ns(line) or 0) > first_ns


def test_an_unplugged_line(far: FarEnd) -> None:
    with Line(far.path) as line:
        far.unplug()
        with pytest.raises(LineError, match="cannot read"):
            line.read(1)
        with pytest.raises(LineError, match="cannot write"):
            line.write(b"x")
        with pytest.raises(LineError, match="cannot read"):
            line.discard_input()
        assert line.write_now(b"x") == 0  # the thread finds out what is wrong
        assert line.clear_to_send
        assert line.first_byte_ns is None


def hold_up(far: FarEnd, line: Line) -> None:
    """Send XOFF, and wait until the kernel has taken it: it handles what comes a moment later."""
    far.write(b"\x13.")
    assert line.read(1) == b"."


def test_a_write_that_flow_control_holds_up(far: FarEnd) -> None:
    with Line(far.path, xonxoff=True, write_timeout_s=0.1) as line:
        hold_up(far, line)
        started = time.thread_time()
        with pytest.raises(LineError, match="held up"):
            line.write(b"x")
        assert time.thread_time() - started < 0.05, "it must not spin"
        far.write(b"\x11")
        line.write(b"y")
        assert far.read() == b"y"


def test_a_write_that_nobody_takes(far: FarEnd) -> None:
    with (
        Line(far.path, write_timeout_s=0.1) as line,
        pytest.raises(LineError, match="cannot write"),
    ):
        line.write(b"x" * 1_000_000)


def test_a_write_waits_for_room_and_leaves_whole(far: FarEnd) -> None:
    sent = bytes(range(256)) * 400
    heard = b""
    with Line(far.path, write_timeout_s=5) as line:
        writing = threading.Thread(target=line.write, args=(sent,))
        writing.start()
        while len(heard) < len(sent):
            heard += far.read()
        writing.join()
    assert heard == sent


def test_a_write_that_is_held_up_half_way_says_so(far: FarEnd) -> None:
    with Line(far.path, write_timeout_s=0.1) as line:
        with pytest.raises(LineError, match="half way") as told:
            line.write(b"x" * 1_000_000)
        assert isinstance(told.value.__cause__, SerialTimeoutException)
        assert first_byte_ns(line) is not None


# --- writing without waiting -------------------------------------------------------------------


def test_what_the_line_takes_at_once(far: FarEnd) -> None:
    with Line(far.path) as line:
        before_ns = time.monotonic_ns()
        assert line.write_now(b"page") == 4
        assert far.read() == b"page"
        assert before_ns <= (first_byte_ns(line) or 0) <= time.monotonic_ns()
        assert 0 < line.write_now(b"x" * 1_000_000) < 1_000_000
        started = time.monotonic()
        while line.write_now(b"x" * 4096):
            pass
        assert time.monotonic() - started < 5


def test_a_line_held_up_by_flow_control_takes_nothing_at_once(far: FarEnd) -> None:
    with Line(far.path, xonxoff=True) as line:
        hold_up(far, line)
        assert line.write_now(b"x") == 0
        assert first_byte_ns(line) is None


def test_nothing_is_written_at_once_before_what_was_not_asked_for_is_gone(far: FarEnd) -> None:
    with Line(far.path) as line:
        far.write(b"hello")
        assert line.write_now(b"page") == 0
        line.discard_input()
        assert line.write_now(b"page") == 4
        assert far.read() == b"page"


def test_a_line_that_cannot_tell_takes_nothing_at_once() -> None:
    with Line("loop://") as line:
        assert line.write_now(b"page") == 0
        line.write(b"page")
        assert line.read(1) == b"page"


def test_a_line_is_opened_by_one_program_at_a_time(far: FarEnd) -> None:
    with Line(far.path), pytest.raises(LineError, match="another program has it open"):
        Line(far.path)
    Line(far.path).close()


@pytest.mark.parametrize("port", ["/dev/nothing-here", "/dev/null", "nonsense://x"])
def test_a_line_that_cannot_be_opened(port: str) -> None:
    with pytest.raises(LineError, match=f"cannot open {port}: ."):
        Line(port)


def test_why_a_line_cannot_be_opened_is_said_once() -> None:
    with pytest.raises(LineError) as caught:
        Line("/dev/nothing-here")
    assert str(caught.value) == "cannot open /dev/nothing-here: No such file or directory"


def test_a_closed_line(far: FarEnd) -> None:
    line = Line(far.path)
    line.close()
    line.close()
    with pytest.raises(LineError):
        line.read(0)
    with pytest.raises(LineError):
        line.write(b"x")
    with pytest.raises(LineError):
        line.write_now(b"x")
    with pytest.raises(LineError):
        line.discard_input()


def test_a_socket_both_ways_until_the_peer_leaves(server: socket.socket) -> None:
    with Line(url(server), framing="7E1") as line:
        peer, _ = server.accept()
        with peer:
            line.write(b"to")
            assert peer.recv(16) == b"to"
            peer.sendall(b"\xe6ro")
            assert line.read(5) == b"fro"
            assert line.clear_to_send
        with pytest.raises(LineError, match="cannot read"):
            line.read(5)
    with pytest.raises(LineError):
        line.read(0)


def test_a_socket_that_its_peer_has_reset_is_closed(server: socket.socket) -> None:
    line = Line(url(server))
    descriptor = line._serial.fileno()
    peer, _ = server.accept()
    line.write(b"unread, so that closing resets")
    assert select.select([peer], [], [], 5)[0]
    peer.close()
    with pytest.raises(LineError):
        line.read(5)

    line.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_socket_that_nobody_serves(server: socket.socket) -> None:
    port = url(server)
    server.close()

    with pytest.raises(LineError) as caught:
        Line(port)
    assert str(caught.value) == f"cannot open {port}: Connection refused"


# pyserial's RFC 2217 client names its thread the old way.
@pytest.mark.filterwarnings("ignore:set(Daemon|Name).*is deprecated:DeprecationWarning")
def test_a_remote_port(server: socket.socket) -> None:
    """An echo behind pyserial's own RFC 2217 server side."""

    def serve() -> None:
        peer, _ = server.accept()
        sender = SimpleNamespace(write=peer.sendall)
        with peer, serial_for_url("loop://", timeout=0) as device:
            manager = rfc2217.PortManager(cast("Any", device), cast("Any", sender))
            while data := peer.recv(1024):
                plain = b"".join(manager.filter(data))
                peer.sendall(b"".join(manager.escape(plain)))

    echo = threading.Thread(target=serve)
    echo.start()
    with Line(url(server, "rfc2217"), framing="7E1") as line:
        assert line.read(0.02) == b""
        line.write(b"page")
        heard = b""
        while len(heard) < 4 and (more := line.read(5)):
            heard += more
    echo.join()

    assert heard == b"page"


def test_a_pty_is_opened_again_with_seven_bits() -> None:
    controller, follower = os.openpty()
    try:
        for _ in range(3):
            with Line(os.ttyname(follower), framing="7E1", xonxoff=True) as line:
                os.write(controller, b"\xc1")
                assert line.read(1.0) == b"A"
    finally:
        os.close(controller)
        os.close(follower)
