"""What is done about a damaged journal: set aside under a dated name, never deleted."""

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from gateway.files import sync_directory


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code (sqlite.org/rescode.html), 0 for what Python itself refused."""
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, rather than the disk full or away."""
    return code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(path: Path) -> Path:
    """Move the database and what belongs to it out of the way; returns its new name.

    Raises:
        OSError: It cannot be moved.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    # The database itself goes first: SQLite drops a write-ahead log that has no database, while
    # a database without its log would go on from an older state and give a sequence out twice.
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    sync_directory(path.parent)
    return aside


def latest_aside(path: Path) -> Path | None:
    """The database that was set aside last, None when there is none."""
    aside = [
        each
        for each in path.parent.glob(f"{path.name}.damaged-*")
        if not each.name.endswith(("-wal", "-shm"))
    ]
    return max(aside, default=None)
