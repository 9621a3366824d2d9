"""What the driver of templates makes of answers: lost, late, garbled, refused, and none at all."""

import random
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template import load_template, shipped_templates
from gateway.simulator.pty_port import PtyPort
from gateway.simulator.template_equipment import (
    Fault,
    LrsTransmitter,
    ScopeTerminal,
    WaveWareTerminal,
)
from tests.paging.drivers.equipped import (
    ADDRESSES,
    ANSWERING,
    EQUIPMENT,
    failing,
    opened,
    page,
    sent,
)


@pytest.mark.parametrize("name", ANSWERING)
def test_a_lost_answer_is_unknown(name: str, quick: Callable[[str], str]) -> None:
    receipt, terminal = sent(name, quick(name), Fault.SILENCE)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.detail == "no answer within 0.3 s"
    assert receipt.line_down
    assert len(terminal.pages) == 1  # sent once only: it may have gone out


@pytest.mark.parametrize("name", ["comp2", *ANSWERING])
def test_garbage_is_unknown_and_told(name: str, quick: Callable[[str], str]) -> None:
    receipt, terminal = sent(name, quick(name), Fault.GARBAGE)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.detail == "an answer that says nothing: <00><9D>#~"
    assert len(terminal.pages) == 1


@pytest.mark.parametrize("name", ANSWERING)
def test_half_an_answer_is_unknown(name: str, quick: Callable[[str], str]) -> None:
    receipt, _ = sent(name, quick(name), Fault.PARTIAL)
    assert receipt.state is ReceiptState.UNKNOWN
    assert "says nothing" in receipt.detail


@pytest.mark.parametrize("name", ANSWERING)
def test_an_adapter_that_goes_is_unknown_and_down(name: str, quick: Callable[[str], str]) -> None:
    receipt, _ = sent(name, quick(name), Fault.UNPLUG)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.line_down


@pytest.mark.parametrize("name", sorted(EQUIPMENT))
def test_an_adapter_that_is_gone_is_failed(name: str, quick: Callable[[str], str]) -> None:
    with EQUIPMENT[name]() as terminal, opened(terminal, quick(name)) as driver:
        terminal.close()
        receipt = driver.send(page(name))
        assert receipt.state is ReceiptState.FAILED
        assert receipt.line_down
        assert receipt.first_byte_ns is None
        with pytest.raises(LineError):
            driver.probe()
        driver.close()
        with pytest.raises(LineError):
            driver.open()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("comp2", "Invalid character in pager ID"),
        ("scope", "Error - Invalid Pager ID"),
        ("waveware", "05 paging queue full"),
    ],
)
def test_a_refusal_is_failed_in_words(name: str, words: str, quick: Callable[[str], str]) -> None:
    with EQUIPMENT[name]() as terminal, opened(terminal, quick(name)) as driver:
        terminal.faults += [Fault.REFUSE] * 3
        receipt = driver.send(page(name))
        assert receipt.state is ReceiptState.FAILED
        assert receipt.detail == words
        assert not receipt.line_down
        assert terminal.pages == []


def test_a_refusal_worth_it_is_tried_again(quick: Callable[[str], str]) -> None:
    with WaveWareTerminal() as terminal, opened(terminal, quick("waveware")) as driver:
        terminal.faults += [Fault.REFUSE, Fault.REFUSE]
        assert driver.send(page("waveware")).state is ReceiptState.ACCEPTED
        assert len(terminal.pages) == 1


