"""What became of the nightly backup: one that failed is a fault until a backup is made again.

It outlasts a restart, which comes at every change of the settings. What made it fail may be the
very disk: then the fault stands until the gateway starts anew.
"""

import logging
from pathlib import Path
from typing import Final

from gateway.faults import Faults
from gateway.files import clear_leftovers, write_atomic

_log: Final = logging.getLogger(__name__)

WORDS_MOST: Final = 300
"""Of a reason, which goes into a line of the status."""
_PART: Final = "backup"


class Nightly:
    """The fault, and the file that keeps it.

    Args:
        state: The state directory.
        faults: Told of it.
    """

    def __init__(self, state: Path, faults: Faults) -> None:
        self._path: Final = state / "backup-failed"
        self._faults: Final = faults
        clear_leftovers(self._path)
        try:
            self.failed(self._path.read_text("utf-8", "replace"))
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("whether the last nightly backup failed is not known: %s", error)

    def failed(self, words: str) -> None:
        """The one of this night was not made; `words` say why."""
        self._faults.set(_PART, " ".join(words.split())[:WORDS_MOST])

    def made(self) -> None:
        """There is a good one."""
        self._faults.set(_PART, None)

    def keep(self) -> None:
        """Have it outlast a restart; blocks for the disk."""
        words = self._faults.words(_PART)
        try:
            if words is not None:
                write_atomic(self._path, words.encode())
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("what became of the nightly backup is not kept: %s", error)
