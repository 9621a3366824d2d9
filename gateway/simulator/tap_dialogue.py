"""What a TAP 1.8 paging terminal says to what it hears: no line, no thread, no clock.

Written from the specification alone (Telocator Alphanumeric Protocol, version 1.8, February 4,
1997, PCIA) and sharing nothing with the driver, so that a mistake of either shows at the other.
"""

from collections.abc import Callable, Collection
from enum import Enum, StrEnum, auto
from typing import Final

import msgspec

_STX, _ETX, _EOT, _ACK, _NAK = b"\x02", b"\x03", b"\x04", b"\x06", b"\x15"
_ETB, _SUB, _ESC, _RS, _US = b"\x17", b"\x1a", b"\x1b", b"\x1e", b"\x1f"
_CR: Final = 0x0D
_TERMINATORS: Final = _ETX + _ETB + _US
_DISCONNECT: Final = _ESC + _EOT
_CHECK_DIGITS: Final = "0123456789:;<=>?"
_LONGEST_LOGON: Final = 64
_MOST_INFORMATION: Final = 250
_ATTEMPTS: Final = 3

_TEXTS: Final = {
    111: "Please wait",
    211: "Page accepted",
    213: "Held for deferred delivery",
    501: "Timed out",
    502: "Unexpected characters",
    503: "Too many checksum errors",
    507: "Invalid logon",
    509: "Invalid password",
    511: "Invalid pager ID",
    514: "Checksum error",
    515: "Format error",
}


class Stage(StrEnum):
    """The terminal's turns to speak."""

    PROMPT = "prompt"
    LOGON = "logon"
    BLOCK = "block"
    LOG_OFF = "log_off"


