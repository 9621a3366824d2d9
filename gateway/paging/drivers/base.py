"""What every transmitter driver is: blocking code that lives in one paging thread."""

from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

import msgspec

from gateway.config import Pager
from gateway.model import Priority, Receipt
from gateway.paging import charsets

_ASCII: Final = (charsets.LATIN, charsets.NUMERIC)


class Message(msgspec.Struct, frozen=True):
    """One part of a page, fitted to its pager: what a driver puts on the line.

    Attributes:
        pager: Address, function and code table of the receiver.
        text: Characters that the pager can show, already transliterated and cut to length.
        priority: For equipment that has priorities of its own.
        kind: The alert kind (`red`, `call`, `test` …) for receivers that know only codes.
    """

    pager: Pager
    text: str
    priority: Priority = Priority.NORMAL
    kind: str = "red"

    @property
    def seven_bit(self) -> str:
        """The text as serial protocols carry it.

        For a pager with a Cyrillic table that is one ASCII character for each of its codes.
        """
        if self.pager.charset in _ASCII:
            return self.text
        return charsets.encode(self.text, self.pager.charset).decode("ascii")


class Driver(Protocol):
    """One transmitter.

    All calls come from the one thread that owns the transmitter, but for `DirectDriver.start`.
    None retries for ever: each is bounded by the protocol's own timers.

    Attributes:
        carries_text: Whether a message's text reaches the pager. Where only a code does, the
            parts of a long text would be the same call, again and again.
        has_hung_up: Whether the line is open and its other end has gone, as terminal servers do
            that close idle connections: it is to be opened again before the next message.
    """

    @property
    def carries_text(self) -> bool: ...  # noqa: D102 - see above

    @property
    def has_hung_up(self) -> bool: ...  # noqa: D102 - see above

    def open(self) -> None:
        """Open the line and bring the equipment to where it takes pages.

        Raises:
            LineError: The line is not there or the equipment does not answer.
        """
        ...

    def send(self, message: Message) -> Receipt:
        """Send one message and say what the equipment answered.

        What the equipment says is never an exception, it is the receipt. A send whose answer was
        lost after the message was on the line is `unknown`; one that certainly did not leave is
        `failed`. A failure of the line itself is `failed` or `unknown` with `line_down=True`,
        and the driver is closed and opened again by the lane.
        """
        ...

    def probe(self) -> str:
        """A harmless handshake that shows the equipment is alive; returns its words, if any.

        Raises:
            LineError: It does not answer.
        """
        ...

    def close(self) -> None:
        """Give the line back. Safe to call twice and on a line that is gone."""
        ...


Rest = Callable[[], Receipt]
"""What is left of a send once its first bytes are on the line; blocks, and tells the receipt."""


@runtime_checkable
class PatientDriver(Driver, Protocol):
    """A driver that goes on listening after a message was taken, for what became of it.

    Attributes:
        is_awaited: Tells whether something else waits to be sent meanwhile; then it comes back as
            soon as its protocol lets it.
    """

    is_awaited: Callable[[], bool]


@runtime_checkable
class DirectDriver(Driver, Protocol):
    """A driver whose equipment takes a message with nothing said first.

    Its first bytes can then be written by whoever has the page, with no change of threads.
    """

    def start(self, message: Message) -> Rest | None:
        """Put the message on the open line without waiting for anything.

        Called from any thread, while the transmitter's own leaves the driver alone. That one calls
        the rest, and calls it at once: start and rest together are `send`.

        Returns:
            The rest; None when nothing has left, whatever the reason: `send` will tell.
        """
        ...
