"""The simulated terminal against bytes written out by hand: it is what the driver is held to."""

import os
import random
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from gateway.simulator.tap_dialogue import Faults, TapDialogue, Vintage
from gateway.simulator.tap_terminal import TapPage, TapTerminal

BLOCK: Final = b"\x02123\rABC\r\x0317;\r"
LET_IN: Final = b"110 1.8\r114 Welcome to the simulated terminal\r\x06\r\x1b[p\r"
TAKEN: Final = b"211 Page accepted\r\x06\r"
GOODBYE: Final = b"115 Goodbye\r\x1b\x04\r"
WRONG: Final = b"\x02123\rABC\r\x0318;\r"


class Pages(list[tuple[str, str]]):
    def take(self, pager: str, text: str) -> None:
        self.append((pager, text))


def summed(block: bytes) -> bytes:
    total = sum(block)
    return block + bytes(48 + total // 16**place % 16 for place in (2, 1, 0)) + b"\r"


def logged_on(pages: Pages | None = None) -> TapDialogue:
    terminal = TapDialogue((pages if pages is not None else Pages()).take)
    assert terminal.feed(b"\r") == b"ID=\r"
    assert terminal.feed(b"\x1bPG1\r") == LET_IN
    return terminal


def test_the_sample_session_of_the_specification() -> None:
    pages = Pages()
    terminal = logged_on(pages)

    assert terminal.feed(BLOCK) == TAKEN
    assert terminal.feed(b"\x04\r") == GOODBYE
    assert pages == [("123", "ABC")]
    assert not terminal.in_session


@pytest.mark.parametrize(
    ("vintage", "let_in", "taken"),
    [
        (Vintage.PLAIN, b"\r\x06\r\x1b[p\r", b"\r\x06\r"),
        (Vintage.BARE, b"\x06\r\x1b[p\r", b"\x06\r"),
        (Vintage.NO_LOGON_ACK, b"\x1b[p\r", b"\x06\r"),
    ],
)
def test_older_terminals(vintage: Vintage, let_in: bytes, taken: bytes) -> None:
    terminal = TapDialogue(Pages().take, vintage=vintage)
    terminal.feed(b"\r")

    assert terminal.feed(b"\x1bPG1\r") == let_in
    assert terminal.feed(BLOCK) == taken
    assert terminal.feed(b"\x04\r") == b"\x1b\x04\r"


def test_parity_bits_do_not_matter() -> None:
    pages = Pages()
    logged_on(pages).feed(bytes(byte | 0x80 for byte in BLOCK))

    assert pages == [("123", "ABC")]


def test_a_wrong_checksum_three_times_and_once_more() -> None:
    pages = Pages()
    terminal = logged_on(pages)

    assert [terminal.feed(WRONG) for _ in range(3)] == [b"514 Checksum error\r\x15\r"] * 3
    assert terminal.feed(WRONG) == b"503 Too many checksum errors\r\x1b\x04\r"
    assert pages == []
    assert not terminal.in_session


@pytest.mark.parametrize(
    "block",
    [
        b"\x02123\rABC\x03",  # the last field is not complete
        b"\x02123\r\x03",  # one field
        b"\x02123\rA\nC\r\x03",  # a bare control character
        b"\x02123\rA\x1aaC\r\x03",  # SUB escapes only control characters
        b"\x02123\rA\x1a\r\x03",
        b"\x02123\rABC\x17",  # ETB: complete, but it is not
        b"\x02123\rABC\r\x1f",  # US: not complete, but it is
    ],
)
def test_a_malformed_transaction_is_given_up(block: bytes) -> None:
    pages = Pages()

    assert logged_on(pages).feed(summed(block)) == b"515 Format error\r\x1e\r"
    assert pages == []


def test_a_block_holds_250_characters() -> None:
    assert logged_on().feed(summed(b"\x02" + b"1\r" + b"x" * 247 + b"\r\x03")) == TAKEN
    answer = logged_on().feed(summed(b"\x02" + b"1\r" + b"x" * 248 + b"\r\x03"))
    assert answer.startswith(b"515 Format error\r\x1e\r")


def test_continued_blocks_and_escapes() -> None:
    pages = Pages()
    terminal = logged_on(pages)
    for block in (b"\x02123\r\x17", b"\x02AB\x1f", b"\x02C\x1aZ\x1aM\x1f", b"\x02\r\x03"):
        assert terminal.feed(summed(block)) == TAKEN

    assert pages == [("123", "ABC\x1a\r")]


def test_a_text_of_several_fields_has_several_lines() -> None:
    pages = Pages()
    logged_on(pages).feed(summed(b"\x02123\rone\rtwo\r\x03"))

    assert pages == [("123", "one\rtwo")]


def test_a_block_begun_again_replaces_the_torn_one() -> None:
    pages = Pages()

    assert logged_on(pages).feed(BLOCK[:7] + BLOCK) == TAKEN
    assert pages == [("123", "ABC")]


def test_what_is_no_block() -> None:
    assert logged_on().feed(b"hello\r") == b"502 Unexpected characters\r\x15\r"
    assert logged_on().feed(b"\r\r") == b""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"M\r", b"ID=\r"),
        (b"\r", b"ID=\r"),
        (b"\x1bXX9\r", b"507 Invalid logon\r\x1b\x04\r"),
        (b"\x1bPG1\r", b"509 Invalid password\r\x1b\x04\r"),
        (b"\x1bPG1 SECRET\r", b"509 Invalid password\r\x1b\x04\r"),
        (b"\x1bPG1SECRET\r", LET_IN),
    ],
)
def test_logging_on(said: bytes, answer: bytes) -> None:
    terminal = TapDialogue(Pages().take, password="SECRET")
    assert terminal.feed(b"x") == b""
    assert terminal.feed(b"\r") == b"ID=\r"

    assert terminal.feed(said) == answer