class Vintage(StrEnum):
    """How a terminal frames its answers."""

    CODES = "codes"  # 1.6 and later: `nnn text CR` before each sign
    PLAIN = "plain"  # older: `CR ACK CR`
    BARE = "bare"  # older: `ACK CR`
    NO_LOGON_ACK = "no_logon_ack"  # the go-ahead instead of the logon's ACK, no codes


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong, on purpose.

    Attributes:
        silent: The turn at which it says nothing, though it does what it was told.
        disconnect: The turn, LOGON or BLOCK, at which it ends the session with ESC EOT instead.
        drop: The turn at which it drops the line instead; a page is taken all the same.
        garbage: Noise before each of its turns.
        banner: Text on the line before ID=.
        prompt_cr: Whether a CR follows ID=.
        deaf_crs: How many CRs it misses before its first ID=.
        nak_logons: How many logons it asks for again.
        nak_blocks: How many good blocks it asks for again.
        reject: The code of an RS for every page.
        late_reject: The code of an RS at log-off, after the page was acknowledged.
        stalls_on_continued: Says nothing to a block that others follow.
    """

    silent: Stage | None = None
    disconnect: Stage | None = None
    drop: Stage | None = None
    garbage: bytes = b""
    banner: str = ""
    prompt_cr: bool = True
    deaf_crs: int = 0
    nak_logons: int = 0
    nak_blocks: int = 0
    reject: int | None = None
    late_reject: int | None = None
    stalls_on_continued: bool = False


NO_FAULTS: Final = Faults()


class _State(Enum):
    IDLE = auto()
    LOGON = auto()
    READY = auto()
    BLOCK = auto()
    CHECKSUM = auto()
    LOG_OFF = auto()


class TapDialogue:
    """One terminal's side of all its sessions.

    Args:
        on_page: Called with pager id and text for every page that it takes.
        pagers: The pager ids it knows; None knows all.
        password: What a logon must carry.
        vintage: How it frames its answers.
        faults: What goes wrong.

    Attributes:
        dropped: Set when the line is to be dropped after what `feed` returned was sent.
    """

    def __init__(
        self,
        on_page: Callable[[str, str], None],
        *,
        pagers: Collection[str] | None = None,
        password: str = "",
        vintage: Vintage = Vintage.CODES,
        faults: Faults = NO_FAULTS,
    ) -> None:
        self.dropped = False
        self._on_page = on_page
        self._pagers = pagers
        self._logon = _ESC + b"PG1" + password.encode("ascii")
        self._vintage = vintage
        self._faults = faults
        self._deaf_crs = faults.deaf_crs
        self._nak_logons = faults.nak_logons
        self._nak_blocks = faults.nak_blocks
        self._out = bytearray()
        self.reset()

    @property
    def in_session(self) -> bool:
        """Whether it waits for the other side, so that its patience may run out."""
        return self._state is not _State.IDLE

    def reset(self) -> None:
        """The line was dropped: whoever calls next starts anew."""
        self._state = _State.IDLE
        self._heard = bytearray()
        self._check = bytearray()
        self._transaction = b""
        self._failures = 0

    def feed(self, data: bytes) -> bytes:
        """What it answers to these bytes."""
        for byte in data:
            self._hear(byte & 0x7F)
        return self._spoken()

    def expire(self) -> bytes:
        """What it says when the other side keeps silent for too long."""
        if self._state is _State.LOGON and self._failures < _ATTEMPTS:
            self._failures += 1
            self._prompt()
        elif self.in_session:
            self._end(501)
        return self._spoken()

    def _spoken(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def _hear(self, byte: int) -> None:
        if self._state is _State.IDLE:
            self._hear_idle(byte)
        elif self._state is _State.LOGON:
            self._hear_logon(byte)
        elif self._state is _State.READY:
            self._hear_ready(byte)
        elif self._state is _State.BLOCK:
            self._hear_block(byte)
        elif self._state is _State.CHECKSUM:
            self._hear_checksum(byte)
        elif byte == _CR:
            self._log_off()

    def _hear_idle(self, byte: int) -> None:
        if byte != _CR:
            return
        if self._deaf_crs:
            self._deaf_crs -= 1
            return
        self._state = _State.LOGON
        self._prompt()

    def _prompt(self) -> None:
        if self._struck(Stage.PROMPT):
            return
        self._out += self._faults.banner.encode("ascii") + b"ID="
        if self._faults.prompt_cr:
            self._out.append(_CR)

    def _hear_logon(self, byte: int) -> None:
        if byte != _CR:
            self._heard.append(byte)
            del self._heard[:-_LONGEST_LOGON]
            return
        logon = bytes(self._heard)
        self._heard.clear()
        if not logon.startswith(_ESC):
            self._prompt()  # a stray CR, or an operator's M: there is no manual mode here
        elif logon != self._logon:
            self._refuse_logon(logon)
        elif self._nak_logons:
            self._nak_logons -= 1
            self._say(Stage.LOGON, 507, _NAK)
        else:
            self._let_in()

    def _refuse_logon(self, logon: bytes) -> None:
        wrong_password = logon.startswith(_ESC + b"PG1")
        self._end(509 if wrong_password else 507, Stage.LOGON)

    def _let_in(self) -> None:
        self._become_ready()
        self._failures = 0
        if self._faults.disconnect is Stage.LOGON:
            self._end(None, Stage.LOGON)
        elif not self._struck(Stage.LOGON):
            if self._vintage is Vintage.CODES:
                self._out += b"110 1.8\r114 Welcome to the simulated terminal\r"
            if self._vintage is not Vintage.NO_LOGON_ACK:
                self._out += self._framed(_ACK)
            self._out += _ESC + b"[p\r"

    def _hear_ready(self, byte: int) -> None:
        if byte == _STX[0]:
            self._state = _State.BLOCK
            self._heard[:] = _STX
        elif byte == _EOT[0]:
            self._state = _State.LOG_OFF
        elif byte == _CR and self._heard:
            self._heard.clear()
            self._say(Stage.BLOCK, 502, _NAK)
        elif byte != _CR:
            self._heard[:] = b"?"

    def _hear_block(self, byte: int) -> None:
        if byte == _STX[0]:
            self._heard.clear()
        self._heard.append(byte)
        if byte in _TERMINATORS:
            self._state = _State.CHECKSUM
            self._check.clear()
        elif len(self._heard) > 1 + _MOST_INFORMATION:
            self._give_up(515)

    def _hear_checksum(self, byte: int) -> None:
        self._check.append(byte)
        if len(self._check) < 4:
            return
        block, check = bytes(self._heard), bytes(self._check)
        self._become_ready()
        digits = "".join(_CHECK_DIGITS[int(digit, 16)] for digit in f"{sum(block) & 0xFFF:03x}")
        if check != digits.encode("ascii") + b"\r":
            self._ask_again()
        elif self._nak_blocks:
            self._nak_blocks -= 1
            self._say(Stage.BLOCK, 514, _NAK)
        else:
            self._take_block(block[1:-1], block[-1:])

    def _ask_again(self) -> None:
        self._failures += 1
        if self._failures > _ATTEMPTS:
            self._end(503, Stage.BLOCK)
        else:
            self._say(Stage.BLOCK, 514, _NAK)

    def _take_block(self, information: bytes, terminator: bytes) -> None:
        self._failures = 0
        # US: the last field goes on, so it has no CR yet; the other two: it is complete.
        if (terminator == _US) is information.endswith(b"\r"):
            self._give_up(515)
            return
        self._transaction += information
        if terminator == _ETX:
            transaction, self._transaction = self._transaction, b""
            self._take_transaction(transaction)
        elif not self._faults.stalls_on_continued:
            self._say(Stage.BLOCK, 211, _ACK)

    def _take_transaction(self, transaction: bytes) -> None:
        fields = [_plain(field) for field in transaction.split(b"\r")[:-1]]
        if len(fields) < 2 or None in fields:
            self._give_up(515)
            return
        # Text in several fields is a text of several lines (section 4).
        pager, text = fields[0] or "", "\r".join(field or "" for field in fields[1:])
        if self._faults.disconnect is Stage.BLOCK:
            self._end(None, Stage.BLOCK)
        elif self._faults.reject is not None:
            self._give_up(self._faults.reject)
        elif self._pagers is not None and pager not in self._pagers:
            self._give_up(511)
        else:
            if self._faults.late_reject is None:
                self._on_page(pager, text)
            self._say(Stage.BLOCK, 211, _ACK)

    def _give_up(self, code: int) -> None:
        self._transaction = b""
        self._become_ready()
        self._say(Stage.BLOCK, code, _RS)

    def _become_ready(self) -> None:
        self._state = _State.READY
        self._heard.clear()

    def _log_off(self) -> None:
        self.reset()
        if self._struck(Stage.LOG_OFF):
            return
        if self._faults.late_reject is not None:
            self._out += self._line(self._faults.late_reject) + _RS + b"\r"
        elif self._vintage is Vintage.CODES:
            self._out += b"115 Goodbye\r"
        self._out += _DISCONNECT + b"\r"

    def _end(self, code: int | None, stage: Stage | None = None) -> None:
        """A forced disconnect."""
        self.reset()
        if stage is None or not self._struck(stage):
            self._out += self._line(code) + self._framed(_DISCONNECT)

    def _say(self, stage: Stage, code: int, sign: bytes) -> None:
        if not self._struck(stage):
            self._out += self._line(code) + self._framed(sign)

    def _line(self, code: int | None) -> bytes:
        if code is None or self._vintage is not Vintage.CODES:
            return b""
        return f"{code} {_TEXTS.get(code, 'Rejected')}\r".encode("ascii")

    def _framed(self, sign: bytes) -> bytes:
        before = b"\r" if self._vintage is Vintage.PLAIN else b""
        return before + sign + b"\r"

    def _struck(self, stage: Stage) -> bool:
        """Whether a fault takes this turn; noise only comes before it."""
        if self._faults.silent is stage:
            return True
        if self._faults.drop is stage:
            self.reset()
            self.dropped = True
            return True
        self._out += self._faults.garbage
        return False


def _plain(field: bytes) -> str | None:
    """A field without its escapes; None where a control character stands or SUB escapes none."""
    plain = bytearray()
    characters = iter(field)
    for byte in characters:
        if byte == _SUB[0]:
            escaped = next(characters, 0) - 0x40
            if not 0 <= escaped < 0x20:
                return None
            plain.append(escaped)
        elif byte < 0x20:
            return None
        else:
            plain.append(byte)
    return plain.decode("ascii")
