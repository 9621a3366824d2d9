"""The daily test page on a clock that the test moves."""

from datetime import UTC, datetime

import msgspec
import pytest

from gateway.alerts.daily import DailyTest, Kept
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config, Device, Hours, Pager, Shop, Staff
from gateway.config import DailyTest as Settings
from gateway.model import Language, Page

STAFF = (
    Staff(name="Anna", pager="one", zones=("hall",)),
    Staff(name="Bo", pager="two", zones=("till",)),
    Staff(name="Dee"),
)
PAGERS = (
    Pager(name="one", address="1"),
    Pager(name="two", address="2", language=Language.RU),
    Pager(name="spare", address="3"),
)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
OPEN = (Hours(days=WEEKDAYS, open="09:00", close="21:00"),)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Box:
    """A box with a daily test; time passes as its own timer wants it to."""

    def __init__(
        self,
        at: str,
        *,
        hours: tuple[Hours, ...] = OPEN,
        timezone: str = "UTC",
        holidays: tuple[str, ...] = (),
        uptime_s: float = 3600,
        synced: bool = True,
        daily: str = "08:55",
        pagers: tuple[str, ...] = (),
    ) -> None:
        self.config = Config(
            device=Device(id="box"),
            shop=Shop(name="Shop", account="1", hours=hours, timezone=timezone, holidays=holidays),
            pagers=PAGERS,
            staff=STAFF,
        )
        self.settings = Settings(at=daily, pagers=pagers)
        wall_ns = round(utc(at).timestamp()) * NS_PER_S
        self.now = Stamp("boot-1", round(uptime_s * NS_PER_S), wall_ns, synced)
        self.test = DailyTest(self.settings, self.config, None)

    def sleep(self, seconds: float) -> None:
        ns = round(seconds * NS_PER_S)
        now = self.now
        self.now = Stamp(now.boot, now.mono_ns + ns, now.wall_ns + ns, now.synced)

    def until(self, text: str) -> list[tuple[str, Page]]:
        """What is sent until then, and when."""
        end_ns = round(utc(text).timestamp()) * NS_PER_S
        sent = []
        while True:
            sent += [(self.clock(), page) for page in self.test.advance(self.now)]
            wait_s = self.test.next_due_s(self.now)
            assert wait_s > 0, "a busy loop"
            if self.now.wall_ns + wait_s * NS_PER_S > end_ns:
                break
            self.sleep(wait_s)
        self.sleep((end_ns - self.now.wall_ns) / NS_PER_S)
        return sent

    def overdue(self) -> tuple[str, ...]:
        return self.test.overdue

    def clock(self) -> str:
        return f"{datetime.fromtimestamp(self.now.wall_ns / NS_PER_S, UTC):%m-%d %H:%M}"

    def restart(self, *, boot: str | None = None, uptime_s: float = 60) -> None:
        kept = msgspec.json.decode(msgspec.json.encode(self.test.kept), type=Kept | None)
        if boot is not None:
            now = self.now
            self.now = Stamp(boot, round(uptime_s * NS_PER_S), now.wall_ns, now.synced)
        self.test = DailyTest(self.settings, self.config, kept)


def times(sent: list[tuple[str, Page]]) -> list[str]:
    return list(dict.fromkeys(when for when, _ in sent))


def test_once_a_day_to_every_pager_that_somebody_carries() -> None:
    box = Box("2026-11-23 07:00")  # a Monday
    sent = box.until("2026-11-24 12:00")
    assert [(when, page.pager, page.text) for when, page in sent] == [
        ("11-23 08:55", "one", "TEST 08:55"),
        ("11-23 08:55", "two", "ТЕСТ 08:55"),
        ("11-24 08:55", "one", "TEST 08:55"),
        ("11-24 08:55", "two", "ТЕСТ 08:55"),
    ]
    assert {(page.kind, page.alert) for _, page in sent} == {("test", None)}
    assert len({page.id for _, page in sent}) == 4


def test_to_the_pagers_that_are_named() -> None:
    box = Box("2026-11-23 07:00", pagers=("spare",))
    assert [page.pager for _, page in box.until("2026-11-23 12:00")] == ["spare"]


def test_on_days_on_which_the_shop_opens() -> None:
    box = Box("2026-11-20 22:00", holidays=("11-23",))  # a Friday; Monday is a holiday
    assert times(box.until("2026-11-25 12:00")) == ["11-24 08:55", "11-25 08:55"]
    always = Box("2026-11-20 12:00", hours=(), holidays=("11-23",))
    assert times(always.until("2026-11-24 07:00")) == ["11-20 12:00", "11-21 08:55", "11-22 08:55"]


def test_local_time_when_the_clocks_go_back() -> None:
    every_day = (Hours(days=(*WEEKDAYS, "sat", "sun"), open="09:00", close="21:00"),)
    box = Box("2026-10-24 05:00", hours=every_day, timezone="Europe/Berlin")
    assert times(box.until("2026-10-25 20:00")) == ["10-24 06:55", "10-25 07:55"]


