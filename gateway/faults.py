"""What of the box does not work just now: a sentence a part, journalled as it comes and goes."""

from collections.abc import Callable
from typing import Final

from gateway.events import AnyEvent, FaultCleared, FaultRaised


class Faults:
    """The faults that stand.

    Args:
        record: Keeps an event.
    """

    def __init__(self, record: Callable[[AnyEvent], None]) -> None:
        self._record: Final = record
        self._standing: dict[str, str] = {}

    def set(self, part: str, words: str | None) -> None:
        """Say what is wrong with a part, None when it works; the same again changes nothing."""
        before = self._standing.get(part)
        if words == before:
            return
        if words is None:
            del self._standing[part]
            self._record(FaultCleared(part=part))
        else:
            self._standing[part] = words
            self._record(FaultRaised(part=part, words=words))

    def replace(self, prefix: str, found: dict[str, str]) -> None:
        """Make `found` the faults of all parts that begin with `prefix`."""
        for part in [part for part in self._standing if part.startswith(prefix)]:
            if part not in found:
                self.set(part, None)
        for part, words in found.items():
            self.set(part, words)

    def words(self, part: str) -> str | None:
        """What is wrong with a part, None when nothing is."""
        return self._standing.get(part)

    def has(self, prefix: str) -> bool:
        """Whether any part that begins with `prefix` has a fault."""
        return any(part.startswith(prefix) for part in self._standing)

    def sentences(self) -> tuple[str, ...]:
        """All of them, for a person."""
        return tuple(f"{part}: {words}" for part, words in sorted(self._standing.items()))
