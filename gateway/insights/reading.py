"""The journal in pieces: presses as sums that SQLite makes, everything else event by event.

A piece is one query of the journal's reader, so that whoever else reads waits for one piece at
most. SQLite works without the interpreter's lock: a month's presses hold up no other thread.
"""

import contextlib
import sqlite3
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button
from gateway.events import decode_event
from gateway.insights.cases import Cases
from gateway.insights.figures import Presses, Tally
from gateway.model import ButtonKind, PressFlag

PIECE: Final = 1000
"""Records of one query."""
_QUARTER_S: Final = 900  # no time zone's offset is finer than that

# What the wall said, or what it should have said where that became known later in the boot.
_RIGHT: Final = "CASE WHEN synced OR offset_ns IS NULL THEN wall_ns ELSE offset_ns + mono_ns END"
_EVENTS: Final = (
    " FROM event JOIN boot ON boot.id = event.boot LEFT JOIN clock ON clock.boot = boot.name"
)
# A damaged record is no JSON: it is left out, and the reader that sends it tells of it.
_PRESSES: Final = f"""
WITH piece AS MATERIALIZED (
    SELECT {_RIGHT} AS at_ns, NOT synced AND offset_ns IS NULL AS unsure, CAST(body AS TEXT) AS text
    {_EVENTS} WHERE seq BETWEEN ?1 AND ?2
), pressed AS MATERIALIZED (
    SELECT at_ns, unsure, text FROM piece
    WHERE at_ns >= ?3 AND at_ns < ?4 AND json_valid(text)
), sorted AS (
    SELECT at_ns / {_QUARTER_S * NS_PER_S} AS quarter, json_extract(text, '$.button') AS button,
        json_extract(text, '$.kind') AS kind, json_extract(text, '$.zone') AS zone,
        json_extract(text, '$.flag') AS flag, json_extract(text, '$.count') AS presses, unsure
    FROM pressed WHERE json_extract(text, '$.type') = 'pressed'
)
SELECT quarter, button, kind, zone, flag, sum(presses), sum(presses * unsure) FROM sorted
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - made of constants
# The encoder puts the tag first. A press that got by would be passed over all the same.
_OTHERS: Final = (
    f"SELECT boot.name, mono_ns, {_RIGHT}, synced OR offset_ns IS NOT NULL, body{_EVENTS}"
    ' WHERE seq BETWEEN ? AND ? AND substr(body, 1, 17) <> CAST(\'{"type":"pressed"\' AS BLOB)'
    " ORDER BY seq"
)


class Span(NamedTuple):
    """Days of a shop, from `since_ns` until before `until_ns`, Unix time."""

    since_ns: int
    until_ns: int
    zone: ZoneInfo


class Points:
    """What the settings know of the buttons.

    Args:
        buttons: As they are configured now.
    """

    def __init__(self, buttons: tuple[Button, ...]) -> None:
        neutral = {button.panel for button in buttons if button.kind is ButtonKind.NEUTRAL}
        self.panels: Final = {button.name: button.panel for button in buttons}
        self._of_five: Final = {b.name for b in buttons if b.panel in neutral}

    def is_of_five(self, button: str) -> bool:
        """Whether the scale of its panel has a neutral smiley."""
        return button in self._of_five


def last_seq(connection: sqlite3.Connection) -> int:
    """The highest sequence there is."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])


def first_since(connection: sqlite3.Connection, since_ns: int) -> int:
    """A sequence before which no record of a known time is as late as `since_ns`.

    Times rise with the sequence wherever they are known, so halving finds it in a few looks.
    """
    query = (
        f"SELECT seq, {_RIGHT}{_EVENTS} WHERE seq BETWEEN ? AND ?"
        " AND (synced OR offset_ns IS NOT NULL) ORDER BY seq LIMIT 1"
    )
    (low,) = connection.execute("SELECT coalesce(min(seq), 1) FROM event").fetchone()
    high = last_seq(connection) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(query, (middle, high - 1)).fetchone()
        if row is not None and row[1] < since_ns:
            low = row[0] + 1
        else:
            high = middle
    return int(low)


def count_presses(
    connection: sqlite3.Connection, first: int, span: Span, points: Points, tally: Tally
) -> None:
    """Add the presses of one piece, from sequence `first` on."""
    rows = connection.execute(_PRESSES, (first, first + PIECE - 1, span.since_ns, span.until_ns))
    for row in rows:
        with contextlib.suppress(ValueError):  # a kind that a newer program has recorded
            tally.add(_presses(row, span.zone, points))


def _presses(
    row: tuple[int, str, str, str, str | None, int, int], zone: ZoneInfo, points: Points
) -> Presses:
    quarter, button, kind, place, flag, count, unsure = row
    local = datetime.fromtimestamp(quarter * _QUARTER_S, zone)
    return Presses(
        hour=local.hour,
        weekday=local.weekday(),
        zone=place,
        point=points.panels.get(button, button),
        kind=ButtonKind(kind),
        flag=None if flag is None else PressFlag(flag),
        of_five=points.is_of_five(button),
        count=count,
        unsure=unsure,
    )


def follow_cases(connection: sqlite3.Connection, first: int, cases: Cases) -> None:
    """Let the other events of one piece happen, from sequence `first` on."""
    for boot, mono_ns, wall_ns, synced, body in connection.execute(
        _OTHERS, (first, first + PIECE - 1)
    ):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            cases.take(decode_event(body), Stamp(boot, mono_ns, wall_ns, bool(synced)))
