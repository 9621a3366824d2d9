"""What must be true of a journal, whatever has happened to its process or its disk."""

import sqlite3
from collections import Counter
from collections.abc import Iterable

import msgspec

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.events import GrantIssued, GrantRedeemed, Pressed, Record
from gateway.grants import grant as grants
from gateway.grants.grant import Grant
from gateway.journal import reading, schema, views
from gateway.journal.store import Journal


class Found(msgspec.Struct, frozen=True):
    """A whole journal as one moment shows it."""

    records: list[Record]
    alerts: dict[str, tuple[bool, Alert]]
    grants: dict[str, Grant]
    counters: dict[tuple[str, str], int]
    cursor: int
    epoch: str


def look(journal: Journal) -> Found:
    """Read all of it in one transaction of the reader."""

    return journal.read(find).result(60)


def find(db: sqlite3.Connection) -> Found:
    """The same from a connection, inside one transaction."""
    decode = msgspec.json.Decoder(Alert).decode
    rows = db.execute("SELECT id, live, body FROM alert")
    return Found(
        records=list(reading.all_records(db)),
        alerts={name: (bool(live), decode(body)) for name, live, body in rows},
        grants={grant.code: grant for grant in views.list_grants(db, None, -1)},
        counters=views.counters(db),
        cursor=int(schema.meta(db, "cursor") or 0),
        epoch=schema.meta(db, "epoch") or "",
    )


def check(found: Found) -> None:
    """What needs no knowledge of what was written.

    Raises:
        AssertionError: It says what is wrong.
    """
    seqs = [record.seq for record in found.records]
    assert seqs == list(range(1, len(seqs) + 1)), f"the sequence has holes: {_holes(seqs)}"
    assert found.cursor <= len(seqs), f"the cursor {found.cursor} is beyond {len(seqs)} records"
    alerts, kept, counters = fold(found.records)
    _same("alert", found.alerts, {name: (each.is_live, each) for name, each in alerts.items()})
    _same("grant", found.grants, kept)
    _same("counter", found.counters, counters)


def fold(
    records: Iterable[Record],
) -> tuple[dict[str, Alert], dict[str, Grant], Counter[tuple[str, str]]]:
    """Alerts, grants and counters as the events alone make them."""
    alerts: dict[str, Alert] = {}
    kept: dict[str, Grant] = {}
    counters: Counter[tuple[str, str]] = Counter()
    for record in records:
        event, at = record.event, record.at
        if isinstance(event, Pressed):
            counters[event.button, event.flag or ""] += event.count
        elif isinstance(event, GrantIssued | GrantRedeemed):
            grant = grants.fold(kept.get(event.code), event, at)
            if grant is not None:
                kept[grant.code] = grant
        elif (name := case.alert_of(event)) is not None:
            alert = case.fold(alerts.get(name), event, at)
            if alert is not None:
                alerts[name] = alert
    return alerts, kept, counters


def _holes(seqs: list[int]) -> list[int]:
    return [seq for place, seq in enumerate(seqs, 1) if seq != place][:5]


def _same(kind: str, view: object, folded: object) -> None:
    if view == folded:
        return
    assert isinstance(view, dict)
    assert isinstance(folded, dict)
    differ = [name for name in {*view, *folded} if view.get(name) != folded.get(name)]
    first = min(differ)
    raise AssertionError(
        f"{len(differ)} rows of the {kind} view are not the fold of its events, e.g. {first}:"
        f" {view.get(first)} instead of {folded.get(first)}"
    )
