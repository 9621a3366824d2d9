"""The driver against the simulated terminal, over a real pty or socket."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.config.transmitters import Tap
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging import charsets
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.tap import TapDriver
from gateway.paging.drivers.tap_session import Timers
from gateway.simulator.tap_dialogue import Faults, Stage, Vintage
from gateway.simulator.tap_terminal import TapTerminal

# A terminal that answers is never waited for; these only bound a slow test machine.
PATIENT: Final = Timers(t1_s=2, t2_s=1, t3_s=10, t4_s=4, t5_s=8, settle_s=0.02)
# For a terminal that says nothing where it should.
HASTY: Final = Timers(t1_s=0.3, t2_s=0.1, t3_s=0.3, t4_s=0.2, t5_s=0.2, n1=2, settle_s=0.02)


def message(text: str = "ABC", pager: str = "123") -> Message:
    return Message(pager=Pager(name="watch", address=pager), text=text)


@contextmanager
def driving(terminal: TapTerminal, timers: Timers = PATIENT, **options: Any) -> Iterator[TapDriver]:
    driver = TapDriver(Tap(name="main", port=terminal.port, **options), timers)
    driver.open()
    try:
        yield driver
    finally:
        driver.close()


def sent(
    text: str = "ABC",
    *,
    faults: Faults | None = None,
    vintage: Vintage = Vintage.CODES,
    timers: Timers = PATIENT,
    **options: Any,
) -> tuple[Receipt, list[tuple[str, str]]]:
    """One page to a fresh terminal: its receipt, and what the terminal took."""
    terminal = TapTerminal(pagers={"123"}, faults=faults or Faults(), vintage=vintage)
    with terminal, driving(terminal, timers, **options) as driver:
        receipt = driver.send(message(text))
        return receipt, [(page.pager, page.text) for page in terminal.pages]


def test_a_page_is_accepted() -> None:
    with TapTerminal(pagers={"123"}) as terminal, driving(terminal) as driver:
        before_ns = time.monotonic_ns()
        receipt = driver.send(message("Table 5  "))
        page = terminal.wait_for_page(5)

    assert page is not None
    assert (page.pager, page.text) == ("123", "Table 5")
    assert receipt.first_byte_ns is not None
    assert before_ns < receipt.first_byte_ns < page.mono_ns
    assert msgspec.structs.replace(receipt, first_byte_ns=None) == Receipt(
        ReceiptState.ACCEPTED, "211 page accepted", "main"
    )


def test_page_after_page_on_one_line() -> None:
    with TapTerminal() as terminal, driving(terminal) as driver:
        receipts = [driver.send(message(str(number))) for number in range(5)]

        assert [page.text for page in terminal.pages] == list("01234")
    assert all(receipt.is_durable for receipt in receipts)
    first_bytes = [receipt.first_byte_ns or 0 for receipt in receipts]
    assert first_bytes == sorted(set(first_bytes))


@pytest.mark.parametrize("vintage", Vintage)
def test_terminals_of_all_vintages(vintage: Vintage) -> None:
    receipt, pages = sent(vintage=vintage)

    assert receipt.state is ReceiptState.ACCEPTED
    assert pages == [("123", "ABC")]


def test_an_old_terminal_gets_no_escapes() -> None:
    _, pages = sent("a\nb", vintage=Vintage.PLAIN)

    assert pages == [("123", "a b")]


@pytest.mark.parametrize("framing", ["7E1", "8N1"])
def test_over_a_socket(framing: str) -> None:
    with TapTerminal(tcp=True) as terminal, driving(terminal, framing=framing) as driver:
        assert driver.send(message()).is_durable
        assert [page.text for page in terminal.pages] == ["ABC"]


@settings(max_examples=25)
@given(st.lists(st.text(st.characters(max_codepoint=0x7F), max_size=60), max_size=4))
def test_every_seven_bit_text_arrives(texts: list[str]) -> None:
    with TapTerminal() as terminal, driving(terminal, block_chars=50, continued_blocks=True) as tap:
        for text in texts:
            assert tap.send(message(text)).is_durable
        assert [page.text for page in terminal.pages] == [text.rstrip(" ") for text in texts]


def test_a_long_text_goes_on_in_further_blocks() -> None:
    text = "0123456789" * 60

    receipt, pages = sent(text, continued_blocks=True)

    assert receipt.is_durable
    assert pages == [("123", text)]


def test_a_long_text_is_refused_where_blocks_are_not_continued() -> None:
    receipt, pages = sent("x" * 246)

    assert receipt == Receipt(
        ReceiptState.FAILED,
        "text needs 2 blocks of 250 characters, this transmitter takes one",
        "main",
    )
    assert pages == []
    assert sent("x" * 245)[0].is_durable


@pytest.mark.parametrize(
    "faults",
    [
        Faults(banner="Welcome to paging "),
        Faults(prompt_cr=False),
        Faults(banner="PAGING\r\n", prompt_cr=False),
        Faults(garbage=b"\x00\x7f#\x05\x80\xff"),
        Faults(nak_logons=3),
        Faults(nak_blocks=3),
    ],
)
def test_what_a_page_gets_through(faults: Faults) -> None:
    receipt, pages = sent(faults=faults)

    assert receipt.state is ReceiptState.ACCEPTED
    assert pages == [("123", "ABC")]


@pytest.mark.parametrize(
    ("faults", "detail"),
    [
        (Faults(deaf_crs=1), "211 page accepted"),
        (Faults(silent=Stage.LOG_OFF), "211 page accepted"),
    ],
)
def test_silence_that_costs_no_page(faults: Faults, detail: str) -> None:
    receipt, pages = sent(faults=faults, timers=HASTY)

    assert (receipt.state, receipt.detail) == (ReceiptState.ACCEPTED, detail)
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("faults", "detail", "line_down"),
    [
        (Faults(silent=Stage.PROMPT), "the terminal does not answer (no ID=)", True),
        (Faults(silent=Stage.LOGON), "no answer to the logon", True),
        (Faults(disconnect=Stage.LOGON), "logon refused", True),
        (Faults(disconnect=Stage.BLOCK), "disconnected", True),
        (Faults(nak_logons=4), "507 malformed logon", True),
        (Faults(nak_blocks=4), "514 checksum error", True),
        (Faults(reject=512), "512 pager unavailable, try later", False),
        (Faults(reject=513), "513 text too long", False),
        (Faults(reject=516), "516 message quota exceeded for now", False),
        (Faults(late_reject=511), "511 unknown pager id", False),
    ],
)
def test_what_makes_a_page_fail(faults: Faults, detail: str, line_down: bool) -> None:
    receipt, pages = sent(faults=faults, timers=HASTY)

    assert (receipt.state, receipt.detail) == (ReceiptState.FAILED, detail)
    assert receipt.line_down is line_down
    assert receipt.first_byte_ns is not None
    assert pages == []


@pytest.mark.parametrize("stage", [Stage.PROMPT, Stage.LOGON])
def test_a_line_dropped_before_the_page(stage: Stage) -> None:
    receipt, pages = sent(faults=Faults(drop=stage))

    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert receipt.detail.startswith("cannot read from /dev/pts/")
    assert pages == []


@pytest.mark.parametrize("faults", [Faults(silent=Stage.BLOCK), Faults(drop=Stage.BLOCK)])
def test_a_lost_answer_is_unknown(faults: Faults) -> None:
    receipt, pages = sent(faults=faults, timers=HASTY)

    assert (receipt.state, receipt.line_down) == (ReceiptState.UNKNOWN, True)
    assert pages == [("123", "ABC")]


def test_a_terminal_that_stalls_on_continued_blocks() -> None:
    receipt, pages = sent(
        "x" * 400, faults=Faults(stalls_on_continued=True), timers=HASTY, continued_blocks=True
    )

    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert pages == []


def test_a_line_is_free_again_after_a_lost_answer() -> None:
    terminal = TapTerminal(faults=Faults(silent=Stage.BLOCK))
    with terminal, driving(terminal, HASTY) as driver:
        assert driver.send(message()).state is ReceiptState.UNKNOWN
        assert driver.probe()


@pytest.mark.parametrize("tcp", [False, True])
def test_a_terminal_that_drops_the_line_at_log_off(tmp_path: Path, tcp: bool) -> None:
    faults = Faults(drop=Stage.LOG_OFF)
    with TapTerminal(faults=faults, link=tmp_path / "tap", tcp=tcp) as terminal:
        with driving(terminal) as driver:
            receipts = [driver.send(message(text)) for text in ("one", "two")]
            assert driver.probe()

        assert [page.text for page in terminal.pages] == ["one", "two"]
    assert [receipt.state for receipt in receipts] == [ReceiptState.ACCEPTED] * 2


def test_an_unknown_pager() -> None:
    with TapTerminal(pagers={"123"}) as terminal, driving(terminal) as driver:
        refused = driver.send(message(pager="999"))
        taken = driver.send(message())

    assert (refused.state, refused.detail, refused.line_down) == (
        ReceiptState.FAILED,
        "511 unknown pager id",
        False,
    )
    assert taken.is_durable


@pytest.mark.parametrize(
    ("stored", "state"), [("SECRET\n", ReceiptState.ACCEPTED), ("WRONG", ReceiptState.FAILED)]
)
def test_a_password(tmp_path: Path, stored: str, state: ReceiptState) -> None:
    password_file = tmp_path / "password"
    password_file.write_text(stored)
    terminal = TapTerminal(password="SECRET")
    with terminal, driving(terminal, password_file=str(password_file)) as driver:
        receipt = driver.send(message())

    assert receipt.state is state
    assert "SECRET" not in receipt.detail
    if state is ReceiptState.FAILED:
        assert (receipt.detail, receipt.line_down) == ("509 wrong password", True)


@pytest.mark.parametrize("stored", [None, "päss", "two\nlines"])
def test_a_password_file_that_cannot_be_used(tmp_path: Path, stored: str | None) -> None:
    password_file = tmp_path / "password"
    if stored is not None:
        password_file.write_text(stored, encoding="utf-8")
    config = Tap(name="main", port="/dev/null", password_file=str(password_file))

    with pytest.raises(LineError, match="password file"):
        TapDriver(config).open()


def test_a_probe_logs_on_and_off() -> None:
    with TapTerminal() as terminal, driving(terminal) as driver:
        assert driver.probe() == "110 TAP version 1.8; 114 welcome"
        assert driver.probe()
        assert terminal.pages == ()


def test_a_probe_of_a_silent_terminal() -> None:
    terminal = TapTerminal(faults=Faults(silent=Stage.PROMPT))
    silent = pytest.raises(LineError, match=r"main: .*no ID=")
    with terminal, driving(terminal, HASTY) as driver, silent:
        driver.probe()


def test_no_line_at_all(tmp_path: Path) -> None:
    driver = TapDriver(Tap(name="main", port=str(tmp_path / "nowhere")))

    with pytest.raises(LineError):
        driver.open()
    receipt = driver.send(message())
    driver.close()

    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert receipt.first_byte_ns is None


def test_an_unplugged_line_and_its_return(tmp_path: Path) -> None:
    link = tmp_path / "tap"
    terminal = TapTerminal(link=link)
    with terminal:
        driver = TapDriver(Tap(name="main", port=terminal.port), PATIENT)
        driver.open()
    receipt = driver.send(message())

    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)

    driver.close()
    driver.close()
    with terminal:
        driver.open()
        assert driver.send(message()).is_durable
        driver.close()


def test_a_cyrillic_pager_gets_the_codes_of_its_table() -> None:
    table = next(name for name in charsets.names() if name not in {"latin", "numeric"})
    pager = Pager(name="watch", address="1001", charset=table)
    with TapTerminal() as terminal:
        driver = TapDriver(Tap(name="radio", port=str(terminal.port)))
        driver.open()
        receipt = driver.send(Message(pager, "ПЛОХО"))
        driver.close()
        assert receipt.state is ReceiptState.ACCEPTED
        (page,) = terminal.pages
    assert page.text.encode("ascii") == charsets.encode("ПЛОХО", table)
