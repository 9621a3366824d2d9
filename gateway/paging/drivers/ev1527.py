"""Learning-code watch pagers (EV1527, PT2262, 433.92 MHz) by a serial transmitter."""

import math
from typing import Final

from gateway.config.transmitters import Ev1527
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.ev1527_bridge import Answer, Bridge
from gateway.paging.drivers.ev1527_wave import BIT_ORDERS, on_air, parse_code
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.rfxtrx433 import Rfxtrx433
from gateway.paging.drivers.sonoff_efm8 import SonoffEfm8

HARDWARE: Final[dict[str, type[Bridge]]] = {"rfxtrx433": Rfxtrx433, "sonoff-efm8": SonoffEfm8}
UNIT_US: Final = range(100, 1001)  # what the transmitters take; watches use 200–500
MAX_REPEATS: Final = 64  # frames; the slowest receivers known need 50


class Ev1527Driver:
    """Sends a watch the code that it has learnt for this kind of alert.

    A watch shows no text: every pair of wearer and alert kind has a code of its own, kept in
    `pager.codes`, and the watch learns what each one means. To teach it, hold LEARN on the watch
    and send a message of the kind in question (`test` where `codes` has none: that one sends
    `pager.address`). The same `send` serves, since a lesson and a page are the same on the air;
    repeat it until the watch confirms.

    Raises:
        ValueError: A setting is none that a transmitter or watch could use.
    """

    carries_text = False

    def __init__(self, settings: Ev1527) -> None:
        _check(settings)
        self._settings = settings
        self._bridge: Bridge = HARDWARE[settings.hardware]()
        self._bursts = math.ceil(settings.repeats / self._bridge.frames_per_burst)
        self._line: Line | None = None

    @property
    def has_hung_up(self) -> bool:
        """See `Driver`."""
        return self._line is not None and self._line.has_hung_up

    def open(self) -> None:
        """See `Driver`."""
        self.close()
        line = Line(self._settings.port, baud=self._bridge.baud)
        try:
            self._bridge.start(line)
        except LineError:
            line.close()
            raise
        self._line = line

    def send(self, message: Message) -> Receipt:
        """See `Driver`.

        `transmitted` as soon as one burst is confirmed: the watch has had its chance then. The
        detail tells when not all of them were.
        """
        pager = message.pager
        try:
            code = parse_code(pager.codes.get(message.kind, pager.address))
        except ValueError as error:
            return self._receipt(Answer(ReceiptState.FAILED, f"pager {pager.name}: {error}"))
        if self._line is None:
            return self._receipt(
                Answer(ReceiptState.FAILED, "the line is not open", line_down=True)
            )
        line = self._line
        line.mark()
        return self._receipt(self._bursts_of(line, code), line.first_byte_ns)

    def probe(self) -> str:
        """See `Driver`."""
        if self._line is None:
            raise LineError("the line is not open")
        return self._bridge.probe(self._line)

    def close(self) -> None:
        """See `Driver`."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _bursts_of(self, line: Line, code: int) -> Answer:
        """Bursts until the watch has had its repeats; the first one that fails is the last."""
        code = on_air(code, self._settings.bit_order)
        try:
            line.discard_input()
        except LineError as error:
            return Answer(ReceiptState.FAILED, str(error), line_down=True)
        confirmed = 0
        while True:
            answer = self._bridge.burst(line, code, self._settings.unit_us)
            if answer.state is not ReceiptState.TRANSMITTED:
                break
            confirmed += 1
            if confirmed == self._bursts:
                return answer
        if confirmed == 0:
            return answer
        words = f"{confirmed} of {self._bursts} bursts transmitted, then: {answer.words}"
        return Answer(ReceiptState.TRANSMITTED, words, answer.line_down)

    def _receipt(self, answer: Answer, first_byte_ns: int | None = None) -> Receipt:
        """The receipt for an answer."""
        return Receipt(
            answer.state,
            answer.words,
            transmitter=self._settings.name,
            first_byte_ns=first_byte_ns,
            line_down=answer.line_down,
        )


def _check(settings: Ev1527) -> None:
    """Refuse settings that could only fail later, on the air."""
    if settings.hardware not in HARDWARE:
        raise ValueError(f"hardware {settings.hardware!r} is not one of {', '.join(HARDWARE)}")
    if settings.unit_us not in UNIT_US:
        raise ValueError(
            f"unit_us {settings.unit_us} is not within {UNIT_US.start}–{UNIT_US.stop - 1}"
        )
    if not 1 <= settings.repeats <= MAX_REPEATS:
        raise ValueError(f"repeats {settings.repeats} is not within 1–{MAX_REPEATS}")
    if settings.bit_order not in BIT_ORDERS:
        raise ValueError(f"bit_order {settings.bit_order!r} is not one of {', '.join(BIT_ORDERS)}")
