"""The watchman between a real floor and a real journal; the test moves the clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from gateway import watchman as module
from gateway.alerts.case import Alert
from gateway.alerts.desk import Desk
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config, DailyTest, Device, Inputs, Pager, Shop, Staff
from gateway.config.alert_rules import Pattern, RedsInARow, StandingFault
from gateway.errors import Refused
from gateway.events import AlertRaised, AnyEvent, DailyTestConfirmed
from gateway.faults import Faults
from gateway.floor import Floor
from gateway.inputs.indicators import Indicators
from gateway.inputs.verdicts import Pressed
from gateway.journal import reading
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind, Label, Outcome, Page, Press, PressFlag
from gateway.paging.lane import PageLane
from gateway.watchman import NOT_CONFIRMED, Watchman

MORNING_NS = round(datetime(2026, 11, 23, 8, 0, tzinfo=UTC).timestamp()) * NS_PER_S
BUTTONS = tuple(
    Button(name=name, pin=pin, kind=kind, label=Label(name, name), zone="hall", panel="exit")
    for pin, (name, kind) in enumerate(
        (
            ("red", ButtonKind.VERY_UNHAPPY),
            ("green", ButtonKind.VERY_HAPPY),
            ("ack", ButtonKind.ACKNOWLEDGE),
        )
    )
)


class Clock:
    """A synchronised clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 5000 * NS_PER_S

    def mono_ns(self) -> int:
        return self.ns

    def at(self, mono_ns: int) -> Stamp:
        return Stamp("boot", mono_ns, MORNING_NS + mono_ns - 5000 * NS_PER_S, synced=True)

    def now(self) -> Stamp:
        return self.at(self.ns)


