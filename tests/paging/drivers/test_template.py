"""The driver of templates: every page and every field, on every kind of equipment."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.config.transmitters import Template as Settings
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import DirectDriver, Driver, Message
from gateway.paging.drivers.template import TemplateDriver, load_template
from gateway.simulator.template_equipment import Fault, Paged, ScopeTerminal, WaveWareTerminal
from tests.paging.drivers.equipped import EQUIPMENT, opened, page


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
