"""TAP 1.8 (IXO) without a line: the blocks to send, and a terminal's answers taken apart.

Source: Telocator Alphanumeric Protocol, version 1.8, February 4, 1997 (PCIA). Where this module
names a step, a section or an appendix, it is one of that document.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final

import msgspec

CR: Final = b"\r"
STX: Final = b"\x02"
ETX: Final = b"\x03"
EOT: Final = b"\x04"
ETB: Final = b"\x17"
ESC: Final = b"\x1b"
US: Final = b"\x1f"

MOST_INFORMATION: Final = 250  # characters a block, field ends and escapes included (step 8)
SMALLEST_INFORMATION: Final = 2  # an escaped character must fit

_SUB: Final = 0x1A
_ESCAPE_OFFSET: Final = 0x40
_FIRST_PRINTABLE: Final = 0x20


def checksum(block: bytes) -> bytes:
    """The three check characters of a block from its STX through its terminator (section 5).

    The low 12 bits of the sum of the 7-bit values, four bits a character, high first, each added
    to 0x30.
    """
    total = sum(byte & 0x7F for byte in block)
    return bytes(0x30 + (total >> shift & 0xF) for shift in (8, 4, 0))


def blocks(
    fields: Sequence[str], *, limit: int = MOST_INFORMATION, transparent: bool = True
) -> tuple[bytes, ...]:
    """One transaction as complete blocks, checksum and last CR included (step 8).

    A block ends in ETX when the transaction does, in ETB when its last field is complete and
    others follow, and in US when its last field goes on. An escaped character is never torn.

    Args:
        fields: The texts; a character that 7 bits cannot hold becomes `?`.
        limit: The most information characters a block, 2 to 250.
        transparent: Escape control characters with SUB. Terminals older than 1.6 do not know
            that, and for them a control character becomes a space.

    Raises:
        ValueError: The limit is out of its range.
    """
    if not SMALLEST_INFORMATION <= limit <= MOST_INFORMATION:
        raise ValueError(f"a TAP block holds 2 to {MOST_INFORMATION} characters, not {limit}")
    portions = list(_portions(_characters(fields, transparent=transparent), limit))
    return tuple(
        _block(portion, _terminator(portion, last=number == len(portions)))
        for number, portion in enumerate(portions, start=1)
    )


def _characters(fields: Iterable[str], *, transparent: bool) -> Iterator[bytes]:
    """The fields as they go on the line, one indivisible piece at a time, each with its CR."""
    for field in fields:
        for byte in field.encode("ascii", "replace"):
            if byte >= _FIRST_PRINTABLE:
                yield bytes((byte,))
            elif transparent:
                # The specification demands it for nine of them and allows it for all; XON and
                # XOFF would never arrive otherwise.
                yield bytes((_SUB, byte + _ESCAPE_OFFSET))
            else:
                yield b" "
        yield CR


def _portions(characters: Iterable[bytes], limit: int) -> Iterator[bytes]:
    portion = b""
    for character in characters:
        if len(portion) + len(character) > limit:
            yield portion
            portion = b""
        portion += character
    yield portion


def _terminator(portion: bytes, *, last: bool) -> bytes:
    if last:
        return ETX
    return ETB if portion.endswith(CR) else US


def _block(information: bytes, terminator: bytes) -> bytes:
    summed = STX + information + terminator
    return summed + checksum(summed) + CR


class Sign(Enum):
    """What a terminal can say."""

    TEXT = auto()  # one line of a message sequence
    PROMPT = auto()  # ID=
    GO_AHEAD = auto()  # ESC [ p
    ACK = auto()
    NAK = auto()
    REJECT = auto()  # RS
    DISCONNECT = auto()  # ESC EOT


class Answer(msgspec.Struct, frozen=True):
    """One thing a terminal said.

    Attributes:
        sign: Which.
        text: The line of a TEXT; for a PROMPT what stood before it on its line.
    """

    sign: Sign
    text: str = ""


_SIGNS: Final = {0x06: Sign.ACK, 0x15: Sign.NAK, 0x1E: Sign.REJECT}
_LINE_ENDS: Final = frozenset(b"\r\n")
_PROMPT: Final = b"ID="


class AnswerParser:
    """Takes a terminal's bytes apart, however they are torn.

    Forgiving, as section 4 advises: CR, LF or both end a line; ID= needs no line end and may
    follow other text; a sign needs no CR before it; unknown control characters are noise.
    """

    LONGEST_LINE: Final = 200  # of a longer line only the end is kept

    def __init__(self) -> None:
        self._text = bytearray()
        self._escape = b""

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that these bytes complete."""
        answers: list[Answer] = []
        for byte in data:
            self._take(byte & 0x7F, answers)
        return answers

    def _take(self, byte: int, answers: list[Answer]) -> None:
        if self._escape and self._goes_on(byte, answers):
            return
        if byte >= _FIRST_PRINTABLE:
            self._append(byte, answers)
        elif byte in _LINE_ENDS:
            self._end_line(answers)
        elif byte in _SIGNS:
            self._end_line(answers)
            answers.append(Answer(_SIGNS[byte]))
        elif byte == ESC[0]:
            self._end_line(answers)
            self._escape = ESC

    def _goes_on(self, byte: int, answers: list[Answer]) -> bool:
        """Whether this byte belongs to the escape sequence that has begun."""
        sequence = self._escape + bytes((byte,))
        self._escape = b""
        if sequence == ESC + EOT:
            answers.append(Answer(Sign.DISCONNECT))
        elif sequence == ESC + b"[":
            self._escape = sequence
        elif sequence == ESC + b"[p":
            answers.append(Answer(Sign.GO_AHEAD))
        else:
            return False
        return True

    def _append(self, byte: int, answers: list[Answer]) -> None:
        self._text.append(byte)
        if self._text.endswith(_PROMPT):
            before = self._text[: -len(_PROMPT)].decode("ascii")
            self._text.clear()
            answers.append(Answer(Sign.PROMPT, before))
        elif len(self._text) > self.LONGEST_LINE:
            del self._text[0]

    def _end_line(self, answers: list[Answer]) -> None:
        if self._text:
            answers.append(Answer(Sign.TEXT, self._text.decode("ascii")))
            self._text.clear()


