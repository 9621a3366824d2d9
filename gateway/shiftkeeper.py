"""The shift keeper: finds shifts that went without a missed alert, and has each recorded once."""

import asyncio
import sqlite3
from typing import Final

from gateway.alerts import shifts
from gateway.alerts.case import Alert
from gateway.alerts.shifts import Span
from gateway.clock import Clock, Stamp
from gateway.config import Config
from gateway.events import ShiftKept
from gateway.journal import reading, rewards, views
from gateway.journal.store import Journal, Transaction

ALERTS_MOST: Final = 2000
"""The latest alerts that are looked through for the shifts of some days."""


class ShiftKeeper:
    """Looks after the shifts of those who have an account.

    Args:
        config: Staff, and the shop's time zone.
        clock: The time.
        journal: Has the alerts, and decides.
    """

    def __init__(self, config: Config, clock: Clock, journal: Journal) -> None:
        self._shop: Final = config.shop
        self._staff: Final = tuple(each for each in config.staff if each.account)
        self._clock: Final = clock
        self._journal: Final = journal
        self._settled: set[tuple[str, Span]] = set()  # what need not be looked at again

    async def look(self) -> None:
        """Record the shifts that have ended well since the last look.

        Raises:
            JournalError: It cannot be read or written; what was not recorded is, next time.
        """
        now = self._clock.now()
        over = [
            (each, span) for each in self._staff for span in shifts.ended(each, self._shop, now)
        ]
        due = [(each, span) for each, span in over if (each.name, span) not in self._settled]
        self._settled &= {(each.name, span) for each, span in over}
        if not due:
            return
        alerts, offsets = await asyncio.wrap_future(self._journal.read(_alerts))
        for person, span in due:
            kept = shifts.is_kept(span, person, alerts, now, offsets)
            if kept:
                event = ShiftKept(
                    by=person.name,
                    account=person.account or "",
                    begins_ns=span.begins_ns,
                    ends_ns=span.ends_ns,
                )
                await self._record(event, now)
            if kept is not None:
                self._settled.add((person.name, span))

    async def _record(self, event: ShiftKept, now: Stamp) -> None:
        """The journal decides: a restart, a clock or settings that were changed add nothing."""

        def work(transaction: Transaction) -> None:
            connection = transaction.connection
            if not rewards.is_kept(connection, event.by, event.begins_ns, event.ends_ns):
                transaction.append(event, now)

        await asyncio.wrap_future(self._journal.transact(work))


def _alerts(connection: sqlite3.Connection) -> tuple[list[Alert], dict[str, int]]:
    """The alerts of late, and what is known of boots that had no right time at first."""
    alerts = views.live_alerts(connection) + views.closed_alerts(connection, ALERTS_MOST)
    return alerts, reading.repaired(connection)
