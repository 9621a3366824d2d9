"""One TAP session from the entry device's side: who waits for what, and for how long.

Source: Telocator Alphanumeric Protocol, version 1.8, February 4, 1997 (PCIA), section 3 (steps)
and section 7 (timers).
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.tap_codec import (
    BUSY,
    CR,
    EOT,
    ESC,
    PAGE_FAULTS,
    Answer,
    AnswerParser,
    Sign,
    codes,
    describe,
    is_positive,
)

_MOST_LINES: Final = 32  # of a message sequence; a babbling terminal must not fill the memory
_LOGON_ANSWERS: Final = frozenset({Sign.ACK, Sign.NAK, Sign.GO_AHEAD, Sign.DISCONNECT})
_BLOCK_ANSWERS: Final = frozenset({Sign.ACK, Sign.NAK, Sign.REJECT, Sign.DISCONNECT})


class Timers(msgspec.Struct, frozen=True):
    """How long and how often; the defaults are the specification's (section 7), in seconds.

    Attributes:
        t1_s: Between CRs while ID= is awaited.
        t2_s: For an answer to the logon after a second ID=, which may have crossed it.
        t3_s: For the answer to a logon, for the go-ahead, and for the answer to a block.
        t4_s: For the terminal's part of logging off, to which the specification gives no time.
        t5_s: Once more for a block, when the terminal says 111 (busy, please wait).
        n1: CRs sent in all.
        n2: Times a block is sent again after NAK.
        n3: Times a logon is sent again, and times 111 is believed.
        settle_s: For an ACK that may come right behind a go-ahead, before the first block: taken
            for the answer to that block it would be a page reported as accepted and lost.
    """

    t1_s: float = 2.0
    t2_s: float = 1.0
    t3_s: float = 10.0
    t4_s: float = 4.0
    t5_s: float = 8.0
    n1: int = 3
    n2: int = 3
    n3: int = 3
    settle_s: float = 0.1


SPECIFIED: Final = Timers()


class GaveUp(Exception):
    """The session ended without an accepted page.

    Attributes:
        detail: Why, in words.
        state: FAILED, or UNKNOWN when the page was on the line and nobody knows.
        line_down: Whether the line or the terminal is to blame, not the page.
        still_logged_on: Whether the terminal waits for us to log off.
    """

    def __init__(
        self,
        detail: str,
        *,
        state: ReceiptState = ReceiptState.FAILED,
        line_down: bool = True,
        still_logged_on: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.state = state
        self.line_down = line_down
        self.still_logged_on = still_logged_on


class Session:
    """One conversation with a terminal: log on, transmit, log off.

    Attributes:
        greeting: The lines the terminal sent when it let us in.
        is_over: Whether the terminal has ended the session by itself.
        late_rejection: The refusal that came only at log-off, after the ACK (step 10b).
    """

    def __init__(self, line: Line, timers: Timers) -> None:
        self.greeting: tuple[str, ...] = ()
        self.is_over = False
        self.late_rejection: GaveUp | None = None
        self._line = line
        self._timers = timers
        self._parser = AnswerParser()
        self._pending: deque[Answer] = deque()
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)

    def log_on(self, password: str) -> None:
        """Steps 3 to 7: up to where the terminal takes pages.

        Raises:
            GaveUp: It does not let us in, or the line is gone.
        """
        try:
            self._forget()
            self._await_prompt()
            self._identify(password)
        except LineError as error:
            raise GaveUp(str(error)) from error
        self.greeting = tuple(self._lines)

    def transmit(self, blocks: Sequence[bytes]) -> str:
        """Step 8: one transaction; returns what the terminal said when it took the last block.

        Raises:
            GaveUp: It did not take it, or its answer to the last block was lost. An answer lost
                earlier is a failure: an unfinished transaction is no page.
        """
        for number, block in enumerate(blocks, start=1):
            lost = ReceiptState.UNKNOWN if number == len(blocks) else ReceiptState.FAILED
            self._send_block(block, lost)
        return describe(tuple(self._lines))

    def log_off(self) -> None:
        """Steps 9 and 10. A terminal that says nothing has been told, and that will do.

        Raises:
            LineError: The terminal dropped the line. An RS that came before it is kept.
        """
        self._say(EOT + CR)
        if self._hear({Sign.REJECT, Sign.DISCONNECT}, self._timers.t4_s) is Sign.REJECT:
            self.late_rejection = self._rejected()
            self._hear({Sign.DISCONNECT}, self._timers.t4_s)

    def _await_prompt(self) -> None:
        """Step 3. All but ID= is left over from before, even a disconnect."""
        for _ in range(self._timers.n1):
            self._say(CR)
            if self._hear({Sign.PROMPT}, self._timers.t1_s):
                return
        raise GaveUp("the terminal does not answer (no ID=)")

    def _identify(self, password: str) -> None:
        """Steps 5A to 7."""
        logon = ESC + b"PG1" + password.encode("ascii") + CR
        for _ in range(1 + self._timers.n3):
            self._say(logon)
            answer = self._hear(_LOGON_ANSWERS | {Sign.PROMPT}, self._timers.t3_s)
            if answer is None:
                raise GaveUp("no answer to the logon")
            if answer is Sign.PROMPT:
                # It asks again, or this ID= crossed our logon: only silence tells which.
                answer = self._hear(_LOGON_ANSWERS, self._timers.t2_s)
            if answer in (Sign.ACK, Sign.GO_AHEAD):
                self._await_go_ahead(answer)
                return
            if answer is Sign.DISCONNECT:
                break
        raise GaveUp(self._because("logon refused"))

    def _await_go_ahead(self, answer: Sign) -> None:
        """Step 7. Some terminals send the go-ahead instead of the ACK, or ahead of it."""
        if answer is Sign.GO_AHEAD:
            self._hear({Sign.ACK}, self._timers.settle_s)
            return
        answer_then = self._hear({Sign.GO_AHEAD, Sign.DISCONNECT}, self._timers.t3_s)
        if answer_then is Sign.DISCONNECT:
            raise GaveUp(self._because("disconnected after the logon"))
        if answer_then is None:
            self._abandon()
            raise GaveUp("logged on, but no go-ahead from the terminal")

    def _send_block(self, block: bytes, lost: ReceiptState) -> None:
        for _ in range(1 + self._timers.n2):
            answer = self._exchange(block, lost)
            if answer is Sign.ACK:
                return
            if answer is None:
                self._abandon()
                raise GaveUp("no answer to the page", state=lost)
            if answer is Sign.REJECT:
                raise self._rejected()
            if answer is Sign.DISCONNECT:
                self._disconnected(whole=lost is ReceiptState.UNKNOWN)
                return
        raise GaveUp(self._because("block not understood"), still_logged_on=True)

    def _exchange(self, block: bytes, lost: ReceiptState) -> Sign | None:
        """Send a block and hear its answer; None when none comes in time."""
        try:
            self._forget()
        except LineError as error:
            raise GaveUp(str(error)) from error
        try:
            self._say(block)
            answer = self._hear(_BLOCK_ANSWERS, self._timers.t3_s)
            for _ in range(self._timers.n3):
                if answer is not None or BUSY not in codes(self._lines):
                    break
                self._lines.clear()
                answer = self._hear(_BLOCK_ANSWERS, self._timers.t5_s)
        except LineError as error:
            raise GaveUp(str(error), state=lost) from error
        return answer

    def _rejected(self) -> GaveUp:
        """RS: the page is given up. A terminal that says so works, even if it says "try later"."""
        return GaveUp(self._because("rejected"), line_down=False, still_logged_on=True)

    def _disconnected(self, *, whole: bool) -> None:
        """ESC EOT instead of an ACK: abandoned, unless a code says that the whole page was taken.

        Some terminals take one page a connection and hang up with 211.
        """
        self.is_over = True
        if whole and is_positive(self._lines):
            return
        page_fault = not PAGE_FAULTS.isdisjoint(codes(self._lines))
        raise GaveUp(self._because("disconnected"), line_down=not page_fault)

    def _abandon(self) -> None:
        """Log off without waiting, so that a terminal which still listens is free again soon."""
        with suppress(LineError):
            self._line.write(EOT + CR)

    def _because(self, otherwise: str) -> str:
        return describe(tuple(self._lines)) or otherwise

    def _forget(self) -> None:
        """Drop what was said before now: it answers nothing that is still to be asked."""
        self._line.discard_input()
        self._pending.clear()
        self._parser = AnswerParser()

    def _say(self, data: bytes) -> None:
        self._lines.clear()
        self._line.write(data)

    def _hear(self, signs: frozenset[Sign] | set[Sign], timeout_s: float) -> Sign | None:
        """The first of these signs, or None when none comes in time; lines are kept.

        The time begins when what was said last has left: a block at 300 baud takes seconds.
        """
        deadline = time.monotonic() + self._line.pending_s + timeout_s
        while True:
            while self._pending:
                answer = self._pending.popleft()
                if answer.text:
                    self._lines.append(answer.text)
                if answer.sign in signs:
                    return answer.sign
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._pending.extend(self._parser.feed(self._line.read(left_s)))