def test_a_line_that_goes_between_two_tries_is_failed(quick: Callable[[str], str]) -> None:
    path = Path(quick("waveware"))
    path.write_text(path.read_text().replace("retry_pause_s = 0.01", "retry_pause_s = 5"))
    with WaveWareTerminal() as terminal, opened(terminal, str(path)) as driver:
        terminal.faults.append(Fault.REFUSE)
        timer = threading.Timer(0.2, terminal.close)
        timer.start()
        receipt = driver.send(page("waveware"))
        timer.join()
        assert receipt.state is ReceiptState.FAILED
        assert receipt.line_down


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (serial.SerialTimeoutException("Write timeout"), ReceiptState.UNKNOWN),
        (TimeoutError("held up by flow control"), ReceiptState.FAILED),
        (OSError(5, "Input/output error"), ReceiptState.FAILED),
    ],
)
def test_a_write_that_fails_tells_whether_the_page_may_still_leave(
    cause: OSError, state: ReceiptState, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScopeTerminal() as terminal, opened(terminal, "scope") as driver:
        monkeypatch.setattr(Line, "write", failing(cause))
        receipt = driver.send(page("scope"))
    assert receipt.state is state
    assert receipt.line_down


def test_tries_are_bounded(quick: Callable[[str], str]) -> None:
    with WaveWareTerminal() as terminal, opened(terminal, quick("waveware")) as driver:
        terminal.queue = 10
        assert driver.send(page("waveware")).state is ReceiptState.FAILED
        assert terminal.heard.count(b"\x01A,1,") == 3


def test_a_refusal_that_cannot_change_is_not_tried_again(quick: Callable[[str], str]) -> None:
    with WaveWareTerminal() as terminal, opened(terminal, quick("waveware")) as driver:
        receipt = driver.send(page("waveware", address="7"))
        assert receipt.detail == "03 invalid capcode"
        assert not receipt.line_down
        assert terminal.heard.count(b"\x01A,1,") == 1


def test_accepted_stays_when_the_final_answer_does_not_come(quick: Callable[[str], str]) -> None:
    with LrsTransmitter() as terminal, opened(terminal, quick("lrs")) as driver:
        terminal.transmits = False
        receipt = driver.send(page("lrs"))
        assert receipt.state is ReceiptState.ACCEPTED
        assert receipt.detail == "PPG,105"


def test_the_answer_for_another_pager_is_not_taken(quick: Callable[..., str]) -> None:
    with LrsTransmitter() as terminal, opened(terminal, quick("lrs", wait_s=3)) as driver:
        terminal.faults.append(Fault.REFUSE)

        def answer_others() -> None:
            terminal.wait_until_heard(1)
            terminal.write(b"SPPG,23\r\nPPG,1051\r\nSPPG,10\r\n")

        answers = threading.Thread(target=answer_others)
        answers.start()
        receipt = driver.send(page("lrs"))
        answers.join()
        assert receipt.state is ReceiptState.UNKNOWN
        assert "SPPG,23" in receipt.detail


def test_what_was_said_before_is_not_the_answer(quick: Callable[[str], str]) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        terminal.write(b"Page Queued Okay\r\n")
        terminal.faults.append(Fault.SILENCE)
        assert driver.send(page("scope")).state is ReceiptState.UNKNOWN


def test_a_late_answer_is_still_one() -> None:
    with ScopeTerminal() as terminal, opened(terminal, "scope") as driver:
        terminal.faults.append(Fault.STALL)
        timer = threading.Timer(0.1, terminal.release.set)
        timer.start()
        receipt = driver.send(page("scope"))
        timer.join()
        assert receipt.state is ReceiptState.ACCEPTED


@pytest.mark.parametrize("name", shipped_templates())
def test_a_million_random_bytes_change_nothing(name: str) -> None:
    template = load_template(name)
    address = "A5C3E4" if template.address.by_kind else ADDRESSES.get(name, "46180")
    frame = template.frame(page(name, address=address))
    noise = random.Random(name).randbytes(1_000_000)
    started = time.monotonic()
    for start in range(0, len(noise), 512):
        template.judge(noise[max(0, start - 3584) : start + 512], frame)
    assert time.monotonic() - started < 10


class Babbler(PtyPort):
    """Equipment that, once spoken to, talks nonsense until it has had enough."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = threading.Event()

    def receive(self, data: bytes) -> None:
        noise = random.Random(len(data))
        while not self.enough.is_set():
            if select.select([], [self._master], [], 0.01)[1]:
                self.write(noise.randbytes(64))


def test_babble_ends_with_the_deadline(quick: Callable[[str], str]) -> None:
    with Babbler() as terminal, opened(terminal, quick("scope")) as driver:
        started = time.monotonic()
        receipts = [driver.send(page("scope")) for _ in range(2)]
        terminal.enough.set()
    assert time.monotonic() - started < 2
    assert [receipt.state for receipt in receipts] == [ReceiptState.UNKNOWN] * 2
