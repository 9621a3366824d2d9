"""multimon-ng, a decoder that nobody here wrote, reads what goes on the air."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Mmdvm
from gateway.model import ReceiptState
from gateway.paging import charsets
from gateway.paging.drivers import pocsag
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.mmdvm import MmdvmDriver
from gateway.simulator.mmdvm_hat import MmdvmHat

RUSSIAN = "СЪЕШЬ ЖЕ ЕЩЁ ЭТИХ МЯГКИХ ФРАНЦУЗСКИХ БУЛОК, ДА ВЫПЕЙ ЧАЮ 14:05"
TABLES = ["motorola_cyrillic_koi7", "motorola_linguist", "philips_prg"]
Decode = Callable[..., list[tuple[int, int, str]]]
LINE = re.compile(r"POCSAG\d+: Address: +(\d+)  Function: (\d)  (?:Alpha|Numeric): +(.*)")


@pytest.fixture
def decode(tmp_path: Path) -> Decode:
    """Calls multimon-ng and gives (RIC, function, text) of everything that it heard."""

    def run(sound: bytes, rate: int, mode: str = "alpha") -> list[tuple[int, int, str]]:
        file = tmp_path / "air.raw"
        file.write_bytes(sound)
        command = ["multimon-ng", "-q", "-t", "raw", "-a", f"POCSAG{rate}", "-f", mode, str(file)]
        heard = subprocess.run(command, capture_output=True, check=True, timeout=30)
        return [
            (int(found[1]), int(found[2]), found[3])
            for found in map(LINE.match, heard.stdout.decode("ascii").splitlines())
            if found
        ]

    return run


def characters(shown: str) -> bytes:
    """The 7-bit codes behind what multimon-ng prints; NUL at the end is padding."""
    return shown.replace("<NUL>", "").replace("<DEL>", "\x7f").encode("ascii")


@pytest.mark.parametrize("rate", pocsag.RATES)
@pytest.mark.parametrize("text", ["A", "TILL 2: UNHAPPY 14:05", "LONG 0123456789 " * 14 + "."])
def test_alphanumeric(decode: Decode, rate: int, text: str) -> None:
    ((ric, function, shown),) = decode(pocsag.encode_file(1234567, 3, rate, text), rate)
    assert (ric, function) == (1234567, 3)
    assert characters(shown).decode() == text


@pytest.mark.parametrize("rate", pocsag.RATES)
def test_numeric(decode: Decode, rate: int) -> None:
    sound = pocsag.encode_file(2097151, 0, rate, "0123456789*U -)(", numeric=True)
    ((ric, function, shown),) = decode(sound, rate, "numeric")
    assert (ric, function) == (2097151, 0)
    assert shown.rstrip() == "0123456789.U -]["  # its own signs for the last of the sixteen


@pytest.mark.parametrize("rate", pocsag.RATES)
@pytest.mark.parametrize("charset", TABLES)
def test_cyrillic(decode: Decode, rate: int, charset: str) -> None:
    table = charsets.table(charset)
    ((_, _, shown),) = decode(pocsag.encode_file(8, 3, rate, RUSSIAN, charset=charset), rate)
    assert list(characters(shown)) == [table[char] for char in RUSSIAN]


@pytest.mark.parametrize("ric", range(1000, 1008))
@pytest.mark.parametrize("function", [0, 3])
def test_every_frame(decode: Decode, ric: int, function: int) -> None:
    sound = pocsag.encode_file(ric, function, 1200, "FRAME")
    ((got, got_function, shown),) = decode(sound, 1200)
    assert (got, got_function, characters(shown)) == (ric, function, b"FRAME")


def test_several_pagers_in_one_transmission(decode: Decode) -> None:
    rics = [1234567, 8, 8, 1000003, 77]
    calls = [pocsag.call(ric, 3, f"MESSAGE {at} FOR {ric}") for at, ric in enumerate(rics)]
    heard = decode(pocsag.audio(pocsag.bits(pocsag.batches(calls)), 1200), 1200)
    assert [(ric, characters(shown)) for ric, _, shown in heard] == [
        (ric, f"MESSAGE {at} FOR {ric}".encode()) for at, ric in enumerate(rics)
    ]


@pytest.mark.parametrize(
    ("text", "charset", "function"),
    [
        ("TILL 2: UNHAPPY 14:05", "latin", 3),
        (RUSSIAN, "motorola_linguist", 2),
        ("1 2 14-05", "numeric", 0),
        ("LONGER THAN THE QUEUE " * 40, "latin", 3),
    ],
)
def test_what_the_modem_hat_puts_on_the_air(
    decode: Decode, text: str, charset: str, function: int
) -> None:
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    pager = Pager(
        name="p", address="1234567", function=function, charset=charset, max_chars=len(text)
    )
    with MmdvmHat(clock=lambda: now[0]) as hat:
        driver = MmdvmDriver(Mmdvm(name="m", port=hat.port, frequency_hz=433_920_000), wait=wait)
        driver.open()
        receipt = driver.send(Message(pager, text))
        driver.close()
        (transmission,) = hat.transmissions()
    assert receipt.state is ReceiptState.TRANSMITTED
    body = b"".join(transmission)
    stream = bytes((1, 0)) * 288 + bytes(byte >> at & 1 for byte in body for at in range(7, -1, -1))
    mode = "numeric" if charset == "numeric" else "alpha"
    ((ric, got_function, shown),) = decode(pocsag.audio(stream, 1200), 1200, mode)
    assert (ric, got_function) == (1234567, function)
    heard = characters(shown.rstrip())
    assert len(heard) >= min(len(text.rstrip()), 500)  # multimon-ng keeps 4096 bits of a message
    assert charsets.encode(text, charset).startswith(heard)
