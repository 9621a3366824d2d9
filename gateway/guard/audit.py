"""The audit log: who did what to the box, read from the journal. Nothing is kept beside it."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from gateway.clock import NS_PER_S
from gateway.events import (
    Administered,
    Event,
    FactoryResetRequested,
    GrantIssued,
    GrantKeyRotated,
    GrantVoided,
    OwnerPinReset,
    PersonalForgotten,
    SettingsChanged,
    decode_event,
)
from gateway.guard.messages import AuditEntry, AuditKind

MOST: Final = 200
_SOUGHT: Final = 200_000  # further back, a look would keep the journal's other readers waiting
_KINDS: Final = (
    SettingsChanged,
    Administered,
    OwnerPinReset,
    FactoryResetRequested,
    GrantIssued,
    GrantVoided,
    GrantKeyRotated,
    PersonalForgotten,
)
_SELECT: Final = (
    "SELECT wall_ns, body FROM event WHERE seq > (SELECT max(seq) FROM event) - ?"
    " AND body ->> '$.type' IN (SELECT value FROM json_each(?)) ORDER BY seq DESC"
)


def entries(
    connection: sqlite3.Connection, *, kind: AuditKind | None, by: str | None, since_s: float
) -> tuple[AuditEntry, ...]:
    """The latest entries first, at most `MOST`.

    Args:
        connection: To the journal.
        kind: Only of this kind.
        by: Only of this person.
        since_s: Only from this Unix time on.
    """
    found: list[AuditEntry] = []
    for entry in _all(connection):
        if entry.at_s < since_s or kind not in (None, entry.kind) or by not in (None, entry.by):
            continue
        found.append(entry)
        if len(found) == MOST:
            break
    return tuple(found)


def _all(connection: sqlite3.Connection) -> Iterator[AuditEntry]:
    tags = json.dumps([kind.__struct_config__.tag for kind in _KINDS])
    for wall_ns, body in connection.execute(_SELECT, (_SOUGHT, tags)):
        try:
            entry = _entry(decode_event(body), wall_ns / NS_PER_S)
        except ValueError:  # damaged, or of a newer program: passed over
            continue
        if entry is not None:
            yield entry


def _entry(event: Event, at_s: float) -> AuditEntry | None:
    """What the log says of an event; None of one that is nobody's deed on the box."""
    match event:
        case SettingsChanged():
            found = (AuditKind.SETTINGS, event.by, "settings_changed", event.keys, "")
        case Administered():
            about = () if event.about is None else (event.about,)
            found = (AuditKind.BOX, event.by, event.deed.value, about, "")
        case OwnerPinReset():
            found = (AuditKind.BOX, "", "owner_pin_reset", (event.button,), "")
        case FactoryResetRequested() if event.button:  # else the page's own deed says who it was
            found = (AuditKind.BOX, "", "factory_reset_requested", (event.button,), "")
        case GrantIssued(override=str() as reason):
            found = (AuditKind.GRANTS, event.by, "grant_overridden", (event.offer,), reason)
        case GrantVoided():
            found = (AuditKind.GRANTS, event.by, "grant_voided", (), event.reason)
        case GrantKeyRotated():
            found = (AuditKind.GRANTS, event.by, "grant_key_rotated", (), "")
        case PersonalForgotten():
            found = (AuditKind.CUSTOMERS, event.by, "personal_forgotten", (), "")
        case _:
            return None
    kind, by, deed, names, reason = found
    return AuditEntry(at_s=at_s, by=by, kind=kind, deed=deed, about=names, reason=reason)
