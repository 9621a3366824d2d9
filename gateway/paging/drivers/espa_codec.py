"""ESPA 4.4.4 without a line: the blocks to send, and what the other station says taken apart.

Source: ESPA 4.4.4, Proposal for Serial Data Interface for Paging Equipment, November 1984, which
rests on ISO 1745. Where this module names a section, it is one of that document.
"""

import functools
import operator
from collections.abc import Iterable
from enum import Enum, IntEnum, auto
from typing import Final

import msgspec

SOH: Final = b"\x01"
STX: Final = b"\x02"
ETX: Final = b"\x03"
EOT: Final = b"\x04"
ENQ: Final = b"\x05"
ACK: Final = b"\x06"
NAK: Final = b"\x15"
RS: Final = b"\x1e"
US: Final = b"\x1f"

MOST_ADDRESS: Final = 16
MOST_MESSAGE: Final = 128


class Function(IntEnum):
    """What a block is for: its header (section 4.2)."""

    CALL = 1
    STATUS = 2


class Record(IntEnum):
    """The data identifiers (section 4.3)."""

    ADDRESS = 1
    MESSAGE = 2
    BEEP = 3
    TYPE = 4
    TRANSMISSIONS = 5
    PRIORITY = 6
    STATUS = 7
    SYSTEM = 8


TRANSMISSION_ERROR: Final = "1"
BUSY: Final = "2"
INVALID: Final = "3"

_NAK_WORDS: Final = {
    TRANSMISSION_ERROR: "transmission error",
    BUSY: "busy",
    INVALID: "invalid",
}

STATUS_WORDS: Final = {
    "1": "busy",
    "2": "queued",
    "3": "paged",
    "4": "absent",
    "5": "call terminated",
    "6": "acknowledged",
    "7": "speech channel open",
}

# The pattern of the published examples; its sound is the pager's own affair.
_BEEP: Final = "3"
_STANDARD_CALL: Final = "3"
_ONCE: Final = "1"

_TRANSMITTER_FAILURE: Final = "1"

_SEVEN_BITS: Final = 0x7F
_FIRST_PRINTABLE: Final = 0x20
# DEL is none of the protocol's control characters: a letter of a Cyrillic table has its code.
_CONTROL_TO_SPACE: Final = bytes(max(byte, _FIRST_PRINTABLE) for byte in range(256))


class Block(msgspec.Struct, frozen=True):
    """One block that arrived whole.

    Attributes:
        function: The header's first digit; a manufacturer's own ones exist.
        records: Data by identifier; of a repeated identifier the last.
    """

    function: int
    records: dict[int, str]

    @property
    def status(self) -> str:
        """The call status; empty where there is none.

        Further characters may only subdivide the first (section 4.3).
        """
        return self.records.get(Record.STATUS, "")[:1]

    @property
    def transmitter_failed(self) -> bool:
        """Whether the system says that its transmitter has failed."""
        return self.records.get(Record.SYSTEM, "")[:1] == _TRANSMITTER_FAILURE


def check(summed: bytes) -> int:
    """The block check character: the exclusive or of all after SOH through ETX (section 4.1).

    Seven bits, since the eighth of a character is its own parity. It may equal a control
    character and is none then.
    """
    return functools.reduce(operator.xor, summed, 0) & _SEVEN_BITS


def block(function: int, records: Iterable[tuple[int, bytes]]) -> bytes:
    """A whole block, SOH and block check character included."""
    data = RS.join(b"%d" % identifier + US + value for identifier, value in records)
    summed = b"%d" % function + STX + data + ETX
    return SOH + summed + bytes((check(summed),))


def shown(text: str) -> str:
    """A text as a pager of this system gets it: printable, and cut to its longest."""
    return _printable(text)[:MOST_MESSAGE].decode("ascii")


def call(address: str, text: str, priority: int) -> bytes:
    """The block of a call to a pager.

    Args:
        address: The pager's, 1 to 16 visible characters.
        text: At most 128 characters; one that 7 bits cannot hold becomes `?`, a control
            character a space, since it would be one of the protocol's own.
        priority: 1 alarm, 2 high, 3 normal.

    Raises:
        ValueError: The address or the text is out of its bounds.
    """
    if not (1 <= len(address) <= MOST_ADDRESS and address.isascii() and address.isprintable()):
        raise ValueError(f"an ESPA address has 1 to {MOST_ADDRESS} ASCII characters: {address!r}")
    if len(text) > MOST_MESSAGE:
        raise ValueError(f"an ESPA message has at most {MOST_MESSAGE} characters")
    values = {
        Record.ADDRESS: address.encode("ascii"),
        Record.MESSAGE: _printable(text),
        Record.BEEP: _BEEP.encode(),
        Record.TYPE: _STANDARD_CALL.encode(),
        Record.TRANSMISSIONS: _ONCE.encode(),
        Record.PRIORITY: b"%d" % priority,
    }
    return block(Function.CALL, values.items())


