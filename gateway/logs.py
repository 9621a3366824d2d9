"""Logging: JSON lines for the system's journal, plain lines for a person at a terminal."""

import logging
import sys
from collections import deque
from datetime import UTC, datetime
from typing import Final

import msgspec

log: Final = logging.getLogger("gateway")

LINES_MOST: Final = 1000
"""Lines that are kept for the support bundle."""
_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


class JsonLines(logging.Formatter):
    """One JSON object a record; the prefix `<3>` is the priority that journald reads."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        priority = _PRIORITIES.get(record.levelname, 6)
        return f"<{priority}>{msgspec.json.encode(line).decode()}"


class Recent(logging.Handler):
    """Keeps the last lines in memory: the sandbox does not let the system's journal be read."""

    lines: Final[deque[str]] = deque(maxlen=LINES_MOST)

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.lines.append(self.format(record))


def recent() -> tuple[str, ...]:
    """The last lines of this process's log, oldest first."""
    return tuple(Recent.lines)


def set_up(level: int = logging.INFO) -> None:
    """Log to stderr, in the form that whoever reads it wants."""
    handler = logging.StreamHandler()
    if not sys.stderr.isatty():
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    kept = Recent()
    kept.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler, kept], force=True)