def test_a_box_that_was_off_sends_it_once_the_shop_is_open() -> None:
    assert times(Box("2026-11-23 14:30").until("2026-11-23 23:00")) == ["11-23 14:30"]
    before_opening = Box("2026-11-23 07:30", daily="06:00")
    assert times(before_opening.until("2026-11-23 23:00")) == ["11-23 09:00"]
    assert times(Box("2026-11-23 22:00").until("2026-11-23 23:59")) == []


def test_a_restart_sends_nothing_twice() -> None:
    box = Box("2026-11-23 08:00")
    assert len(box.until("2026-11-23 10:00")) == 2
    box.restart()
    assert box.until("2026-11-23 20:00") == []
    box.restart(boot="boot-2")
    assert box.until("2026-11-23 20:30") == []


# --- without a clock ---------------------------------------------------------------------------


def test_a_box_without_a_clock_sends_it_once_a_boot_with_the_first_press() -> None:
    box = Box("1970-01-01 08:50", synced=False, uptime_s=60)
    assert box.until("1970-01-01 08:58") == []  # no time of a clock that is not right
    assert box.test.pressed(box.now) == []  # it may be right in a minute
    box.sleep(600)
    assert [page.pager for page in box.test.pressed(box.now)] == ["one", "two"]
    assert box.test.pressed(box.now) == []
    box.restart()
    assert box.test.pressed(box.now) == []
    box.restart(boot="boot-2", uptime_s=700)
    assert [page.text for page in box.test.pressed(box.now)] == ["TEST", "ТЕСТ"]


def test_a_clock_that_is_set_later_makes_no_second_test() -> None:
    box = Box("1970-01-01 08:00", synced=False, uptime_s=700)
    assert len(box.test.pressed(box.now)) == 2
    box.sleep(60)
    wall_ns = round(utc("2026-11-23 08:50").timestamp()) * NS_PER_S
    box.now = msgspec.structs.replace(box.now, wall_ns=wall_ns, synced=True)
    assert times(box.until("2026-11-24 08:56")) == ["11-24 08:55"]


def test_with_a_right_clock_a_press_sends_nothing() -> None:
    box = Box("2026-11-23 14:00")
    assert box.test.pressed(box.now) == []


# --- somebody confirms it ----------------------------------------------------------------------


def sent_box() -> Box:
    box = Box("2026-11-23 08:55")
    assert len(box.until("2026-11-23 08:56")) == 2
    return box


def test_what_nobody_confirms_is_overdue_until_a_test_that_somebody_does() -> None:
    box = sent_box()
    box.until("2026-11-23 09:09")
    assert box.overdue() == ()
    box.until("2026-11-23 09:10")
    assert box.overdue() == ("one", "two")
    box.restart()
    assert box.overdue() == ("one", "two")
    box.until("2026-11-24 08:56")  # the next test went out
    assert box.overdue() == ("one", "two")
    assert box.test.confirm(["two"]) == ("two",)
    assert box.overdue() == ("one",)
    box.until("2026-11-24 12:00")
    assert box.overdue() == ("one",)


def test_a_confirmation_by_name_and_of_all() -> None:
    box = sent_box()
    assert box.test.confirm(["two", "spare"]) == ("two",)
    assert box.test.confirm(["two"]) == ()
    assert box.test.confirm() == ("one",)
    box.until("2026-11-23 12:00")
    assert box.overdue() == ()


def test_a_late_confirmation_still_says_that_it_buzzed() -> None:
    box = sent_box()
    box.until("2026-11-23 12:00")
    assert box.test.confirm() == ("one", "two")
    assert box.overdue() == ()


def test_an_acknowledge_button_confirms_its_zone_in_time() -> None:
    box = sent_box()
    assert box.test.confirm_by_button("hall", box.now) == ("one",)
    assert box.test.confirm_by_button("hall", box.now) == ()
    assert box.test.confirm_by_button("cellar", box.now) == ()
    box.until("2026-11-23 09:10")
    # From now on a press of it is about an alert again.
    assert box.test.confirm_by_button("till", box.now) == ()
    assert box.overdue() == ("two",)


@pytest.mark.parametrize(("synced", "overdue"), [(True, ()), (False, ("one", "two"))])
def test_after_a_reboot_there_is_time_left_if_anybody_knows(
    synced: bool, overdue: tuple[str, ...]
) -> None:
    box = sent_box()
    box.restart(boot="boot-2")
    box.now = msgspec.structs.replace(box.now, synced=synced)
    box.test.advance(box.now)
    assert box.overdue() == overdue


def test_before_the_first_test_there_is_nothing_to_confirm() -> None:
    box = Box("2026-11-23 08:00")
    assert (box.test.confirm(), box.overdue()) == ((), ())
    assert box.test.confirm_by_button("hall", box.now) == ()
