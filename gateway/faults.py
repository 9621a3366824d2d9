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
        self._watchers: Final[list[Callable[[AnyEvent], None]]] = []

    def set(self, part: str, words: str | None) -> None:
        """Say what is wrong with a part, None when it works; the same again changes nothing."""
        before = self._standing.get(part)
        if words == before:
            return
        if words is None:
            del self._standing[part]
            self._tell(FaultCleared(part=part))
        else:
            self._standing[part] = words
            self._tell(FaultRaised(part=part, words=words))

    def watch(self, watch: Callable[[AnyEvent], None]) -> None:
        """Call `watch` with every coming and going from now on, after it was recorded."""
        self._watchers.append(watch)

    def _tell(self, event: AnyEvent) -> None:
        self._record(event)
        for watch in self._watchers:
            watch(event)

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

    def standing(self) -> dict[str, str]:
        """All of them: what is wrong, by part."""
        return dict(self._standing)

    def has(self, prefix: str) -> bool:
        """Whether any part that begins with `prefix` has a fault."""
        return any(part.startswith(prefix) for part in self._standing)

    def sentences(self) -> tuple[str, ...]:
        """All of them, for a person."""
        return tuple(f"{part}: {words}" for part, words in sorted(self._standing.items()))
