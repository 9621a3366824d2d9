import random
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.config import Template as Settings
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import DirectDriver, Driver, Message
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template import TemplateDriver, load_template, shipped_templates
from gateway.paging.drivers.template_file import SHIPPED
from gateway.simulator.pty_port import PtyPort
from gateway.simulator.template_equipment import (
    Comp2Terminal,
    Fault,
    JtechTransmitter,
    LrsTransmitter,
    Paged,
    ScopeTerminal,
    Terminal,
    WaveWareTerminal,
)

EQUIPMENT: dict[str, Callable[[], Terminal]] = {
    "comp2": Comp2Terminal,
    "scope": ScopeTerminal,
    "waveware": WaveWareTerminal,
    "jtech": JtechTransmitter,
    "lrs": LrsTransmitter,
}
ADDRESSES = {"comp2": "101", "lrs": "105,4"}
ANSWERING = ["scope", "waveware", "lrs"]
SHORT_WAITS = {"wait_s": 0.3, "transmitted_wait_s": 0.3, "retry_pause_s": 0.01, "cts_wait_s": 0.2}


@pytest.fixture
def quick(tmp_path: Path) -> Callable[[str], str]:
    """The path of a shipped template with short waits; nothing else in it is changed."""

    def copy(name: str) -> str:
        text = (SHIPPED / f"{name}.toml").read_text()
        for key, wait_s in SHORT_WAITS.items():
            text = re.sub(rf"^{key} = [1-9][0-9.]*", f"{key} = {wait_s}", text, flags=re.MULTILINE)
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return str(path)

    return copy


@contextmanager
def opened(terminal: PtyPort, template: str, **changes: Any) -> Iterator[TemplateDriver]:
    settings = Settings(name="desk", port=terminal.port, template=template, **changes)
    driver = TemplateDriver(settings)
    with closing(driver):
        driver.open()
        yield driver


def page(name: str, text: str = "Zone 1: red", **pager: Any) -> Message:
    address = pager.pop("address", ADDRESSES.get(name, "46180"))
    return Message(pager=Pager(name="wrist-1", address=address, **pager), text=text)


def sent(name: str, template: str, fault: Fault | None = None) -> tuple[Receipt, Terminal]:
    """One page to one kind of equipment: the receipt, and the equipment to look at."""
    with EQUIPMENT[name]() as terminal, opened(terminal, template) as driver:
        if fault is not None:
            terminal.faults.append(fault)
        receipt = driver.send(page(name))
        return receipt, terminal


def test_it_is_a_driver() -> None:
    driver: Driver = TemplateDriver(Settings(name="d", port="/dev/null", template="scope"))
    assert isinstance(driver, DirectDriver)
    driver.close()


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("comp2", ReceiptState.ACCEPTED, "no answer, which means accepted: in its verbose mode"),
        ("scope", ReceiptState.ACCEPTED, "Page Queued Okay"),
        ("waveware", ReceiptState.ACCEPTED, "V8.01,01,0,1,1A"),
        ("jtech", ReceiptState.ACCEPTED, "no answer, which means accepted: the transmitter"),
        ("lrs", ReceiptState.TRANSMITTED, "SPPG,105"),
    ],
)
def test_a_page_is_taken(name: str, state: ReceiptState, words: str) -> None:
    before_ns = time.monotonic_ns()
    with EQUIPMENT[name]() as terminal, opened(terminal, name) as driver:
        polled = len(terminal.heard)
        receipt = driver.send(page(name))
        terminal.wait_until_heard(polled + 1)
        assert [taken.text for taken in terminal.pages] == ["Zone 1: red"]
    assert receipt.state is state
    assert receipt.detail.startswith(words)
    assert receipt.transmitter == "desk"
    assert not receipt.line_down
    assert receipt.first_byte_ns is not None
    assert before_ns <= receipt.first_byte_ns <= time.monotonic_ns()


