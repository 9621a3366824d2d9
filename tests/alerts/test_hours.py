"""Opening hours, holidays, shifts and time zones, at the minute where they change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.hours import hhmm, is_open, on_duty
from gateway.clock import Stamp
from gateway.config import Hours, Shift, Shop, Staff

NS_PER_S = 1_000_000_000
ZONE = "Europe/Berlin"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def shop(*hours: Hours, holidays: tuple[str, ...] = (), zone: str = ZONE) -> Shop:
    return Shop(name="Shop", account="shop", timezone=zone, hours=hours, holidays=holidays)


def at(local: str, zone: str = ZONE, *, synced: bool = True) -> Stamp:
    """A moment by the shop's own wall clock, e.g. `2026-11-23 09:00`."""
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    return Stamp("boot", 0, int(moment.timestamp()) * NS_PER_S, synced)


DAYTIME = Hours(days=("mon", "tue"), open="09:00", close="21:00")
NIGHT = Hours(days=("fri",), open="22:00", close="06:00")


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-23 08:59:59", False),  # a Monday
        ("2026-11-23 09:00", True),
        ("2026-11-23 20:59:59", True),
        ("2026-11-23 21:00", False),
        ("2026-11-25 12:00", False),  # a Wednesday
        ("2026-11-27 21:59", False),  # a Friday
        ("2026-11-27 22:00", True),
        ("2026-11-28 05:59", True),  # the Friday's night
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:00", False),  # Saturday has no night of its own
    ],
)
def test_a_shop_is_open_within_its_spans(local: str, expected: bool) -> None:
    assert is_open(shop(DAYTIME, NIGHT), at(local)) is expected


@pytest.mark.parametrize(
    ("zone", "expected"), [("Asia/Vladivostok", False), ("Europe/Moscow", True), ("UTC", True)]
)
def test_the_hours_are_those_of_the_shops_time_zone(zone: str, expected: bool) -> None:
    noon_utc = at("2026-11-23 12:00", "UTC")  # 22:00 in Vladivostok
    assert is_open(shop(DAYTIME, zone=zone), noon_utc) is expected


def test_the_hours_keep_to_the_wall_clock_when_summer_time_ends() -> None:
    every_day = shop(Hours(days=WEEK, open="09:00", close="21:00"))
    for day in ("2026-10-24", "2026-10-25", "2026-10-26"):  # the clock goes back on the 25th
        assert not is_open(every_day, at(f"{day} 08:59"))
        assert is_open(every_day, at(f"{day} 09:00"))


def test_a_holiday_is_closed_all_day_and_its_eves_night_is_not_cut_off() -> None:
    spans = (
        Hours(days=WEEK, open="09:00", close="21:00"),
        Hours(days=WEEK, open="22:00", close="02:00"),
    )
    closed = shop(*spans, holidays=("01-01", "2026-12-25"))
    assert not is_open(closed, at("2027-01-01 12:00"))
    assert not is_open(closed, at("2028-01-01 12:00"))  # every year
    assert not is_open(closed, at("2026-12-25 12:00"))
    assert is_open(closed, at("2027-12-25 12:00"))  # that year only
    assert is_open(closed, at("2027-01-01 01:00"))  # began on the eve
    assert not is_open(closed, at("2027-01-01 23:00"))
    assert not is_open(closed, at("2027-01-02 01:00"))  # would have begun on the holiday


def test_without_hours_a_shop_is_always_open_but_on_holidays() -> None:
    always = shop(holidays=("01-01",))
    assert is_open(always, at("2026-11-22 03:00"))
    assert not is_open(always, at("2027-01-01 12:00"))


def test_a_span_that_ends_when_it_begins_is_the_whole_day() -> None:
    sunday = shop(Hours(days=("sun",), open="00:00", close="00:00"))
    assert is_open(sunday, at("2026-11-22 00:00"))
    assert is_open(sunday, at("2026-11-22 23:59"))
    assert not is_open(sunday, at("2026-11-23 00:00"))


@given(wall_ns=st.integers(-(10**30), 10**30))
def test_nobody_knows_the_hour_of_a_clock_that_is_not_set(wall_ns: int) -> None:
    unsure = Stamp("boot", 0, wall_ns, synced=False)
    person = Staff(name="Anna", shifts=(Shift(days=("mon",), start="09:00", end="17:00"),))
    assert is_open(shop(DAYTIME, holidays=("01-01",)), unsure)
    assert on_duty(person, shop(), unsure)
    assert hhmm(shop(), unsure) == ""


def test_the_time_of_day_is_the_shops() -> None:
    assert hhmm(shop(zone="Europe/Moscow"), at("2026-11-23 12:00", "UTC")) == "15:00"


def test_a_shift_says_who_is_on_duty_in_the_shops_time_zone() -> None:
    early = Staff(name="Anna", shifts=(Shift(days=("mon",), start="09:00", end="15:00"),))
    night = Staff(name="Bo", shifts=(Shift(days=("mon",), start="21:00", end="05:00"),))
    nobodys = Staff(name="Cy")
    place = shop(zone="Europe/Moscow")
    who = {
        hour: [p.name for p in (early, night, nobodys) if on_duty(p, place, at(hour, "UTC"))]
        for hour in ("2026-11-23 06:00", "2026-11-23 12:00", "2026-11-23 18:00", "2026-11-24 01:59")
    }
    assert list(who.values()) == [["Anna", "Cy"], ["Cy"], ["Bo", "Cy"], ["Bo", "Cy"]]
