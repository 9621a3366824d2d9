"""A restored journal goes on under a new epoch: no id of the box it came from is ever made again.

The box that the backup is of may have gone on after it, under the same epoch and higher numbers.
What had not been sent by then keeps its own id: the server knows what it has.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.errors import Refused
from gateway.events import Administered, Salvaged, Total
from gateway.grants import crockford
from gateway.journal import reading, schema, views
from gateway.journal.schema import Identity
from gateway.journal.transaction import Transaction

_EPOCH_SYMBOLS: Final = 10
_SET_ASIDE: Final = """
INSERT OR REPLACE INTO quarantine_before
SELECT era.device || '.' || ? || '.' || quarantine.seq, reason
FROM quarantine
JOIN era ON era.first = (SELECT max(first) FROM era WHERE first <= quarantine.seq)
"""


def begin(path: Path, restored: Administered, at: Stamp) -> None:
    """Give the journal in `path`, which nobody has open, an epoch that follows its own.

    Args:
        path: The database, whose log is folded into it when this returns.
        restored: Said first in the new epoch, after where it goes on from.
        at: Now.

    Raises:
        Refused: `damaged_backup`.
    """
    try:
        with closing(schema.open_writer(path)) as connection:
            _look(connection)
            connection.execute("BEGIN IMMEDIATE")
            _begin(connection, restored, at)
            connection.execute("COMMIT")
    except (sqlite3.Error, ValueError) as error:
        raise Refused("damaged_backup", f"the journal in it cannot be used: {error}") from error


def note(path: Path, deed: Administered, at: Stamp) -> None:
    """Add one thing that was done to the journal in `path`, which nobody has open.

    Raises:
        sqlite3.Error, ValueError: It cannot be used.
    """
    with closing(schema.open_writer(path)) as connection:
        names = _names(connection)
        if names is None:
            return
        connection.execute("BEGIN IMMEDIATE")
        epoch, last = schema.meta(connection, "epoch") or "", reading.last_seq(connection)
        transaction = Transaction(connection, names, epoch, last)
        transaction.append(deed, at)
        transaction.flush()
        connection.execute("COMMIT")


def _names(connection: sqlite3.Connection) -> Identity | None:
    """Whose journal it is, None where nothing was ever recorded."""
    found = connection.execute(
        "SELECT device, account, mapping FROM era ORDER BY first DESC LIMIT 1"
    ).fetchone()
    return None if found is None else Identity(*found)


def _look(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _begin(connection: sqlite3.Connection, restored: Administered, at: Stamp) -> None:
    before = schema.meta(connection, "epoch") or ""
    last = reading.last_seq(connection)
    views.prepare(connection)
    cursor = int(schema.meta(connection, "cursor") or 0)
    unsent = [each for each in reading.all_records(connection, cursor) if each.epoch == before]
    connection.executemany(
        "INSERT INTO salvaged (device, epoch, seq, record) VALUES (?, ?, ?, ?)",
        [(each.device, before, each.seq, msgspec.json.encode(each)) for each in unsent],
    )
    # What the server will never take is told by whole ids from now on: its epoch is another.
    connection.execute(_SET_ASIDE, (before,))
    connection.execute("DELETE FROM quarantine")
    epoch = crockford.random(_EPOCH_SYMBOLS)
    schema.set_meta(connection, "epoch", epoch)
    schema.set_meta(connection, "cursor", str(last))
    names = _names(connection)
    if names is None:  # there is nothing to go on from
        return
    totals = tuple(Total(*key, n) for key, n in sorted(views.counters(connection).items()))
    transaction = Transaction(connection, names, epoch, last)
    salvaged = Salvaged(epoch=before, last=last, unsent=len(unsent), counters=totals)
    transaction.append(salvaged, at)
    transaction.append(restored, at)
    transaction.flush()
