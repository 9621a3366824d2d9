"""Which shifts went without a missed alert."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.alerts.case import Act, Alert
from gateway.alerts.shifts import Span, ended, is_kept
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Shift, Shop, Staff
from gateway.model import AlertCause, AlertState, Outcome

MOSCOW = ZoneInfo("Europe/Moscow")
SHOP = Shop(name="Shop", account="shop", timezone="Europe/Moscow")
ANNA = Staff(
    name="Anna",
    account="anna",
    zones=("hall",),
    shifts=(
        Shift(days=("mon", "tue"), start="09:00", end="18:00"),
        Shift(days=("fri",), start="22:00", end="06:00"),
    ),
)
DAY = "2027-03-01"  # a Monday


def wall_ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=MOSCOW).timestamp()) * NS_PER_S


def at(text: str, *, boot: str = "boot-1", synced: bool = True) -> Stamp:
    """The shop's time; the box has run since 2027-02-01."""
    mono_ns = wall_ns(text) - wall_ns("2027-02-01 00:00")
    return Stamp(boot, mono_ns, wall_ns(text) if synced else 0, synced)


def shifts(now: str, *, synced: bool = True) -> list[Span]:
    return list(ended(ANNA, SHOP, at(now, synced=synced)))


def span(begins: str, ends: str) -> Span:
    return Span(wall_ns(begins), wall_ns(ends))


MONDAY = span(f"{DAY} 09:00", f"{DAY} 18:00")
NOW = at(f"{DAY} 18:30")


class TestEnded:
    def test_a_shift_is_over_at_its_end(self) -> None:
        assert shifts(f"{DAY} 17:59") == []
        assert shifts(f"{DAY} 18:00") == [MONDAY]

    def test_of_late_and_no_longer(self) -> None:
        both = [span("2027-03-02 09:00", "2027-03-02 18:00"), MONDAY]
        assert shifts("2027-03-02 19:00") == both
        assert shifts("2027-03-03 18:00") == both
        assert shifts("2027-03-03 18:01") == both[:1]

    def test_one_passes_midnight(self) -> None:
        assert shifts("2027-03-06 05:59") == []
        assert shifts("2027-03-06 06:00") == [span("2027-03-05 22:00", "2027-03-06 06:00")]

    def test_the_night_of_the_clock_change_is_as_long_as_it_was(self) -> None:
        shop = Shop(name="Shop", account="shop", timezone="Europe/Berlin")
        night = Shift(days=("sat",), start="22:00", end="06:00")
        worker = Staff(name="Otto", account="otto", shifts=(night,))
        (short,) = ended(worker, shop, at("2027-03-28 12:00"))
        assert (short.ends_ns - short.begins_ns) // NS_PER_S == 7 * 3600

    def test_nobody_knows_without_a_clock(self) -> None:
        assert shifts(f"{DAY} 18:30", synced=False) == []

    def test_who_has_no_shifts_has_none_to_keep(self) -> None:
        assert list(ended(Staff(name="Otto", account="otto"), SHOP, NOW)) == []


def alert(raised: str = f"{DAY} 12:00", **named: Any) -> Alert:
    moment = named.pop("moment", at(raised))
    given: dict[str, Any] = {
        "cause": AlertCause.RED,
        "zone": "hall",
        "state": AlertState.RESOLVED,
        "acknowledged": Act("Anna", moment),
        "outcome": Outcome.RECOVERED,
        **named,
    }
    return Alert(id="a", button="b", raised=moment, climbing=moment, last_press=moment, **given)


def missed(**named: Any) -> Alert:
    return alert(state=AlertState.MISSED, acknowledged=None, outcome=None, **named)


def judged(*alerts: Alert, now: Stamp = NOW, **offsets: int) -> bool | None:
    return is_kept(
        MONDAY, ANNA, alerts, now, {name.replace("_", "-"): n for name, n in offsets.items()}
    )


class TestKept:
    def test_one_answered_and_none_missed(self) -> None:
        assert judged(alert()) is True
        assert judged(alert(), alert(acknowledged=Act("Boris", NOW))) is True

    def test_an_idle_shift_is_nothing_to_be_proud_of(self) -> None:
        assert judged() is False

    @pytest.mark.parametrize(
        "other",
        [
            missed(),
            missed(cause=AlertCause.PATTERN),
            missed(raised=f"{DAY} 09:00"),
            missed(raised=f"{DAY} 17:59"),
        ],
    )
    def test_one_missed_spoils_it(self, other: Alert) -> None:
        assert judged(alert(), other) is False

    @pytest.mark.parametrize(
        "other",
        [
            missed(zone="till"),
            missed(quiet=True),
            missed(raised=f"{DAY} 08:59"),
            missed(raised=f"{DAY} 18:00"),
            missed(moment=at(f"{DAY} 12:00", boot="boot-0", synced=False)),  # nobody knows when
        ],
    )
    def test_what_was_not_theirs_does_not(self, other: Alert) -> None:
        assert judged(alert(), other) is True

    @pytest.mark.parametrize(
        "only",
        [
            alert(acknowledged=Act("Boris", NOW)),
            alert(outcome=Outcome.FALSE_ALARM),
            alert(outcome=Outcome.MISUSE),
            alert(cause=AlertCause.FAULT),
            alert(cause=AlertCause.PATTERN),
            alert(zone="till"),
            alert(raised=f"{DAY} 08:59"),
        ],
    )
    def test_what_counts_as_no_answer(self, only: Alert) -> None:
        assert judged(only) is False

    def test_while_one_is_live_nobody_knows_yet(self) -> None:
        live = alert(state=AlertState.CONTACTED, outcome=None)
        assert judged(alert(), live) is None
        assert judged(live, missed()) is False

    def test_times_are_those_of_a_clock_that_became_right(self) -> None:
        within = at(f"{DAY} 12:00", synced=False)
        assert judged(alert(moment=within)) is True  # the same boot: its clock is right now
        other = at(f"{DAY} 12:00", boot="boot-0", synced=False)
        assert judged(alert(moment=other)) is False
        assert judged(alert(moment=other), boot_0=wall_ns("2027-02-01 00:00")) is True
