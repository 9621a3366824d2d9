"""What the grant desk counts by, as views: one row each, so that it costs the same in any journal.

`tally` counts promises by offer, whose they are and day; `promise` holds those that are neither
redeemed nor taken back; `claim` the latest ones, for what speaks for misuse. `tally` also has how
alerts ended, which outlives them; `claimed` has when each customer was promised something, and
`mashed` the latest burst of presses that were playing with the buttons of a zone.
"""

import sqlite3
from typing import Final

from gateway.clock import NS_PER_S, Stamp
from gateway.events import (
    GrantEvent,
    GrantIssued,
    GrantRedeemed,
    GrantRedeemUndone,
    GrantVoided,
    Record,
)
from gateway.grants import limits
from gateway.grants.grant import Grant
from gateway.grants.limits import EVER, SHOP, Days
from gateway.grants.misuse import Claim
from gateway.model import Outcome

CLAIMS_KEPT: Final = 40
CLAIMED_KEPT: Final = 10
"""Of one customer: more would say no more."""
DAYS_MOST: Final = 366
"""The most days that a cap is counted over."""
MASHED_NS: Final = 15 * 60 * NS_PER_S
"""How long such a burst speaks against what is granted in its zone."""
OVERRIDES: Final = "overrides"
"""Whose the count of manager's overrides is; it is no offer's."""
_ENDED: Final = "ended:"  # whose the counts of alerts by their outcome are
_FOR_EVER: Final = 2**63 - 1
_DATES_END: Final = ":"  # after every digit, and so after every date

