"""The personal store: names of customers and free notes, apart from the journal and for a time.

Events hold a random key and never the words; what is deleted here is gone, and the events stay. It
is written before its event: what a power cut leaves without one is deleted in its time with the
rest. Deleting overwrites (`secure_delete`), and empties the write-ahead log.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from gateway.clock import Stamp
from gateway.errors import GatewayError
from gateway.journal import damage

T = TypeVar("T")

MOST: Final = 20_000
"""Entries kept whatever the clock says: a box that never knows the time has a bound too."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE, alert TEXT NOT NULL, tag TEXT, kind TEXT, account TEXT, note TEXT,
    boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, synced INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_tag ON entry (tag, id);
CREATE INDEX IF NOT EXISTS entry_alert ON entry (alert);
"""
_SELECT: Final = (
    "SELECT key, alert, tag, kind, account, note, boot, mono_ns, wall_ns, synced FROM entry"
)
_OF_CUSTOMER: Final = "tag = ?1 OR alert IN (SELECT alert FROM entry WHERE tag = ?1)"

_log: Final = logging.getLogger(__name__)


class PersonalError(GatewayError, OSError):
    """The personal store cannot keep or find what it was asked for."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a case's customer, or a free note on it.

    Attributes:
        key: What the event names it by.
        alert: Whose.
        at: When it was kept.
        tag: The keyed hash of the customer's account; None for a note.
        kind: What the customer was named by.
        account: The account itself, where the shop keeps it so.
        note: Free words.
    """

    key: str
    alert: str
    at: Stamp
    tag: str | None = None
    kind: str | None = None
    account: str | None = None
    note: str | None = None


class PersonalFile:
    """The file, for one thread.

    Args:
        path: The database; its directory must be there.

    Attributes:
        set_aside: Where a damaged one was put since the start, or None.
    """

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self._path: Final = path
        self._connection: sqlite3.Connection | None = None

    def put(self, entry: Entry) -> None:
        """Keep one entry; it is on disk when this returns."""
        at = entry.at
        row = (entry.key, entry.alert, entry.tag, entry.kind, entry.account, entry.note)
        when = (at.boot, at.mono_ns, at.wall_ns, at.synced)

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO entry (key, alert, tag, kind, account, note, boot, mono_ns, wall_ns,"
                " synced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, *when),
            )
            db.execute("DELETE FROM entry WHERE id <= (SELECT max(id) FROM entry) - ?", (MOST,))

        self._do(work)

    def find(self, key: str) -> Entry | None:
        """One entry, or None when its time is over."""
        return self._do(lambda db: next(iter(_entries(db, "key = ?1", (key,))), None))

    def cases_of(self, tag: str, most: int) -> list[str]:
        """The latest alerts that a customer was named in, newest first."""

        def work(db: sqlite3.Connection) -> list[str]:
            rows = db.execute(
                "SELECT alert FROM entry WHERE tag = ? GROUP BY alert ORDER BY max(id) DESC"
                " LIMIT ?",
                (tag, most),
            )
            return [alert for (alert,) in rows]

        return self._do(work)

    def drop(self, key: str) -> None:
        """Delete one entry: the customer was another one."""
        self._do(lambda db: _delete(db, [key]))

    def forget(self, tag: str) -> tuple[int, int]:
        """Delete a customer's names and the notes of their cases; returns how many of each."""

        def work(db: sqlite3.Connection) -> tuple[int, int]:
            going = _entries(db, _OF_CUSTOMER, (tag,))
            _delete(db, [each.key for each in going])
            names = sum(each.tag == tag for each in going)
            return names, sum(each.note is not None for each in going)

        return self._do(work)

    def sweep(self, now: Stamp, keep_ns: int) -> int:
        """Delete what is older than `keep_ns`; returns how many.

        What was kept by a clock that nobody can compare with this one counts from now on, once the
        clock is right.
        """

        def work(db: sqlite3.Connection) -> int:
            over = []
            for entry in _entries(db, "true", ()):
                age_ns = entry.at.age_ns(now)
                if age_ns is not None and age_ns > keep_ns:
                    over.append(entry.key)
                elif age_ns is None and now.synced:
                    db.execute(
                        "UPDATE entry SET boot = ?, mono_ns = ?, wall_ns = ?, synced = 1"
                        " WHERE key = ?",
                        (now.boot, now.mono_ns, now.wall_ns, entry.key),
                    )
            _delete(db, over)
            return len(over)

        return self._do(work)

    def drop_damaged(self, older_than_ns: int | None = None) -> int:
        """Delete damaged files that were set aside, all or those of before a wall time."""
        gone = 0
        for part in self._path.parent.glob(f"{self._path.name}.damaged-*"):
            with contextlib.suppress(FileNotFoundError):
                if older_than_ns is None or part.stat().st_mtime_ns < older_than_ns:
                    part.unlink()
                    gone += not part.name.endswith(("-wal", "-shm"))
        return gone

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in one transaction, once more on a new file where the old one is damaged.

        Raises:
            sqlite3.Error: The disk refuses.
            OSError: A damaged file cannot be set aside.
        """
        try:
            return self._once(work)
        except sqlite3.DatabaseError as error:
            self.close()
            if not damage.is_damage(error):
                raise
            self.set_aside = damage.set_aside(self._path)
            _log.error("personal data is damaged (%s): set aside as %s", error, self.set_aside)
        return self._once(work)

    def _once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = _open(self._path)
        db = self._connection
        before = db.total_changes
        db.execute("BEGIN IMMEDIATE")
        try:
            result = work(db)
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if db.total_changes != before:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what was deleted is not in the log
        return result


class Personal:
    """The same beside the event loop, on a thread of its own.

    Args:
        path: The database.
        tell: Called on the event loop: the part of the box, and what is wrong with it or None.
    """

    def __init__(self, path: Path, tell: Callable[[str, str | None], None]) -> None:
        self._file: Final = PersonalFile(path)
        self._tell: Final = tell
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="personal")

    async def do(self, work: Callable[[PersonalFile], T]) -> T:
        """Do something with the file.

        Raises:
            PersonalError: It could not be done.
        """
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, work, self._file)
        except (sqlite3.Error, OSError) as error:
            words = f"notes and customers cannot be kept: {error}"
            self._tell("personal", words)
            raise PersonalError(words) from error
        self._tell("personal", None)
        aside = self._file.set_aside
        if aside is not None:
            self._tell("personal/old", f"it was damaged, and is set aside as {aside.name}")
        return result

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.submit(self._file.close)
        self._thread.shutdown()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(_TABLES)
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    if found != "ok":
        connection.close()
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    return connection


def _entries(db: sqlite3.Connection, where: str, values: tuple[str, ...]) -> list[Entry]:
    rows = db.execute(f"{_SELECT} WHERE {where}", values)
    return [
        Entry(
            key=key,
            alert=alert,
            tag=tag,
            kind=kind,
            account=account,
            note=note,
            at=Stamp(boot, mono_ns, wall_ns, bool(synced)),
        )
        for key, alert, tag, kind, account, note, boot, mono_ns, wall_ns, synced in rows
    ]


def _delete(db: sqlite3.Connection, keys: list[str]) -> None:
    db.executemany("DELETE FROM entry WHERE key = ?", [(key,) for key in keys])
