"""One request and its answer on a line: what the drivers of question-and-answer equipment share."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import serial

from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.line import Line

_KEPT: Final = 4096  # of what was heard; no answer of such equipment is near as long

Found = TypeVar("Found")


class Ear:
    """Everything the equipment has said since the request, however it was cut into pieces."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.heard = b""

    def wait(self, find: Callable[[bytes], Found | None], wait_s: float) -> Found | None:
        """What `find` makes of the bytes heard, as soon as it makes something of them.

        Args:
            find: See above.
            wait_s: How long after the request has left: at 300 baud that takes seconds by itself.

        Returns:
            None when the time is over and it has not.

        Raises:
            LineError: The line is gone.
        """
        deadline = time.monotonic() + self._line.pending_s + wait_s
        found = find(self.heard)
        while found is None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            more = self._line.read(left_s)
            if more:
                self.heard = (self.heard + more)[-_KEPT:]
                found = find(self.heard)
        return found

    def rest(self, pause_s: float) -> None:
        """Let `pause_s` pass, and forget what is said meanwhile.

        Raises:
            LineError: The line is gone.
        """
        self.wait(_nothing, pause_s)
        self.heard = b""


def put(line: Line, frame: bytes, taken: int = 0) -> Receipt | None:
    """Write a whole frame, of which the line has taken so many bytes already.

    Returns:
        None when it is on the line, else the receipt: `unknown` when the line held it up half
        way, since all of it may still leave, and `failed` when nothing left.
    """
    try:
        if taken < len(frame):
            line.write(frame[taken:])
    except LineError as error:
        cause = error.__cause__
        half_way = isinstance(cause, serial.SerialTimeoutException) or (
            taken > 0 and isinstance(cause, TimeoutError)
        )
        state = ReceiptState.UNKNOWN if half_way else ReceiptState.FAILED
        return Receipt(state, str(error), first_byte_ns=line.first_byte_ns, line_down=True)
    return None


def readable(heard: bytes) -> str:
    """Bytes of the equipment as words for a person: control bytes as `<0D>`, at most 80."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F else f"<{byte:02X}>" for byte in heard[:80]
    ).strip()


def _nothing(_heard: bytes) -> None:
    """Finds nothing, so that the whole wait passes."""