@pytest.mark.parametrize(
    ("name", "pager", "taken"),
    [
        ("comp2", {"function": 0}, Paged("101", "Hi", "A")),
        ("comp2", {"function": 3, "address": "7"}, Paged("7", "Hi", "D")),
        ("scope", {"rate": 512}, Paged("0046180", "Hi", "D", 512)),
        ("scope", {"rate": 2400, "function": 1}, Paged("0046180", "Hi", "B", 2400)),
        ("scope", {"charset": "numeric", "function": 0}, Paged("0046180", "Hi", "A", 1200, True)),
        ("waveware", {"rate": 512}, Paged("0046180", "Hi", "", 512)),
        ("waveware", {"charset": "numeric"}, Paged("0046180", "Hi", "", 1200, True)),
        ("jtech", {"rate": 1200}, Paged("0046180", "Hi", "4", 1200)),
        ("jtech", {"rate": 512, "function": 2}, Paged("0046180", "Hi", "3", 512)),
        ("jtech", {"charset": "numeric", "function": 0}, Paged("0046180", "Hi", "1", 1200, True)),
        ("lrs", {"address": "23,1"}, Paged("23,1", "Hi")),
    ],
)
def test_the_equipment_understands_every_field(
    name: str, pager: dict[str, Any], taken: Paged
) -> None:
    frame = load_template(name).frame(page(name, "Hi", **pager))
    with EQUIPMENT[name]() as terminal:
        terminal.receive(frame.data)
        assert terminal.pages == [taken]


@given(text=st.text(max_size=400), name=st.sampled_from(sorted(EQUIPMENT)))
def test_no_text_can_break_a_frame(text: str, name: str) -> None:
    """Whatever a page says, the equipment takes one page, for this pager, and goes on."""
    template = load_template(name)
    message = page(name, text)
    expected = "0046180" if template.address.width else message.pager.address
    with EQUIPMENT[name]() as terminal:
        for _ in range(2):
            terminal.receive(template.frame(message).data)
        assert [taken.address for taken in terminal.pages] == [expected] * 2


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
    ("name", "words", "line_down"),
    [
        ("comp2", "Invalid character in pager ID", False),
        ("scope", "Error - Invalid Pager ID", False),
        ("waveware", "05 paging queue full", True),
    ],
)
def test_a_refusal_is_failed_in_words(
    name: str, words: str, line_down: bool, quick: Callable[[str], str]
) -> None:
    with EQUIPMENT[name]() as terminal, opened(terminal, quick(name)) as driver:
        terminal.faults += [Fault.REFUSE] * 3
        receipt = driver.send(page(name))
        assert receipt.state is ReceiptState.FAILED
        assert receipt.detail == words
        assert receipt.line_down is line_down
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
    def write(line: Line, data: bytes) -> None:
        raise LineError(f"cannot write {len(data)} bytes to {line.port}") from cause

    with ScopeTerminal() as terminal, opened(terminal, "scope") as driver:
        monkeypatch.setattr(Line, "write", write)
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


def test_the_answer_for_another_pager_is_not_taken(quick: Callable[[str], str]) -> None:
    with LrsTransmitter() as terminal, opened(terminal, quick("lrs")) as driver:
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


def test_the_line_gets_one_write_and_nothing_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, quick: Callable[[str], str]
) -> None:
    calls: list[tuple[str, object]] = []
    write, read = Line.write, Line.read

    def writing(line: Line, data: bytes) -> None:
        calls.append(("write", data))
        write(line, data)

    def reading(line: Line, timeout_s: float, at_most: int = 512) -> bytes:
        calls.append(("read", timeout_s))
        return read(line, timeout_s, at_most)

    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        monkeypatch.setattr(Line, "write", writing)
        monkeypatch.setattr(Line, "read", reading)
        driver.send(page("scope"))
    writes = [at for at, (what, _) in enumerate(calls) if what == "write"]
    assert [calls[at] for at in writes] == [("write", b"AF0046180DZone 1: red\r")]
    assert all(waited == 0 for _, waited in calls[: writes[0]])


# --- the first bytes at once -------------------------------------------------------------------


