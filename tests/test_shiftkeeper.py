"""A shift without a missed alert is recorded once, whatever stops and jumps between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config, Device, Shift, Shop, Staff
from gateway.events import (
    AlertAcknowledged,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AnyEvent,
    Record,
    ShiftKept,
)
from gateway.journal import reading
from gateway.journal.store import Identity, Journal
from gateway.model import AlertCause, Outcome
from gateway.shiftkeeper import ShiftKeeper
from gateway.sync.mapping import CURRENT, actions_of

HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
MONDAY_NS = 20_514 * DAY_NS  # 2026-03-02, in UTC
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(hour: float, *, boot: str = "boot-1", synced: bool = True) -> Stamp:
    passed_ns = int(hour * HOUR_NS)
    return Stamp(boot, DAY_NS + passed_ns, MONDAY_NS + passed_ns, synced)


def settings(start: str = "09:00", end: str = "18:00", account: str | None = "anna") -> Config:
    shift = Shift(days=WEEK, start=start, end=end)
    return Config(
        device=Device(id="box"),
        shop=Shop(name="Shop", account="shop"),
        staff=(Staff(name="Anna", account=account, shifts=(shift,)),),
    )


class SetClock:
    """Says what the test says."""

    def __init__(self) -> None:
        self.stamp = at(18.5)

    def now(self) -> Stamp:
        return self.stamp

    def mono_ns(self) -> int:
        return self.stamp.mono_ns

    def at(self, mono_ns: int) -> Stamp:
        return msgspec.structs.replace(self.stamp, mono_ns=mono_ns)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "j.db", Identity("box", "shop", CURRENT), on_change=lambda: None)
    journal.start()
    yield journal
    journal.close()


def answered(journal: Journal, hour: float, name: str = "a") -> None:
    happened: tuple[tuple[AnyEvent, float], ...] = (
        (AlertRaised(alert=name, cause=AlertCause.RED, zone="hall"), 0.0),
        (AlertAcknowledged(alert=name, by="Anna", via="page"), 0.01),
        (AlertResolved(alert=name, by="Anna", outcome=Outcome.RECOVERED), 0.1),
    )
    for event, after in happened:
        journal.append(event, at(hour + after)).result()


async def kept(journal: Journal) -> list[Record]:
    found = await asyncio.wrap_future(journal.read(lambda db: reading.records_after(db, 0, 999)))
    return [each for each in found if isinstance(each.event, ShiftKept)]


async def test_a_shift_that_was_kept_is_an_action_of_the_persons(
    journal: Journal, clock: SetClock
) -> None:
    answered(journal, 12)
    await ShiftKeeper(settings(), clock, journal).look()
    (one,) = await kept(journal)
    assert one.event == ShiftKept(
        by="Anna",
        account="anna",
        begins_ns=MONDAY_NS + 9 * HOUR_NS,
        ends_ns=MONDAY_NS + 18 * HOUR_NS,
    )
    assert [(each.account, each.action) for each in actions_of(one)] == [
        ("anna", "ShiftWithoutMiss")
    ]


async def test_it_is_recorded_once(journal: Journal, clock: SetClock) -> None:
    answered(journal, 12)
    keeper = ShiftKeeper(settings(), clock, journal)
    await asyncio.gather(*(keeper.look() for _ in range(4)))
    await keeper.look()
    await ShiftKeeper(settings(), clock, journal).look()  # started anew
    clock.stamp = at(15, boot="boot-2")  # set back, and the shift ends a second time
    again = ShiftKeeper(settings(), clock, journal)
    await again.look()
    clock.stamp = at(18.5, boot="boot-2")
    await again.look()
    for start, end in (("09:05", "18:00"), ("08:00", "12:30"), ("00:00", "00:00")):
        await ShiftKeeper(settings(start, end), clock, journal).look()  # settings were changed
    assert len(await kept(journal)) == 1
    answered(journal, 36, "b")
    clock.stamp = at(42.5, boot="boot-2")
    await again.look()
    assert len(await kept(journal)) == 2


async def test_it_waits_for_what_is_live_and_for_the_clock(
    journal: Journal, clock: SetClock
) -> None:
    answered(journal, 12)
    raised = AlertRaised(alert="late", cause=AlertCause.RED, zone="hall")
    journal.append(raised, at(17.99)).result()
    keeper = ShiftKeeper(settings(), clock, journal)
    await keeper.look()
    assert await kept(journal) == []
    taken = AlertResolved(alert="late", by="Boris", outcome=Outcome.LEFT)
    journal.append(taken, at(18.6)).result()
    clock.stamp = at(18.7, synced=False)
    await keeper.look()
    assert await kept(journal) == []
    clock.stamp = at(18.7)
    await keeper.look()
    assert len(await kept(journal)) == 1


async def test_nothing_is_recorded_of_a_shift_with_a_miss_or_without_an_account(
    journal: Journal, clock: SetClock
) -> None:
    answered(journal, 12)
    await ShiftKeeper(settings(account=None), clock, journal).look()
    raised = AlertRaised(alert="m", cause=AlertCause.RED, zone="hall")
    journal.append(raised, at(13)).result()
    journal.append(AlertMissed(alert="m"), at(13.2)).result()
    await ShiftKeeper(settings(), clock, journal).look()
    assert await kept(journal) == []
