import os
from collections.abc import Iterator

import pytest
import serial

from gateway.simulator.rf_bridges import Fault, OnAir, SimulatedEfm8, SimulatedRfxtrx

LIGHTING4 = bytes.fromhex("09 13 00 05 A5 C3 E4 01 5E 00")
EFM8 = bytes.fromhex("AA A5 2A 62 01 5E 04 1A A5 C3 E4 55")
AIR = OnAir(0xA5C3E4, 350)


@pytest.fixture
def rfxtrx() -> Iterator[SimulatedRfxtrx]:
    with SimulatedRfxtrx() as bridge:
        yield bridge


@pytest.fixture
def efm8() -> Iterator[SimulatedEfm8]:
    with SimulatedEfm8() as bridge:
        yield bridge


def exchange(port: str, data: bytes, count: int) -> bytes:
    """What comes back for some bytes: `count` of them, or as many as come in time."""
    with serial.Serial(port, timeout=2 if count else 0.05) as line:
        line.write(data)
        return line.read(count or 1)


def test_a_code_goes_on_the_air_and_is_answered(rfxtrx: SimulatedRfxtrx) -> None:
    assert exchange(rfxtrx.port, LIGHTING4, 5) == bytes.fromhex("04 02 01 05 00")
    assert rfxtrx.air == [AIR]


def test_a_packet_may_come_in_pieces_and_after_noise(rfxtrx: SimulatedRfxtrx) -> None:
    with serial.Serial(rfxtrx.port, timeout=2) as line:
        for byte in b"\xff\x00\x03" + LIGHTING4:
            line.write(bytes((byte,)))
        assert line.read(5) == bytes.fromhex("04 02 01 05 00")


def test_an_rfxtrx_does_not_answer_a_reset_and_then_tells_its_status(
    rfxtrx: SimulatedRfxtrx,
) -> None:
    with serial.Serial(rfxtrx.port, timeout=2) as line:
        line.write(bytes((0x0D, *bytes(13))))
        rfxtrx.wait_until_heard(14)
        line.write(bytes((0x0D, 0, 0, 1, 2, *bytes(9))))
        answer = line.read(21)
    assert answer[:6] == bytes.fromhex("14 01 00 01 02 53")
    assert answer.endswith(b"RFXCOM")
    assert rfxtrx.resets == 1


def test_an_rfxtrx_refuses_what_it_does_not_know(rfxtrx: SimulatedRfxtrx) -> None:
    answer = exchange(rfxtrx.port, bytes.fromhex("07 10 00 09 41 01 01 00"), 14)
    assert answer[:4] == bytes.fromhex("0D 01 FF 09")
    assert rfxtrx.air == []


@pytest.mark.parametrize(
    ("fault", "answer", "air"),
    [
        (Fault.REFUSES, "04 02 01 05 02", []),
        (Fault.LATE, "04 02 01 05 01", [AIR]),
        (Fault.STALE, "04 02 01 04 00", [AIR]),
        (Fault.SILENT, "", [AIR]),
        (Fault.DEAF, "", []),
    ],
)
def test_the_faults_of_an_rfxtrx(
    fault: Fault, answer: str, air: list[OnAir], rfxtrx: SimulatedRfxtrx
) -> None:
    rfxtrx.faults.append(fault)
    expected = bytes.fromhex(answer)
    assert exchange(rfxtrx.port, LIGHTING4, len(expected)) == expected
    assert rfxtrx.air == air


def test_an_efm8_sends_and_says_so(efm8: SimulatedEfm8) -> None:
    assert exchange(efm8.port, b"\x55\x00" + EFM8, 3) == b"\xaa\xa0\x55"
    assert efm8.air == [AIR]


@pytest.mark.parametrize(
    "command",
    [
        EFM8[:11] + b"\x54",  # no end mark
        EFM8[:6] + b"\x04\x1b" + EFM8[8:],  # the long time is not three short ones
        EFM8[:2] + b"\x2a\x00" + EFM8[4:],  # the sync is not 31
        b"\xaa\xff\x55",  # a command that it does not know
    ],
)
def test_an_efm8_is_silent_on_what_no_watch_would_hear(command: bytes, efm8: SimulatedEfm8) -> None:
    assert exchange(efm8.port, command, 0) == b""
    assert efm8.air == []


def test_a_bridge_that_hangs_up_is_gone(efm8: SimulatedEfm8) -> None:
    efm8.faults.append(Fault.UNPLUGGED)
    line = os.open(efm8.port, os.O_RDWR | os.O_NOCTTY)
    os.write(line, EFM8)
    efm8.close()
    with pytest.raises(OSError, match="Input/output error"):
        os.write(line, EFM8)
    os.close(line)
    efm8.close()
