"""The page lane against everything that can happen to it, beside a model without threads.

After each step the threads are waited for until they stand where the model says: the same text on
each line, as many pages waiting, the same receipts.
"""

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gateway.model import Priority, Receipt, ReceiptState
from gateway.paging import transmitter as module

if TYPE_CHECKING:
    from tests.paging.lane.conftest import Rig

ANSWERS = [
    Receipt(ReceiptState.ACCEPTED),
    Receipt(ReceiptState.TRANSMITTED),
    Receipt(ReceiptState.UNKNOWN),
    Receipt(ReceiptState.UNKNOWN, line_down=True),
    Receipt(ReceiptState.FAILED),
    Receipt(ReceiptState.FAILED, line_down=True),
]
MOST = 3
names = st.sampled_from(("a", "b"))


class Job(msgspec.Struct, eq=False):
    """A page in the model."""

    name: str
    key: str
    alert: str | None
    priority: Priority
    routes: list[str]
    dropped: bool = False


class Station(msgspec.Struct, eq=False):
    """A transmitter in the model. `busy` while its thread hands on a page that failed."""

    plugged: bool = True
    busy: bool = False
    is_open: bool = True
    usable: bool = True
    on_line: Job | None = None
    waiting: list[Job] = []


class LaneMachine(RuleBasedStateMachine):
    def __init__(self, rig: "Rig") -> None:
        super().__init__()
        self.rig = rig

    @initialize(a=st.booleans(), b=st.booleans())
    def start(self, a: bool, b: bool) -> None:
        self.stations = {
            name: Station(plugged=plugged, is_open=plugged, usable=plugged)
            for name, plugged in (("a", a), ("b", b))
        }
        self.rig.a.plugged, self.rig.b.plugged = a, b
        self.receipts: dict[str, ReceiptState] = {}
        self.submitted: list[Job] = []
        self.untried: set[str] = set()
        self.rig.start()

    # --- the model ---------------------------------------------------------------------------

    def place(self, job: Job, otherwise: ReceiptState = ReceiptState.FAILED) -> None:
        """Queue a job at its next station; the least urgent of a full one moves on."""
        while job.routes:
            station = self.stations[job.routes.pop(0)]
            station.waiting = sorted([*station.waiting, job], key=lambda each: each.priority)
            self.pump(station)
            if len(station.waiting) <= MOST:
                return
            job = station.waiting.pop()
        self.receipts[job.name] = otherwise

    def pump(self, station: Station) -> None:
        while not station.busy and station.on_line is None and station.waiting:
            job = station.waiting.pop(0)
            station.is_open = station.is_open or station.plugged
            if station.is_open:
                station.on_line = job
            else:
                station.usable = False
                self.failed(station, job)

    def failed(self, station: Station, job: Job) -> None:
        """It goes on to the next one; until then its own takes no other from the queue."""
        if job.dropped:
            self.receipts[job.name] = ReceiptState.FAILED
            return
        station.busy = True
        self.place(job)
        station.busy = False

    def drop(self, key: str | None = None, alert: str | None = None) -> list[str]:
        """Forget what is unwanted; returns what was waiting."""
        gone: list[str] = []
        for station in self.stations.values():
            for job in [*station.waiting, *([station.on_line] if station.on_line else [])]:
                if job.key == key or (alert is not None and job.alert == alert):
                    job.dropped = True
                    if job is not station.on_line:
                        station.waiting.remove(job)
                        self.untried.add(job.name)
                        gone.append(job.name)
        return gone

    # --- what happens --------------------------------------------------------------------------

    @rule(
        pager=st.sampled_from(("any", "other", "only-b")),
        alert=st.sampled_from(("case-1", "case-2", "case-3", None)),
        priority=st.sampled_from(Priority),
    )
    def submit(self, pager: str, alert: str | None, priority: Priority) -> None:
        name = f"p{len(self.submitted)}"
        routes = ["b"] if pager == "only-b" else ["a", "b"]
        routes.sort(key=lambda each: not self.stations[each].usable)
        job = Job(name, f"{pager} {alert or name}", alert, priority, routes)
        self.drop(key=job.key)
        self.submitted.append(job)
        self.place(job)
        self.rig.send(name, pager, alert=alert, priority=priority)

    @rule(alert=st.sampled_from(("case-1", "case-2", "case-3")))
    def cancel(self, alert: str) -> None:
        gone = self.drop(alert=alert)
        assert sorted(page.id for page in self.rig.lane.cancel(alert)) == sorted(gone)

    @rule(name=names, receipt=st.sampled_from(ANSWERS))
    def answer(self, name: str, receipt: Receipt) -> None:
        station = self.stations[name]
        job, station.on_line = station.on_line, None
        if job is None:
            return
        station.usable = not receipt.line_down
        station.is_open = not receipt.line_down
        if receipt.state is ReceiptState.FAILED:
            self.failed(station, job)
        else:
            self.receipts[job.name] = receipt.state
        self.pump(station)
        getattr(self.rig, name).answer(receipt)

    @rule(name=names, plugged=st.booleans())
    def plug(self, name: str, plugged: bool) -> None:
        self.stations[name].plugged = getattr(self.rig, name).plugged = plugged

    @rule(name=names, has_room=st.booleans())
    def fill(self, name: str, has_room: bool) -> None:
        """The line takes nothing at once any more, or does again: no page fares otherwise."""
        getattr(self.rig, name).has_room = has_room

    @rule()
    def restart(self) -> None:
        """The gateway starts anew: what is on a line has its receipt yet, what waits goes to none.

        Nobody sends those again but the ladder, which knows of no receipt for them.
        """
        for transmitter in self.rig.lane.transmitters:
            station = self.stations[transmitter.name]
            if station.on_line is not None:
                self.receipts[station.on_line.name] = ReceiptState.UNKNOWN
            self.untried |= {job.name for job in station.waiting}
            self.stations[transmitter.name] = Station(
                plugged=station.plugged, is_open=station.plugged, usable=station.plugged
            )
            self.rig.stop(transmitter, Receipt(ReceiptState.UNKNOWN))
        self.rig.lane = self.rig.lane_of(self.rig.transmitter("a"), self.rig.transmitter("b"))
        self.rig.start()

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_threads_come_to_stand_where_the_model_does(self) -> None:
        self.rig.until(self.is_there)

    def is_there(self) -> bool:
        receipts = {page: receipt.state for page, receipt in self.rig.receipts}
        if receipts != self.receipts:
            return False
        for transmitter in self.rig.lane.transmitters:
            station = self.stations[transmitter.name]
            message = getattr(self.rig, transmitter.name).on_line
            on_line = None if message is None else message.text.lower()
            if on_line != (None if station.on_line is None else station.on_line.name):
                return False
            if transmitter.queued != len(station.waiting):
                return False
            if transmitter.is_usable is not station.usable:
                return False
        return True

    @invariant()
    def no_queue_is_longer_than_it_may_be(self) -> None:
        assert all(each.queued <= MOST for each in self.rig.lane.transmitters)

    def teardown(self) -> None:
        """Let everything out: each page has its one receipt, or nobody wanted it any more."""
        try:
            for equipment in (self.rig.a, self.rig.b):
                equipment.answer_all(Receipt(ReceiptState.ACCEPTED))
            if hasattr(self, "submitted"):
                wanted = sorted({job.name for job in self.submitted} - self.untried)
                self.rig.until(lambda: len(self.rig.receipts) >= len(wanted))
                assert sorted(page for page, _ in self.rig.receipts) == wanted
        finally:
            self.rig.close()


def test_every_page_has_one_receipt_whatever_happens(
    rig_class: type["Rig"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_MOST", MOST)

    class Machine(LaneMachine):
        def __init__(self) -> None:
            super().__init__(rig_class())

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
