"""Tokens that were spent and shifts that were kept, as views: what is decided once and for all."""

import sqlite3
from typing import Final

import msgspec

from gateway.events import Record, ShiftKept, TokensSpent
from gateway.journal import schema

TABLES: Final = """
DROP TABLE IF EXISTS spent;
DROP TABLE IF EXISTS shift_kept;
CREATE TABLE spent (
    seq INTEGER PRIMARY KEY, request TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    tokens REAL NOT NULL, staff TEXT NOT NULL
) STRICT;
CREATE INDEX spent_account ON spent (account, seq);
CREATE TABLE shift_kept (
    staff TEXT NOT NULL, begins_ns INTEGER NOT NULL, ends_ns INTEGER NOT NULL,
    PRIMARY KEY (staff, begins_ns)
) STRICT, WITHOUT ROWID
"""
NAMES: Final = ("spent", "shift_kept")


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that a customer paid with. `left`: what the account has now, as far as is known."""

    request: str
    account: str
    tokens: float
    by: str
    left: float = 0.0


def apply(connection: sqlite3.Connection, record: Record, event: TokensSpent | ShiftKept) -> None:
    """Bring the views up to this record, inside the caller's transaction."""
    match event:
        case TokensSpent():
            connection.execute(
                "INSERT INTO spent VALUES (?, ?, ?, ?, ?)",
                (record.seq, event.request, event.account, event.tokens, event.by),
            )
        case ShiftKept():
            connection.execute(
                "INSERT INTO shift_kept VALUES (?, ?, ?)",
                (event.by, event.begins_ns, event.ends_ns),
            )


def find_spent(connection: sqlite3.Connection, request: str) -> Spent | None:
    """What an earlier request of the same id has spent."""
    row = connection.execute(
        "SELECT account, tokens, staff FROM spent WHERE request = ?", (request,)
    ).fetchone()
    return None if row is None else Spent(request=request, account=row[0], tokens=row[1], by=row[2])


def spent_after(connection: sqlite3.Connection, account: str, upto: int) -> float:
    """Tokens of an account that were spent in events after `upto`."""
    (total,) = connection.execute(
        "SELECT coalesce(sum(tokens), 0) FROM spent WHERE account = ? AND seq > ?", (account, upto)
    ).fetchone()
    return float(total)


def unconfirmed(connection: sqlite3.Connection) -> float:
    """All tokens that were spent here and that the server does not know of yet."""
    (total,) = connection.execute(
        "SELECT coalesce(sum(tokens), 0) FROM spent WHERE seq > ?", (_cursor(connection),)
    ).fetchone()
    return float(total)


def let_go(connection: sqlite3.Connection, floor: int) -> None:
    """Forget what was spent up to `floor` and is on the server."""
    upto = min(floor, _cursor(connection))
    connection.execute("DELETE FROM spent WHERE seq <= ?", (upto,))


def is_kept(connection: sqlite3.Connection, staff: str, begins_ns: int, ends_ns: int) -> bool:
    """Whether a shift of this person that overlaps this one was kept already."""
    row = connection.execute(
        "SELECT 1 FROM shift_kept WHERE staff = ? AND begins_ns < ? AND ends_ns > ?",
        (staff, ends_ns, begins_ns),
    )
    return row.fetchone() is not None


def _cursor(connection: sqlite3.Connection) -> int:
    return int(schema.meta(connection, "cursor") or 0)
