"""The driver of equipment whose framing is data: restaurant pagers, COMP2, Scope and the like."""

import time
from functools import partial
from typing import Final

from gateway.config import transmitters
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import Message, Rest
from gateway.paging.drivers.exchange import Ear, put, readable
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template_file import TemplateError, load_template, shipped_templates
from gateway.paging.drivers.template_model import Envelope, Frame, Reply, Template, Verdict

__all__ = ["Template", "TemplateDriver", "TemplateError", "load_template", "shipped_templates"]

_POLL_TRIES: Final = 2
_CTS_LOOK_S: Final = 0.02  # how often CTS is looked at while it is low
_CTS_LOW: Final = "CTS stays low: the equipment is busy, off or not connected"


class TemplateDriver:
    """Sends pages as a template says, and reads the answers as it says.

    On an open line `send` composes the frame, drops what was said unasked, and writes it all at
    once: nothing is waited for first, except CTS where the template honours it and it is low.

    Raises:
        TemplateError: The template is missing or wrong.
    """

    def __init__(self, settings: transmitters.Template) -> None:
        self._settings = settings
        self._template = load_template(settings.template)
        self.carries_text: Final = self._template.carries_text
        rtscts = settings.rtscts
        self._rtscts = self._template.line.rtscts if rtscts is None else rtscts
        self._line: Line | None = None
        self._envelopes: dict[str, Envelope] = {}

    @property
    def has_hung_up(self) -> bool:
        """See `Driver`."""
        return self._line is not None and self._line.has_hung_up

    def open(self) -> None:
        """See `Driver`."""
        self.close()
        settings, rule = self._settings, self._template.line
        self._line = Line(
            settings.port,
            baud=settings.baud or rule.baud,
            framing=settings.framing or rule.framing,
            xonxoff=rule.xonxoff if settings.xonxoff is None else settings.xonxoff,
            rtscts=self._rtscts,
        )
        try:
            self.probe()
        except LineError:
            self.close()
            raise

    def send(self, message: Message) -> Receipt:
        """See `Driver`.

        A refusal whose code the template calls worth it is tried again; silence never is, since
        the page may have gone out. What silence proves is the template's word.
        """
        try:
            frame = self._frame(message)
        except ValueError as error:
            return self._receipt(ReceiptState.FAILED, str(error))
        line = self._line
        if line is None:
            return self._receipt(ReceiptState.FAILED, "the line is not open", line_down=True)
        line.mark()
        return self._conclude(line, frame)

    def start(self, message: Message) -> Rest | None:
        """See `DirectDriver`. Where CTS counts there is none: a look at it over USB is slow."""
        line = self._line
        if line is None or (self._rtscts and line.has_cts):
            return None
        line.mark()
        try:
            frame = self._frame(message)
            taken = line.write_now(frame.data)
        except (LineError, ValueError):
            return None
        return partial(self._conclude, line, frame, taken) if taken else None

    def probe(self) -> str:
        """See `Driver`. Equipment with neither CTS nor a poll is only known when it is paged."""
        if self._line is None:
            raise LineError("the line is not open")
        line, poll = self._line, self._template.poll
        if self._rtscts and not self._cleared(line):
            raise LineError(f"{self._template.name} on {line.port}: {_CTS_LOW}")
        line.discard_input()
        if poll is None:
            if self._rtscts and line.has_cts:
                return "CTS is up; the equipment has no other supervision"
            return "the line is there; the equipment has no supervision"
        for _ in range(_POLL_TRIES):
            line.write(poll.send)
            answer = Ear(line).wait(poll.answer.search, poll.wait_s)
            if answer is not None:
                return readable(answer[0])
        raise LineError(f"{self._template.name} on {line.port} does not answer")

    def close(self) -> None:
        """See `Driver`."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _frame(self, message: Message) -> Frame:
        """See `Template.frame`; what the text does not change is made once."""
        envelope = self._envelopes.get(message.pager.name)
        if envelope is None or not envelope.serves(message):
            envelope = self._template.envelope(message.pager, message.kind, message.priority)
            self._envelopes[message.pager.name] = envelope
        return self._template.enclose(envelope, message.seven_bit)

    def _conclude(self, line: Line, frame: Frame, taken: int = 0) -> Receipt:
        """Send a frame of which the line has taken so many bytes already, and hear the answer."""
        receipt, reply = self._once(line, frame, taken)
        for _ in range(self._template.reply.retries):
            if reply is None or reply.code not in self._template.reply.retry_codes:
                break
            try:
                Ear(line).rest(self._template.reply.retry_pause_s)
            except LineError as error:
                return self._receipt(ReceiptState.FAILED, str(error), line_down=True)
            receipt, reply = self._once(line, frame)
        return receipt

    def _once(self, line: Line, frame: Frame, taken: int = 0) -> tuple[Receipt, Reply | None]:
        """One try: the receipt, and the reply that a further try may hang on."""
        if not taken and (failed := self._clear(line)) is not None:
            return failed, None
        stopped = put(line, frame.data, taken)
        if stopped is not None:
            return self._receipt(stopped.state, stopped.detail, line_down=True), None
        ear = Ear(line)
        try:
            reply = self._hear(ear, frame)
            if reply is None and not ear.heard and self._template.reply.silent_because:
                line.drain(self._template.line.cts_wait_s)  # what has not left is not accepted
        except LineError as error:
            return self._receipt(ReceiptState.UNKNOWN, str(error), line_down=True), None
        if reply is None:
            return self._silence(ear.heard, frame.note), None
        return self._answered(reply, frame.note), reply

    def _clear(self, line: Line) -> Receipt | None:
        """Make the line ready for a frame; the receipt where it cannot be."""
        try:
            if self._rtscts and not self._cleared(line):
                return self._receipt(ReceiptState.FAILED, _CTS_LOW, line_down=True)
            line.discard_input()
        except LineError as error:
            return self._receipt(ReceiptState.FAILED, str(error), line_down=True)
        return None

    def _cleared(self, line: Line) -> bool:
        """Wait for CTS within bounds: bytes sent while it is low are lost."""
        deadline = time.monotonic() + self._template.line.cts_wait_s
        while not line.clear_to_send:
            if time.monotonic() >= deadline:
                return False
            line.read(_CTS_LOOK_S)
        return True

    def _hear(self, ear: Ear, frame: Frame) -> Reply | None:
        """The answer to a frame, and after "accepted" the final one if it comes in time."""
        rule = self._template.reply
        reply = ear.wait(lambda heard: self._template.judge(heard, frame), rule.wait_s)
        if reply is None or reply.verdict is not Verdict.ACCEPTED or not rule.transmitted_wait_s:
            return reply
        final = ear.wait(
            lambda heard: self._final(heard, frame),
            rule.transmitted_wait_s,
        )
        return final or reply

    def _final(self, heard: bytes, frame: Frame) -> Reply | None:
        reply = self._template.judge(heard, frame)
        return None if reply is None or reply.verdict is Verdict.ACCEPTED else reply

    def _answered(self, reply: Reply, note: str) -> Receipt:
        detail = _joined(reply.words, note)
        if reply.verdict is Verdict.TRANSMITTED:
            return self._receipt(ReceiptState.TRANSMITTED, detail)
        if reply.verdict is Verdict.ACCEPTED:
            return self._receipt(ReceiptState.ACCEPTED, detail)
        equipment = reply.code in self._template.reply.equipment_codes
        return self._receipt(ReceiptState.FAILED, detail, line_down=equipment)

    def _silence(self, heard: bytes, note: str) -> Receipt:
        """The receipt when no answer came that the template knows."""
        rule = self._template.reply
        if heard:
            words = f"an answer that says nothing: {readable(heard)}"
            return self._receipt(ReceiptState.UNKNOWN, _joined(words, note))
        if rule.silent_because:
            words = f"no answer, which means accepted: {rule.silent_because}"
            return self._receipt(ReceiptState.ACCEPTED, _joined(words, note))
        # Equipment that ought to answer and does not is looked at again by opening it anew.
        words = f"no answer within {rule.wait_s:g} s"
        expected = bool(rule.patterns)
        return self._receipt(ReceiptState.UNKNOWN, _joined(words, note), line_down=expected)

    def _receipt(self, state: ReceiptState, detail: str, *, line_down: bool = False) -> Receipt:
        return Receipt(
            state,
            detail,
            transmitter=self._settings.name,
            first_byte_ns=self._line.first_byte_ns if self._line is not None else None,
            line_down=line_down,
        )


def _joined(words: str, note: str) -> str:
    return f"{words} ({note})" if note else words
