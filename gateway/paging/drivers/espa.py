"""ESPA 4.4.4 paging systems, with the gateway as the control station of the line.

Source: ESPA 4.4.4, Proposal for Serial Data Interface for Paging Equipment, November 1984.
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.config.transmitters import Espa
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.espa_codec import (
    MOST_MESSAGE,
    Block,
    Function,
    Record,
    call,
    describe,
    shown,
)
from gateway.paging.drivers.espa_link import SPECIFIED, GaveUp, Link, Timers
from gateway.paging.drivers.line import Line


class _Proof(msgspec.Struct, frozen=True):
    """What the system has told about a call.

    Attributes:
        state: What that proves.
        line_down: Whether the system itself is broken.
        is_final: Whether there is nothing more to wait for.
    """

    state: ReceiptState
    line_down: bool = False
    is_final: bool = True


# Section 4.3. "Acknowledged" comes from a pager, so that pager was paged; whether a person has
# read it is another matter. A call that was "terminated" may have been on the air or not.
_PROOFS: Final = {
    "1": _Proof(ReceiptState.FAILED),
    "2": _Proof(ReceiptState.ACCEPTED, is_final=False),
    "3": _Proof(ReceiptState.TRANSMITTED),
    "4": _Proof(ReceiptState.FAILED),
    "5": _Proof(ReceiptState.ACCEPTED),
    "6": _Proof(ReceiptState.TRANSMITTED),
    "7": _Proof(ReceiptState.TRANSMITTED),
}
_TAKEN: Final = _Proof(ReceiptState.ACCEPTED, is_final=False)
_TRANSMITTER_FAILED: Final = _Proof(ReceiptState.FAILED, line_down=True)


class EspaDriver:
    """An ESPA 4.4.4 paging system on a serial line or `socket://`.

    A system that has taken a call is asked what became of it, poll after poll, for `status_s` or
    until another page waits. It may say so later, or never: then the receipt is `accepted`. A
    status names a pager and seldom a call, so one that may belong to an earlier call of the same
    pager proves nothing about this one.

    Args:
        config: The transmitter's table of the configuration.
        timers: Waiting times and counts of the protocol.
    """

    carries_text = True

    def __init__(self, config: Espa, timers: Timers = SPECIFIED) -> None:
        self._config = config
        self._timers = timers
        self._line: Line | None = None
        self._link: Link | None = None
        self._untold: set[str] = set()  # pagers with a call whose end was not told yet
        self.is_awaited: Callable[[], bool] = lambda: False

    @property
    def has_hung_up(self) -> bool:
        """See `Driver`."""
        return self._line is not None and self._line.has_hung_up

    def open(self) -> None:
        """See `Driver`."""
        self.close()
        config = self._config
        self._line = Line(config.port, baud=config.baud, framing=config.framing)
        self._link = Link(self._line, config, self._timers)
        try:
            self._checked(self._link)
        except LineError:
            self.close()
            raise

    def send(self, message: Message) -> Receipt:
        """Send one message and hear what became of it. See `Driver.send`."""
        if self._line is None or self._link is None:
            return self._receipt(ReceiptState.FAILED, "the line is not open", line_down=True)
        self._line.mark()
        text = shown(message.seven_bit)
        try:
            block = call(message.pager.address, text, message.priority)
        except ValueError as error:
            return self._receipt(ReceiptState.FAILED, str(error))
        try:
            self._link.transmit(block)
        except GaveUp as failure:
            if failure.state is ReceiptState.UNKNOWN:
                self._untold.add(message.pager.address)
            return self._receipt(failure.state, failure.detail, line_down=failure.line_down)
        receipt = self._followed(self._link, message.pager.address, text)
        if len(message.seven_bit) > MOST_MESSAGE:
            cut = f"{receipt.detail} (text cut to {MOST_MESSAGE} characters)"
            return msgspec.structs.replace(receipt, detail=cut)
        return receipt

    def probe(self) -> str:
        """Check the idle link, and take a status that waits; returns it, or `idle`.

        Raises:
            LineError: The system does not answer, or says that its transmitter has failed.
        """
        if self._link is None:
            raise LineError("the line is not open")
        blocks = self._checked(self._link)
        if not blocks:
            self._untold.clear()  # it was quiet for long: nothing more will be told
        return "; ".join(map(describe, blocks)) or "idle"

    def close(self) -> None:
        """See `Driver`."""
        line, self._line, self._link = self._line, None, None
        if line is not None:
            line.close()

    def _checked(self, link: Link) -> tuple[Block, ...]:
        """The answer to the idle link check, sent again where there is none."""
        blocks = None
        for _ in range(1 + self._timers.retries):
            blocks = link.check()
            if blocks is not None:
                break
        if blocks is None:
            raise LineError(f"{self._config.name}: the paging system does not answer")
        for block in blocks:
            named = block.records.get(Record.ADDRESS, "").strip()
            self._told_of(named, _PROOFS.get(block.status))
            if block.transmitter_failed:
                raise LineError(f"{self._config.name}: {describe(block)}")
        return blocks

    def _followed(self, link: Link, address: str, text: str) -> Receipt:
        """Ask what became of a call that was taken, until that is known or was asked enough."""
        proof, detail = _TAKEN, "accepted"
        asked, deadline = 0, time.monotonic() + self._config.status_s
        try:
            while asked < self._timers.polls or self._may_wait(deadline):
                asked += 1
                blocks = link.ask()
                if blocks is None:
                    break  # it has the call all the same, and each such turn takes seconds
                for block in blocks:
                    told = self._weighed(block, address, text)
                    if told is not None and not proof.is_final:
                        proof, detail = told, describe(block)
                if proof.is_final:
                    break
        except LineError as error:
            self._untold.add(address)
            return self._receipt(proof.state, f"{detail}, then: {error}", line_down=True)
        if not proof.is_final:
            self._untold.add(address)
        return self._receipt(proof.state, detail, line_down=proof.line_down)

    def _may_wait(self, deadline: float) -> bool:
        return time.monotonic() < deadline and not self.is_awaited()

    def _weighed(self, block: Block, address: str, text: str) -> _Proof | None:
        """What a block proves about this call; None when it is about another one, or no status."""
        if block.transmitter_failed:
            return _TRANSMITTER_FAILED
        if block.function != Function.STATUS:
            return None
        named = block.records.get(Record.ADDRESS, address).strip()
        message = block.records.get(Record.MESSAGE)
        proof = _PROOFS.get(block.status)
        is_of_another = named != address or message not in {None, text}
        if is_of_another or (message is None and address in self._untold):
            self._told_of(named, proof)
            return None
        return proof

    def _told_of(self, address: str, proof: _Proof | None) -> None:
        """An earlier call of this pager has come to its end, if the proof is final."""
        if proof is not None and proof.is_final:
            self._untold.discard(address)

    def _receipt(self, state: ReceiptState, detail: str, *, line_down: bool = False) -> Receipt:
        first_byte_ns = self._line.first_byte_ns if self._line is not None else None
        return Receipt(state, detail, self._config.name, first_byte_ns, line_down)
