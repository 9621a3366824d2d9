"""The ESPA 4.4.4 link from the control station's side: select, transfer, poll, take back.

Source: ESPA 4.4.4, Proposal for Serial Data Interface for Paging Equipment, November 1984,
section 3 (polling, selecting, termination, transfer of data blocks).
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from gateway.config.transmitters import Espa
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.espa_codec import (
    ACK,
    BUSY,
    ENQ,
    EOT,
    INVALID,
    NAK,
    TRANSMISSION_ERROR,
    Block,
    Heard,
    Parser,
    Sign,
    refusal,
)
from gateway.paging.drivers.exchange import put
from gateway.paging.drivers.line import Line

_BITS_A_CHARACTER: Final = 11  # start, seven data, parity, two stop (section 2.1)
_ANSWERS: Final = frozenset({Sign.ACK, Sign.NAK})
_TURNS: Final = frozenset({Sign.EOT, Sign.ENQ})
_IN_A_TURN: Final = frozenset({Sign.BLOCK, Sign.BROKEN, Sign.EOT, Sign.ENQ})


class Timers(msgspec.Struct, frozen=True):
    """How long and how often. Waiting times come on top of what the characters take on the line.

    Retries and the time to control are those of the protocol; `answer_s` and `polls` are ours.
    How long the system is asked beyond `polls` is a setting of the transmitter, `status_s`.

    Attributes:
        answer_s: For the answer to a selection, a block or a link check.
        control_s: For all that a polled station says, before control is taken back from it.
        retries: Times a block or a selection is sent again after NAK, and a selection or a link
            check after silence.
        polls: Times the system is asked what became of a call, one poll interval each, even if
            another page waits.
    """

    answer_s: float = 2.0
    control_s: float = 10.0
    retries: int = 2
    polls: int = 3


SPECIFIED: Final = Timers()


class GaveUp(Exception):
    """The system did not take a block, or nobody knows whether it did.

    Attributes:
        detail: Why, in words.
        state: FAILED, or UNKNOWN when the block was on the line and its answer was lost.
        line_down: Whether the line or the system is to blame, not the block.
    """

    def __init__(
        self,
        detail: str,
        *,
        state: ReceiptState = ReceiptState.FAILED,
        line_down: bool = True,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.state = state
        self.line_down = line_down


class Link:
    """The control station on an open line with one other station.

    Args:
        line: The line; whoever opened it closes it.
        config: Addresses, baud rate and poll interval.
        timers: Waiting times and counts.
    """

    def __init__(self, line: Line, config: Espa, timers: Timers) -> None:
        self._line = line
        self._timers = timers
        self._baud = config.baud
        self._poll_s = config.poll_ms / 1000
        self._local = config.local_address
        self._poll = config.remote_address.encode("ascii") + ENQ
        # The control station gives itself the right to transmit by polling itself.
        self._selection = self._local.encode("ascii") + ENQ + self._poll
        self._parser = Parser()
        self._pending: deque[Heard] = deque()

    def transmit(self, block: bytes) -> None:
        """Select the other station and give it one block; a block that got ACK was taken.

        Raises:
            GaveUp: It did not take it, or its answer to the block was lost.
        """
        with _nothing_sent():
            self._select()
        answer = self._offer(block)
        for _ in range(self._timers.retries):
            if answer.sign is Sign.ACK:
                break
            with _nothing_sent():
                self._before_retry()
            answer = self._offer(block)
        self._end()
        if answer.sign is not Sign.ACK:
            down = answer.prefix not in {BUSY, INVALID}
            raise GaveUp(refusal(answer.prefix), line_down=down)

    def check(self) -> tuple[Block, ...] | None:
        """Poll the other station and take what it has to say, at most `control_s` of it.

        Returns:
            Its blocks, none when it has nothing to say; None when it does not answer, or began
            to speak and said nothing that was whole.

        Raises:
            LineError: The line is gone.
        """
        answer = self._polled(self._timers.answer_s)
        return None if answer is None else self._listened(answer, linger_s=0)

    def ask(self) -> tuple[Block, ...] | None:
        """Poll as `check` does, but give the answer no more than a poll interval.

        Returns:
            Its blocks, none when it has nothing to say in time; None when it began to speak and
            said nothing that was whole.

        Raises:
            LineError: The line is gone.
        """
        answer = self._polled(self._poll_s)
        return () if answer is None else self._listened(answer, linger_s=self._poll_s)

    def _select(self) -> None:
        """Section 3.2. An EOT first ends whatever the other station believes is going on."""
        silences = 0
        for left in reversed(range(1 + self._timers.retries)):
            self._forget()
            self._line.write(EOT + self._selection)
            answer = self._hear(_ANSWERS, self._timers.answer_s + self._line_s(6))
            if answer is None:
                silences += 1
            elif answer.sign is Sign.ACK:
                # The ACK of an earlier selection, if only late, would pass for the block's.
                while silences and self._hear(_ANSWERS, self._timers.answer_s):
                    silences -= 1
                return
            elif left == 0:
                self._end()
                raise GaveUp(refusal(answer.prefix), line_down=answer.prefix != BUSY)
            else:
                self._hear(frozenset(), self._poll_s)
        self._end()
        raise GaveUp("the paging system does not answer")

    def _offer(self, block: bytes) -> Heard:
        """Send the block and hear ACK or NAK; a stray EOT may come before either."""
        with _nothing_sent():
            self._forget()
        stopped = put(self._line, block)
        if stopped is not None:
            raise GaveUp(stopped.detail, state=stopped.state)
        wait_s = self._timers.answer_s + self._line_s(len(block) + 2)
        try:
            answer = self._hear(_ANSWERS, wait_s)
        except LineError as error:
            raise GaveUp(str(error), state=ReceiptState.UNKNOWN) from error
        if answer is None:
            self._end()
            raise GaveUp(f"no answer to the page within {wait_s:.1f} s", state=ReceiptState.UNKNOWN)
        return answer

    def _before_retry(self) -> None:
        """Give a busy system a poll interval; one that ends the exchange is selected again."""
        if self._hear(frozenset({Sign.EOT}), self._poll_s) is not None:
            self._select()

    def _polled(self, wait_s: float) -> Heard | None:
        """Section 3.1: the answer is EOT, or an ENQ with our address. None when none comes."""
        self._forget()
        self._line.write(EOT + self._poll)
        return self._hear(_TURNS, wait_s + self._line_s(5))

    def _listened(self, answer: Heard, linger_s: float) -> tuple[Block, ...] | None:
        """After a stray EOT the real answer may follow: `linger_s` waits for it."""
        if answer.sign is Sign.EOT and self._hear(frozenset({Sign.ENQ}), linger_s) is None:
            return ()
        return self._its_turn()

    def _its_turn(self) -> tuple[Block, ...] | None:
        """Take the blocks of the polled station; None when it said nothing that was whole."""
        deadline = time.monotonic() + self._timers.control_s
        blocks: list[Block] = []
        self._line.write(ACK)
        while (left_s := deadline - time.monotonic()) > 0:
            patience_s = self._timers.answer_s + self._line_s(Parser.LONGEST_BLOCK)
            heard = self._hear(_IN_A_TURN, min(left_s, patience_s))
            if heard is None:
                break
            if heard.sign is Sign.EOT:
                return tuple(blocks)
            if heard.block is not None and heard.block not in blocks:  # our ACK may get lost
                blocks.append(heard.block)
            broken = heard.sign is Sign.BROKEN
            self._line.write(TRANSMISSION_ERROR.encode() + NAK if broken else ACK)
        self._end()  # takes control back
        return tuple(blocks) or None

    def _end(self) -> None:
        """EOT; if the line is gone by now, whoever uses it next will find out."""
        with suppress(LineError):
            self._line.write(EOT)

    def _forget(self) -> None:
        """Drop what was said before now: it answers nothing that is still to be asked."""
        self._line.discard_input()
        self._pending.clear()
        self._parser = Parser()

    def _hear(self, signs: frozenset[Sign], wait_s: float) -> Heard | None:
        """The first of these signs that is meant for us; None when none comes in time."""
        deadline = time.monotonic() + wait_s
        while True:
            while self._pending:
                heard = self._pending.popleft()
                is_for_us = heard.sign is not Sign.ENQ or heard.prefix == self._local
                if heard.sign in signs and is_for_us:
                    return heard
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._pending.extend(self._parser.feed(self._line.read(left_s)))

    def _line_s(self, characters: int) -> float:
        """How long so many characters take on the line: seconds at 300 baud."""
        return characters * _BITS_A_CHARACTER / self._baud


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """A line that goes now has taken no block that was not refused."""
    try:
        yield
    except LineError as error:
        raise GaveUp(str(error)) from error
