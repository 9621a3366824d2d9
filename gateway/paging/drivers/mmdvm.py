"""POCSAG pages through an MMDVM_HS modem hat on a serial line, at 1200 bit/s.

The hat puts batches on the air from a queue of its own and adds the preamble. It says that it is
transmitting; when that ends after the page, the page was on the air: the strongest proof that
this hardware gives.

Sources: the MMDVM host protocol (see `mmdvm_frames.py`), and the MMDVM_HS firmware for its
frequency limits and for this: it refuses a POCSAG data frame with a NAK and takes one in silence,
so every data frame is followed by a STATUS request, whose answer shows that no NAK came before.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from gateway.config import Pager
from gateway.config.transmitters import Mmdvm
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers import mmdvm_frames as frames
from gateway.paging.drivers import pocsag
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.line import Line

RATE: Final = 1200
MAX_DELAY_MS: Final = 500

_MHZ: Final = 1_000_000
_TUNABLE: Final = ((144, 148), (219, 225), (420, 475), (842, 950))  # MHz; the upper end excluded
_SATELLITES: Final = ((145.8, 146), (435, 438))  # MHz; both ends included


class Timers(msgspec.Struct, frozen=True):
    """How long the driver waits, in seconds; tests shorten what is a property of real hardware.

    Attributes:
        reset_s: Opening the line resets the board: it hears nothing for so long.
        version_s: Between two tries of the version handshake.
        version_tries: How many of them.
        reply_s: For the answer to any other command, each of `reply_tries` times.
        reply_tries: How often a command that changes nothing by being repeated is sent.
        poll_s: Between two STATUS requests while it transmits; a batch lasts 0.453 s.
        rise_s: From the last data frame until it must have begun to transmit.
        margin_s: Beyond the airtime of what it was given, until it must have ended.
    """

    reset_s: float = 2.0
    version_s: float = 1.5
    version_tries: int = 6
    reply_s: float = 0.5
    reply_tries: int = 3
    poll_s: float = 0.05
    rise_s: float = 2.0
    margin_s: float = 3.0


HARDWARE_TIMERS: Final = Timers()


class _GivenUp(Exception):
    """The hat answers, and the page is not going to be proved."""


def frequency_problem(hz: int) -> str | None:
    """Why the hat would refuse a frequency, or None. Whether it is legal is another question."""
    if not any(low * _MHZ <= hz < high * _MHZ for low, high in _TUNABLE):
        bands = ", ".join(f"{low}–{high}" for low, high in _TUNABLE)
        return f"{hz / _MHZ:g} MHz is outside what the hat can tune: {bands} MHz"
    for low, high in _SATELLITES:
        if low * _MHZ <= hz <= high * _MHZ:
            return (
                f"{hz / _MHZ:g} MHz is refused by the hat: {low:g}–{high:g} MHz is for satellites"
            )
    return None


def settings_problems(settings: Mmdvm) -> tuple[str, ...]:
    """What is wrong with a transmitter's settings, in words; empty when they can be used."""
    problems = [frequency_problem(settings.frequency_hz)]
    for name, value in (("power", settings.power), ("level", settings.level)):
        problems.append(None if 0 <= value <= 255 else f"{name} must be from 0 to 255, not {value}")
    delay = settings.transmit_delay_ms
    if not 0 <= delay <= MAX_DELAY_MS:
        problems.append(f"transmit_delay_ms must be from 0 to {MAX_DELAY_MS}, not {delay}")
    return tuple(problem for problem in problems if problem)


def pager_problems(pager: Pager) -> tuple[str, ...]:
    """What keeps such a transmitter from calling a pager, in words; empty when nothing does."""
    problems = pocsag.pager_problems(pager)
    if pager.rate in pocsag.RATES and pager.rate != RATE:
        problems += (f"this transmitter sends at {RATE} bit/s only, not {pager.rate}",)
    return problems


