"""What the journal keeps: never more than its bound, and nothing unsent is dropped before that.

Records that are on the server go when they are old or in the way. When the rest alone reaches the
bound, new grants are refused, and the oldest records make room: a `Gap` takes the place of each
run of them, so that the sequence has no hole. Everything here runs inside the writer's transaction.
"""

import sqlite3
from itertools import groupby
from typing import Final

import msgspec

from gateway.alerts import case
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Retention
from gateway.events import (
    PUSHED,
    VERSION,
    AnyEvent,
    ClockRepaired,
    Gap,
    GrantEvent,
    GrantIssued,
    Pressed,
    Salvaged,
    TokensSpent,
    Total,
    decode_event,
    encode_event,
)
from gateway.journal import holders, promises, rewards, schema
from gateway.model import GrantState

PIECE: Final = 64
"""Records that are looked at in one go: far less than a tenth of the smallest bound."""
PIECES: Final = 128
"""The most of them that go for their age at once: presses are waiting to be written, and a box that
was off for a year has a year of them. The rest is for the next time."""
SHARE: Final = 16
"""However full others make the disk: this part of `max_bytes` stays the journal's."""
FREE_PAGES: Final = 256
"""Unused pages that stay in the file: they are used again soon."""
_DAY_NS: Final = 24 * 3600 * NS_PER_S
_ENOUGH: Final = 200  # records, to tell a pace from
_RECENT: Final = 10_000

_SELECT: Final = (
    "SELECT seq, boot.name, mono_ns, wall_ns, synced, body FROM event"
    " JOIN boot ON boot.id = event.boot WHERE "
)

_Totals = dict[tuple[str, str], int]


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How the journal stands to its bound.

    Attributes:
        used_bytes: What its records and views take.
        limit_bytes: The bound as it is now: less than `max_bytes` when the disk is short.
        reached: Whether what must be kept has reached the bound.
        disk_short: Whether less is free on the disk than was to be left free.
        days_left: How long it lasts without the server at the pace of late; None: nobody knows.
    """

    used_bytes: int = 0
    limit_bytes: int = 0
    reached: bool = False
    disk_short: bool = False
    days_left: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be promised: what is promised has to be kept."""
        return self.reached or self.disk_short


class _Row(msgspec.Struct, frozen=True):
    seq: int
    at: Stamp
    event: AnyEvent | None  # None: it cannot be read


def tidy(connection: sqlite3.Connection, keep: Retention, free_bytes: int) -> Room:
    """Let go of what need not, or cannot, be kept.

    Args:
        connection: Inside a transaction.
        keep: The bounds.
        free_bytes: What is free on the journal's disk.
    """
    limit = _limit(connection, keep, free_bytes)
    high = limit - limit // 10
    cursor = int(schema.meta(connection, "cursor") or 0)
    _let_go_of_ended(connection, cursor)
    for _ in range(PIECES):
        if not _trim_old(connection, cursor, keep.max_days):
            break
    while _used(connection) > high and _trim(connection, cursor):
        pass
    reached = _used(connection) > high
    while _used(connection) > limit and _drop(connection, cursor):
        pass
    return Room(
        used_bytes=_used(connection),
        limit_bytes=limit,
        reached=reached,
        disk_short=free_bytes < keep.min_free_bytes,
        days_left=_days_left(connection, cursor, limit),
    )


def give_back(connection: sqlite3.Connection) -> None:
    """Give some unused pages back to the disk, in a transaction of its own."""
    if _pragma(connection, "freelist_count") > FREE_PAGES:
        # Not `execute`: the statement steps once a page, and has no rows to ask for.
        connection.executescript(f"PRAGMA incremental_vacuum({FREE_PAGES})")


