"""Views: open alerts, grants and counters as tables, updated in their event's own transaction.

They are rebuilt only when missing or made by another version of this module: from the totals of
the presses that are no longer kept, and the events that are.
"""

import sqlite3
from collections import Counter
from typing import Final

import msgspec

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.events import (
    AlertResolved,
    AnyEvent,
    GrantEvent,
    Pressed,
    Record,
    Salvaged,
    ShiftKept,
    TokensSpent,
)
from gateway.grants import grant as grants
from gateway.grants.grant import Grant
from gateway.journal import holders, promises, rewards, schema
from gateway.journal.reading import all_records
from gateway.model import GrantState, PressFlag

VERSION: Final = "3"

_TABLES: Final = (
    """
DROP TABLE IF EXISTS alert;
DROP TABLE IF EXISTS grants;
DROP TABLE IF EXISTS counter;
CREATE TABLE alert (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL, live INTEGER NOT NULL, body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_live ON alert (live, seq);
CREATE TABLE grants (
    code TEXT PRIMARY KEY, seq INTEGER NOT NULL, request TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_state ON grants (state, seq);
CREATE INDEX grants_seq ON grants (seq);
CREATE TABLE counter (
    button TEXT NOT NULL, flag TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (button, flag)
) STRICT, WITHOUT ROWID;
"""
    + promises.TABLES
    + ";"
    + rewards.TABLES
    + ";"
    + holders.TABLES
)

Presses = Counter[tuple[str, str]]
"""Presses by (button, flag), the empty flag for those that count."""

_encode: Final = msgspec.json.Encoder().encode
_alert: Final = msgspec.json.Decoder(Alert).decode
_grant: Final = msgspec.json.Decoder(Grant).decode


def prepare(connection: sqlite3.Connection) -> None:
    """Make or remake the view tables where needed, in one transaction.

    Raises:
        sqlite3.Error: They cannot be made; the caller closes the connection.
    """
    if schema.meta(connection, "views") == VERSION and _are_there(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    before = promises.totals(connection) if _has(connection, "tally") else {}
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    presses: Presses = Counter()
    connection.execute("INSERT INTO counter SELECT button, flag, total FROM past")
    for record in all_records(connection):
        apply(connection, record, presses)
    count(connection, presses)
    promises.keep(connection, before)
    schema.set_meta(connection, "views", VERSION)
    connection.execute("COMMIT")


def _are_there(connection: sqlite3.Connection) -> bool:
    return _has(
        connection, "alert", "grants", "counter", *promises.NAMES, *rewards.NAMES, *holders.NAMES
    )


def _has(connection: sqlite3.Connection, *tables: str) -> bool:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name for (name,) in rows}.issuperset(tables)


def apply(connection: sqlite3.Connection, record: Record, presses: Presses) -> None:
    """Bring the views up to this record, inside the caller's transaction.

    A press is only added to `presses`, for `count` at the latest before the commit.
    """
    event, at = record.event, record.at
    if isinstance(event, Pressed):
        presses[event.button, event.flag or ""] += event.count
        if event.flag is PressFlag.MASHING:
            promises.mash(connection, event.zone, at)
    elif isinstance(event, Salvaged):
        connection.executemany(
            "INSERT OR REPLACE INTO counter VALUES (?, ?, ?)",
            [(each.button, each.flag, each.presses) for each in event.counters],
        )
    elif isinstance(event, GrantEvent):
        _apply_grant(connection, record, event)
    elif isinstance(event, TokensSpent | ShiftKept):
        rewards.apply(connection, record, event)
    elif (alert_id := case.alert_of(event)) is not None:
        _apply_alert(connection, alert_id, event, at, record.seq)
        if isinstance(event, AlertResolved):
            promises.ended(connection, event.outcome)


def count(connection: sqlite3.Connection, presses: Presses) -> None:
    """Add presses to the counters, inside the caller's transaction."""
    for (button, flag), total in presses.items():
        connection.execute(
            "INSERT INTO counter VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET total = total + ?3",
            (button, flag, total),
        )


def _apply_alert(
    connection: sqlite3.Connection, alert_id: str, event: AnyEvent, at: Stamp, seq: int
) -> None:
    row = connection.execute("SELECT body FROM alert WHERE id = ?", (alert_id,)).fetchone()
    alert = case.fold(None if row is None else _alert(row[0]), event, at)
    if alert is None:
        return
    connection.execute(
        "INSERT INTO alert VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET live = ?3, body = ?4",
        (alert_id, seq, alert.is_live, _encode(alert)),
    )


def _apply_grant(connection: sqlite3.Connection, record: Record, event: GrantEvent) -> None:
    grant = grants.fold(find_grant(connection, event.code), event, record.at)
    if grant is None:
        return
    connection.execute(
        "INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (code) DO UPDATE SET state = ?4, body = ?5",
        (grant.code, record.seq, grant.request, grant.state, _encode(grant)),
    )
    promises.apply(connection, record, event, grant)
    holders.apply(connection, record.seq, event)


def live_alerts(connection: sqlite3.Connection) -> list[Alert]:
    """Alerts that someone must still do something about, oldest first."""
    rows = connection.execute("SELECT body FROM alert WHERE live = 1 ORDER BY seq")
    return [_alert(body) for (body,) in rows]


def closed_alerts(connection: sqlite3.Connection, most: int) -> list[Alert]:
    """The latest ended alerts, newest first."""
    rows = connection.execute(
        "SELECT body FROM alert WHERE live = 0 ORDER BY seq DESC LIMIT ?", (most,)
    )
    return [_alert(body) for (body,) in rows]


def find_alert(connection: sqlite3.Connection, alert_id: str) -> Alert | None:
    """One alert, live or ended."""
    row = connection.execute("SELECT body FROM alert WHERE id = ?", (alert_id,)).fetchone()
    return None if row is None else _alert(row[0])


def find_grant(connection: sqlite3.Connection, code: str) -> Grant | None:
    """One grant by its code."""
    row = connection.execute("SELECT body FROM grants WHERE code = ?", (code,)).fetchone()
    return None if row is None else _grant(row[0])


def grant_of_request(connection: sqlite3.Connection, request: str) -> Grant | None:
    """The grant that an earlier request of the same id was given."""
    row = connection.execute("SELECT body FROM grants WHERE request = ?", (request,)).fetchone()
    return None if row is None else _grant(row[0])


def list_grants(connection: sqlite3.Connection, state: GrantState | None, most: int) -> list[Grant]:
    """Grants, newest first, in one state if one is given."""
    if state is None:
        rows = connection.execute("SELECT body FROM grants ORDER BY seq DESC LIMIT ?", (most,))
    else:
        rows = connection.execute(
            "SELECT body FROM grants WHERE state = ? ORDER BY seq DESC LIMIT ?", (state, most)
        )
    return [_grant(body) for (body,) in rows]


def counters(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Presses by (button, flag), the empty flag for those that count, since the epoch began."""
    rows = connection.execute("SELECT button, flag, total FROM counter")
    return {(button, flag): total for button, flag, total in rows}


def total(connection: sqlite3.Connection, button: str, flag: str) -> int:
    """Presses of one button under one flag, since the epoch began."""
    row = connection.execute(
        "SELECT total FROM counter WHERE button = ? AND flag = ?", (button, flag)
    ).fetchone()
    return 0 if row is None else int(row[0])
