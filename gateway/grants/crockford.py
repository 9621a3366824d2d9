"""Crockford's base 32: digits and letters that no one confuses (crockford.com/base32.html)."""

import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
# The second half are Cyrillic letters, on keyboards that are left in Russian.
_LOOKALIKES: Final = str.maketrans("OILАВЕКМНОРСТХ", "011ABEKMH0PCTX")
_DASHES: Final = "-‐‑‒–—−"
CHECK_MODULUS: Final = 37
"""Prime above 32: one wrong symbol, or two neighbours swapped, always changes the remainder."""


def encode(number: int, symbols: int) -> str:
    """`number` in exactly so many symbols, high first."""
    return "".join([ALPHABET[(number >> shift) & 31] for shift in range(5 * symbols - 5, -1, -5)])


def decode(text: str) -> int:
    """The number that normalised symbols stand for.

    Raises:
        ValueError: A symbol is not of the alphabet.
    """
    number = 0
    for symbol in text:
        if symbol not in _VALUES:
            raise ValueError(f"{symbol!r} is in no code")
        number = number * 32 + _VALUES[symbol]
    return number


def normalise(typed: str) -> str:
    """What a person meant: upper case, no blanks or dashes, O as 0, I and L as 1."""
    kept = (each for each in typed.upper() if not each.isspace() and each not in _DASHES)
    return "".join(kept).translate(_LOOKALIKES)


def random(symbols: int) -> str:
    """So many random symbols, five bits each."""
    return encode(secrets.randbits(5 * symbols), symbols)
