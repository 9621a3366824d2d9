"""What a playbook limits, pure: so many by one person, by the shop, to one customer, or at all.

Counted by days. A day is the shop's own calendar day; while the clock is not right it is 24 hours
of this boot's running, because then nobody knows the date. Once the clock is right, what was
promised in the boot's present 24 hours counts as today's too. A grant keeps the day it was
recorded under, so that no later jump of the clock counts it anew.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import Refused

SHOP: Final = "shop"
EVER: Final = "*"
"""The day of what is counted for ever: before all dates."""
_DAY_NS: Final = 24 * 3600 * NS_PER_S


class Days(msgspec.Struct, frozen=True):
    """Which days count.

    Attributes:
        since: The first date; all from there on count, those of a clock that was ahead too.
        boot: The present 24 hours of this boot.
    """

    since: str
    boot: str


class Limit(msgspec.Struct, frozen=True):
    """At most so many of one offer, on these days.

    Attributes:
        who: Whose promises are counted, as the journal's tally names them.
        most: How many there may be.
        days: None for a count over all time.
        refused: What to say when there are as many.
    """

    who: str
    most: int
    days: Days | None
    refused: Refused


def staff(name: str) -> str:
    """How the tally names a person."""
    return f"staff:{name}"


def customer(account: str) -> str:
    """How the tally names a customer."""
    return f"account:{account}"


def day_of(at: Stamp, timezone: ZoneInfo) -> str:
    """The day that a promise of this moment counts on."""
    return _date(at, timezone).isoformat() if at.synced else _boot_day(at)


def limits_of(
    offer: Offer, by: str, account: str | None, at: Stamp, timezone: ZoneInfo
) -> Iterator[Limit]:
    """Everything that limits one more promise of this offer, by a person to a customer."""
    date_now = _date(at, timezone)
    today = _days(at, date_now, 1)
    if offer.stock is not None:
        words = f"there is no {offer.name} left: all {offer.stock} are promised"
        yield Limit(SHOP, offer.stock, None, Refused("out_of_stock", words))
    if offer.per_staff_day is not None:
        words = f"{by} has promised {offer.name} {offer.per_staff_day} times today: no more"
        yield Limit(staff(by), offer.per_staff_day, today, Refused("over_cap", words))
    if offer.per_staff_days is not None:
        most, days = offer.per_staff_days
        words = f"{by} has promised {offer.name} {most} times in {days} days: no more"
        since = _days(at, date_now, days)
        yield Limit(staff(by), most, since, Refused("over_cap", words))
    if offer.per_shop_day is not None:
        words = f"the shop has promised {offer.name} {offer.per_shop_day} times today: no more"
        yield Limit(SHOP, offer.per_shop_day, today, Refused("over_cap", words))
    if offer.per_shop_days is not None:
        most, days = offer.per_shop_days
        words = f"the shop has promised {offer.name} {most} times in {days} days: no more"
        since = _days(at, date_now, days)
        yield Limit(SHOP, most, since, Refused("over_cap", words))
    if offer.per_customer_days is not None and account is not None:
        most, days = offer.per_customer_days
        words = f"this customer was promised {offer.name} {most} times in {days} days: no more"
        since = _days(at, date_now, days)
        yield Limit(customer(account), most, since, Refused("over_cap", words))


def _days(at: Stamp, last: date, count: int) -> Days:
    first = last - timedelta(days=count - 1)
    return Days(since=first.isoformat(), boot=_boot_day(at))


def _date(at: Stamp, timezone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at.wall_ns // NS_PER_S, UTC).astimezone(timezone).date()


def _boot_day(at: Stamp) -> str:
    return f"boot {at.boot} {at.mono_ns // _DAY_NS}"  # after all dates
