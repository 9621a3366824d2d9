"""What every serial transmitter of 24-bit codes does, so that one driver can use any of them."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.exchange import Ear, put
from gateway.paging.drivers.line import Line


class Answer(msgspec.Struct, frozen=True):
    """What one burst came to.

    Attributes:
        state: What the answer proves.
        words: The transmitter's answer, for a person.
        line_down: It failed because of the line or the transmitter.
    """

    state: ReceiptState
    words: str
    line_down: bool = False


class Bridge(Protocol):
    """One make of transmitter, on a line that the driver opens and closes."""

    baud: int
    frames_per_burst: int  # how many frames one command puts on the air

    def start(self, line: Line) -> None:
        """Bring it to where it takes codes.

        Raises:
            LineError: It does not answer, or cannot reach a watch.
        """
        ...

    def probe(self, line: Line) -> str:
        """Ask, harmlessly, whether it is alive; returns its own words.

        Raises:
            LineError: It is not.
        """
        ...

    def burst(self, line: Line, code: int, unit_us: int) -> Answer:
        """Send one burst of a code, first bit on the air first; never raises."""
        ...


def ask(
    line: Line, command: bytes, find: Callable[[bytes], Answer | None], wait_s: float
) -> Answer:
    """Send a command and wait for what `find` takes for its answer."""
    stopped = put(line, command)
    if stopped is not None:
        return Answer(stopped.state, stopped.detail, line_down=True)
    try:
        answer = Ear(line).wait(find, wait_s)
    except LineError as error:
        return Answer(ReceiptState.UNKNOWN, str(error), line_down=True)
    # Silence is the transmitter's fault, not this code's: opening it again shows what is wrong.
    return answer or Answer(ReceiptState.UNKNOWN, f"no answer within {wait_s:g} s", line_down=True)