def _limit(connection: sqlite3.Connection, keep: Retention, free_bytes: int) -> int:
    file = _pragma(connection, "page_count") * _pragma(connection, "page_size")
    of_disk = file + free_bytes - keep.min_free_bytes
    return min(keep.max_bytes, max(of_disk, keep.max_bytes // SHARE))


def _used(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


# --- what is on the server ---------------------------------------------------------------------


def _trim_old(connection: sqlite3.Connection, cursor: int, max_days: int) -> bool:
    """Let go of one piece of what is on the server and certainly too old; whether there was any.

    The present is the latest record: no clock is asked, and an idle box forgets nothing.
    """
    rows = _sent(connection, cursor)
    newest = _rows(connection, "seq > 0 ORDER BY seq DESC LIMIT 1")
    old = [
        row.seq
        for row in rows
        if (age_ns := row.at.age_ns(newest[0].at)) is not None and age_ns > max_days * _DAY_NS
    ]
    if not old:
        return False
    _forget(connection, [row for row in rows if row.seq <= old[-1]])
    return True


def _trim(connection: sqlite3.Connection, cursor: int) -> bool:
    """Let go of the oldest piece of what is on the server; whether there was any."""
    rows = _sent(connection, cursor)
    _forget(connection, rows)
    return bool(rows)


def _sent(connection: sqlite3.Connection, cursor: int) -> list[_Row]:
    """The next piece; never the latest record of all, which holds the sequence."""
    return _rows(
        connection,
        "seq > ? AND seq <= ? AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?",
        (_floor(connection), cursor, PIECE),
    )


def _forget(connection: sqlite3.Connection, rows: list[_Row]) -> None:
    if not rows:
        return
    going = [row for row in rows if not _stays(connection, row, unsent=False)]
    connection.executemany("DELETE FROM event WHERE seq = ?", [(row.seq,) for row in going])
    _let_go_of_views(connection, rows[-1].seq)
    _keep_totals(connection, _totals(going))


# --- what is not -------------------------------------------------------------------------------


def _drop(connection: sqlite3.Connection, cursor: int) -> bool:
    """Let the oldest piece of what is not on the server make room; whether there was any."""
    rows = _rows(
        connection,
        "seq > ? AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?",
        (_floor(connection), PIECE),
    )
    if not rows:
        return False
    for stays, run in groupby(rows, lambda row: _stays(connection, row, unsent=True)):
        if not stays:
            _leave_gap(connection, list(run), cursor)
    _let_go_of_views(connection, rows[-1].seq)
    return True


def _leave_gap(connection: sqlite3.Connection, run: list[_Row], cursor: int) -> None:
    """A gap stands at its last record's number; an unsent one right before becomes part of it."""
    totals = _totals(run)
    _keep_totals(connection, totals)
    first, last = run[0].seq, run[-1].seq
    before = _rows(connection, "seq = ? AND seq > ?", (first - 1, cursor))
    gap = before[0].event if before else None
    if isinstance(gap, Gap):
        totals = {(each.button, each.flag): each.presses for each in gap.counters} | totals
        connection.execute("DELETE FROM stays WHERE seq = ?", (first - 1,))
        connection.execute("DELETE FROM event WHERE seq = ?", (first - 1,))
        first = gap.first
    counters = tuple(Total(button, flag, total) for (button, flag), total in totals.items())
    body = encode_event(Gap(first=first, last=last, counters=counters))
    connection.execute("DELETE FROM event WHERE seq >= ? AND seq < ?", (run[0].seq, last))
    connection.execute(
        "UPDATE event SET version = ?, body = ? WHERE seq = ?", (VERSION, body, last)
    )
    connection.execute("INSERT INTO stays VALUES (?, NULL, NULL)", (last,))


# --- what stays --------------------------------------------------------------------------------


def _stays(connection: sqlite3.Connection, row: _Row, *, unsent: bool) -> bool:
    """Whether a record outlives retention: then it is noted, with what it stays for."""
    event = row.event
    alert: str | None = None
    code: str | None = None
    if isinstance(event, GrantEvent):
        code = event.code
        open_ = connection.execute(
            "SELECT 1 FROM grants WHERE code = ? AND state = ?", (code, GrantState.ISSUED)
        ).fetchone()
        # A redemption is somebody's money: it goes to the server, whatever the room.
        stays = open_ is not None or (unsent and not isinstance(event, GrantIssued))
    elif unsent and isinstance(event, Gap | Salvaged | ClockRepaired | TokensSpent):
        stays = True
    elif event is not None and (alert := case.alert_of(event)) is not None:
        live = connection.execute("SELECT 1 FROM alert WHERE id = ? AND live = 1", (alert,))
        stays = live.fetchone() is not None
    else:
        stays = False
    if stays:
        connection.execute("INSERT INTO stays VALUES (?, ?, ?)", (row.seq, alert, code))
    return stays


def _let_go_of_ended(connection: sqlite3.Connection, cursor: int) -> None:
    """Records that stayed for an alert or a grant which is over now, and are on the server."""
    over = (
        "SELECT stays.seq FROM stays LEFT JOIN alert ON alert.id = stays.alert AND alert.live = 1"
        " LEFT JOIN grants ON grants.code = stays.code AND grants.state = ?"
        " WHERE stays.seq <= ? AND alert.id IS NULL AND grants.code IS NULL"
        " AND stays.seq < (SELECT max(seq) FROM event)"
    )
    gone = connection.execute(over, (GrantState.ISSUED, cursor)).fetchall()
    for statement in ("DELETE FROM event WHERE seq = ?", "DELETE FROM stays WHERE seq = ?"):
        connection.executemany(statement, gone)


def _let_go_of_views(connection: sqlite3.Connection, floor: int) -> None:
    """What has ended goes together with the record that began it."""
    schema.set_meta(connection, "floor", str(floor))
    connection.execute("DELETE FROM alert WHERE live = 0 AND seq <= ?", (floor,))
    holders.let_go(connection, floor)
    # The centre may push a personal grant for as long as it likes, and it must come but once.
    connection.execute(
        "DELETE FROM grants WHERE state <> ? AND seq <= ? AND request NOT GLOB ?",
        (GrantState.ISSUED, floor, f"{PUSHED}*"),
    )
    promises.let_go(connection, floor)
    rewards.let_go(connection, floor)


def _totals(rows: list[_Row]) -> _Totals:
    """The totals as they stood at the end of these records, of the buttons in them."""
    found: _Totals = {}
    for row in rows:
        match row.event:
            case Pressed(button=button, flag=flag, total=total):
                found[button, flag or ""] = total
            case Salvaged(counters=counters):
                found |= {(each.button, each.flag): each.presses for each in counters}
    return found


def _keep_totals(connection: sqlite3.Connection, totals: _Totals) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO past VALUES (?, ?, ?)",
        [(button, flag, total) for (button, flag), total in totals.items()],
    )


# --- reading -----------------------------------------------------------------------------------


def _floor(connection: sqlite3.Connection) -> int:
    """Up to here retention has looked at everything: what is still there, stays."""
    return int(schema.meta(connection, "floor") or 0)


def _rows(connection: sqlite3.Connection, where: str, values: tuple[int, ...] = ()) -> list[_Row]:
    found = connection.execute(_SELECT + where, values)
    return [
        _Row(seq, Stamp(boot, mono_ns, wall_ns, bool(synced)), _event(body))
        for seq, boot, mono_ns, wall_ns, synced, body in found
    ]


def _event(body: bytes) -> AnyEvent | None:
    try:
        event: AnyEvent = decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return event


def _days_left(connection: sqlite3.Connection, cursor: int, limit: int) -> float | None:
    """From the pace of the latest records and what one of them takes."""
    floor = _floor(connection)
    (last,) = connection.execute("SELECT max(seq) FROM event").fetchone()
    if last is None:
        return None
    start = max(floor, last - _RECENT)
    ends = _rows(
        connection, "seq IN ((SELECT min(seq) FROM event WHERE seq > ?), ?)", (start, last)
    )
    age_ns = ends[0].at.age_ns(ends[-1].at)
    count = ends[-1].seq - ends[0].seq
    if age_ns is None or age_ns <= 0 or count < _ENOUGH:
        return None
    size = _used(connection) / (last - floor)
    records = max(0.0, limit / size - (last - cursor))
    days: float = records / count * age_ns / _DAY_NS
    return days
