"""What happened lately, read from the journal: changes of settings, last presses and pages."""

import sqlite3
from collections.abc import Collection, Iterator
from typing import Final, TypeVar

import msgspec

from gateway.clock import NS_PER_S
from gateway.events import Event, Paged, Pressed, SettingsChanged
from gateway.setup.device_messages import PagerMoment
from gateway.setup.messages import ChangeView

MOST: Final = 100
# Further back, a look would keep the journal's other readers waiting.
_SOUGHT: Final = 100_000

_LATEST: Final = (
    "SELECT wall_ns, body FROM event WHERE seq > (SELECT max(seq) FROM event) - ?"
    " AND CAST(body AS TEXT) LIKE ? ORDER BY seq DESC"
)

E = TypeVar("E", bound=Event)


def changes(connection: sqlite3.Connection) -> list[ChangeView]:
    """Who changed which settings, the latest first."""
    return [
        ChangeView(at_s=at_s, by=event.by, keys=event.keys)
        for at_s, event in _take(_latest(connection, SettingsChanged))
    ]


def pressed(connection: sqlite3.Connection) -> dict[str, float]:
    """When each button was pressed last, Unix time."""
    found: dict[str, float] = {}
    for at_s, event in _latest(connection, Pressed):
        found.setdefault(event.button, at_s)
    return found


def paged(connection: sqlite3.Connection, pagers: Collection[str]) -> dict[str, PagerMoment]:
    """What came of the latest page to each of these pagers."""
    found: dict[str, PagerMoment] = {}
    for at_s, event in _latest(connection, Paged):
        if event.pager in pagers:
            found.setdefault(event.pager, PagerMoment(at_s=at_s, state=event.state))
        if len(found) == len(pagers):
            break
    return found


def _take(events: Iterator[tuple[float, E]]) -> Iterator[tuple[float, E]]:
    return (event for event, _ in zip(events, range(MOST), strict=False))


def _latest(connection: sqlite3.Connection, kind: type[E]) -> Iterator[tuple[float, E]]:
    """Events of one kind, the latest first; one that is damaged is passed over."""
    tag = f'%"type":"{kind.__struct_config__.tag}"%'
    for wall_ns, body in connection.execute(_LATEST, (_SOUGHT, tag)):
        try:
            event = msgspec.json.decode(body, type=kind)
        except ValueError:  # msgspec's own are ValueErrors
            continue
        yield wall_ns / NS_PER_S, event