def refusal(prefix: str) -> str:
    """A NAK in words, by its prefix (section 2.4)."""
    words = _NAK_WORDS.get(prefix, "no reason given" if not prefix else "reason unknown")
    return f"refused: {f'{prefix} {words}'.strip()}"


def describe(block: Block) -> str:
    """A block in a few words: `4 absent`, `transmitter failure`."""
    if block.transmitter_failed:
        return "transmitter failure"
    if block.function == Function.STATUS and block.status:
        return f"{block.status} {STATUS_WORDS.get(block.status, 'status unknown')}"
    return f"a block of function {block.function}"


def _printable(text: str) -> bytes:
    return text.encode("ascii", "replace").translate(_CONTROL_TO_SPACE)


class Sign(Enum):
    """What a station can say."""

    ACK = auto()
    NAK = auto()
    EOT = auto()
    ENQ = auto()
    BLOCK = auto()
    BROKEN = auto()  # a block that arrived, but not as it was sent


class Heard(msgspec.Struct, frozen=True):
    """One thing a station said.

    Attributes:
        sign: Which.
        prefix: The character before an ENQ (an address) or a NAK (a reason); empty without one.
        block: That of a BLOCK.
    """

    sign: Sign
    prefix: str = ""
    block: Block | None = None


_SIGNS: Final = {ACK[0]: Sign.ACK, NAK[0]: Sign.NAK, EOT[0]: Sign.EOT, ENQ[0]: Sign.ENQ}
_PREFIXED: Final = frozenset({Sign.NAK, Sign.ENQ})


class Parser:
    """Takes a station's bytes apart, however they are torn.

    Forgiving, as stations differ: an eighth bit is dropped wherever it stands, the block check
    character's included; a separator may follow the last record; a record that cannot be read is
    left out. Whatever is no part of the protocol is noise.
    """

    LONGEST_BLOCK: Final = 512  # of a longer one nothing is kept, and it counts as broken

    def __init__(self) -> None:
        self._prefix = ""
        self._body: bytearray | None = None  # after SOH through ETX; None outside a block
        self._check_next = False

    def feed(self, data: bytes) -> list[Heard]:
        """What these bytes complete."""
        heard: list[Heard] = []
        for byte in data:
            self._take(byte & _SEVEN_BITS, heard)
        return heard

    def _take(self, byte: int, heard: list[Heard]) -> None:
        if self._check_next:
            heard.append(self._ended(byte))
        elif byte == SOH[0]:
            self._body = bytearray()  # also inside a block: that one was cut off
        elif self._body is None or byte == EOT[0]:
            self._outside(byte, heard)
        else:
            if len(self._body) <= self.LONGEST_BLOCK:
                self._body.append(byte)
            self._check_next = byte == ETX[0]

    def _outside(self, byte: int, heard: list[Heard]) -> None:
        self._body = None
        prefix, self._prefix = self._prefix, ""
        if byte >= _FIRST_PRINTABLE:
            self._prefix = chr(byte)
        elif (sign := _SIGNS.get(byte)) is not None:
            heard.append(Heard(sign, prefix if sign in _PREFIXED else ""))

    def _ended(self, check_character: int) -> Heard:
        body = bytes(self._body or b"")
        self._body, self._check_next, self._prefix = None, False, ""
        if check(body) != check_character or not body.endswith(ETX):
            return Heard(Sign.BROKEN)
        block = _decoded(body[: -len(ETX)])
        return Heard(Sign.BROKEN) if block is None else Heard(Sign.BLOCK, block=block)


def _decoded(body: bytes) -> Block | None:
    """The header and the records between SOH and ETX; None where there is no header."""
    header, _, data = body.partition(STX)
    if not header[:1].isdigit():
        return None
    records: dict[int, str] = {}
    for record in data.split(RS):
        identifier, separator, value = record.partition(US)
        if separator and identifier.strip().isdigit():
            records[int(identifier)] = value.decode("ascii")
    return Block(int(header[:1]), records)
