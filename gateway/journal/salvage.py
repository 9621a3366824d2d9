"""What can be read of a damaged journal, and how the new one goes on from it.

Records that were not on the server yet keep their own ids and are sent as they are: the server
knows what it has. Open alerts, grants and totals begin anew in the new epoch, as events that make
no action there: nothing is ever counted or paid under a second id.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertRaised,
    AnyEvent,
    GrantEvent,
    GrantIssued,
    GrantRedeemed,
    GrantRedeemUndone,
    Pressed,
    Record,
    Salvaged,
    Total,
)
from gateway.grants import grant as grants
from gateway.grants.grant import Grant
from gateway.grants.limits import EVER
from gateway.journal import promises, reading, schema
from gateway.journal.transaction import Transaction
from gateway.model import GrantState

MOST: Final = 20_000
"""The latest records that are looked through: the box must be up soon."""
VIA: Final = "salvage"
_OWN: Final = ("epoch", "views", "cursor", "sent", "floor", "after")
"""What of `meta` dies with its journal."""
_NEVER: Final = Stamp("unknown", 0, 0, synced=False)

_QUARANTINED: Final = """
SELECT (SELECT device FROM era WHERE first <= seq ORDER BY first DESC LIMIT 1)
    || '.' || (SELECT value FROM meta WHERE key = 'epoch') || '.' || seq, reason
FROM quarantine WHERE seq >= (SELECT min(first) FROM era)
"""

_log: Final = logging.getLogger(__name__)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a damaged journal still tells.

    Attributes:
        unsent: Ready for the `salvaged` table.
        quarantined: Ready for the `quarantine_before` table.
    """

    epoch: str
    last: int
    at: Stamp
    alerts: list[Alert]
    grants: list[Grant]
    counters: dict[tuple[str, str], int]
    promised: promises.Totals
    unsent: list[tuple[str, str, int, bytes]]
    quarantined: list[tuple[str, str]]
    meta: dict[str, str]

    def words(self) -> str:
        """For the log."""
        return (
            f"{len(self.unsent)} records to send, {len(self.alerts)} open alerts,"
            f" {len(self.grants)} grants, {len(self.counters)} totals"
        )


def read(path: Path) -> Found | None:
    """Everything that must go on, as far as it can be read; None when nothing can."""
    try:
        with closing(schema.open_reader(path)) as connection:
            return _read(connection)
    except (sqlite3.Error, ValueError) as error:  # ValueError: Python's word for text that is none
        _log.error("%s cannot be read: %s", path, error)
        return None


def _read(connection: sqlite3.Connection) -> Found | None:
    meta = dict(_whole(connection, "SELECT key, value FROM meta"))
    epoch = meta.get("epoch", "")
    cursor = int(meta.get("cursor", 0))
    ((last,),) = _whole(connection, "SELECT max(seq) FROM event") or [(0,)]
    records = list(_readable(connection, max(1, (last or 0) - MOST + 1), last or 0))
    alerts, kept, counters = _fold(records)
    alerts |= {each.id: each for each in _decoded(connection, "alert", Alert)}
    kept |= {each.code: each for each in _decoded(connection, "grants", Grant)}
    counters |= {
        (button, flag): total
        for button, flag, total in _whole(connection, "SELECT button, flag, total FROM counter")
    }
    before = _whole(connection, "SELECT device, epoch, seq, record FROM salvaged ORDER BY id")
    unsent = [
        (each.device, epoch, each.seq, msgspec.json.encode(each))
        for each in records
        if epoch and each.seq > cursor
    ]
    found = Found(
        epoch=epoch,
        last=last or 0,
        at=records[-1].at if records else _NEVER,
        alerts=sorted((each for each in alerts.values() if each.is_live), key=_began),
        grants=[each for each in kept.values() if each.state is GrantState.ISSUED],
        counters=counters,
        promised={
            (offer, who): total
            for offer, who, day, total in _whole(
                connection, "SELECT offer, who, day, total FROM tally"
            )
            if day == EVER
        },
        unsent=before + unsent,
        quarantined=_whole(connection, _QUARANTINED)
        + _whole(connection, "SELECT event, reason FROM quarantine_before"),
        meta={key: value for key, value in meta.items() if key not in _OWN},
    )
    return found if epoch or records or found.alerts or found.grants or counters else None


def take_over(transaction: Transaction, spoilt: Path) -> None:
    """Begin a new journal with what can be read of a damaged one, or with nothing."""
    found = read(spoilt)
    before = transaction.last
    transaction.connection.execute("SAVEPOINT salvage")
    try:
        if found is not None:
            go_on(transaction, found)
    except sqlite3.IntegrityError as error:  # what was read contradicts itself
        _log.error("what %s holds cannot be used: %s", spoilt, error)
        transaction.step_back(before)
        transaction.connection.execute("ROLLBACK TO salvage")
        found = None
    transaction.connection.execute("RELEASE salvage")
    _log.warning("of %s was salvaged: %s", spoilt, found.words() if found else "nothing")