class Alarm:
    """The watchman's alarm, which rings when the test says so."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.at_ns: int | None = None

    def set_ns(self, at_ns: int | None) -> None:
        self.at_ns = at_ns

    def cancel(self) -> None:
        self.at_ns = None


class Lane:
    """Takes every page and sends none."""

    def __init__(self) -> None:
        self.pages: list[Page] = []

    def rouse(self) -> None:
        """There is no answer to hear."""

    def submit(self, page: Page) -> None:
        self.pages.append(page)

    def cancel(self, _alert: str) -> list[Page]:
        """Nothing waits here."""
        return []


class Box:
    """What the composition root puts together, without pins and transmitters."""

    def __init__(self, directory: Path, rules: tuple[Pattern, ...], test: DailyTest | None) -> None:
        self.config = Config(
            device=Device(id="box"),
            shop=Shop(name="Shop", account="1"),
            inputs=Inputs(glitch_ms=0, response_interval_s=0),
            buttons=BUTTONS,
            pagers=(Pager(name="one", address="1"), Pager(name="two", address="2")),
            staff=(Staff(name="Anna", pager="one"), Staff(name="Bo", pager="two", zones=("till",))),
            rules=rules,
            daily_test=test,
        )
        self.path = directory / "journal.db"
        self.clock = Clock()
        self._number = 0
        self._make()

    def _make(self) -> None:
        self.lane = Lane()
        self.journal = Journal(self.path, Identity("box", "1", 1), on_change=lambda: None)
        self.journal.start()
        self.faults = Faults(self._record)
        desk = self.desk = Desk(self.config, self._new_id)
        lights = Indicators((), self.config.inputs, lambda _: pytest.fail("no outputs"))
        self.floor = Floor(
            self.config, self.clock, desk, self.journal, lights, self.faults, lambda: None
        )
        self.floor.open(cast("PageLane", self.lane), {})
        self.watchman = Watchman(
            self.config, self.clock, self.journal, self.faults, desk, self.floor, self._new_id
        )

    def _record(self, event: AnyEvent) -> None:
        self.journal.append(event, self.clock.now())

    def _new_id(self) -> str:
        self._number += 1
        return f"a{self._number}"

    @property
    def alarm(self) -> Alarm:
        return cast("Alarm", self.watchman._alarm)

    def press(self, button: str, seconds: float = 0.1) -> None:
        """Press and let go, and leave a second for it."""
        self.floor.edge(button, True, self.clock.ns)
        self.clock.ns += round(seconds * NS_PER_S)
        self.floor.edge(button, False, self.clock.ns)
        self._settle()

    def spike(self, button: str) -> None:
        """A wire picks something up that is no press."""
        verdict = Pressed(
            Press(button, ButtonKind.ACKNOWLEDGE, "hall", PressFlag.GLITCH), self.clock.ns
        )
        self.floor._take([verdict])
        self._settle()

    def _settle(self) -> None:
        self.clock.ns += NS_PER_S
        self.floor.settle()
        self.floor._advance_filter()

    def resolve(self) -> None:
        """All alerts are over."""
        now = self.clock.now()
        for alert in self.desk.alerts():
            self.floor.carry_out(self.desk.resolve(alert.id, "Anna", Outcome.RECOVERED, now), now)

    def sleep(self, seconds: float) -> None:
        """Time passes; the alarm rings as often as it is set."""
        end_ns = self.clock.ns + round(seconds * NS_PER_S)
        while self.alarm.at_ns is not None and self.alarm.at_ns <= end_ns:
            self.clock.ns = max(self.clock.ns, self.alarm.at_ns)
            self.alarm.ring()
        self.clock.ns = end_ns

    def close(self) -> None:
        self.watchman.close()
        self.floor.close()
        self.journal.close()

    async def begin(self, live: Sequence[Alert] = ()) -> None:
        """The journal can be read: what was before is taken up again."""
        self.floor.restore(list(live))
        await self.watchman.open()

    def stop_and_wake(self) -> None:
        """The daemon alone starts again; its journal is not read yet."""
        self.close()
        self._make()

    async def restart(self) -> None:
        """The daemon alone starts again, with no alert open."""
        self.stop_and_wake()
        await self.begin()

    async def events(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        await asyncio.wrap_future(self.journal.append_all((), self.clock.now()))
        records = await asyncio.wrap_future(
            self.journal.read(lambda db: list(reading.all_records(db)))
        )
        return [record.event for record in records if isinstance(record.event, kind)]


Opener = Callable[..., Box]


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opener]:
    monkeypatch.setattr(module, "Alarm", Alarm)
    boxes: list[Box] = []

    def made(*rules: Pattern, test: DailyTest | None = None) -> Box:
        boxes.append(Box(tmp_path, rules, test))
        return boxes[-1]

    yield made
    for box in boxes:
        box.close()


async def test_what_a_rule_finds_is_paged_and_recorded(make: Opener) -> None:
    box = make(RedsInARow(name="row", count=2))
    await box.watchman.open()
    box.press("red")
    box.press("red")
    assert [page.text for page in box.lane.pages] == [
        "hall: red 08:00",
        "hall: 2 unhappy in a row 08:00",
    ]
    box.floor.close()
    raised = [cast("AlertRaised", event) for event in await box.events(AlertRaised)]
    assert [(event.rule, event.cause) for event in raised] == [(None, "red"), ("row", "pattern")]
    assert [alert.words is not None for alert in box.floor.desk.alerts()] == [False, True]


async def test_what_happens_before_the_journal_is_read_is_not_lost(make: Opener) -> None:
    box = make(RedsInARow(name="row", count=2))
    box.press("red")
    box.press("red")
    assert len(box.lane.pages) == 1
    await box.watchman.open()
    assert len(box.lane.pages) == 2
    assert box.lane.pages[1].kind == "pattern"


async def test_a_restart_remembers_presses_and_what_was_told(make: Opener) -> None:
    box = make(RedsInARow(name="row", count=3))
    await box.watchman.open()
    box.press("red")
    box.press("red")
    await box.restart()
    box.press("red")
    assert [page.kind for page in box.lane.pages] == ["red", "pattern"]
    await box.restart()
    for _ in range(3):
        box.press("red")
    assert "pattern" not in [page.kind for page in box.lane.pages]


async def test_a_fault_of_before_it_was_there(make: Opener) -> None:
    box = make(StandingFault(name="broken", after_s=300, to=()))
    box.faults.set("transmitter/main", "no answer")
    await box.watchman.open()
    box.sleep(299)
    assert box.lane.pages == []
    box.sleep(1)
    assert [page.kind for page in box.lane.pages] == ["fault"]
    assert box.lane.pages[0].text == "main: fault 5 min transmitter/main: no answer 08:05"


async def test_a_fault_that_heals_in_time(make: Opener) -> None:
    box = make(StandingFault(name="broken", after_s=300, to=()))
    await box.watchman.open()
    box.faults.set("transmitter/main", "no answer")
    box.sleep(200)
    box.faults.set("transmitter/main", None)
    box.sleep(1000)
    assert box.lane.pages == []


async def test_nothing_to_watch_sets_no_alarm(make: Opener) -> None:
    box = make()
    await box.watchman.open()
    box.press("red")
    assert box.alarm.at_ns is None


# --- the daily test ----------------------------------------------------------------------------

TEST = DailyTest(at="08:30", confirm_s=600)


def overdue(box: Box) -> list[str]:
    return [each for each in box.faults.sentences() if each.startswith("pager/")]


async def test_a_test_that_nobody_confirms_is_a_fault_also_after_a_restart(make: Opener) -> None:
    box = make(test=TEST)
    await box.watchman.open()
    box.sleep(1800)
    assert [(page.pager, page.text) for page in box.lane.pages] == [
        ("one", "TEST 08:30"),
        ("two", "TEST 08:30"),
    ]
    assert (overdue(box), box.watchman.unconfirmed) == ([], ("one", "two"))
    box.sleep(600)
    assert overdue(box) == [f"pager/one: {NOT_CONFIRMED}", f"pager/two: {NOT_CONFIRMED}"]
    await box.restart()
    assert overdue(box) == [f"pager/one: {NOT_CONFIRMED}", f"pager/two: {NOT_CONFIRMED}"]
    assert box.lane.pages == []
    assert box.watchman.confirm("two", "Anna", "command") == ("two",)
    assert overdue(box) == [f"pager/one: {NOT_CONFIRMED}"]
    assert await box.events(DailyTestConfirmed) == [
        DailyTestConfirmed(pagers=("two",), by="Anna", via="command")
    ]
    await box.restart()
    assert (overdue(box), box.watchman.unconfirmed) == ([f"pager/one: {NOT_CONFIRMED}"], ("one",))


async def test_an_acknowledge_button_confirms(make: Opener) -> None:
    box = make(test=TEST)
    await box.begin()
    box.sleep(1800)
    box.press("red")
    box.press("ack")  # this one takes the alert
    box.press("ack")  # and this one may be of somebody who is not sure that it did
    box.press("ack", seconds=2)  # with the customer
    assert box.watchman.unconfirmed == ("one", "two")
    box.resolve()
    box.press("ack", seconds=2)
    box.spike("ack")
    assert box.watchman.unconfirmed == ("one", "two")
    box.press("ack")
    assert list(box.watchman.unconfirmed) == ["two"]  # Bo answers for another zone
    box.floor.close()
    assert await box.events(DailyTestConfirmed) == [
        DailyTestConfirmed(pagers=("one",), by="button:ack", via="button")
    ]


async def test_a_button_confirms_while_the_journal_is_still_being_read(make: Opener) -> None:
    box = make(test=TEST)
    await box.begin()
    box.sleep(1800)
    box.stop_and_wake()
    box.press("ack", seconds=2)
    box.press("ack")
    await box.begin()
    assert list(box.watchman.unconfirmed) == ["two"]  # Bo answers for another zone
    await box.restart()
    assert list(box.watchman.unconfirmed) == ["two"]


async def test_a_button_pressed_early_may_be_about_an_alert_of_before(make: Opener) -> None:
    box = make(test=TEST)
    await box.begin()
    box.sleep(1800)
    box.press("red")
    before = box.desk.alerts()
    box.stop_and_wake()
    box.press("ack")
    await box.begin(before)
    assert box.watchman.unconfirmed == ("one", "two")


async def test_there_must_be_a_test_to_confirm(make: Opener) -> None:
    for box in (make(), make(test=TEST)):
        await box.watchman.open()
        with pytest.raises(Refused, match="no test page of two waits") as caught:
            box.watchman.confirm("two", "Anna", "command")
        assert caught.value.code == "no_test"


async def test_a_journal_that_cannot_be_read_costs_the_memory_only(make: Opener) -> None:
    box = make(RedsInARow(name="row", count=2), test=TEST)
    box.path.unlink()
    await box.watchman.open()
    box.sleep(1800)
    assert len(box.lane.pages) == 2
