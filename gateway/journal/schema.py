"""The journal's tables. `event` and `meta` are the truth; all others are views of it."""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.grants import crockford

_TRUTH: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boot (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL REFERENCES boot (id),
    mono_ns INTEGER NOT NULL,
    wall_ns INTEGER NOT NULL,
    synced INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS era (
    first INTEGER PRIMARY KEY,
    mapping INTEGER NOT NULL,
    account TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS quarantine (
    seq INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """The one writing connection, with everything that must outlive a power cut switched on.

    Raises:
        sqlite3.Error: The file cannot be opened, or is no journal.
    """
    # Autocommit: the writer thread says BEGIN and COMMIT itself, once a group.
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        connection.executescript(_TRUTH)
        connection.execute(
            "INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (crockford.random(10),)
        )
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, for views and exports.

    Raises:
        sqlite3.Error: There is no journal, or it cannot be read.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0, check_same_thread=False
    )


def begin_era(connection: sqlite3.Connection, first: int, mapping: int, account: str) -> None:
    """Records from `first` on are made under this mapping, for this account of the shop.

    What an event maps to is settled when it is recorded: a retry after a change of either would
    else be paid a second time under another name.
    """
    row = connection.execute("SELECT mapping, account FROM era ORDER BY first DESC LIMIT 1")
    if row.fetchone() != (mapping, account):
        connection.execute("INSERT OR REPLACE INTO era VALUES (?, ?, ?)", (first, mapping, account))


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """One value of the journal's own."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set it, inside the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