CODES: Final = {  # appendix A
    110: "TAP version",
    111: "busy, please wait",
    112: "page limit of the session reached",
    113: "time limit of the session reached",
    114: "welcome",
    115: "goodbye",
    # Accepted, not on the air: appendix A explains 2yz as "a page was accepted for delivery", and
    # the sample session of appendix C answers its block with `211 Page accepted`.
    211: "page accepted",
    212: "long text truncated and accepted",
    213: "accepted, held for later delivery",
    214: "text truncated to the limit and accepted",
    501: "terminal waited too long for input",
    502: "unexpected characters",
    503: "too many checksum errors",
    504: "tone-only pager takes no text",
    505: "numeric pager takes no letters",
    506: "too many invalid pages",
    507: "malformed logon",
    508: "service not supported",
    509: "wrong password",
    510: "illegal pager id",
    511: "unknown pager id",
    512: "pager unavailable, try later",
    513: "text too long",
    514: "checksum error",
    515: "message format error",
    516: "message quota exceeded for now",
    517: "text longer than the limit",
}

BUSY: Final = 111
_VERSION: Final = 110
_WITH_VALUE: Final = frozenset({_VERSION, 214, 517})  # their text is for programs (appendix A)
_INFORMATIONAL: Final = range(100, 200)
_POSITIVE: Final = range(200, 300)

PAGE_FAULTS: Final = frozenset({504, 505, 510, 511, 512, 513, 515, 516, 517})
"""What is said of the page or its pager: the terminal itself is in order."""

# A line that starts with another number is indented by one space, so it does not match.
_CODE_LINE: Final = re.compile(r"([125]\d\d)(?:\s+(.*))?")
_VALUE: Final = re.compile(r"\d+(?:\.\d+)?")
_LONGEST_DETAIL: Final = 200


def codes(lines: Iterable[str]) -> tuple[int, ...]:
    """The response codes of a message sequence, in their order; none before version 1.6."""
    return tuple(int(match[1]) for match in map(_CODE_LINE.fullmatch, lines) if match)


def is_positive(lines: Iterable[str]) -> bool:
    """Whether the last code that is not just information says that it was done."""
    telling = [code for code in codes(lines) if code not in _INFORMATIONAL]
    return bool(telling) and telling[-1] in _POSITIVE


def describe(lines: Sequence[str]) -> str:
    """A message sequence in a few words: `511 unknown pager id`, or the terminal's own words.

    Greetings are left out where there is something to say.
    """
    coded = [line for line in lines if _CODE_LINE.fullmatch(line)]
    telling = [line for line in coded if int(line[:3]) not in _INFORMATIONAL]
    chosen = telling or coded or [line.strip() for line in lines]
    return "; ".join(dict.fromkeys(map(_in_words, chosen)))[:_LONGEST_DETAIL]


def _in_words(line: str) -> str:
    match = _CODE_LINE.fullmatch(line)
    if not match or int(match[1]) not in CODES:
        return line.strip()
    code = int(match[1])
    value = _VALUE.match(match[2] or "") if code in _WITH_VALUE else None
    return f"{code} {CODES[code]}" + (f" {value[0]}" if value else "")


def version(lines: Iterable[str]) -> tuple[int, int] | None:
    """The TAP version that a terminal names with `110 M.m`; None where it names none."""
    for line in lines:
        match = re.fullmatch(r"110\s+(\d+)\.(\d+)\s*", line)
        if match:
            return int(match[1]), int(match[2])
    return None
