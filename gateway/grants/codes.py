"""Grant codes: short enough to type, bound to their shop, not to be guessed or forged.

Twelve symbols of Crockford's base 32, shown as `XXXX-XXXX-XXXX`:

    2  shop tag   which shop issued it; another shop can say so in words
    5  number     random, unique in the journal
    4  MAC        HMAC-SHA-256 over tag and number, cut to 20 bits: a code nobody issued fails
    1  check      catches every wrong symbol and every swap of neighbours, before anything else

The MAC proves origin, never that a code is still good: that is one row in SQLite. A number whose
check would fall outside the 32 symbols is not used, so that scanners see plain letters and digits.
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


class Codes:
    """Makes and checks one shop's codes.

    Args:
        key: The shop's secret, 32 bytes.
        device: The box's id.
    """

    def __init__(self, key: bytes, device: str) -> None:
        self._key: Final = key
        tag = hashlib.sha256(device.encode()).digest()
        self._tag: Final = crockford.encode(int.from_bytes(tag[:2]), _TAG)

    def new(self) -> str:
        """A code that was most likely never issued; the journal's unique row makes sure."""
        while True:
            number = crockford.encode(secrets.randbits(5 * _NUMBER), _NUMBER)
            body = self._tag + number + self._mac(number)
            check = _check(body)
            if check is not None:
                return shown(body + check)

    def parse(self, typed: str) -> str:
        """The code that was typed or scanned, as it was issued.

        Raises:
            Refused: `mistyped`, `foreign_shop` or `forged`, with a sentence.
        """
        code = crockford.normalise(typed)
        mistyped = Refused("mistyped", "this is no code: please compare it letter by letter")
        if len(code) != LENGTH or any(symbol not in crockford.ALPHABET for symbol in code):
            raise mistyped
        if _check(code[:-1]) != code[-1]:
            raise mistyped
        tag, number, mac = code[:_TAG], code[_TAG : _TAG + _NUMBER], code[-_MAC - 1 : -1]
        if tag != self._tag:
            raise Refused("foreign_shop", "this code was issued by another shop")
        if not hmac.compare_digest(mac, self._mac(number)):
            raise Refused("forged", "this code was never issued")
        return shown(code)

    def _mac(self, number: str) -> str:
        digest = hmac.digest(self._key, (self._tag + number).encode(), "sha256")
        return crockford.encode(int.from_bytes(digest[:4]) >> 12, _MAC)


def shown(code: str) -> str:
    """Twelve symbols as people read them: `XXXX-XXXX-XXXX`."""
    return "-".join((code[:4], code[4:8], code[8:]))


def _check(body: str) -> str | None:
    """The check symbol, or None when it would not be a plain one."""
    remainder = crockford.decode(body) % crockford.CHECK_MODULUS
    return crockford.ALPHABET[remainder] if remainder < 32 else None
