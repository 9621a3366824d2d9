"""TAP 1.8 (IXO) paging terminals: one session from logon to log-off for every page.

Source: Telocator Alphanumeric Protocol, version 1.8, February 4, 1997 (PCIA). Its notes on old
terminals (section 4) are heeded as well: no codes, no CR before a sign, ID= without a CR.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.config.transmitters import Tap
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.tap_codec import blocks, describe, version
from gateway.paging.drivers.tap_session import SPECIFIED, GaveUp, Session, Timers

# From this version on a terminal knows SUB escapes (revision history, 1.6).
_TRANSPARENT_FROM: Final = (1, 6)


class TapDriver:
    """A TAP terminal on a serial line or `socket://`.

    The line is opened again by itself where a terminal has dropped it at log-off, so a server
    that hangs up after every session costs no page.

    Args:
        config: The transmitter's table of the configuration.
        timers: Waiting times and counts of the protocol.
    """

    carries_text = True
    has_hung_up = False  # many hang up after every session: each one opens the line by itself

    def __init__(self, config: Tap, timers: Timers = SPECIFIED) -> None:
        self._config = config
        self._timers = timers
        self._line: Line | None = None
        self._password = ""

    def open(self) -> None:
        """Open the line; an idle terminal says nothing, so nothing is asked of it here.

        Raises:
            LineError: The line or the password file cannot be opened.
        """
        self._opened()

    def send(self, message: Message) -> Receipt:
        """Send one message in a session of its own. See `Driver.send`.

        The best a terminal can say is `accepted`: TAP has no answer that means "on the air".
        """
        fields = (message.pager.address, message.seven_bit.rstrip(" "))
        needed = len(self._blocks(fields, transparent=True))
        if needed > 1 and not self._config.continued_blocks:
            return self._receipt(
                ReceiptState.FAILED,
                f"text needs {needed} blocks of {self._config.block_chars} characters,"
                " this transmitter takes one",
            )
        try:
            line = self._opened()
        except LineError as error:
            return self._receipt(ReceiptState.FAILED, str(error), line_down=True)
        line.mark()
        try:
            detail = self._page(line, fields)
        except GaveUp as failure:
            return self._receipt(
                failure.state,
                failure.detail,
                first_byte_ns=line.first_byte_ns,
                line_down=failure.line_down,
            )
        return self._receipt(ReceiptState.ACCEPTED, detail, first_byte_ns=line.first_byte_ns)

    def probe(self) -> str:
        """Log on and off with no page; returns the terminal's greeting.

        Raises:
            LineError: The terminal does not let us in, or the line is gone.
        """
        session = Session(self._opened(), self._timers)
        try:
            session.log_on(self._password)
            self._log_off(session)
        except GaveUp as failure:
            raise LineError(f"{self._config.name}: {failure.detail}") from failure
        return describe(session.greeting)

    def close(self) -> None:
        """Give the line back."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _opened(self) -> Line:
        if self._line is not None and self._line.has_hung_up:
            self.close()
        if self._line is None:
            self._password = _read_password(self._config.password_file)
            self._line = Line(
                self._config.port,
                baud=self._config.baud,
                framing=self._config.framing,
                xonxoff=self._config.xonxoff,
            )
        return self._line

    def _blocks(self, fields: Sequence[str], *, transparent: bool) -> tuple[bytes, ...]:
        return blocks(fields, limit=self._config.block_chars, transparent=transparent)

    def _page(self, line: Line, fields: Sequence[str]) -> str:
        """The whole session; returns what the terminal said when it accepted the page.

        Raises:
            GaveUp: It was not accepted, or nobody knows.
        """
        session = Session(line, self._timers)
        session.log_on(self._password)
        transparent = (version(session.greeting) or (0, 0)) >= _TRANSPARENT_FROM
        try:
            detail = session.transmit(self._blocks(fields, transparent=transparent))
        except GaveUp as failure:
            if failure.still_logged_on:
                self._log_off(session)
            raise
        if not session.is_over:
            self._log_off(session)
        if session.late_rejection is not None:
            raise session.late_rejection
        return detail

    def _log_off(self, session: Session) -> None:
        """Log off; where the terminal dropped the line instead, the next page opens it again."""
        try:
            session.log_off()
        except LineError:
            self.close()

    def _receipt(
        self,
        state: ReceiptState,
        detail: str,
        *,
        first_byte_ns: int | None = None,
        line_down: bool = False,
    ) -> Receipt:
        return Receipt(state, detail, self._config.name, first_byte_ns, line_down)


def _read_password(path: str | None) -> str:
    """The logon password; it may have any length (step 5A) but only printable characters."""
    if path is None:
        return ""
    try:
        password = Path(path).read_text(encoding="ascii").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LineError(f"cannot read the TAP password file {path}") from error
    if not password.isprintable():
        raise LineError(f"the TAP password file {path} holds control characters")
    return password
