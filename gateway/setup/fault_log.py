"""The log of faults, page by page, read from the journal."""

import sqlite3
from typing import Final

import msgspec

from gateway.clock import NS_PER_S
from gateway.events import FaultCleared, FaultRaised
from gateway.setup.device_messages import FaultsView, Moment

PAGE: Final = 50
SOUGHT: Final = 100_000
"""Records that one page looks through: more would keep the journal's other readers waiting."""

_END: Final = (1 << 63) - 1  # above every sequence
_OLDER: Final = (
    "SELECT * FROM (SELECT seq, wall_ns, body FROM event WHERE seq < ? ORDER BY seq DESC LIMIT ?)"
    ' WHERE CAST(body AS TEXT) LIKE \'%"type":"fault_%\' LIMIT ?'
)
_NEWER: Final = (
    "SELECT * FROM (SELECT seq, wall_ns, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?)"
    ' WHERE CAST(body AS TEXT) LIKE \'%"type":"fault_%\' LIMIT ?'
)
_NOT_SOUGHT_BELOW: Final = "SELECT seq FROM event WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
_NOT_SOUGHT_ABOVE: Final = "SELECT seq FROM event WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?"

_Row = tuple[int, int, bytes]


def latest(connection: sqlite3.Connection) -> FaultsView:
    """The latest page."""
    found, further = _look(connection, _OLDER, _NOT_SOUGHT_BELOW, _END)
    return _view(found, older=None if further is None else further + 1, newer=None)


def before(connection: sqlite3.Connection, seq: int) -> FaultsView:
    """The page of what is older than this record."""
    found, further = _look(connection, _OLDER, _NOT_SOUGHT_BELOW, seq)
    newer = found[0][0] if found else max(0, seq - 1)
    return _view(found, older=None if further is None else further + 1, newer=newer)


def after(connection: sqlite3.Connection, seq: int) -> FaultsView:
    """The page of what is newer than this record; where there is no full one, the latest."""
    found, further = _look(connection, _NEWER, _NOT_SOUGHT_ABOVE, seq)
    if further is None:
        return latest(connection)
    older = found[0][0] if found else seq + 1
    return _view(found[::-1], older=older, newer=further - 1)


def _look(
    connection: sqlite3.Connection, query: str, beyond: str, seq: int
) -> tuple[list[_Row], int | None]:
    """A page of records from `seq` on, and the first that it did not take or look at."""
    found = list(connection.execute(query, (seq, SOUGHT, PAGE + 1)))
    if len(found) > PAGE:
        return found[:PAGE], found[PAGE][0]
    rest = connection.execute(beyond, (seq, SOUGHT)).fetchone()
    return found, None if rest is None else rest[0]


def _view(found: list[_Row], older: int | None, newer: int | None) -> FaultsView:
    moments = []
    for _seq, wall_ns, body in found:
        try:
            event = msgspec.json.decode(body, type=FaultRaised | FaultCleared)
        except ValueError:  # a damaged one, or another that speaks of a fault
            continue
        words = event.words if isinstance(event, FaultRaised) else None
        moments.append(Moment(at_s=wall_ns / NS_PER_S, part=event.part, words=words))
    return FaultsView(moments=tuple(moments), older=older, newer=newer)
