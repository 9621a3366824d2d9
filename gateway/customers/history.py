"""What the journal knows of cases and codes, as the counter asks for it."""

import sqlite3
from typing import Final

import msgspec

from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.journal import views
from gateway.model import GrantState, Outcome

LOOKED_AT: Final = 5_000
"""Ended alerts that are looked through for those that fit."""
_LATEST: Final = 200
_UNDO_NS: Final = 3600 * NS_PER_S

_alert: Final = msgspec.json.Decoder(Alert).decode


def ended_cases(
    connection: sqlite3.Connection, outcome: Outcome | None, cause: str | None, most: int
) -> list[Alert]:
    """The latest cases that have ended, newest first, of one outcome and cause where given."""
    rows = connection.execute(
        "SELECT body FROM alert WHERE live = 0 ORDER BY seq DESC LIMIT ?", (LOOKED_AT,)
    )
    found: list[Alert] = []
    for (body,) in rows:
        alert = _alert(body)
        if alert.closed is not None and fits(alert, outcome, cause):
            found.append(alert)
            if len(found) == most:
                break
    return found


def fits(alert: Alert, outcome: Outcome | None, cause: str | None) -> bool:
    """Whether a case is of this outcome and cause, where they are given."""
    return outcome in (None, alert.outcome) and cause in (None, alert.mishap)


def live_codes(connection: sqlite3.Connection, now: Stamp) -> list[str]:
    """Codes that may be redeemed, and those just redeemed, which may yet be undone."""
    since_ns = now.wall_ns if now.synced else 0
    rows = connection.execute("SELECT code FROM promise WHERE ends_ns >= ?", (since_ns,))
    latest = views.list_grants(connection, GrantState.REDEEMED, _LATEST)
    undoable = (
        grant.code
        for grant in latest
        if grant.redeemed is not None and (grant.redeemed.age_ns(now) or 0) < _UNDO_NS
    )
    return [*(code for (code,) in rows), *undoable]