def test_an_unknown_pager() -> None:
    pages = Pages()
    terminal = TapDialogue(pages.take, pagers={"124"})

    answer = terminal.feed(b"\r\x1bPG1\r" + BLOCK)

    assert answer.endswith(b"511 Invalid pager ID\r\x1e\r")
    assert pages == []


def test_patience_runs_out() -> None:
    terminal = TapDialogue(Pages().take)
    terminal.feed(b"\r")
    assert [terminal.expire() for _ in range(3)] == [b"ID=\r"] * 3
    assert terminal.expire() == b"501 Timed out\r\x1b\x04\r"
    assert terminal.expire() == b""

    terminal = logged_on()
    assert terminal.expire() == b"501 Timed out\r\x1b\x04\r"
    assert terminal.feed(b"\r") == b"ID=\r"


def test_a_million_bytes_of_noise_leave_it_listening() -> None:
    pages = Pages()
    terminal = TapDialogue(pages.take)
    noise = random.Random(81).randbytes(1_000_000)
    for start in range(0, len(noise), 5000):
        terminal.feed(noise[start : start + 5000])
        terminal.feed(b"\r\x1bPG1\r\x02")  # lets the noise into the blocks as well
    terminal.expire()
    terminal.reset()
    pages.clear()

    assert terminal.feed(b"\r\x1bPG1\r" + BLOCK + b"\x04\r") == b"ID=\r" + LET_IN + TAKEN + GOODBYE
    assert pages == [("123", "ABC")]


def converse(write: Callable[[bytes], object], read: Callable[[], bytes]) -> bytes:
    """The sample session; returns everything that was answered."""
    heard = b""
    for said, end in (
        (b"\r", b"ID=\r"),
        (b"\x1bPG1\r", b"\x1b[p\r"),
        (BLOCK, b"\x06\r"),
        (b"\x04\r", b"\x1b\x04\r"),
    ):
        write(said)
        while not heard.endswith(end):
            heard += read()
    return heard


def over_pty(port: str) -> bytes:
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)

    def read() -> bytes:
        assert select.select([descriptor], [], [], 5)[0]
        return os.read(descriptor, 100)

    try:
        return converse(lambda data: os.write(descriptor, data), read)
    finally:
        os.close(descriptor)


def over_tcp(port: str) -> bytes:
    host, _, number = port.removeprefix("socket://").partition(":")
    with socket.create_connection((host, int(number)), timeout=5) as caller:
        return converse(caller.sendall, lambda: caller.recv(100))


@pytest.mark.parametrize("tcp", [False, True])
def test_a_session_on_a_real_line(tcp: bool) -> None:
    felt: list[TapPage] = []
    with TapTerminal(on_page=felt.append, tcp=tcp) as terminal:
        for _ in range(2):
            heard = (over_tcp if tcp else over_pty)(terminal.port)
            page = terminal.wait_for_page(5)

            assert heard == b"ID=\r" + LET_IN + TAKEN + GOODBYE
            assert page is not None
            assert (page.pager, page.text) == ("123", "ABC")
        assert terminal.wait_for_page(0.01) is None
        assert terminal.pages == tuple(felt)


def test_a_caller_who_hangs_up_leaves_no_trace() -> None:
    with TapTerminal(tcp=True) as terminal:
        host, _, number = terminal.port.removeprefix("socket://").partition(":")
        with socket.create_connection((host, int(number)), timeout=5) as caller:
            caller.sendall(b"\r")
            assert caller.recv(10) == b"ID=\r"
        assert over_tcp(terminal.port).startswith(b"ID=\r")


def test_patience_runs_out_on_a_real_line() -> None:
    with TapTerminal(tcp=True, patience_s=0.02) as terminal:
        host, _, number = terminal.port.removeprefix("socket://").partition(":")
        with socket.create_connection((host, int(number)), timeout=5) as caller:
            caller.sendall(b"\r\x1bPG1\r")
            heard = b""
            while not heard.endswith(b"501 Timed out\r\x1b\x04\r"):
                heard += caller.recv(100)


@pytest.mark.parametrize("tcp", [False, True])
def test_it_leaves_nothing_behind(tmp_path: Path, tcp: bool) -> None:
    link = None if tcp else tmp_path / "by-id"
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    terminal = TapTerminal(faults=Faults(), link=link, tcp=tcp)
    for _ in range(3):
        with terminal:
            assert link is None or terminal.port == str(link)
            (over_tcp if tcp else over_pty)(terminal.port)
    terminal.stop()

    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="not running"):
        _ = terminal.port
