"""The claim code: printed for one box, it makes whoever holds it the owner, once."""

import hmac
import logging
from pathlib import Path
from typing import Final

from gateway.files import clear_leftovers, write_atomic
from gateway.grants import crockford

SYMBOLS: Final = 8
NAME: Final = "claim.code"

_log: Final = logging.getLogger(__name__)


class ClaimCode:
    """The code of this box, made at its first start and kept for its life.

    Without a disk to keep it on there is one for this start only: nobody can have printed it, and
    the box is claimed once its disk works.
    """

    def __init__(self, state: Path) -> None:
        self._text: Final = _kept(state / NAME)

    def fits(self, typed: str) -> bool:
        """Whether somebody typed this code, in whatever way people type codes."""
        meant = crockford.normalise(typed).encode(errors="replace")
        return hmac.compare_digest(meant, self._text.encode())


def read(state: Path) -> str:
    """The code as a label prints it: two groups of four.

    Raises:
        OSError: There is none yet, or it cannot be read.
    """
    text = (state / NAME).read_text("ascii").strip()
    return f"{text[:4]}-{text[4:]}"


def _kept(path: Path) -> str:
    clear_leftovers(path)
    try:
        text = crockford.normalise(path.read_text("ascii"))
        if _is_whole(text):
            return text
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        _log.error("the claim code cannot be read and is made anew: %s", error)
    text = crockford.random(SYMBOLS)
    try:
        write_atomic(path, f"{text}\n".encode())
    except OSError as error:
        _log.error("the claim code cannot be kept: %s", error)
    return text


def _is_whole(text: str) -> bool:
    return len(text) == SYMBOLS and set(text) <= set(crockford.ALPHABET)
