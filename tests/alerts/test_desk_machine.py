"""The desk against everything that can happen to it in any order, restarts and reboots included.

The machine knows the true time, which the box often does not. After every step it holds the desk
to it: nothing stale is paged, nothing is missed or brought back before its time, and what the
journal would rebuild is what the desk remembers.
"""

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.alerts.case import Alert
from gateway.alerts.desk import Decision
from gateway.clock import Stamp
from gateway.config import Hours, Ladder, Step
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertReturned,
    AnswerStood,
    AnswerWithdrawn,
    AnyEvent,
    Paged,
)
from gateway.model import AlertState, Outcome, Page, Receipt, ReceiptState

if TYPE_CHECKING:
    from tests.alerts.conftest import Opener


S = 1_000_000_000
UNDO_NS = 10 * S
HOUR = (Hours(days=("mon",), open="12:00", close="13:00"),)  # the machine begins at 12:00

LADDERS = (
    Ladder(),
    Ladder(
        steps=(Step(after_s=7.3, to=("zone",)), Step(after_s=11.9, to=("everyone",))),
        repeat_s=5.1,
        fresh_s=60,
        burst_s=10,
        outcome_s=30,
    ),
    Ladder(steps=(Step(after_s=0, to=("managers",)),), repeat_s=40.3, fresh_s=300, outcome_s=700),
)
# The moments that decide are likelier than the ones between them.
seconds = st.one_of(
    st.sampled_from((0.001, 4.0, 7.3, 10.0, 29.0, 40.0, 60.0, 80.0, 599.0, 600.0, 900.0)),
    st.integers(1, 40).map(float),
    st.floats(0.001, 2000),
)
walls = st.integers(0, 2**62)  # an unset clock may show any year
which = st.integers(0, 20)
people = st.sampled_from(("Anna", "Bo"))