TABLES: Final = """
DROP TABLE IF EXISTS tally;
DROP TABLE IF EXISTS promise;
DROP TABLE IF EXISTS claim;
DROP TABLE IF EXISTS claimed;
DROP TABLE IF EXISTS mashed;
CREATE TABLE tally (
    offer TEXT NOT NULL, who TEXT NOT NULL, day TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (offer, who, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE promise (
    code TEXT PRIMARY KEY, ends_ns INTEGER NOT NULL, cost REAL NOT NULL, tokens REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX promise_ends ON promise (ends_ns, cost, tokens);
CREATE TABLE claim (
    seq INTEGER PRIMARY KEY, staff TEXT NOT NULL, account TEXT, zone TEXT, pressed INTEGER NOT NULL,
    boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, synced INTEGER NOT NULL
) STRICT;
CREATE TABLE claimed (
    account TEXT NOT NULL, seq INTEGER NOT NULL,
    boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, synced INTEGER NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE mashed (
    zone TEXT PRIMARY KEY, presses INTEGER NOT NULL,
    boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, synced INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""
NAMES: Final = ("tally", "promise", "claim", "claimed", "mashed")

_ADD: Final = (
    "INSERT INTO tally VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET total = total + ?4"
)
_LET_GO: Final = (
    "DELETE FROM tally WHERE who GLOB ?1 || '*'"
    " AND NOT EXISTS (SELECT 1 FROM holder WHERE account = substr(who, length(?1) + 1))"
    " AND (day < date((SELECT max(day) FROM tally WHERE day GLOB '[0-9]*'), -?2 || ' days')"
    " OR day GLOB 'boot *' AND day NOT GLOB 'boot '"
    " || (SELECT name FROM boot ORDER BY id DESC LIMIT 1) || ' *')"
)

Totals = dict[tuple[str, str], int]


def apply(connection: sqlite3.Connection, record: Record, event: GrantEvent, grant: Grant) -> None:
    """Count one event of a grant; `grant` is the grant after it."""
    match event:
        case GrantIssued(central=str()):  # nobody here has promised it
            _promise(connection, grant)
        case GrantIssued():
            _count(connection, grant, 1)
            _promise(connection, grant)
            if event.cost or event.tokens:
                _claim(connection, record, event)
            if event.override is not None:
                connection.execute(_ADD, ("", OVERRIDES, EVER, 1))
        case GrantRedeemed():
            connection.execute("DELETE FROM promise WHERE code = ?", (grant.code,))
        case GrantRedeemUndone():
            _promise(connection, grant)
        case GrantVoided():
            if grant.central is None:
                _count(connection, grant, -1)
            connection.execute("DELETE FROM promise WHERE code = ?", (grant.code,))


def _count(connection: sqlite3.Connection, grant: Grant, by: int) -> None:
    rows = [(SHOP, EVER), (SHOP, grant.day), (limits.staff(grant.issued_by), grant.day)]
    if grant.account is not None:
        rows.append((limits.customer(grant.account), grant.day))
    connection.executemany(_ADD, [(grant.offer, who, day, by) for who, day in rows])


def _promise(connection: sqlite3.Connection, grant: Grant) -> None:
    # Issued without a right clock it may be good whatever the date: the worst is assumed.
    ends_ns = grant.expires.wall_ns if grant.expires.synced else _FOR_EVER
    connection.execute(
        "INSERT OR REPLACE INTO promise VALUES (?, ?, ?, ?)",
        (grant.code, ends_ns, grant.cost, grant.tokens),
    )


def _claim(connection: sqlite3.Connection, record: Record, event: GrantIssued) -> None:
    at = record.at
    pressed = event.alert is not None
    who = (record.seq, event.by, event.account, event.zone, pressed)
    connection.execute(
        "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*who, at.boot, at.mono_ns, at.wall_ns, at.synced),
    )
    connection.execute(
        "DELETE FROM claim WHERE seq <= (SELECT seq FROM claim ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (CLAIMS_KEPT,),
    )
    if event.account is not None:
        connection.execute(
            "INSERT INTO claimed VALUES (?, ?, ?, ?, ?, ?)",
            (event.account, record.seq, at.boot, at.mono_ns, at.wall_ns, at.synced),
        )
        connection.execute(
            "DELETE FROM claimed WHERE account = ?1 AND seq <= (SELECT seq FROM claimed"
            " WHERE account = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            (event.account, CLAIMED_KEPT),
        )


def claimed(connection: sqlite3.Connection, account: str) -> tuple[Stamp, ...]:
    """When this customer was promised something that costs, of late."""
    rows = connection.execute(
        "SELECT boot, mono_ns, wall_ns, synced FROM claimed WHERE account = ?", (account,)
    )
    return tuple(_stamp(row) for row in rows)


def let_go(connection: sqlite3.Connection, floor: int) -> None:
    """Forget what was promised to single customers up to `floor`, and counts that are over."""
    connection.execute("DELETE FROM claimed WHERE seq <= ?", (floor,))
    connection.execute(_LET_GO, (limits.customer(""), DAYS_MOST))


def mash(connection: sqlite3.Connection, zone: str, at: Stamp) -> None:
    """Count a press that was playing with the buttons."""
    connection.execute(
        "INSERT OR REPLACE INTO mashed VALUES (?, ?, ?, ?, ?, ?)",
        (zone, mashed(connection, zone, at) + 1, at.boot, at.mono_ns, at.wall_ns, at.synced),
    )


def mashed(connection: sqlite3.Connection, zone: str, now: Stamp) -> int:
    """How many such presses there were in a zone of late."""
    row = connection.execute(
        "SELECT boot, mono_ns, wall_ns, synced, presses FROM mashed WHERE zone = ?", (zone,)
    ).fetchone()
    age_ns = None if row is None else _stamp(row[:4]).age_ns(now)
    return int(row[4]) if age_ns is not None and 0 <= age_ns <= MASHED_NS else 0


def _stamp(row: tuple[str, int, int, int]) -> Stamp:
    boot, mono_ns, wall_ns, synced = row
    return Stamp(boot, mono_ns, wall_ns, bool(synced))


def counted(connection: sqlite3.Connection, offer: str, who: str, days: Days | None) -> int:
    """How many were promised and not taken back: on these days, or ever."""
    if days is None:
        row = connection.execute(
            "SELECT total FROM tally WHERE offer = ? AND who = ? AND day = ?", (offer, who, EVER)
        ).fetchone()
        return 0 if row is None else int(row[0])
    (total,) = connection.execute(
        "SELECT coalesce(sum(total), 0) FROM tally WHERE offer = ?1 AND who = ?2"
        " AND (day = ?3 OR (day >= ?4 AND day < ?5))",
        (offer, who, days.boot, days.since, _DATES_END),
    ).fetchone()
    return int(total)


def latest_claims(connection: sqlite3.Connection) -> list[Claim]:
    """The latest grants, newest first, as far as misuse is judged by them."""
    rows = connection.execute(
        "SELECT staff, account, zone, pressed, boot, mono_ns, wall_ns, synced FROM claim"
        " ORDER BY seq DESC"
    )
    return [
        Claim(staff, account, zone, bool(pressed), Stamp(boot, mono_ns, wall_ns, bool(synced)))
        for staff, account, zone, pressed, boot, mono_ns, wall_ns, synced in rows
    ]


def outstanding(connection: sqlite3.Connection, now: Stamp) -> tuple[int, float, float]:
    """Grants that may still be redeemed: how many, what they cost, their tokens."""
    since_ns = now.wall_ns if now.synced else 0
    live, cost, tokens = connection.execute(
        "SELECT count(*), coalesce(sum(cost), 0), coalesce(sum(tokens), 0)"
        " FROM promise WHERE ends_ns >= ?",
        (since_ns,),
    ).fetchone()
    return int(live), float(cost), float(tokens)


def ended(connection: sqlite3.Connection, outcome: Outcome) -> None:
    """Count an alert that ended like this."""
    connection.execute(_ADD, ("", f"{_ENDED}{outcome}", EVER, 1))


def ended_as(connection: sqlite3.Connection, outcome: Outcome) -> int:
    """How many alerts ended like this."""
    return counted(connection, "", f"{_ENDED}{outcome}", None)


def overrides(connection: sqlite3.Connection) -> int:
    """How often a manager has granted what spoke for misuse."""
    return counted(connection, "", OVERRIDES, None)


def totals(connection: sqlite3.Connection) -> Totals:
    """What is counted for ever, by offer and whose it is: a new tally must not fall below it."""
    rows = connection.execute("SELECT offer, who, total FROM tally WHERE day = ?", (EVER,))
    return {(offer, who): total for offer, who, total in rows}


def keep(connection: sqlite3.Connection, before: Totals) -> None:
    """After the views were made anew: stock that was promised in events long trimmed stays so."""
    connection.executemany(
        "INSERT INTO tally VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET total = max(total, ?4)",
        [(offer, who, EVER, total) for (offer, who), total in before.items()],
    )
