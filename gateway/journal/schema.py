"""The journal's tables: the truth. `views.py` has those that can be made anew from it.

`past` holds the totals of the presses whose events are no longer kept, `stays` the records that
retention has passed over and why, `clock` the boots that had no right time, with the difference of
wall and monotonic time once it was known, `playbook` the playbooks that grants were issued under by
their version, `salvaged` what of a damaged journal is yet to send, and `quarantine_before` which
events of journals before this one the server will never take.
"""

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

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
    device TEXT NOT NULL,
    account TEXT NOT NULL,
    mapping INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS quarantine (
    seq INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS quarantine_before (
    event TEXT PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past (
    button TEXT NOT NULL, flag TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (button, flag)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stays (seq INTEGER PRIMARY KEY, alert TEXT, code TEXT) STRICT;
CREATE TABLE IF NOT EXISTS clock (boot TEXT PRIMARY KEY, offset_ns INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS playbook (
    version TEXT PRIMARY KEY, since INTEGER NOT NULL, offers BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS salvaged (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
"""


class Identity(msgspec.Struct, frozen=True):
    """Under which names new records are made.

    Attributes:
        device: The box's id.
        account: The shop's own account on the ACHIVX server.
        mapping: The version of the mapping to ACHIVX actions.
    """

    device: str
    account: str
    mapping: int


def open_writer(
    path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """The one writing connection, with everything that must outlive a power cut switched on.

    Args:
        path: The database file, made where it is missing.
        factory: What carries the statements out; a test's own may be slow or fail.

    Raises:
        sqlite3.Error: The file cannot be opened, or is no journal.
    """
    # Autocommit: the writer thread says BEGIN and COMMIT itself, once a group.
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=5.0, check_same_thread=False, factory=factory
    )
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if not pages:  # a file with tables does not take it, and would be written to
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
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


def begin_era(connection: sqlite3.Connection, first: int, identity: Identity) -> None:
    """Records from `first` on are made under these names.

    What an event's id is and what it maps to is settled when it is recorded: a retry after a
    change of any of the names would else be paid a second time under another.
    """
    names = (identity.device, identity.account, identity.mapping)
    latest = connection.execute(
        "SELECT device, account, mapping FROM era ORDER BY first DESC LIMIT 1"
    )
    if latest.fetchone() != names:
        connection.execute("INSERT OR REPLACE INTO era VALUES (?, ?, ?, ?)", (first, *names))


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """One value of the journal's own."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set it, inside the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
