"""EV1527 and PT2262 codes as pulses and as radio samples: pure, with no hardware behind it.

A watch pager of this family hears nothing but a 24-bit code on 433.92 MHz, keyed on and off. By
the data sheets of both chips, with T the unit time: a 1 is 3T on and T off, a 0 is T on and 3T
off, and a frame ends in a sync of T on and 31T off. EV1527 calls the code 20 bits of identity and
4 of data. The usual T is 350 µs; watches with 200 to 500 µs are on sale.
"""

import re
from typing import Final

CODE_BITS: Final = 24
SAMPLE_RATE_HZ: Final = 250_000
BIT_ORDERS: Final = ("msb", "lsb")

_US_PER_S: Final = 1_000_000
_CODE: Final = re.compile(r"[0-9A-Fa-f]{6}")
# One I/Q pair of an .cu8 file: 128 is zero. The envelope sits on I, Q stays at rest.
_ON: Final = bytes((240, 128))
_OFF: Final = bytes((128, 128))
_SILENCE_UNITS: Final = 62  # before and after: lets a receiver find its noise floor


def parse_code(text: str) -> int:
    """The 24-bit code that six hexadecimal digits stand for.

    Raises:
        ValueError: It is anything else; the message says what was found.
    """
    if not _CODE.fullmatch(text):
        raise ValueError(f"code {text!r} is not six hexadecimal digits, e.g. A5C3E4")
    return int(text, 16)


def on_air(code: int, bit_order: str) -> int:
    """The code as it goes on the air first bit first: turned round for `lsb`."""
    if bit_order == "msb":
        return code
    return int(f"{code:0{CODE_BITS}b}"[::-1], 2)


def pulses(code: int, unit_us: int, *, bit_order: str = "msb") -> list[tuple[int, int]]:
    """One frame: 24 bits and the sync, each as (on, off) in microseconds."""
    one = (3 * unit_us, unit_us)
    zero = (unit_us, 3 * unit_us)
    bits = f"{on_air(code, bit_order):0{CODE_BITS}b}"
    return [one if bit == "1" else zero for bit in bits] + [(unit_us, 31 * unit_us)]


def cu8(code: int, unit_us: int, repeats: int, *, bit_order: str = "msb") -> bytes:
    """The envelope of `repeats` frames as samples: 250 kHz, interleaved I and Q, unsigned 8 bit.

    `rtl_433 -r NAME_433.92M_250k.cu8` reads such a file: what a shop records with a receiver
    stick can be compared with what the gateway means to send.
    """
    silence = _SILENCE_UNITS * unit_us
    edges = [(0, silence), *(pulses(code, unit_us, bit_order=bit_order) * repeats), (0, silence)]
    samples = bytearray()
    elapsed_us = 0
    for on_us, off_us in edges:
        for level, duration_us in ((_ON, on_us), (_OFF, off_us)):
            elapsed_us += duration_us
            # Lengths are taken from the running total, so that rounding never adds up.
            due = round(elapsed_us * SAMPLE_RATE_HZ / _US_PER_S)
            samples += level * (due - len(samples) // 2)
    return bytes(samples)
