"""When the driver of templates writes: at once, in one piece, and not while the line is held up."""

import threading
from collections.abc import Callable

import pytest

from gateway.model import ReceiptState
from gateway.paging.drivers.line import Line
from gateway.simulator.template_equipment import JtechTransmitter, ScopeTerminal
from tests.paging.drivers.equipped import failing, opened, page


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
    whole = Line.write_now
    monkeypatch.setattr(Line, "write_now", lambda line, data: whole(line, data[:3]))
    with ScopeTerminal() as terminal, opened(terminal, "scope") as driver:
        rest = driver.start(page("scope"))
        monkeypatch.setattr(Line, "write", failing(cause))
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


def test_nothing_is_sent_while_cts_is_low(
    jtech: JtechTransmitter, quick: Callable[[str], str]
) -> None:
    with opened(jtech, quick("jtech")) as driver:
        jtech.cts = False
        receipt = driver.send(page("jtech"))
    assert receipt.state is ReceiptState.FAILED
    assert receipt.line_down
    assert receipt.first_byte_ns is None
    assert "CTS" in receipt.detail
    assert jtech.heard == b""


def test_a_page_goes_as_soon_as_cts_rises(jtech: JtechTransmitter) -> None:
    with opened(jtech, "jtech") as driver:
        jtech.cts = False
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
