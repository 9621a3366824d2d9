"""A floor on a real loop, between a lane and a journal that only write down what comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import cast

import pytest

from gateway.alerts.desk import Desk
from gateway.clock import Stamp
from gateway.config import Button, Config, Device, Inputs, Ladder, Pager, Shop, Staff, Step
from gateway.events import (
    AnyEvent,
    Record,
)
from gateway.faults import Faults
from gateway.floor import Floor
from gateway.inputs.indicators import Indicators
from gateway.journal.store import Journal
from gateway.model import (
    ButtonKind,
    Label,
    Page,
)
from gateway.paging.lane import PageLane

MS = 1_000_000
WAIT_S = 20.0


def _button(pin: int, name: str, kind: ButtonKind) -> Button:
    label = Label(ru=name, en=name)
    return Button(name=name, pin=pin, kind=kind, label=label, zone="exit", led_pin=pin + 10)


CONFIG = Config(
    device=Device(id="box"),
    shop=Shop(name="Shop", account="a"),
    inputs=Inputs(glitch_ms=0, fault_led_pin=9),
    buttons=(
        _button(1, "red", ButtonKind.VERY_UNHAPPY),
        _button(2, "green", ButtonKind.VERY_HAPPY),
        _button(3, "ack", ButtonKind.ACKNOWLEDGE),
        _button(4, "setup", ButtonKind.SETUP),
    ),
    pagers=(Pager(name="anna", address="1"),),
    staff=(Staff(name="Anna", pager="anna"),),
    # Milliseconds stand for the seconds of a real ladder.
    ladder=Ladder(
        steps=(Step(after_s=0, to=("zone",)), Step(after_s=0.03, to=("everyone",))), repeat_s=60
    ),
)


class Clock:
    """This machine's monotonic clock, and a wall clock that nobody has set."""

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def at(self, mono_ns: int) -> Stamp:
        return Stamp("boot", mono_ns, 0, synced=False)

    def now(self) -> Stamp:
        return self.at(self.mono_ns())


class Rig:
    """A floor between a lane and a journal that only write down what they are given.

    Attributes:
        log: Pages, cancelled alerts and groups of events in the order in which they arrived.
        events: All events so far.
        futures: Of each group, in order; nobody completes them unless the test does.
        lights: The present level of each LED, by pin.
        state: The journal's state.
        waiting: What the lane takes out of its queues when an alert is cancelled.
    """

    def __init__(self) -> None:
        self.log: list[object] = []
        self.roused = 0
        self.events: list[AnyEvent] = []
        self.futures: list[Future[list[Record]]] = []
        self.lights: dict[int, list[bool]] = {}
        self.state = "cannot write: the disk is full"
        self.changes = 0
        self.waiting: list[Page] = []
        self._moved = asyncio.Event()
        self.clock = Clock()
        ids = iter(range(100))
        self.floor = Floor(
            CONFIG,
            self.clock,
            Desk(CONFIG, lambda: f"a{next(ids)}"),
            cast("Journal", self),
            Indicators(CONFIG.buttons, CONFIG.inputs, lambda pin: _Light(self, pin)),
            Faults(self._record),
            self._changed,
        )

    # --- the journal and the lane --------------------------------------------------------------

    def append_all(self, events: tuple[AnyEvent, ...], at: Stamp) -> Future[list[Record]]:
        assert at.boot == "boot"
        self.log.append(events)
        for event in events:
            self._record(event)
        self.futures.append(Future())
        return self.futures[-1]

    def _record(self, event: AnyEvent) -> None:
        self.events.append(event)
        self.moved()

    def submit(self, page: Page) -> None:
        self.log.append(page)
        self.moved()

    def rouse(self) -> None:
        self.roused += 1
        self.moved()

    def cancel(self, alert: str) -> list[Page]:
        self.log.append(f"cancel {alert}")
        return self.waiting

    def _changed(self) -> None:
        self.changes += 1

    def moved(self) -> None:
        """Something has happened that a test may wait for."""
        self._moved.set()

    # --- for the test --------------------------------------------------------------------------

    def open(self, **pressed: bool) -> None:
        self.floor.open(cast("PageLane", self), pressed)

    def edge(self, button: str, active: bool, ago_ms: float = 0) -> None:
        self.floor.edge(button, active, self.clock.mono_ns() - round(ago_ms * MS))

    @property
    def pages(self) -> list[Page]:
        return [entry for entry in self.log if isinstance(entry, Page)]

    async def until(self, true: Callable[[], object]) -> None:
        """Let the loop run until it is so."""
        async with asyncio.timeout(WAIT_S):
            while not true():
                self._moved.clear()
                await self._moved.wait()

    async def event(self, kind: type[AnyEvent]) -> AnyEvent:
        """Wait for the first event of a kind."""
        await self.until(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))


class _Light:
    def __init__(self, rig: "Rig", pin: int) -> None:
        self._rig = rig
        self._levels = rig.lights.setdefault(pin, [])

    def set(self, *, on: bool) -> None:
        self._levels.append(on)
        self._rig.moved()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.floor.close()
