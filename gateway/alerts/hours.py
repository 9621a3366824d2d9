"""Opening hours, holidays and shifts, pure.

A span that does not end after it begins passes midnight: `22:00`–`06:00` ends the next morning,
`00:00`–`00:00` is the whole day. It belongs to the day on which it begins, holidays too.

With a clock that is not synchronised nobody knows the hour: then the shop counts as open and
everyone as on duty. A page too many is a nuisance; a customer lost is the loss this box is for.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Shift, Shop, Staff

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def local(shop: Shop, at: Stamp) -> datetime:
    """The shop's wall clock at a moment."""
    return datetime.fromtimestamp(at.wall_ns // NS_PER_S, ZoneInfo(shop.timezone))


def hhmm(shop: Shop, at: Stamp) -> str:
    """The shop's time of day for a person; nothing where the clock was not right."""
    return local(shop, at).time().isoformat("minutes") if at.synced else ""


def is_open(shop: Shop, at: Stamp) -> bool:
    """Whether the shop is open: all day where no hours are set, always if nobody knows the time."""
    if not at.synced:
        return True
    if not shop.hours and not shop.holidays:
        return True
    now = local(shop, at)
    if not shop.hours:
        return not _is_holiday(now, shop.holidays)
    return any(_within(now, span.days, span.open, span.close, shop.holidays) for span in shop.hours)


def on_duty(person: Staff, shop: Shop, at: Stamp) -> bool:
    """Whether a person's shift is on; always, where none is set or nobody knows the time."""
    if not person.shifts or not at.synced:
        return True
    return _in_shift(person.shifts, local(shop, at))


def _in_shift(shifts: Iterable[Shift], now: datetime) -> bool:
    return any(_within(now, shift.days, shift.start, shift.end, ()) for shift in shifts)


def _within(
    now: datetime, days: tuple[str, ...], start: str, end: str, holidays: tuple[str, ...]
) -> bool:
    """Whether `now` is inside a span that began today, or yesterday and passes midnight."""
    begin, finish = time.fromisoformat(start), time.fromisoformat(end)
    clock = now.time()
    yesterday = now - timedelta(days=1)
    if begin < finish:
        return begin <= clock < finish and _is_day(now, days, holidays)
    return (clock >= begin and _is_day(now, days, holidays)) or (
        clock < finish and _is_day(yesterday, days, holidays)
    )


def _is_day(day: datetime, days: tuple[str, ...], holidays: tuple[str, ...]) -> bool:
    return DAYS[day.weekday()] in days and not _is_holiday(day, holidays)


def _is_holiday(day: datetime, holidays: tuple[str, ...]) -> bool:
    return day.strftime("%Y-%m-%d") in holidays or day.strftime("%m-%d") in holidays
