"""How often one person may be wrong about codes: guessing must not pay, mistyping must not hurt.

What fails its check symbol is a slip of the hand and counts for nothing. A code that was never
issued is a guess. Kept in memory: to start the daemon anew for more guesses takes longer than
waiting.
"""

from collections import deque
from typing import Final

from gateway.clock import NS_PER_S
from gateway.errors import Refused

MOST: Final = 10
WINDOW_S: Final = 60
GUESSES: Final = frozenset({"forged", "unknown_code"})
"""The refusals that tell of a guess."""


class Guesses:
    """Wrong codes by person, within the last minute."""

    def __init__(self) -> None:
        self._by_person: Final[dict[str, deque[int]]] = {}

    def check(self, by: str, now_ns: int) -> None:
        """Let a person try, or not yet.

        Raises:
            Refused: `too_many_guesses`.
        """
        wrong = self._by_person.get(by)
        while wrong and now_ns - wrong[0] > WINDOW_S * NS_PER_S:
            wrong.popleft()
        if wrong is not None and not wrong:
            del self._by_person[by]
        if wrong and len(wrong) >= MOST:
            raise Refused("too_many_guesses", f"{MOST} wrong codes: wait a minute")

    def wrong(self, by: str, now_ns: int) -> None:
        """A person was wrong."""
        self._by_person.setdefault(by, deque()).append(now_ns)
