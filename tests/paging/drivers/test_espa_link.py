"""The control station's side of the link, against the simulated paging system."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import serial

from gateway.config.transmitters import Espa
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.espa_codec import call
from gateway.paging.drivers.espa_link import SPECIFIED, GaveUp, Link, Timers
from gateway.paging.drivers.line import Line
from gateway.simulator.espa_system import EspaSystem, Faults, Stage
from gateway.simulator.pty_port import PtyPort

HASTY: Final = Timers(answer_s=0.15, control_s=0.3)

CALL: Final = call("550", "Table 5", 3)
CHECK: Final = b"\x042\x05"
SELECT: Final = b"\x041\x052\x05"


@contextmanager
def linked(system: PtyPort, timers: Timers = SPECIFIED, *, poll_ms: int = 40) -> Iterator[Link]:
    config = Espa(name="wards", port=system.port, poll_ms=poll_ms)
    with Line(config.port, baud=config.baud, framing=config.framing) as line:
        yield Link(line, config, timers)


def transmitted(timers: Timers = SPECIFIED, **faults: Any) -> tuple[GaveUp | None, list[str]]:
    """One call to a fresh system: what went wrong, and the texts it took."""
    failure = None
    with EspaSystem(statuses=(), faults=Faults(**faults)) as system:
        with linked(system, timers) as link:
            try:
                link.transmit(CALL)
            except GaveUp as error:
                failure = error
        return failure, [page.message for page in system.pages]


def test_a_call_on_the_line() -> None:
    with EspaSystem(statuses=()) as system, linked(system) as link:
        link.transmit(call("1", "A", 3))
        block = b"\x011\x021\x1f1\x1e2\x1fA\x1e3\x1f3\x1e4\x1f3\x1e5\x1f1\x1e6\x1f3\x03\x5b"
        expected = SELECT + block + b"\x04"

        assert system.wait_until_heard(len(expected)) == expected


def test_a_poll_on_the_line() -> None:
    with EspaSystem() as system, linked(system) as link:
        system.tell((1, "550"), (7, "3"))
        (block,) = link.check() or ()
        expected = CHECK + b"\x06\x06"

        assert system.wait_until_heard(len(expected)) == expected
    assert (block.function, block.records) == (2, {1: "550", 7: "3"})


# Refusals.


@pytest.mark.parametrize("eot_after_nak", [False, True])
@pytest.mark.parametrize("prefix", ["", "1", "2", "3", "8"])
def test_a_block_is_sent_again_twice(prefix: str, *, eot_after_nak: bool) -> None:
    failure, pages = transmitted(refuse_blocks=(prefix,) * 2, eot_after_nak=eot_after_nak)

    assert failure is None
    assert pages == ["Table 5"]


@pytest.mark.parametrize(
    ("prefix", "detail", "line_down"),
    [
        ("", "refused: no reason given", True),
        ("1", "refused: 1 transmission error", True),
        ("2", "refused: 2 busy", False),
        ("3", "refused: 3 invalid", False),
        ("8", "refused: 8 reason unknown", True),
    ],
)
def test_a_block_that_is_refused_for_good(prefix: str, detail: str, *, line_down: bool) -> None:
    failure, pages = transmitted(refuse_blocks=(prefix,) * 3)

    assert failure is not None
    assert (failure.detail, failure.line_down) == (detail, line_down)
    assert failure.state is ReceiptState.FAILED
    assert pages == []


@pytest.mark.parametrize("prefix", ["", "2"])
def test_a_selection_is_sent_again_twice(prefix: str) -> None:
    assert transmitted(refuse_selections=(prefix,) * 2) == (None, ["Table 5"])

    failure, pages = transmitted(refuse_selections=(prefix,) * 3)
    assert failure is not None
    assert (failure.state, failure.line_down) == (ReceiptState.FAILED, prefix != "2")
    assert failure.detail.startswith("refused: ")
    assert pages == []


def test_an_earlier_refusal_does_not_haunt_the_next_page() -> None:
    with EspaSystem(faults=Faults(refuse_blocks=("3",) * 3)) as system, linked(system) as link:
        with pytest.raises(GaveUp, match="3 invalid"):
            link.transmit(CALL)
        link.transmit(CALL)

        assert len(system.pages) == 1


# Silence, and a line that goes.


def test_silence_that_passes() -> None:
    assert transmitted(HASTY, silent=Stage.SELECT, silences=2) == (None, ["Table 5"])


def test_a_call_whose_answer_was_lost_is_not_sent_twice() -> None:
    failure, pages = transmitted(HASTY, silent=Stage.BLOCK, silences=1)

    assert failure is not None
    assert failure.state is ReceiptState.UNKNOWN
    assert pages == ["Table 5"]


def test_an_end_instead_of_an_answer_leaves_it_open() -> None:
    with (
        Scripted(b"\x06", b"\x04") as system,
        linked(system, HASTY) as link,
        pytest.raises(GaveUp, match="no answer to the page") as caught,
    ):
        link.transmit(CALL)
    assert caught.value.state is ReceiptState.UNKNOWN


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (serial.SerialTimeoutException("held up"), ReceiptState.UNKNOWN),
        (OSError("gone"), ReceiptState.FAILED),
    ],
)
def test_a_block_that_does_not_leave(
    monkeypatch: pytest.MonkeyPatch, cause: OSError, state: ReceiptState
) -> None:
    """What was held up half way may still leave; what could not be written did not."""
    write = Line.write

    def stubborn(line: Line, data: bytes) -> None:
        if data.startswith(b"\x01"):
            raise LineError("cannot write") from cause
        write(line, data)

    monkeypatch.setattr(Line, "write", stubborn)
    failure, pages = transmitted()

    assert failure is not None
    assert (failure.state, failure.detail, failure.line_down) == (state, "cannot write", True)
    assert pages == []


def test_a_late_answer_to_a_selection_is_not_the_blocks() -> None:
    """Two selections, two ACKs, the second late; the block itself gets none."""
    with (
        LateSystem() as system,
        linked(system, Timers(answer_s=0.3)) as link,
        pytest.raises(GaveUp, match="no answer to the page") as caught,
    ):
        link.transmit(CALL)

    assert caught.value.state is ReceiptState.UNKNOWN
    assert system.selections == 2


# The turn of the polled station.


@pytest.mark.parametrize(("broken", "blocks"), [(1, 1), (2, 1), (3, 0)])
def test_broken_blocks_are_refused(broken: int, blocks: int) -> None:
    faults = Faults(broken_statuses=broken)
    with EspaSystem(faults=faults) as system, linked(system) as link:
        system.tell((7, "3"))

        assert len(link.check() or ()) == blocks
        assert system.refused == ("1",) * broken


def test_an_acknowledgement_that_was_lost_brings_no_second_block() -> None:
    block = b"\x012\x027\x1f3\x03\x28"
    with Scripted(b"1\x05", block, block, b"\x04") as system, linked(system) as link:
        assert len(link.check() or ()) == 1


def test_a_station_that_asks_for_leave_twice() -> None:
    with Scripted(b"1\x05", b"1\x05", b"\x04") as system, linked(system) as link:
        assert link.check() == ()
        assert system.wait_until_heard(5) == CHECK + b"\x06\x06"


def test_a_station_that_asks_for_another_is_not_ours() -> None:
    with Scripted(b"3\x05") as system, linked(system, HASTY) as link:
        assert link.check() is None
        assert system.wait_until_heard(len(CHECK)) == CHECK


def test_control_is_taken_back_from_a_silent_system() -> None:
    with EspaSystem(faults=Faults(silent=Stage.STATUS)) as system, linked(system, HASTY) as link:
        system.tell((7, "3"))

        assert link.check() is None
        expected = CHECK + b"\x06\x04"
        assert system.wait_until_heard(len(expected)) == expected


def test_control_is_taken_back_from_a_system_that_keeps_it() -> None:
    with EspaSystem(faults=Faults(lost_end=True)) as system, linked(system, HASTY) as link:
        system.tell((7, "3"))

        assert len(link.check() or ()) == 1
        link.transmit(CALL)


def test_control_is_taken_back_from_a_system_that_babbles() -> None:
    with BabblingSystem() as system, linked(system, Timers(control_s=0.1)) as link:
        began = time.monotonic()
        assert len(link.check() or ()) == 1
        assert time.monotonic() - began < 20


def test_an_answer_waits_as_long_as_the_line_takes() -> None:
    """A slow line carries the block alone for longer than an answer is waited for."""
    config = Espa(name="wards", port="", baud=1200)
    with Scripted(b"\x06") as system, Line(system.port, baud=1200) as line:
        link = Link(line, config, Timers(answer_s=0.05))
        began = time.monotonic()
        with pytest.raises(GaveUp, match=r"no answer to the page within 0\.3 s"):
            link.transmit(b"\x01" * 23)
        assert time.monotonic() - began > 25 * 11 / 1200


class Scripted(PtyPort):
    """Answers what it hears, write by write, and then no more."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__()
        self._answers = iter(answers)

    def receive(self, _data: bytes) -> None:
        self.write(next(self._answers, b""))


class BabblingSystem(PtyPort):
    """Asks for leave when it is polled, and then tells the same status for ever."""

    def receive(self, data: bytes) -> None:
        self.write(b"1\x05" if data == CHECK else b"\x012\x027\x1f3\x03\x28")


class LateSystem(PtyPort):
    """Answers the first selection only after the second."""

    def __init__(self) -> None:
        super().__init__()
        self.selections = 0
        self._late = threading.Timer(0.1, self.write, [b"\x06"])

    def receive(self, data: bytes) -> None:
        if data == SELECT:
            self.selections += 1
            if self.selections == 2:
                self.write(b"\x06")
                self._late.start()

    def close(self) -> None:
        self._late.join()
        super().close()
