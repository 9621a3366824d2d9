"""What a pager's display can show: code tables, and the way of a text into each of them.

POCSAG and TAP carry 7-bit values; which letter a value shows is the pager's own business. There
are five tables:

- `latin`: printable ASCII, the code of POCSAG's and TAP's own texts. Latin letters keep their
  case; Cyrillic is transliterated in capitals, as in BGN/PCGN 1947 with three changes that save
  room on a small display: the signs Ъ and Ь are dropped, Ё is E, and Х and Щ are H and SCH
  (`Недоволен` → `NEDOVOLEN`).
- `numeric`: digits, `*`, `U`, space, `-` and brackets, as pagers without letters have them.
- `motorola_linguist`: Latin and Cyrillic capitals (Motorola Advisor Linguist and Scriptor LX2
  Linguist, NEC Maxima, Optima, Truly Supervisor).
- `philips_prg`: Latin and Cyrillic capitals (Philips PRG2220 and PRG2310).
- `motorola_cyrillic_koi7`: Cyrillic capitals and small letters, no Latin at all (Motorola
  Advisor, Scriptor LX1); Latin text is written in Cyrillic letters there.

Cyrillic on pagers has no standard: the last three are three tables in use, the facts taken from
the public, MIT-licensed encoder Arduino POCSAG Transcoder, and kept as data in `charsets.json`.
The page of a pager sends the same letters in each: the readable one is its own.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

LATIN: Final = "latin"
NUMERIC: Final = "numeric"
UNKNOWN: Final = "?"

_ASCII: Final = "".join(map(chr, range(0x20, 0x7F)))
_NUMERIC_CHARACTERS: Final = "0123456789*U -)("


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`charsets.json`: codes are two hexadecimal digits."""

    cyrillic_to_latin: dict[str, str]
    latin_to_cyrillic: dict[str, str]
    substitutes: dict[str, str]
    tables: dict[str, dict[str, str]]


@cache
def _data() -> _Data:
    raw = Path(__file__).with_name("charsets.json").read_bytes()
    return msgspec.json.decode(raw, type=_Data)


@cache
def _tables() -> dict[str, dict[str, int]]:
    tables = {
        LATIN: {char: ord(char) for char in _ASCII},
        NUMERIC: {char: ord(char) for char in _NUMERIC_CHARACTERS},
    }
    for name, codes in _data().tables.items():
        tables[name] = {char: int(code, 16) for char, code in codes.items()}
    return tables


def names() -> tuple[str, ...]:
    """Every table a pager may be set to."""
    return tuple(_tables())


def table(charset: str) -> dict[str, int]:
    """Character → 7-bit code. For `numeric` that is ASCII; POCSAG has its own 4-bit codes.

    Raises:
        ValueError: There is no such table.
    """
    found = _tables().get(charset)
    if found is None:
        raise ValueError(f"unknown code table {charset!r}; there are {', '.join(names())}")
    return found


def characters(charset: str) -> frozenset[str]:
    """The characters that a pager with this table can show.

    Raises:
        ValueError: There is no such table.
    """
    return frozenset(table(charset))


def written(codes: str, charset: str) -> str:
    """The characters behind 7-bit codes, given as ASCII; the way back from `encode`.

    Raises:
        ValueError: There is no such table.
    """
    characters_of = {chr(code): char for char, code in table(charset).items()}
    return "".join(characters_of.get(code, code) for code in codes)


def displayable(text: str, charset: str) -> str:
    """`text` in characters of the table alone: transliteration, plain punctuation.

    Where the table has no small letters it becomes capitals.
    What cannot be shown at all becomes `?`, in the numeric table `-`. Nothing raises but a wrong
    table name; a text that is displayable already comes back unchanged.

    Raises:
        ValueError: There is no such table.
    """
    return unicodedata.normalize("NFC", text).translate(_stand_ins(charset))


def encode(text: str, charset: str) -> bytes:
    """The 7-bit code values of a text, one byte a character, after `displayable`.

    Raises:
        ValueError: There is no such table.
    """
    codes = table(charset)
    return bytes(codes[char] for char in displayable(text, charset))


class _StandIns(dict[int, str]):
    """Code point → what a table shows for it, found when it is first needed."""

    def __init__(self, shown: dict[str, int]) -> None:
        super().__init__()
        self._shown: Final = shown

    def __missing__(self, point: int) -> str:
        self[point] = found = _displayable(chr(point), self._shown)
        return found


@cache
def _stand_ins(charset: str) -> _StandIns:
    return _StandIns(table(charset))


def _displayable(char: str, shown: dict[str, int]) -> str:
    if char in shown:
        return char
    if char.isspace():
        return " "
    for candidate in _candidates(char):
        if all(each in shown for each in candidate):
            return candidate
    return UNKNOWN if UNKNOWN in shown else "-"


def _candidates(char: str) -> Iterator[str]:
    """What may stand for a character, best first; an empty one lets it vanish."""
    data = _data()
    capital = char.upper()
    if char.islower():
        yield char.casefold()  # ß and ligatures
    yield capital
    if capital in data.cyrillic_to_latin:
        yield data.cyrillic_to_latin[capital]
    if capital in data.latin_to_cyrillic:
        cyrillic = data.latin_to_cyrillic[capital]
        yield cyrillic.lower() if char.islower() else cyrillic
        yield cyrillic
    if char in data.substitutes:
        plain = data.substitutes[char]
        yield plain
        yield "".join(data.latin_to_cyrillic.get(each, each) for each in plain)
    if unicodedata.category(char) in ("Mn", "Cf"):  # accents left over, joiners, bidi marks
        yield ""
    bare = _without_accents(char)
    if bare != char:
        yield bare
        yield bare.upper()
        yield "".join(data.latin_to_cyrillic.get(each, each) for each in bare.upper())


def _without_accents(char: str) -> str:
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")
