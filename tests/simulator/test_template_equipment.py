from collections.abc import Callable

import pytest
import serial

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


def answers(terminal: Terminal, command: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the equipment says to a command, taken before it reaches the pty."""
    said = bytearray()
    monkeypatch.setattr(terminal, "write", said.extend)
    terminal.receive(command)
    return bytes(said)


# Each command and answer is an example of the maker's manual, or differs from one in one place.
@pytest.mark.parametrize(
    ("make", "command", "answer", "pages"),
    [
        (Comp2Terminal, b"101\rTest\r", b"", [Paged("101", "Test")]),
        (Comp2Terminal, b"101A\rTest\r", b"", [Paged("101", "Test", "A")]),
        (Comp2Terminal, b"101~Test~", b"", [Paged("101", "Test")]),
        (Comp2Terminal, b"stray\r\x7f\x7f\x7f7\rHi\r", b"", [Paged("7", "Hi")]),
        (Comp2Terminal, b"101\rA\r7\rB\r", b"", [Paged("101", "A"), Paged("7", "B")]),
        (Comp2Terminal, b"9\rHi\r", b"Invalid character in pager ID\r\r\x1e\r", []),
        (
            ScopeTerminal,
            b"AN0046180DThis is a test\r",
            b"Page Queued Okay\r\n",
            [Paged("0046180", "This is a test", "D", 512)],
        ),
        (
            ScopeTerminal,
            b"NN0765155B412-3433\r",
            b"Page Queued Okay\r\n",
            [Paged("0765155", "412-3433", "B", 512, numeric=True)],
        ),
        (ScopeTerminal, b"AN46180DHi\r", b"Error - Invalid Pager ID\r\n", []),
        (
            ScopeTerminal,
            b"XN0046180DHi\r",
            b"Error - Invalid pager type. Expected A or N\r\x15\r\n",
            [],
        ),
        (
            ScopeTerminal,
            b"AN0046180EHi\r",
            b"Error - Beep code invalid. Expected A,B,C,D\r\x15\r\n",
            [],
        ),
        (
            WaveWareTerminal,
            b"\x01A,5,46180,\x02This is a test\x03\x04",
            b"\x01A,5,46180,\x02This is a test\x03\x04\x01\x06V8.01,01,0,1,1A\x04",
            [Paged("46180", "This is a test", "", 512)],
        ),
        (
            WaveWareTerminal,
            b"\x01N1765155\x02412-3433\x03\x04",
            b"\x01N1765155\x02412-3433\x03\x04\x01\x06V8.01,01,0,1,1A\x04",
            [Paged("765155", "412-3433", "", 1200, numeric=True)],
        ),
        (WaveWareTerminal, b"ATI\r", b"WaveWare Paging Encoder v9.17\r", []),
        (
            WaveWareTerminal,
            b"\x01A,1,6\x02Hi\x03\x04",
            b"\x01A,1,6\x02Hi\x03\x04\x01\x1503\x04",
            [],
        ),
        (
            WaveWareTerminal,
            b"\x01A,9,46180\x02Hi\x03\x04",
            b"\x01A,9,46180\x02Hi\x03\x04\x01\x1502\x04",
            [],
        ),
        (
            WaveWareTerminal,
            b"\x01lost\x01X,1,46180\x02Hi\x03\x04",
            b"\x01X,1,46180\x02Hi\x03\x04\x01\x1501\x04",
            [],
        ),
        (
            JtechTransmitter,
            bytes.fromhex("FF FF FF 03 32 30 34 39 39 39 39 0A 54 45 53 54 0D"),
            b"",
            [Paged("2049999", "TEST", "3", 512)],
        ),
        (JtechTransmitter, b"\xff\xff\x032049999\x0aTEST\r", b"", []),
        (JtechTransmitter, b"\xff\xff\xff\x032049999\x0a" + b"x" * 121 + b"\r", b"", []),
        (
            LrsTransmitter,
            b"PAGE,105,4,Hello, world!\r",
            b"PPG,105\r\nSPPG,105\r\n",
            [Paged("105,4", "Hello, world!")],
        ),
        (LrsTransmitter, b"PAGE,105,Hello\r", b"", []),
    ],
)
def test_the_examples_of_the_manuals(
    make: Callable[[], Terminal],
    command: bytes,
    answer: bytes,
    pages: list[Paged],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with make() as whole, make() as pieces:
        assert answers(whole, command, monkeypatch) == answer
        assert whole.pages == pages
        said = b"".join(answers(pieces, bytes((byte,)), monkeypatch) for byte in command)
        assert said == answer
        assert pieces.pages == pages


def test_jtech_hears_nothing_while_cts_is_low() -> None:
    with JtechTransmitter() as terminal:
        terminal.cts = False
        terminal.receive(b"\xff\xff\xff\x032049999\x0aTEST\r")
        assert terminal.pages == []


def test_a_full_queue_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with WaveWareTerminal() as terminal:
        terminal.queue = 10
        said = answers(terminal, b"\x01A,1,46180\x02Hi\x03\x04", monkeypatch)
        assert said.endswith(b"\x01\x1505\x04")


@pytest.mark.parametrize(
    ("fault", "answer", "taken"),
    [
        (Fault.SILENCE, b"", 1),
        (Fault.GARBAGE, b"\x00\x9d#~", 1),
        (Fault.PARTIAL, b"Page Queu", 1),
        (Fault.REFUSE, b"Error - Invalid Pager ID\r\n", 0),
    ],
)
def test_faults(fault: Fault, answer: bytes, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScopeTerminal() as terminal:
        terminal.faults.append(fault)
        assert answers(terminal, b"AN0046180DHi\r", monkeypatch) == answer
        assert len(terminal.pages) == taken


def test_it_answers_on_its_port() -> None:
    with ScopeTerminal() as terminal, serial.Serial(terminal.port, timeout=2) as line:
        line.write(b"AN0046180DHi\r")
        assert line.read(18) == b"Page Queued Okay\r\n"
        assert terminal.wait_until_heard(13) == b"AN0046180DHi\r"
