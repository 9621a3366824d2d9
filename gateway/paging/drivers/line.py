"""A serial line or socket with deadlines: the only place that touches pyserial."""

import errno
import fcntl
import io
import os
import select
import socket
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import serial
from serial.urlhandler import protocol_socket

from gateway.errors import LineError
from gateway.tcp import notice_loss

_BITS: Final = {"7": serial.SEVENBITS, "8": serial.EIGHTBITS}
_PARITY: Final = {"N": serial.PARITY_NONE, "E": serial.PARITY_EVEN, "O": serial.PARITY_ODD}
_STOP: Final = {"1": serial.STOPBITS_ONE, "2": serial.STOPBITS_TWO}

_DISCARD_S: Final = 0.2  # a line that babbles longer than this is not waited out
_POLL_S: Final = 0.02
_AT_ONCE_MS: Final = 100  # a terminal server that serves another caller takes the call and hangs up
_KEEP_ALIVE_S: Final = 10  # an idle connection's other end is asked so often whether it is there


class Line:
    """One open line.

    Args:
        port: A device path (best `/dev/serial/by-id/…`), or `socket://host:port`, or any other
            URL that `serial.serial_for_url` knows.
        baud: Bits a second.
        framing: Data bits, parity and stop bits, e.g. `8N1` or `7E1`. A 7-bit line has its
            eighth bit stripped from what is read, since adapters and ptys let it through.
        xonxoff: Software flow control.
        rtscts: Hardware flow control: bytes wait while CTS is low.
        write_timeout_s: After this a write that is held up raises `LineError`.

    Attributes:
        port: As given.
        first_byte_ns: CLOCK_MONOTONIC of the first write since `mark`, None before it.
        has_cts: Whether its CTS can say anything: a pty and a socket have none.

    Raises:
        LineError: The line is not there, or another program has it.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int = 9600,
        framing: str = "8N1",
        xonxoff: bool = False,
        rtscts: bool = False,
        write_timeout_s: float = 2.0,
    ) -> None:
        self.port = port
        self.first_byte_ns: int | None = None
        self._mask = 0x7F if framing[0] == "7" else 0xFF
        self._character_s: Final = _bits_a_character(framing) / baud
        self._gone_s = 0.0  # when all that was written will have left, if nothing holds it up
        is_pty = _is_pty(port)
        self.has_cts: Final = not is_pty and not port.startswith("socket://")
        if is_pty:
            # A pty carries eight bits without parity whatever it is told, and refuses to be told
            # so again by the next program that opens it (tcsetattr(3) of glibc: EINVAL).
            framing = "8N1"
        self._write_timeout_s = write_timeout_s
        options: dict[str, Any] = {
            "baudrate": baud,
            "bytesize": _BITS[framing[0]],
            "parity": _PARITY[framing[1]],
            "stopbits": _STOP[framing[2]],
            "xonxoff": xonxoff,
            "rtscts": rtscts,
            "timeout": 0,
            "write_timeout": write_timeout_s,
        }
        try:
            self._serial = _open(port, options)
            self._polled = not _has_descriptor(self._serial)
            self._readable = select.poll()
            if not self._polled:
                self._readable.register(self._serial.fileno(), select.POLLIN)
        except (OSError, ValueError, termios.error) as error:
            raise LineError(f"cannot open {port}: {_words(error)}") from error
        self._hang_up = select.poll()
        if port.startswith("socket://"):
            self._hang_up.register(self._serial.fileno(), select.POLLRDHUP)
            if self._hang_up.poll(_AT_ONCE_MS):
                self.close()
                raise LineError(f"cannot open {port}: the other end hangs up at once")

    def mark(self) -> None:
        """Forget the last first byte: the next write is the first one of a new page."""
        self.first_byte_ns = None

    def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            LineError: The line is gone, or held up longer than the write time-out. Of the data
                nothing, a part or all may have left.
        """
        deadline = time.monotonic() + self._write_timeout_s
        try:
            taken = self._put(data)
            while taken < len(data):
                self._await_room(deadline, begun=taken > 0)
                taken += self._put(data[taken:])
        except (OSError, TypeError) as error:
            raise LineError(f"cannot write to {self.port}: {_words(error)}") from error

    def write_now(self, data: bytes) -> int:
        """Write what the line takes at once; returns how many bytes that was, perhaps none.

        Waits for nothing. Nothing is written where that cannot be had, or where something has
        arrived that was not asked for and must be thrown away first.

        Raises:
            LineError: The line is gone.
        """
        try:
            if self._polled:
                return 0
            number = self._serial.fileno()
            if self._readable.poll(0):
                return 0
            return self._took(os.write(number, data))
        except BlockingIOError:
            return 0
        except (OSError, TypeError) as error:
            raise LineError(f"cannot write to {self.port}: {_words(error)}") from error

    def read(self, timeout_s: float, at_most: int = 512) -> bytes:
        """Whatever arrives first, up to `at_most` bytes; empty when nothing does in time.

        Raises:
            LineError: The line is gone.
        """
        try:
            self._await_data(max(0.0, timeout_s))
            data: bytes = self._serial.read(at_most)
        except (OSError, TypeError) as error:  # pyserial reads a closed fd as None: a TypeError
            raise LineError(f"cannot read from {self.port}: {_words(error)}") from error
        return data if self._mask == 0xFF else bytes(byte & self._mask for byte in data)

    def discard_input(self) -> None:
        """Throw away what has arrived and was not asked for.

        Raises:
            LineError: The line is gone.
        """
        deadline = time.monotonic() + _DISCARD_S
        try:
            while self._has_data() and self.read(0) and time.monotonic() < deadline:
                pass
        except LineError:
            raise
        except OSError as error:
            raise LineError(f"cannot read from {self.port}: {_words(error)}") from error

    @property
    def pending_s(self) -> float:
        """How long what was written still takes to leave, by the baud rate: seconds at 300."""
        return max(0.0, self._gone_s - time.monotonic())

    def drain(self, patience_s: float) -> None:
        """Wait until everything written has left: the kernel takes it long before the wire does.

        Args:
            patience_s: How long flow control may hold it up beyond the time that the wire needs.

        Raises:
            LineError: The line is gone, or some of it has not left in that time.
        """
        deadline = time.monotonic() + self.pending_s + patience_s
        try:
            while self._unsent():
                if time.monotonic() >= deadline:
                    raise serial.SerialTimeoutException("held up half way")
                time.sleep(_POLL_S)
        except OSError as error:
            raise LineError(f"cannot write to {self.port}: {_words(error)}") from error

    @property
    def has_hung_up(self) -> bool:
        """Whether the other end of a `socket://` line has gone."""
        return bool(self._hang_up.poll(0))

    @property
    def clear_to_send(self) -> bool:
        """The CTS line, True where there is none (ptys, sockets)."""
        try:
            return bool(self._serial.cts)
        except (OSError, NotImplementedError):
            return True

    def close(self) -> None:
        """Give the line back."""
        self._serial.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Waiting is done here: pyserial sets the whole port up again at each change of its time-out,
    # and spins at full speed while flow control holds a write up. Its descriptors do not block.

    def _has_data(self) -> bool:
        """Whether there is something to read, or no line any more to read from."""
        if self._polled:
            return bool(self._serial.in_waiting)
        self._serial.fileno()  # raises on a closed line, whose number may be another file's by now
        return bool(self._readable.poll(0))

    def _put(self, data: bytes) -> int:
        """Write what there is room for; returns how many bytes that was."""
        if self._polled:
            self._serial.write(data)
            return self._took(len(data))
        try:
            return self._took(os.write(self._serial.fileno(), data))
        except BlockingIOError:
            return 0

    def _took(self, taken: int) -> int:
        """The kernel has taken so many bytes just now."""
        if taken and self.first_byte_ns is None:
            self.first_byte_ns = time.monotonic_ns()
        self._gone_s = max(self._gone_s, time.monotonic()) + taken * self._character_s
        return taken

    def _unsent(self) -> int:
        """Bytes that the kernel still has; of a socket also those that nobody has confirmed."""
        if self._polled:
            return 0
        count = fcntl.ioctl(self._serial.fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(count, sys.byteorder)

    def _await_data(self, timeout_s: float) -> None:
        if not self._polled:
            select.select([self._serial.fileno()], [], [], timeout_s)
            return
        deadline = time.monotonic() + timeout_s
        while not self._serial.in_waiting and (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(left_s, _POLL_S))

    def _await_room(self, deadline: float, *, begun: bool) -> None:
        left_s = max(0.0, deadline - time.monotonic())
        if not select.select([], [self._serial.fileno()], [], left_s)[1]:
            if begun:
                raise serial.SerialTimeoutException("held up half way")
            raise TimeoutError("held up by flow control")


class _Socket(protocol_socket.Serial):
    """pyserial's `socket://` line, closed at once and for sure, and its loss noticed.

    pyserial's own close leaves the socket open when the peer has reset it, and then sleeps.
    """

    _socket: socket.socket | None = None

    def open(self) -> None:
        super().open()
        if self._socket is not None:
            notice_loss(self._socket)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_S)

    def fileno(self) -> int:
        if self._socket is None:
            raise serial.PortNotOpenError
        return self._socket.fileno()

    def close(self) -> None:
        self.is_open = False
        peer, self._socket = self._socket, None
        if peer is not None:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