class MmdvmDriver:
    """The driver of `driver = "mmdvm"`; see `base.Driver`.

    Args:
        settings: The transmitter's table of the configuration.
        timers: See `Timers`.
        wait: Called with seconds for the fixed waits: the board's reset, and between polls.
    """

    carries_text = True

    def __init__(
        self,
        settings: Mmdvm,
        *,
        timers: Timers = HARDWARE_TIMERS,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._timers = timers
        self._wait = wait
        self._modem: _Modem | None = None

    @property
    def has_hung_up(self) -> bool:
        """See `base.Driver`."""
        return self._modem is not None and self._modem.line.has_hung_up

    def open(self) -> None:
        """See `base.Driver`."""
        self.close()
        problems = settings_problems(self._settings)
        if problems:
            raise LineError("; ".join(problems))
        line = Line(self._settings.port, baud=self._settings.baud, framing="8N1")
        modem = _Modem(line, self._timers)
        try:
            self._wait(self._timers.reset_s)
            modem.handshake()
            modem.set_up(self._settings)
        except LineError:
            line.close()
            raise
        self._modem = modem

    def send(self, message: Message) -> Receipt:
        """See `base.Driver`. Returns when the page is off the air, so after its airtime."""
        problems = pager_problems(message.pager)
        if problems:
            return self._receipt(ReceiptState.FAILED, "; ".join(problems))
        if self._modem is None:
            return self._receipt(ReceiptState.FAILED, "the line is not open", line_down=True)
        page = _OnePage(self._modem, self._timers, self._wait, _batches(message))
        try:
            page.run()
        except (_GivenUp, LineError) as error:
            state = ReceiptState.UNKNOWN if page.begun else ReceiptState.FAILED
            return self._receipt(state, str(error), page.first_byte_ns, line_down=True)
        words = "the hat transmitted it"
        return self._receipt(ReceiptState.TRANSMITTED, words, page.first_byte_ns)

    def probe(self) -> str:
        """See `base.Driver`."""
        if self._modem is None:
            raise LineError(f"{self._settings.port} is not open")
        status = self._modem.status()
        return f"{self._modem.version.text}, room for {status.free} batches"

    def close(self) -> None:
        """See `base.Driver`."""
        if self._modem is not None:
            with suppress(OSError):
                self._modem.line.close()
            self._modem = None

    def _receipt(
        self,
        state: ReceiptState,
        detail: str,
        first_byte_ns: int | None = None,
        *,
        line_down: bool = False,
    ) -> Receipt:
        return Receipt(state, detail, self._settings.name, first_byte_ns, line_down)


class _Modem:
    """Commands and their answers on the line; raises `LineError` where none comes."""

    def __init__(self, line: Line, timers: Timers) -> None:
        self.line = line
        self.version = frames.Version(1, pocsag=True, text="")
        self._timers = timers
        self._parser = frames.FrameParser()
        self.refusal: int | None = None  # the error with which it refused the last batch

    def handshake(self) -> None:
        """Find out who is there."""
        for _ in range(self._timers.version_tries):
            self.line.write(frames.frame(frames.VERSION))
            reply = self._reply(_is(frames.VERSION), self._timers.version_s)
            if reply is not None:
                break
        else:
            raise LineError(f"no MMDVM modem answers on {self.line.port}")
        self.version = frames.version_of(reply)
        if self.version.protocol not in (1, 2):
            raise LineError(f"the hat speaks protocol {self.version.protocol}, not 1 or 2")
        if not self.version.pocsag:
            raise LineError(f"the hat's firmware has no POCSAG: {self.version.text}")

    def set_up(self, settings: Mmdvm) -> None:
        """Frequency first, then everything else, as the firmware wants it."""
        self.command(frames.set_frequency(settings.frequency_hz, settings.power), "frequency")
        delay_ms, level = settings.transmit_delay_ms, settings.level
        self.command(frames.set_config(self.version.protocol, delay_ms, level), "settings")
        if self.status().free == 0:
            raise LineError(f"the hat has no room for POCSAG: {self.version.text}")

    def command(self, frame: bytes, what: str) -> None:
        """Send a command that is acknowledged, again where no answer comes."""
        wanted = frame[2]
        for _ in range(self._timers.reply_tries):
            self.line.write(frame)
            reply = self._reply(lambda each: each.answers(wanted), self._timers.reply_s)
            if reply is None:
                continue
            if reply.command == frames.NAK:
                raise LineError(f"the hat refuses the {what}: {frames.nak_words(reply.raw[4])}")
            return
        raise LineError(f"the hat does not answer to the {what}")

    def put(self, batch: pocsag.Batch) -> None:
        """Give it one batch; `status` and `refusal` tell whether it took it."""
        self.refusal = None
        self.line.write(frames.frame(frames.POCSAG_DATA, pocsag.batch_bytes(batch)))

    def status(self) -> frames.Status:
        """What it is doing now."""
        for _ in range(self._timers.reply_tries):
            self._note(self._parser.feed(self.line.read(0)))  # answers that came too late
            self.line.write(frames.frame(frames.STATUS))
            reply = self._reply(_is(frames.STATUS), self._timers.reply_s)
            if reply is None:
                continue
            status = frames.status_of(reply, self.version.protocol)
            if status is None:
                raise LineError(f"the hat's firmware has no POCSAG: {self.version.text}")
            return status
        raise LineError("the hat does not answer")

    def _reply(
        self, wanted: Callable[[frames.Frame], bool], timeout_s: float
    ) -> frames.Frame | None:
        """The first frame that is wanted; what else arrives before it is noted."""
        deadline = time.monotonic() + self.line.pending_s + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            found = self._note(self._parser.feed(self.line.read(left)))
            for each in found:
                if wanted(each):
                    return each
        # A stray E0 may have swallowed the answer.
        return next(filter(wanted, self._note(self._parser.resync())), None)

    def _note(self, found: list[frames.Frame]) -> list[frames.Frame]:
        for each in found:
            if each.command == frames.NAK and each.answers(frames.POCSAG_DATA):
                self.refusal = each.raw[4]
        return found


class _OnePage:
    """One page from the first command to the end of its transmission."""

    def __init__(
        self,
        modem: _Modem,
        timers: Timers,
        wait: Callable[[float], None],
        batches: tuple[pocsag.Batch, ...],
    ) -> None:
        self.begun = False  # whether any of it may be on the air
        self.first_byte_ns: int | None = None
        self._modem = modem
        self._timers = timers
        self._wait = wait
        self._batches = batches
        self._seen = False  # whether it was seen transmitting
        # Polls are counted, not timed: the bound holds whatever the clock does.
        airtime_s = pocsag.airtime_s(len(batches), RATE) + MAX_DELAY_MS / 1000
        self._polls = math.ceil((airtime_s + timers.margin_s) / timers.poll_s)

    def run(self) -> None:
        """Returns when it was transmitted; anything else is raised."""
        self._modem.command(frames.frame(frames.SET_MODE, bytes((frames.MODE_POCSAG,))), "mode")
        status = self._modem.status()
        empty = status.free
        for batch in self._batches:
            status = self._feed(batch, status)
        self._watch(status, empty)

    def _feed(self, batch: pocsag.Batch, status: frames.Status) -> frames.Status:
        """Have one batch taken, as soon as there is room for it."""
        while True:
            if status.free > 0:
                status = self._offer(batch)
                error = self._modem.refusal
                if error is None:
                    return status
                if error != frames.FIFO_FULL:
                    raise _GivenUp(f"the hat refuses the page: {frames.nak_words(error)}")
            status = self._poll("the hat's queue stays full")
            self._follow(status)

    def _offer(self, batch: pocsag.Batch) -> frames.Status:
        """Put a batch on the line. Until it is refused, some of the page may be on the air."""
        begun, self.begun = self.begun, True
        if self.first_byte_ns is None:
            self._modem.line.mark()
        self._modem.put(batch)
        self.first_byte_ns = self._modem.line.first_byte_ns
        status = self._modem.status()
        if self._modem.refusal is not None:
            self.begun = begun
        self._follow(status)
        return status

    def _follow(self, status: frames.Status) -> None:
        """A carrier that drops between two batches has split the page."""
        if self._seen and not status.transmitting:
            raise _GivenUp("the carrier dropped in the middle of the page")
        self._seen = self.begun and status.transmitting

    def _watch(self, status: frames.Status, empty: int) -> None:
        """Until the carrier was up and is down again, with as much room as before."""
        to_rise = math.ceil(self._timers.rise_s / self._timers.poll_s)
        while status.transmitting or not self._seen or status.free < empty:
            if not self._seen and to_rise == 0:
                raise _GivenUp("the hat took the page and did not transmit")
            to_rise -= 1
            status = self._poll("the hat does not finish the page")
            self._seen = self._seen or status.transmitting

    def _poll(self, late: str) -> frames.Status:
        if self._polls == 0:
            raise _GivenUp(late)
        self._polls -= 1
        self._wait(self._timers.poll_s)
        return self._modem.status()


def _batches(message: Message) -> tuple[pocsag.Batch, ...]:
    pager = message.pager
    ric = pocsag.ric_of(pager.address)
    return pocsag.batches([pocsag.call(ric, pager.pocsag_function, message.text, pager.charset)])


def _is(command: int) -> Callable[[frames.Frame], bool]:
    return lambda each: each.command == command
