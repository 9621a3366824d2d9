"""Logging: JSON lines for the system's journal, plain lines for a person at a terminal."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

log: Final = logging.getLogger("gateway")

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


def set_up(level: int = logging.INFO) -> None:
    """Log to stderr, in the form that whoever reads it wants."""
    handler = logging.StreamHandler()
    if not sys.stderr.isatty():
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