def _open(port: str, options: dict[str, Any]) -> Any:
    """A pyserial line; they share no base that knows `in_waiting`, so it stays untyped."""
    if port.startswith("socket://"):
        return _Socket(port, **options)
    if port.startswith("rfc2217://"):  # it refuses a write time-out and has one of its own
        return serial.serial_for_url(port, **{**options, "write_timeout": None})
    if "://" in port:
        return serial.serial_for_url(port, **options)
    return serial.serial_for_url(port, exclusive=True, **options)


def _has_descriptor(line: io.RawIOBase) -> bool:
    try:
        line.fileno()
    except io.UnsupportedOperation:
        return False
    return True


def adapter_at(port: str) -> object:
    """What is plugged in at a port: another value after it was plugged in anew, None for nothing.

    The kernel makes a device node anew each time; a socket or other URL is always the same.
    """
    if "://" in port:
        return port
    try:
        found = Path(port).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _bits_a_character(framing: str) -> int:
    """The start bit, the data bits, parity where there is one, and the stop bits."""
    return 1 + int(framing[0]) + (framing[1] != "N") + int(framing[2])


def _is_pty(port: str) -> bool:
    return "://" not in port and Path(port).resolve().is_relative_to("/dev/pts")


def _words(error: BaseException) -> str:
    """The operating system's own words, without pyserial's wrapping, which names the port again."""
    if isinstance(error, serial.SerialException):
        if error.errno == errno.EWOULDBLOCK:
            return "another program has it open"
        if error.errno is None and isinstance(error.__context__, OSError):  # a socket's
            return _words(error.__context__)
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # a resolver's: its numbers are its own
    if isinstance(error, termios.error):  # (errno, words), and no OSError
        return str(error.args[-1])
    return str(error) or type(error).__name__
