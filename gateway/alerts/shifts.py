"""Shifts that are over, pure: which of them went without a missed alert.

A shift is kept when the person answered at least one customer in it and no alert of their zones was
missed. It counts once, however many were answered, so that pressing and answering oneself is worth
no more than the one; what turned out to be no alert is no answer. What nobody knows the time of
counts for nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.alerts import hours, roster
from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Shop, Staff
from gateway.model import AlertCause, AlertState, Outcome

LOOK_BACK: Final = timedelta(days=2)
"""How long after its end a shift is still judged: the box may have been off."""

_CUSTOMERS: Final = (AlertCause.RED, AlertCause.CALL, AlertCause.REASON)
_NO_ALERT: Final = (Outcome.FALSE_ALARM, Outcome.MISUSE)


class Span(msgspec.Struct, frozen=True):
    """One shift of one day, in Unix time."""

    begins_ns: int
    ends_ns: int


def ended(person: Staff, shop: Shop, now: Stamp) -> Iterator[Span]:
    """The shifts of a person that have ended of late; none while nobody knows the time."""
    if not now.synced:
        return
    today = hours.local(shop, now).date()
    zone = ZoneInfo(shop.timezone)
    oldest_ns = now.wall_ns - round(LOOK_BACK.total_seconds()) * NS_PER_S
    for back in range(LOOK_BACK.days + 2):
        day = today - timedelta(days=back)
        for shift in person.shifts:
            start, end = time.fromisoformat(shift.start), time.fromisoformat(shift.end)
            last = day if start < end else day + timedelta(days=1)
            span = Span(
                _ns(datetime.combine(day, start, zone)), _ns(datetime.combine(last, end, zone))
            )
            is_one = hours.DAYS[day.weekday()] in shift.days
            if is_one and oldest_ns <= span.ends_ns <= now.wall_ns:
                yield span


def is_kept(
    span: Span, person: Staff, alerts: Iterable[Alert], now: Stamp, offsets: dict[str, int]
) -> bool | None:
    """Whether a shift that is over was kept; None while one of its alerts is still live.

    Args:
        span: The shift.
        person: Whose it was.
        alerts: All that were raised since it began, others too.
        now: The present, synchronised.
        offsets: By boot that had no right time at first: wall less monotonic time in ns.
    """
    within = [
        alert
        for alert in alerts
        if not alert.quiet
        and roster.covers(person, alert.zone)
        and (wall_ns := _wall_ns(alert.raised, now, offsets)) is not None
        and span.begins_ns <= wall_ns < span.ends_ns
    ]
    if any(alert.state is AlertState.MISSED for alert in within):
        return False
    if any(alert.is_live for alert in within):
        return None
    return any(_is_answered(alert, person) for alert in within)


def _is_answered(alert: Alert, person: Staff) -> bool:
    return (
        alert.cause in _CUSTOMERS
        and alert.acknowledged is not None
        and alert.acknowledged.by == person.name
        and alert.outcome not in _NO_ALERT
    )


def _wall_ns(at: Stamp, now: Stamp, offsets: dict[str, int]) -> int | None:
    """When that was, by a clock that was right: then, or later in the same boot."""
    if at.boot in offsets:
        return at.mono_ns + offsets[at.boot]
    if at.synced:
        return at.wall_ns
    return now.wall_ns - now.mono_ns + at.mono_ns if at.boot == now.boot else None


def _ns(moment: datetime) -> int:
    return round(moment.timestamp()) * NS_PER_S
