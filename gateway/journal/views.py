"""Views: open alerts, grants and counters as tables, updated in their event's own transaction.

They are rebuilt from the events only when missing or made by another version of this module.
"""

import sqlite3
from typing import Final

import msgspec

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.events import AnyEvent, GrantIssued, GrantRedeemed, Pressed, Record
from gateway.grants import grant as grants
from gateway.grants.grant import Grant
from gateway.journal import schema
from gateway.journal.reading import all_records
from gateway.model import GrantState

VERSION: Final = "1"

_TABLES: Final = """
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
CREATE TABLE counter (
    button TEXT NOT NULL, flag TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (button, flag)
) STRICT, WITHOUT ROWID;
"""

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
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    for record in all_records(connection):
        apply(connection, record)
    schema.set_meta(connection, "views", VERSION)
    connection.execute("COMMIT")


def _are_there(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('alert', 'grants', 'counter')"
    ).fetchone()
    return bool(found == 3)


def apply(connection: sqlite3.Connection, record: Record) -> None:
    """Bring the views up to this record, inside the caller's transaction."""
    event, at = record.event, record.at
    if isinstance(event, Pressed):
        connection.execute(
            "INSERT INTO counter VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET total = total + ?3",
            (event.button, event.flag or "", event.count),
        )
    elif isinstance(event, GrantIssued | GrantRedeemed):
        _apply_grant(connection, event, at, record.seq)
    elif (alert_id := case.alert_of(event)) is not None:
        _apply_alert(connection, alert_id, event, at, record.seq)


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


def _apply_grant(
    connection: sqlite3.Connection, event: GrantIssued | GrantRedeemed, at: Stamp, seq: int
) -> None:
    grant = grants.fold(find_grant(connection, event.code), event, at)
    if grant is None:
        return
    connection.execute(
        "INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (code) DO UPDATE SET state = ?4, body = ?5",
        (grant.code, seq, grant.request, grant.state, _encode(grant)),
    )


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
