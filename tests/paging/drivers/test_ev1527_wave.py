import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.paging.drivers.ev1527_wave import SAMPLE_RATE_HZ, cu8, on_air, parse_code, pulses

CODES = st.integers(0, 0xFFFFFF)
UNITS = st.sampled_from((200, 250, 350, 420, 500))


def rtl_433(samples: bytes, unit_us: int, folder: Path) -> list[str]:
    """What an independent receiver, Debian's rtl_433, decodes from a recording."""
    recording = folder / "X_433.92M_250k.cu8"
    recording.write_bytes(samples)
    reset, tolerance = (round(us * unit_us / 350) for us in (4000, 200))
    decoder = (
        f"n=ev1527,m=OOK_PWM,s={unit_us},l={3 * unit_us},r={reset},t={tolerance},"
        "bits=25,invert,unique"
    )
    command = ["rtl_433", "-c", "/dev/null", "-R", "0", "-X", decoder, "-F", "json", "-r"]
    run = subprocess.run([*command, str(recording)], capture_output=True, check=True, timeout=20)
    return [json.loads(line)["data"] for line in run.stdout.splitlines()]


def test_rtl_433_decodes_the_known_code(tmp_path: Path) -> None:
    decoded = rtl_433(cu8(0xA5C3E4, 350, 10), 350, tmp_path)
    assert decoded == ["a5c3e40"] * 10


@given(code=CODES, unit_us=UNITS, repeats=st.integers(1, 4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rtl_433_decodes_every_code(code: int, unit_us: int, repeats: int, tmp_path: Path) -> None:
    decoded = rtl_433(cu8(code, unit_us, repeats), unit_us, tmp_path)
    assert decoded
    assert set(decoded) == {f"{code:06x}0"}  # the 25th bit is the sync pulse


@pytest.mark.parametrize("code", [0, 0xFFFFFF, 1, 0x800000])
def test_rtl_433_decodes_the_other_bit_order_turned_round(code: int, tmp_path: Path) -> None:
    samples = cu8(code, 350, 3, bit_order="lsb")
    turned = int(f"{code:024b}"[::-1], 2)
    assert set(rtl_433(samples, 350, tmp_path)) == {f"{turned:06x}0"}


def test_rtl_433_hears_nothing_in_a_damaged_frame(tmp_path: Path) -> None:
    whole = cu8(0xA5C3E4, 350, 1)
    half = whole[: len(whole) // 2] + bytes((128,)) * (len(whole) // 2)
    assert rtl_433(half, 350, tmp_path) == []


def test_a_frame_is_24_bits_and_a_sync() -> None:
    frame = pulses(0x800001, 350)
    assert frame[0] == frame[23] == (1050, 350)
    assert frame[1:23] == [(350, 1050)] * 22
    assert frame[24] == (350, 31 * 350)
    assert len(frame) == 25


@given(code=CODES)
def test_turning_round_twice_is_nothing(code: int) -> None:
    assert on_air(on_air(code, "lsb"), "lsb") == code
    assert on_air(code, "msb") == code


@given(code=CODES, unit_us=st.integers(200, 500), repeats=st.integers(1, 12))
def test_rounding_never_adds_up(code: int, unit_us: int, repeats: int) -> None:
    samples = cu8(code, unit_us, repeats)
    frame_us = sum(on + off for on, off in pulses(code, unit_us))
    total_us = repeats * frame_us + 2 * 62 * unit_us
    assert len(samples) // 2 == round(total_us * SAMPLE_RATE_HZ / 1e6)
    levels = samples[0::2]
    rises = sum(before < after for before, after in pairwise(levels))
    assert rises == 25 * repeats
    assert set(samples[1::2]) == {128}


@given(code=CODES)
def test_a_code_reads_back(code: int) -> None:
    assert parse_code(f"{code:06X}") == parse_code(f"{code:06x}") == code


@pytest.mark.parametrize("text", ["", "A5C3E", "A5C3E4F", "0xA5C3", "A5C3EG", " A5C3E", "-5C3E4"])
def test_anything_else_is_no_code(text: str) -> None:
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        parse_code(text)
