"""A close that is held for ten seconds, so that a slip of the finger can be taken back.

"I am going" and "I am with the customer" go out at once, because they stop the ladder. A close
waits here: the gateway has no way back from it, and tells the server in the same moment. Whatever
ends this process early sends it first; where that fails, the alert is still on everybody's board.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webui.client import Gateway, Outcome, Refused, Resolve, Unreachable

UNDO_S: Final = 10.0
AGAIN_S: Final = 3.0
_TRIES: Final = 20
_KEY: Final = "achivx-closing"

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """One close that has not gone out yet. `due`: when it will, on the monotonic clock."""

    close: Resolve
    by: str
    token: str | None
    due: float

    @property
    def outcome(self) -> Outcome:
        """How it is to end."""
        return self.close.outcome

    @property
    def left_s(self) -> float:
        """How long it can still be taken back."""
        return max(0.0, self.due - time.monotonic())


class Closing:
    """The closes of this process that are held, at most one an alert.

    Args:
        path: The control socket.
        hold_s: For how long.
        again_s: How long after a try that nobody answered the next one is.
    """

    def __init__(self, path: Path, hold_s: float = UNDO_S, again_s: float = AGAIN_S) -> None:
        self._path: Final = path
        self._hold_s: Final = hold_s
        self._again_s: Final = again_s
        self._held: Final[dict[str, Held]] = {}
        self._lock: Final = threading.Lock()

    def hold(self, close: Resolve, by: str, token: str | None) -> Held:
        """Send it later; returns what is held for its alert, which may be somebody's earlier."""
        with self._lock:
            earlier = self._held.get(close.alert)
            if earlier is not None and earlier.by != by:
                return earlier
            due = time.monotonic() + self._hold_s
            held = self._held[close.alert] = Held(close, by, token, due)
        self._later(held, self._hold_s, _TRIES)
        return held

    def undo(self, alert: str, by: str) -> bool:
        """Take it back; whether it was this person's, and there still."""
        with self._lock:
            held = self._held.get(alert)
            if held is None or held.by != by:
                return False
            del self._held[alert]
            return True

    def of(self, alert: str) -> Held | None:
        """What is held for an alert."""
        return self._held.get(alert)

    def flush(self, token: str | None = None) -> None:
        """Send what is held at once, of one session or of all: they are about to end."""
        for held in tuple(self._held.values()):
            if token is None or held.token == token:
                self._send(held, 0)

    def _later(self, held: Held, wait_s: float, tries: int) -> None:
        timer = threading.Timer(wait_s, self._send, (held, tries))
        timer.name = "closing"
        timer.daemon = True
        timer.start()

    def _send(self, held: Held, tries: int) -> None:
        with self._lock:
            if self._held.get(held.close.alert) is not held:
                return  # taken back, said anew, or sent
            del self._held[held.close.alert]
        try:
            with Gateway(self._path, held.token) as gateway:
                gateway.call(held.close)
        except Refused as refused:
            _log.warning("alert %s is not closed: %s", held.close.alert, refused)
        except Unreachable as error:
            _log.warning("alert %s is not closed yet: %s", held.close.alert, error)
            if tries:
                self._try_again(held, tries - 1)

    def _try_again(self, held: Held, tries: int) -> None:
        with self._lock:
            if self._held.setdefault(held.close.alert, held) is not held:
                return
        self._later(held, self._again_s, tries)


def hang(extensions: dict[str, object], path: Path) -> None:
    """Give an application its held closes."""
    extensions[_KEY] = Closing(path)


def closing(extensions: dict[str, object]) -> Closing:
    """The held closes of an application."""
    found = extensions[_KEY]
    assert isinstance(found, Closing)  # noqa: S101 - only `hang` writes there
    return found
