"""Whose grants are whose, as a view: the counter finds a customer's by card as fast as by code."""

import sqlite3
from typing import Final

import msgspec

from gateway.events import GrantEvent, GrantIssued
from gateway.grants.grant import Grant
from gateway.model import GrantState

TABLES: Final = """
DROP TABLE IF EXISTS holder;
CREATE TABLE holder (
    code TEXT PRIMARY KEY, account TEXT NOT NULL, seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holder_account ON holder (account, seq)
"""
NAMES: Final = ("holder",)

_grant: Final = msgspec.json.Decoder(Grant).decode


def apply(connection: sqlite3.Connection, seq: int, event: GrantEvent) -> None:
    """Bring the view up to the record `seq`, inside the caller's transaction."""
    if isinstance(event, GrantIssued) and event.account is not None:
        connection.execute(
            "INSERT OR REPLACE INTO holder VALUES (?, ?, ?)", (event.code, event.account, seq)
        )


def grants_of(
    connection: sqlite3.Connection, account: str, state: GrantState | None, most: int
) -> list[Grant]:
    """An account's latest grants, newest first, in one state if one is given."""
    rows = connection.execute(
        "SELECT grants.body FROM holder JOIN grants USING (code) WHERE holder.account = ?1"
        " AND (?2 IS NULL OR grants.state = ?2) ORDER BY holder.seq DESC LIMIT ?3",
        (account, state, most),
    )
    return [_grant(body) for (body,) in rows]


def let_go(connection: sqlite3.Connection, floor: int) -> None:
    """Forget whose the ended grants up to `floor` were, before they go themselves."""
    connection.execute(
        "DELETE FROM holder WHERE code IN (SELECT code FROM grants WHERE state <> ? AND seq <= ?)",
        (GrantState.ISSUED, floor),
    )