def go_on(transaction: Transaction, found: Found) -> None:
    """Begin the new journal with it."""
    counters = tuple(Total(*key, total) for key, total in sorted(found.counters.items()))
    transaction.append(
        Salvaged(epoch=found.epoch, last=found.last, unsent=len(found.unsent), counters=counters),
        found.at,
    )
    for alert in found.alerts:
        for event, at in _alert_anew(alert):
            transaction.append(event, at)
    for grant in found.grants:
        for each in _grant_anew(grant):
            transaction.append(each, grant.issued)
    connection = transaction.connection
    promises.keep(connection, found.promised)
    connection.executemany(
        "INSERT INTO salvaged (device, epoch, seq, record) VALUES (?, ?, ?, ?)", found.unsent
    )
    connection.executemany(
        "INSERT OR REPLACE INTO quarantine_before VALUES (?, ?)", found.quarantined
    )
    for key, value in found.meta.items():
        schema.set_meta(connection, key, value)


def _alert_anew(alert: Alert) -> Iterator[tuple[AnyEvent, Stamp]]:
    """Events that fold to it. Nobody's account is in them: they were rewarded before."""
    yield (
        AlertRaised(
            alert=alert.id,
            cause=alert.cause,
            zone=alert.zone,
            button=alert.button,
            quiet=alert.quiet,
            words=alert.words,
            to=alert.to,
        ),
        alert.raised,
    )
    for _ in range(alert.presses - 1):
        yield AlertJoined(alert=alert.id, button=alert.button or ""), alert.last_press
    if alert.level >= 0:
        yield AlertClimbed(alert=alert.id, level=alert.level), alert.last_press
    if alert.acknowledged is not None:
        by, at = alert.acknowledged.by, alert.acknowledged.at
        yield AlertAcknowledged(alert=alert.id, by=by, via=VIA), at
    if alert.contacted is not None:
        yield AlertContacted(alert=alert.id, by=alert.contacted.by), alert.contacted.at


def _grant_anew(grant: Grant) -> Iterator[AnyEvent]:
    """Events that fold to it. What the server has booked once, it is told not to book again."""
    yield GrantIssued(
        code=grant.code,
        request=grant.request,
        offer=grant.offer,
        kind=grant.kind,
        by=grant.issued_by,
        expires=grant.expires,
        alert=grant.alert,
        account=grant.account,
        tokens=grant.tokens,
        cost=grant.cost,
        day=grant.day,
        override=grant.override,
        zone=grant.zone,
        score=grant.score,
        playbook=grant.playbook,
        central=grant.central,
    )
    for _ in range(grant.undone):
        yield GrantRedeemed(code=grant.code, by=VIA, kind=grant.kind, again=True)
        yield GrantRedeemUndone(code=grant.code, by=VIA)


def _fold(
    records: list[Record],
) -> tuple[dict[str, Alert], dict[str, Grant], dict[tuple[str, str], int]]:
    """The same from the records, where the views cannot be read."""
    alerts: dict[str, Alert] = {}
    kept: dict[str, Grant] = {}
    counters: dict[tuple[str, str], int] = {}
    for record in records:
        event, at = record.event, record.at
        if isinstance(event, Pressed):
            counters[event.button, event.flag or ""] = event.total
        elif isinstance(event, GrantEvent):
            grant = grants.fold(kept.get(event.code), event, at)
            if grant is not None:
                kept[grant.code] = grant
        elif (name := case.alert_of(event)) is not None:
            alert = case.fold(alerts.get(name), event, at)
            if alert is not None:
                alerts[name] = alert
    return alerts, kept, counters


def _began(alert: Alert) -> tuple[int, int]:
    return alert.raised.wall_ns, alert.raised.mono_ns


def _decoded(connection: sqlite3.Connection, table: str, kind: type[Any]) -> Iterator[Any]:
    for (body,) in _whole(connection, f"SELECT body FROM {table}"):  # noqa: S608 - our own names
        try:
            yield msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def _whole(connection: sqlite3.Connection, query: str) -> list[Any]:
    """The rows before the first that cannot be read."""
    rows: list[Any] = []
    with suppress(sqlite3.Error):
        rows.extend(connection.execute(query))
    return rows


def _readable(connection: sqlite3.Connection, first: int, last: int) -> Iterator[Record]:
    """The records that can be read, however many between them cannot."""
    if first > last:
        return
    try:
        yield from list(reading.records_between(connection, first, last))
    except sqlite3.Error:
        if first == last:
            return
        middle = (first + last) // 2
        yield from _readable(connection, first, middle)
        yield from _readable(connection, middle + 1, last)