class DeskMachine(RuleBasedStateMachine):
    def __init__(self, open_shop: "Opener") -> None:
        super().__init__()
        self.open_shop = open_shop

    @initialize(
        rules=st.sampled_from(LADDERS), hours=st.sampled_from(((), HOUR)), synced=st.booleans()
    )
    def begin(self, rules: Ladder, hours: tuple[Hours, ...], synced: bool) -> None:
        self.shop = self.open_shop(rules, hours=hours, synced=synced)
        self.ladder = rules
        self.started_ns = {self.shop.now.boot: 0}  # the true time at which each boot began
        self.noon_ns = self.shop.now.wall_ns - self.shop.now.mono_ns  # the true wall time of 0
        self.seen = 0  # events judged already
        self.highest: dict[tuple[str, int], int] = {}  # the highest level paged, by climb
        self.on_the_way: list[Page] = []
        self.durable: set[str] = set()
        self.out_of_queue: dict[str, set[str]] = {}  # by alert, pages that its answer took back
        self.waits_since_restart: set[str] = set()
        self.before_answer: dict[str, Alert] = {}
        self.stood: set[tuple[str, int, AlertState]] = set()

    # --- the true time -----------------------------------------------------------------------

    def true_ns(self, stamp: Stamp) -> int:
        return self.started_ns[stamp.boot] + stamp.mono_ns

    def true_age_ns(self, since: Stamp, now: Stamp) -> int:
        return self.true_ns(now) - self.true_ns(since)

    def is_known(self, since: Stamp) -> bool:
        now = self.shop.now
        return since.boot == now.boot or (since.synced and now.synced)

    # --- what is judged of every page and event ----------------------------------------------

    def took(self, pages: list[Page], *, again: bool = False) -> None:
        """Judge pages; `again` where one of a level already paged may go out once more."""
        for page in pages:
            alert = self.shop.desk.alert(page.alert or "")  # a live one, or this raises
            assert alert.state is AlertState.OPEN, "a page for a taken alert"
            assert not alert.quiet
            age_ns = self.true_age_ns(alert.climbing, self.shop.now)
            assert age_ns < self.ladder.fresh_s * S, "a stale page"
            assert page.level == alert.level
            assert page.id not in self.durable, "sent again though it went out"
            before = self.highest.get((alert.id, alert.returns), -1)
            assert page.level > before or (again and page.level == before)
        for page in pages:
            alert = self.shop.desk.alert(page.alert or "")
            self.highest[alert.id, alert.returns] = page.level
            self.waits_since_restart.discard(alert.id)
        self.on_the_way += pages

    def answered(self, decision: Decision, out_of_queue: int) -> None:
        """Judge an answer: of its alert's pages some wait in a queue, and some are on the line."""
        assert self.shop.did(decision) == []
        for alert in decision.cancelled:
            pages = [page for page in self.on_the_way if page.alert == alert]
            waiting = pages[: out_of_queue % (len(pages) + 1)]
            self.on_the_way = [page for page in self.on_the_way if page not in waiting]
            self.out_of_queue[alert] = {page.id for page in waiting}
            self.shop.desk.cancelled(alert, waiting)

    @invariant()
    def every_event_was_due(self) -> None:
        shop = self.shop
        alerts: dict[str, Alert] = {}
        for position, (event, at) in enumerate(shop.log):
            name = getattr(event, "alert", None) or ""
            before = alerts.get(name)
            after = shop.fold(before, event, at)
            if after is not None:
                alerts[name] = after
            if position < self.seen:
                continue
            if isinstance(event, AlertRaised):
                assert before is None
            elif isinstance(event, AlertMissed):
                assert before is not None
                self.missed_in_time(before, at)
            elif isinstance(event, AlertReturned):
                assert before is not None
                assert before.taken is not None
                assert self.true_age_ns(before.taken.at, at) >= self.ladder.outcome_s * S
                if not self.is_known(before.taken.at):
                    assert event.level == -1, "a page for what may be days old"
            elif isinstance(event, AlertClimbed):
                assert before is not None
                assert before.state is AlertState.OPEN
                assert event.level > before.level
            elif not isinstance(event, Paged):  # a receipt may come after the end
                assert before is not None
                assert before.is_live
                self.answers_in_order(before, event, at)
        self.seen = len(shop.log)
        live = [alert for alert in alerts.values() if alert.is_live]
        assert tuple(live) == shop.desk.alerts(), "the journal would rebuild something else"

    def answers_in_order(self, before: Alert, event: AnyEvent, at: Stamp) -> None:
        """What is said stands once or is taken back, and what more is said waits for neither."""
        if isinstance(event, AnswerWithdrawn | AnswerStood):
            assert before.answer is not None
            assert before.taken is not None
            assert event.by == before.taken.by
        elif not isinstance(event, AlertJoined):
            assert before.answer is None, "more came, and the answer before does not stand"
        if isinstance(event, AlertAcknowledged | AlertContacted):
            self.before_answer[before.id] = before
        elif isinstance(event, AnswerStood):
            counted = (before.id, before.returns, event.state)
            assert event.state is before.state
            assert counted not in self.stood, "one answer counts twice"
            self.stood.add(counted)
        elif isinstance(event, AnswerWithdrawn):
            assert before.taken is not None
            assert self.true_age_ns(before.taken.at, at) < UNDO_NS
            after, was = self.shop.fold(before, event, at), self.before_answer[before.id]
            for part in ("state", "acknowledged", "contacted", "level", "climbing", "answer"):
                assert getattr(after, part) == getattr(was, part), part

    def missed_in_time(self, alert: Alert, at: Stamp) -> None:
        end_s = self.ladder.fresh_s
        if alert.taken is None:
            since = alert.climbing
        else:  # it came back and climbed to its end while the box was off
            since = alert.taken.at
            end_s += self.ladder.outcome_s
        assert self.true_age_ns(since, at) >= end_s * S - 1

    @invariant()
    def nothing_is_overdue_and_something_is_always_due(self) -> None:
        wait_s = self.shop.desk.next_due_s(self.shop.now)
        assert (wait_s is None) == (self.shop.desk.alerts() == ())
        assert wait_s is None or wait_s > 0, "a busy loop"
        for alert in self.shop.desk.alerts():
            if alert.taken is None:
                self.open_alert_is_where_it_should_be(alert)
            else:
                age_ns = self.age_to_go_by_ns(alert.taken.at)
                assert age_ns < self.ladder.outcome_s * S
                assert alert.answer is None or age_ns < UNDO_NS

    def age_to_go_by_ns(self, since: Stamp) -> int:
        """The true age where the box can know it, this boot's own where it cannot."""
        now = self.shop.now
        return self.true_age_ns(since, now) if self.is_known(since) else now.mono_ns

    def open_alert_is_where_it_should_be(self, alert: Alert) -> None:
        age_ns = self.age_to_go_by_ns(alert.climbing)
        assert age_ns < self.ladder.fresh_s * S
        next_page_s = self.shop.desk.next_page_s(alert, self.shop.now)
        if alert.quiet or not self.is_known(alert.climbing):
            assert next_page_s is None
            return
        moments = [round(step.after_s * S) for step in self.ladder.steps]
        while moments[-1] < self.ladder.fresh_s * S:
            moments.append(moments[-1] + round(self.ladder.repeat_s * S))
        level = sum(moment <= age_ns for moment in moments) - 1
        assert alert.level == (max(0, level) if alert.returns else level)
        upcoming = moments[alert.level + 1]
        if upcoming < self.ladder.fresh_s * S:
            assert next_page_s == (upcoming - age_ns) / S
        else:
            assert next_page_s is None

    # --- what happens --------------------------------------------------------------------------

    @rule(button=which)
    def press(self, button: int) -> None:
        buttons = self.shop.config.buttons
        pressed = buttons[button % len(buttons)]
        before = len(self.shop.log)
        pages = self.shop.press(pressed.name)
        events = [event for event, _ in self.shop.log[before:]]
        self.took(pages)
        for event in events:
            if isinstance(event, AlertRaised):
                assert bool(pages) == (event.level >= 0)
                assert event.quiet is self.is_closed(pressed.pages_when_closed)
            else:
                assert isinstance(event, AlertJoined)
                assert self.shop.desk.alert(event.alert).zone == pressed.zone
        if pressed.kind.is_red:
            assert events, "a red that nobody will answer"

    def is_closed(self, pages_when_closed: bool) -> bool:
        closed = self.shop.config.shop.hours and self.true_ns(self.shop.now) >= 3700 * S
        return bool(closed and self.shop.now.synced and not pages_when_closed)

    @rule(wait_s=seconds)
    def time_passes_as_on_the_floor(self, wait_s: float) -> None:
        end_ns = self.shop.now.mono_ns + round(wait_s * S)
        while (due_s := self.shop.desk.next_due_s(self.shop.now)) is not None:
            assert due_s > 0, "a busy loop"
            if self.shop.now.mono_ns + round(due_s * S) > end_ns:
                break
            self.took(self.shop.later(due_s))
        self.shop.sleep((end_ns - self.shop.now.mono_ns) / S)
        self.took(self.shop.later(0))

    @rule(wait_s=seconds)
    def nobody_looks_for_a_while(self, wait_s: float) -> None:
        self.took(self.shop.later(wait_s))

    @rule(wall_ns=walls)
    @precondition(lambda self: not self.shop.now.synced)
    def an_unset_clock_jumps(self, wall_ns: int) -> None:
        self.shop.now = Stamp(self.shop.now.boot, self.shop.now.mono_ns, wall_ns, synced=False)

    @rule()
    @precondition(lambda self: not self.shop.now.synced)
    def the_clock_is_set(self) -> None:
        self.shop.set_clock(self.noon_ns + self.true_ns(self.shop.now))
        self.took(self.shop.later(0), again=True)

    def one_of_the_live(self, index: int) -> Alert | None:
        alerts = self.shop.desk.alerts()
        alert: Alert | None = alerts[index % len(alerts)] if alerts else None
        return alert

    @rule(index=which, by=people, queued=which)
    def acknowledge(self, index: int, by: str, queued: int) -> None:
        alert = self.one_of_the_live(index)
        if alert is not None and alert.state is AlertState.OPEN:
            self.answered(self.shop.desk.acknowledge(alert.id, by, "page", self.shop.now), queued)

    @rule(index=which, by=people, queued=which)
    def contact(self, index: int, by: str, queued: int) -> None:
        if (alert := self.one_of_the_live(index)) is not None:
            self.answered(self.shop.desk.contact(alert.id, by, "page", self.shop.now), queued)

    @rule(index=which, by=people)
    def withdraw(self, index: int, by: str) -> None:
        if (alert := self.one_of_the_live(index)) is not None:
            self.take_back(alert.id, by)

    @rule(index=which, by=people, queued=which, wait_s=seconds, met=st.booleans())
    def somebody_taps_the_wrong_alert(
        self, index: int, by: str, queued: int, wait_s: float, met: bool
    ) -> None:
        if (alert := self.one_of_the_live(index)) is None:
            return
        (self.contact if met else self.acknowledge)(index, by, queued)
        self.time_passes_as_on_the_floor(min(wait_s, 9.999))
        self.take_back(alert.id, by)

    def take_back(self, alert_id: str, by: str) -> None:
        alert = self.shop.desk.alert(alert_id)
        if alert.taken is None:
            assert self.shop.desk.withdraw(alert.id, by, self.shop.now) == Decision()
            return
        if alert.answer is None or alert.taken.by != by:
            with pytest.raises(Refused) as refusal:
                self.shop.desk.withdraw(alert.id, by, self.shop.now)
            code = "answer_stands" if alert.answer is None else "not_your_answer"
            assert refusal.value.code == code
            return
        decision = self.shop.desk.withdraw(alert.id, by, self.shop.now)
        pages = {page.id for page in self.shop.did(decision)}
        now = next((each for each in self.shop.desk.alerts() if each.id == alert.id), None)
        had_come_due = now is None or (now.returns, now.level) != (alert.returns, alert.level)
        if not had_come_due and alert.id not in self.waits_since_restart:
            is_open = alert.answer.was is AlertState.OPEN
            may_page = is_open and not alert.quiet and self.is_known(alert.climbing)
            step = f"{alert.id}.{alert.returns}.{alert.level}."
            taken_out = {page for page in self.out_of_queue[alert.id] if page.startswith(step)}
            assert pages == (taken_out - self.durable if may_page else set())
        self.took(decision.pages, again=True)

    @rule(index=which)
    def a_grant_is_promised(self, index: int) -> None:
        if (alert := self.one_of_the_live(index)) is not None:
            assert self.shop.did(self.shop.desk.settle(alert.id, self.shop.now)) == []

    @rule(index=which, outcome=st.sampled_from(Outcome))
    def resolve(self, index: int, outcome: Outcome) -> None:
        if (alert := self.one_of_the_live(index)) is not None:
            self.shop.did(self.shop.desk.resolve(alert.id, "Anna", outcome, self.shop.now))

    @rule(zone=st.sampled_from(("exit", "till")), long=st.booleans())
    def a_wired_button(self, zone: str, long: bool) -> None:
        desk = self.shop.desk
        take = desk.contact_oldest if long else desk.acknowledge_oldest
        self.shop.did(take(zone, "button:ack", self.shop.now))

    @rule(index=which, state=st.sampled_from(ReceiptState))
    def receipt(self, index: int, state: ReceiptState) -> None:
        if not self.on_the_way:
            return
        page = self.on_the_way.pop(index % len(self.on_the_way))
        receipt = Receipt(state)
        self.shop.did(self.shop.desk.receipt(page, receipt, self.shop.now))
        if receipt.is_durable:
            self.durable.add(page.id)

    @rule()
    def a_transmitter_is_back(self) -> None:
        self.took(self.shop.did(self.shop.desk.transmitter_back(self.shop.now)), again=True)

    @rule()
    def the_daemon_starts_again(self) -> None:
        self.on_the_way.clear()  # what was in the lane is gone, and its receipts with it
        self.waits_since_restart = {
            alert.id for alert in self.shop.desk.alerts() if alert.state is AlertState.OPEN
        }
        self.took(self.shop.restart(), again=True)

    @rule(off_s=seconds, uptime_s=st.floats(1, 60), wall_ns=walls, synced=st.booleans())
    def the_power_fails(self, off_s: float, uptime_s: float, wall_ns: int, synced: bool) -> None:
        began_ns = self.true_ns(self.shop.now) + round(off_s * S)
        boot = f"boot-{len(self.started_ns) + 1}"
        self.started_ns[boot] = began_ns
        up_ns = round(uptime_s * S)
        right_ns = self.noon_ns + began_ns + up_ns
        self.shop.now = Stamp(boot, up_ns, right_ns if synced else wall_ns, synced)
        self.the_daemon_starts_again()


def test_the_desk_holds_to_the_true_time_whatever_happens(open_shop: "Opener") -> None:
    class Machine(DeskMachine):
        def __init__(self) -> None:
            super().__init__(open_shop)

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=100, stateful_step_count=40, deadline=None)
    )
