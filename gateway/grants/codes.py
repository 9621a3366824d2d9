"""Grant codes: short enough to type, bound to their shop, not to be guessed or forged.

Twelve symbols of Crockford's base 32, shown as `XXXX-XXXX-XXXX`:

    2  shop tag   which shop issued it; another shop can say so in words
    5  number     random, unique in the journal
    4  MAC        HMAC-SHA-256 over tag and number, cut to 20 bits: a code nobody issued fails
    1  check      catches every wrong symbol and every swap of neighbours, before anything else

The MAC proves origin, never that a code is still good: that is one row in SQLite. A number whose
check would fall outside the 32 symbols is not used, so that scanners see plain letters and digits.

A code does not say which key made its MAC: a few keys are tried, which costs microseconds, where an
id would cost a symbol to type. Each further key lets one more of a million forged MACs pass, and
those have no row.

The centre's own codes for one shop have sixteen symbols: tag, thirteen random ones and the check.
They need no MAC: one that the centre did not push has no row, and there are 2^65 to guess among.
"""

import hashlib
import hmac
import secrets
from typing import Final

from gateway.errors import Refused
from gateway.grants import crockford

_TAG: Final = 2
_NUMBER: Final = 5
_MAC: Final = 4
LENGTH: Final = _TAG + _NUMBER + _MAC + 1
PUSHED_LENGTH: Final = 16


class Codes:
    """Makes and checks one shop's codes.

    Args:
        key: The shop's secret, 32 bytes.
        device: The box's id.
        old: Keys that signed before it, whose codes still verify.

    Attributes:
        keys: All of them; the first signs.
        device: The box's id.
    """

    def __init__(self, key: bytes, device: str, old: tuple[bytes, ...] = ()) -> None:
        self.keys = (key, *old)
        self.device: Final = device
        tag = hashlib.sha256(device.encode()).digest()
        self._tag: Final = crockford.encode(int.from_bytes(tag[:2]), _TAG)

    def new(self) -> str:
        """A code that was most likely never issued; the journal's unique row makes sure."""
        while True:
            number = crockford.encode(secrets.randbits(5 * _NUMBER), _NUMBER)
            body = self._tag + number + self._mac(self.keys[0], number)
            check = _check(body)
            if check is not None:
                return shown(body + check)

    def parse(self, typed: str) -> str:
        """The code that was typed or scanned, as it was issued.

        Raises:
            Refused: `mistyped`, `foreign_shop` or `forged`, with a sentence.
        """
        code = crockford.normalise(typed)
        if len(code) == PUSHED_LENGTH:
            return self.parse_pushed(typed)
        self._check_form(code, LENGTH)
        number, mac = code[_TAG : _TAG + _NUMBER], code[-_MAC - 1 : -1]
        if not any(self._fits(key, number, mac) for key in self.keys):
            raise Refused("forged", "this code was never issued")
        return shown(code)

    def parse_pushed(self, typed: str) -> str:
        """A code that the centre made for this shop, as it was pushed.

        Raises:
            Refused: `mistyped` or `foreign_shop`, with a sentence.
        """
        code = crockford.normalise(typed)
        self._check_form(code, PUSHED_LENGTH)
        return shown(code)

    def _check_form(self, code: str, length: int) -> None:
        plain = len(code) == length and all(symbol in crockford.ALPHABET for symbol in code)
        if not plain or _check(code[:-1]) != code[-1]:
            raise Refused("mistyped", "this is no code: please compare it letter by letter")
        if code[:_TAG] != self._tag:
            raise Refused("foreign_shop", "this code was issued by another shop")

    def made_with(self, key: bytes, code: str) -> bool:
        """Whether a code of this shop, as it was issued, has its MAC from this key."""
        plain = crockford.normalise(code)
        return self._fits(key, plain[_TAG : _TAG + _NUMBER], plain[-_MAC - 1 : -1])

    def _fits(self, key: bytes, number: str, mac: str) -> bool:
        return hmac.compare_digest(mac, self._mac(key, number))

    def _mac(self, key: bytes, number: str) -> str:
        digest = hmac.digest(key, (self._tag + number).encode(), "sha256")
        return crockford.encode(int.from_bytes(digest[:4]) >> 12, _MAC)


def shown(code: str) -> str:
    """Symbols as people read them: `XXXX-XXXX-XXXX`."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _check(body: str) -> str | None:
    """The check symbol, or None when it would not be a plain one."""
    remainder = crockford.decode(body) % crockford.CHECK_MODULUS
    return crockford.ALPHABET[remainder] if remainder < 32 else None
