"""Reading events back, in order."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.errors import JournalError
from gateway.events import Record, decode_event
from gateway.journal import schema

_SELECT: Final = (
    "SELECT seq, boot.name, mono_ns, wall_ns, synced, device, account, mapping, version, body"
    " FROM event JOIN boot ON boot.id = event.boot"
    " JOIN era ON era.first = (SELECT max(first) FROM era WHERE first <= seq)"
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)
_PIECE: Final = 1000

_Row = tuple[int, str, int, int, int, str, str, int, int, bytes]

_log: Final = logging.getLogger(__name__)


def records_after(connection: sqlite3.Connection, after: int, most: int) -> list[Record]:
    """Records with a sequence above `after`, ascending, at most `most`.

    They end before one that cannot be read.

    Raises:
        JournalError: The very first cannot be read.
    """
    epoch = schema.meta(connection, "epoch") or ""
    records: list[Record] = []
    for row in _rows(connection, after, most):
        try:
            records.append(_record(row, epoch))
        except JournalError:
            if not records:
                raise
            break
    return records


def all_records(connection: sqlite3.Connection, after: int = 0) -> Iterator[Record]:
    """Every record above `after`; one that cannot be read is skipped with a line in the log."""
    epoch = schema.meta(connection, "epoch") or ""
    while rows := _rows(connection, after, _PIECE):
        for row in rows:
            try:
                yield _record(row, epoch)
            except JournalError as error:
                _log.error("%s", error)
        after = rows[-1][0]


def records_between(connection: sqlite3.Connection, first: int, last: int) -> Iterator[Record]:
    """Records `first` to `last` that are there and can be decoded, in order.

    Raises:
        sqlite3.Error: A part of the file cannot be read.
    """
    epoch = schema.meta(connection, "epoch") or ""
    for row in _rows(connection, first - 1, last - first + 1):
        with contextlib.suppress(JournalError):
            if row[0] <= last:
                yield _record(row, epoch)


def repaired(connection: sqlite3.Connection) -> dict[str, int]:
    """By boot that had no right time at first: wall less monotonic time in ns, once known."""
    rows = connection.execute("SELECT boot, offset_ns FROM clock WHERE offset_ns IS NOT NULL")
    return dict(rows)


def last_seq(connection: sqlite3.Connection) -> int:
    """The highest sequence on disk, 0 in an empty journal."""
    row = connection.execute("SELECT max(seq) FROM event").fetchone()
    return int(row[0] or 0)


def _rows(connection: sqlite3.Connection, after: int, most: int) -> list[_Row]:
    rows: list[_Row] = connection.execute(_SELECT, (after, most)).fetchall()
    return rows


def _record(row: _Row, epoch: str) -> Record:
    seq, boot, mono_ns, wall_ns, synced, device, account, mapping, version, body = row
    try:
        event = decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(
            f"event {seq} is damaged, or of a newer program than this: {error}"
        ) from error
    return Record(
        device=device,
        epoch=epoch,
        seq=seq,
        at=Stamp(boot, mono_ns, wall_ns, bool(synced)),
        mapping=mapping,
        account=account,
        version=version,
        event=event,
    )