def test_a_page_leaves_at_once_and_the_rest_hears_the_answer(quick: Callable[[str], str]) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        rest = driver.start(page("scope"))
        whole_frame = b"AF0046180DZone 1: red\r"
        assert terminal.wait_until_heard(len(whole_frame)) == whole_frame
        assert rest is not None
        receipt = rest()
    assert (receipt.state, receipt.detail) == (ReceiptState.ACCEPTED, "Page Queued Okay")
    assert receipt.first_byte_ns is not None
    assert [taken.text for taken in terminal.pages] == ["Zone 1: red"]


def test_what_the_line_did_not_take_at_once_follows(
    monkeypatch: pytest.MonkeyPatch, quick: Callable[[str], str]
) -> None:
    whole = Line.write_now
    monkeypatch.setattr(Line, "write_now", lambda line, data: whole(line, data[:3]))
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        rest = driver.start(page("scope"))
        assert rest is not None
        assert rest().state is ReceiptState.ACCEPTED
        whole_frame = b"AF0046180DZone 1: red\r"
        terminal.wait_until_heard(len(whole_frame))
        assert terminal.heard == whole_frame


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (TimeoutError("held up by flow control"), ReceiptState.UNKNOWN),
        (OSError(5, "Input/output error"), ReceiptState.FAILED),
    ],
)
def test_a_frame_of_which_the_line_takes_no_more(
    cause: OSError, state: ReceiptState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(line: Line, data: bytes) -> None:
        raise LineError(f"cannot write {len(data)} bytes to {line.port}") from cause

    whole = Line.write_now
    monkeypatch.setattr(Line, "write_now", lambda line, data: whole(line, data[:3]))
    with ScopeTerminal() as terminal, opened(terminal, "scope") as driver:
        rest = driver.start(page("scope"))
        monkeypatch.setattr(Line, "write", write)
        assert rest is not None
        receipt = rest()
    assert (receipt.state, receipt.line_down) == (state, True)
    assert receipt.first_byte_ns is not None


def test_nothing_is_begun_that_would_have_to_wait(
    quick: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        assert driver.start(page("scope", address="12345678")) is None
        terminal.write(b"unasked")
        assert driver.start(page("scope")) is None
        assert driver.send(page("scope")).state is ReceiptState.ACCEPTED
        driver.close()
        assert driver.start(page("scope")) is None
    with ScopeTerminal() as terminal, opened(terminal, "scope", rtscts=True) as driver:
        assert driver._line is not None
        monkeypatch.setattr(driver._line, "has_cts", True)
        assert driver.start(page("scope")) is None
        assert terminal.heard == b""


def test_a_line_that_has_no_cts_waits_for_none() -> None:
    with ScopeTerminal() as terminal, opened(terminal, "scope", rtscts=True) as driver:
        rest = driver.start(page("scope"))
        assert rest is not None
        assert rest().state is ReceiptState.ACCEPTED


def test_a_poll_shows_who_is_there(quick: Callable[[str], str]) -> None:
    with WaveWareTerminal() as terminal, opened(terminal, quick("waveware")) as driver:
        assert driver.probe() == "WaveWare Paging Encoder v9.17<0D>"
        assert terminal.pages == []


def test_dead_equipment_is_found_by_its_poll(quick: Callable[[str], str]) -> None:
    with WaveWareTerminal() as terminal:
        terminal.faults += [Fault.SILENCE] * 2
        driver = TemplateDriver(Settings(name="d", port=terminal.port, template=quick("waveware")))
        with pytest.raises(LineError, match="does not answer"):
            driver.open()
        driver.open()  # it is back, and the line was given back
        terminal.faults += [Fault.GARBAGE] * 2
        with pytest.raises(LineError, match="does not answer"):
            driver.probe()
        driver.close()
        driver.close()


def test_equipment_without_a_poll_is_not_said_to_be_alive(quick: Callable[[str], str]) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        assert "no supervision" in driver.probe()
        assert terminal.heard == b""


@pytest.fixture
def jtech(monkeypatch: pytest.MonkeyPatch) -> Iterator[JtechTransmitter]:
    """A JTECH whose CTS attribute is what the driver's line reads."""
    with JtechTransmitter() as terminal:
        monkeypatch.setattr(Line, "clear_to_send", property(lambda _: terminal.cts))
        yield terminal


def test_nothing_is_sent_while_cts_is_low(
    jtech: JtechTransmitter, quick: Callable[[str], str]
) -> None:
    jtech.cts = False
    with opened(jtech, quick("jtech")) as driver:
        receipt = driver.send(page("jtech"))
    assert receipt.state is ReceiptState.FAILED
    assert receipt.line_down
    assert receipt.first_byte_ns is None
    assert "CTS" in receipt.detail
    assert jtech.heard == b""


def test_a_page_goes_as_soon_as_cts_rises(jtech: JtechTransmitter) -> None:
    jtech.cts = False
    with opened(jtech, "jtech") as driver:
        timer = threading.Timer(0.1, setattr, (jtech, "cts", True))
        timer.start()
        receipt = driver.send(page("jtech"))
        timer.join()
        jtech.wait_until_heard(23)
    assert receipt.state is ReceiptState.ACCEPTED
    assert len(jtech.pages) == 1


def test_cts_is_not_looked_at_where_it_is_not_honoured(
    jtech: JtechTransmitter, quick: Callable[[str], str]
) -> None:
    jtech.cts = False
    with opened(jtech, quick("jtech"), rtscts=False) as driver:
        assert driver.send(page("jtech")).state is ReceiptState.ACCEPTED


def test_a_line_held_up_by_xoff_is_failed(quick: Callable[[str], str]) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope"), xonxoff=True) as driver:
        terminal.write(b"\x13.")
        assert driver._line is not None
        assert driver._line.read(1) == b"."  # so the kernel has taken the XOFF before it
        receipt = driver.send(page("scope"))
        assert receipt.state is ReceiptState.FAILED
        assert receipt.line_down
        assert "held up" in receipt.detail
        assert terminal.heard == b""


def test_a_closed_driver_says_so() -> None:
    driver = TemplateDriver(Settings(name="d", port="/dev/null", template="scope"))
    receipt = driver.send(page("scope"))
    assert receipt == Receipt(
        ReceiptState.FAILED, "the line is not open", transmitter="d", line_down=True
    )
    with pytest.raises(LineError, match="not open"):
        driver.probe()


@pytest.mark.parametrize(
    ("name", "pager", "words"),
    [
        ("scope", {"address": "12345678"}, "at most seven digits"),
        ("scope", {"address": "12\r34"}, "at most seven digits"),
        ("scope", {"rate": 600}, "only 512, 1200, 2400"),
        ("scope", {"function": 4}, "not 0–3"),
        ("lrs", {"address": "105"}, "e.g. 105,4"),
    ],
)
def test_a_pager_it_cannot_write_never_reaches_the_line(
    name: str, pager: dict[str, Any], words: str, quick: Callable[[str], str]
) -> None:
    with EQUIPMENT[name]() as terminal, opened(terminal, quick(name)) as driver:
        receipt = driver.send(page(name, **pager))
        assert receipt.state is ReceiptState.FAILED
        assert words in receipt.detail
        assert "wrist-1" in receipt.detail
        assert not receipt.line_down
        assert terminal.heard == b""


def test_a_text_that_is_too_long_goes_cut_and_says_so(quick: Callable[[str], str]) -> None:
    with ScopeTerminal() as terminal, opened(terminal, quick("scope")) as driver:
        receipt = driver.send(page("scope", "x" * 300))
        assert receipt.detail == "Page Queued Okay (cut to 240 characters)"
        assert terminal.pages[0].text == "x" * 240


def test_codes_by_kind_take_the_place_of_the_address() -> None:
    watch = Pager(name="w", address="A5C3E4", codes={"call": "123456"})
    template = load_template("rflink")
    assert template.frame(Message(pager=watch, text="", kind="call")).data == (
        b"10;EV1527;012345;6;ON;\r\n"
    )
    assert load_template("tasmota").frame(Message(pager=watch, text="")).data == (
        b'RfSend {"Data":"0xA5C3E4","Bits":24,"Protocol":1,"Pulse":350}\n'
    )


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
