"""The shop floor: the way of one press, from an edge to the transmitters' queues and the journal.

Everything here runs on the event loop and waits for nothing. Pages go to the lane before their
events go to the journal, and no page ever waits for a commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from gateway import events
from gateway.alarm import Alarm
from gateway.alerts.case import Alert
from gateway.alerts.desk import Decision, Desk
from gateway.clock import Clock, Stamp
from gateway.config import Button, Config
from gateway.errors import JournalError
from gateway.events import AnyEvent, Record
from gateway.faults import Faults
from gateway.inputs.filter import PressFilter
from gateway.inputs.indicators import Indicators, State
from gateway.inputs.line import Left
from gateway.inputs.verdicts import LineFault, LineHealed, Pressed, Released, Verdict
from gateway.journal.store import Journal
from gateway.model import ButtonKind, Page, Receipt
from gateway.paging.lane import PageLane

Kept = Future[list[Record]]

KEEP_S: Final = 5.0
"""How long an answer waits for the disk before it says that it could not be kept yet."""
PAGE_FIRST_S: Final = 0.002
"""How long a page may take to its first byte before anything else is done about its press: its
answer is listened for, what led to it is handed to the journal, lights are switched, who watches
presses is told. The kernel carries the bytes on, and needs a processor for it; and all our threads
share one interpreter."""

_OF_STAFF: Final = (ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP)

_log: Final = logging.getLogger(__name__)


class Floor:
    """Ties inputs, desk, lane and journal together.

    Args:
        config: The buttons.
        clock: The time.
        desk: Decides.
        journal: Keeps.
        indicators: Answer at the button.
        faults: Told of lines that are stuck.
        on_change: Called after anything that a page shows has changed.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        desk: Desk,
        journal: Journal,
        indicators: Indicators,
        faults: Faults,
        on_change: Callable[[], None],
    ) -> None:
        self.desk: Final = desk
        self._buttons: Final = {button.name: button for button in config.buttons}
        self._clock: Final = clock
        self._journal: Final = journal
        self._indicators: Final = indicators
        self._faults: Final = faults
        self._on_change: Final = on_change
        self._filter: Final = PressFilter(config.buttons, config.inputs)
        self._filter_alarm: Final = Alarm(self._advance_filter)
        self._ladder_alarm: Final = Alarm(self._advance_ladder)
        self._light_alarm: Final = Alarm(self._advance_lights)
        self._settle_alarm: Final = Alarm(self.settle)
        self._unrecorded: Final[deque[tuple[Decision, Stamp, Pressed | None]]] = deque()
        self._unshown: list[Verdict] = []
        self._receipts: Final[dict[str, asyncio.Future[Receipt]]] = {}
        self._watchers: Final[list[Callable[[Pressed], None]]] = []
        self._gesture_watchers: Final[list[Callable[[Released], None]]] = []
        self._spare_watchers: Final[list[Callable[[Button, Stamp], None]]] = []
        self._early: list[Released] | None = []  # until the alerts of before are there
        self._lane: PageLane | None = None

    def open(self, lane: PageLane, pressed: dict[str, bool], left: Left | None = None) -> None:
        """Begin, with the buttons that are down already. No edge may come before this.

        `left` is what the floor before has left, if it ended in this process.
        """
        self._lane = lane
        now_ns = self._clock.mono_ns()
        for name, active in pressed.items():
            self._filter.begin(name, active=active, at_ns=now_ns, left=left)
        self._advance_filter()

    def restore(self, live: list[Alert]) -> None:
        """Take up again the alerts of before the restart; presses may have come meanwhile."""
        now = self._clock.now()
        self.carry_out(self.desk.restore(live, now), now)
        early, self._early = self._early or [], None
        for verdict in early:
            self._released(verdict)

    def close(self) -> Left:
        """Stop the timers; what is not with the journal yet goes there.

        Returns:
            What the next floor of this process is to know of the buttons.
        """
        self._hand_over()
        alarms = (self._filter_alarm, self._ladder_alarm, self._light_alarm, self._settle_alarm)
        for alarm in alarms:
            alarm.cancel()
        return self._filter.left(self._clock.mono_ns())

    # --- from the pins ---------------------------------------------------------------------

    def edge(self, button: str, active: bool, at_ns: int) -> None:  # noqa: FBT001 - call_soon's
        """A button's level changed."""
        self._take(self._filter.edge(button, active=active, at_ns=at_ns))

    def _advance_filter(self) -> None:
        self._take(self._filter.advance(self._clock.mono_ns()))

    def _take(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            if isinstance(verdict, Pressed):
                self._pressed(verdict)
            else:
                self._told(verdict)
        self._unshown.extend(verdicts)
        if not self._unrecorded:  # else a page is leaving: see PAGE_FIRST_S
            self._show()

    def _told(self, verdict: Verdict) -> None:
        match verdict:
            case Released():
                self._released(verdict)
            case LineFault(button=button, kind=kind):
                self._faults.set(f"button/{button}", f"the line is {kind}")
            case LineHealed(button=button):
                self._faults.set(f"button/{button}", None)
            case _:
                pass

    def _show(self) -> None:
        """Answer at the buttons, tell who watches, and wait for what the filter waits for."""
        now_ns = self._clock.mono_ns()
        shown, self._unshown = self._unshown, []
        for verdict in shown:
            self._indicators.show(verdict, now_ns)
        if shown:
            self._advance_lights()
        self._filter_alarm.set_ns(self._filter.next_deadline_ns)
        for pressed in shown:
            if isinstance(pressed, Pressed):
                for watch in self._watchers:
                    watch(pressed)

    def _pressed(self, verdict: Pressed) -> None:
        press = verdict.press
        if press.kind not in _OF_STAFF or press.flag is not None:
            at = self._clock.at(verdict.at_ns)
            decision = self.desk.press(press, at)
            self._send_pages(decision)
            self._note(decision, at, verdict)

    def _released(self, verdict: Released) -> None:
        button = self._buttons[verdict.button]
        if button.kind is not ButtonKind.ACKNOWLEDGE:
            for watch in self._gesture_watchers:
                watch(verdict)
            return
        at = self._clock.at(verdict.at_ns)
        by = f"button:{button.name}"
        take = self.desk.contact_oldest if verdict.long else self.desk.acknowledge_oldest
        decision = take(button.zone, by, at)
        self.carry_out(decision, at)
        if not decision.events and self._early is not None:
            self._early.append(verdict)  # an alert of before the start may be what it is about
        elif not verdict.long and not decision.events:
            for watch_spare in self._spare_watchers:
                watch_spare(button, at)

    def watch_presses(self, watch: Callable[[Pressed], None]) -> Callable[[], None]:
        """Call `watch` with every press from now on; returns what ends that.

        It hears of one that pages when its page has had time to leave: see `settle`.
        """
        self._watchers.append(watch)
        return lambda: self._watchers.remove(watch)

    def watch_gestures(self, watch: Callable[[Released], None]) -> None:
        """Call `watch` when a set-up button is let go."""
        self._gesture_watchers.append(watch)

    def watch_spare_acknowledges(self, watch: Callable[[Button, Stamp], None]) -> None:
        """Call `watch` when an acknowledge button was pressed, shortly, with nothing to take."""
        self._spare_watchers.append(watch)

    # --- to the lane and the journal -------------------------------------------------------

    def carry_out(self, decision: Decision, at: Stamp) -> None:
        """Do what was decided: pages first, and their events once they have had time to leave."""
        self._send_pages(decision)
        self._note(decision, at)

    def _note(self, decision: Decision, at: Stamp, pressed: Pressed | None = None) -> None:
        self._unrecorded.append((decision, at, pressed))
        if not decision.pages:
            self._hand_over()
        elif len(self._unrecorded) == 1:
            self._settle_alarm.set_s(PAGE_FIRST_S)

    def settle(self) -> None:
        """Pages have had time to leave: do what was put off for them."""
        self._show()  # what those who watch make of a press goes to the journal behind it
        self._hand_over()

    def _send_pages(self, decision: Decision) -> None:
        lane = self._lane
        if lane is not None:
            for alert in decision.cancelled:
                self.desk.cancelled(alert, lane.cancel(alert))
            for page in decision.pages:
                lane.submit(page)

    def _hand_over(self) -> Kept | None:
        """Hand over to the journal what was carried out; returns the future of its last events."""
        kept: Kept | None = None
        if self._lane is not None:
            self._lane.rouse()
        while self._unrecorded:
            decision, at, pressed = self._unrecorded.popleft()
            press = () if pressed is None else (_recorded(pressed),)
            decided: tuple[AnyEvent, ...] = (*press, *decision.events)
            if decided:
                kept = self._journal.append_all(decided, at)
        self._ladder_alarm.set_s(self.desk.next_due_s(self._clock.now()))
        if kept is not None:
            self._on_change()
        return kept

    async def keep(self, decision: Decision, at: Stamp, timeout_s: float) -> None:
        """Carry out, and return once its events are on disk.

        Raises:
            JournalError: They are not, after this long; they stay in memory and are tried again.
        """
        self._send_pages(decision)
        self._unrecorded.append((decision, at, None))
        kept = self._hand_over()
        if kept is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(kept)), timeout_s)
        except TimeoutError as error:
            raise JournalError(
                "it is done, but not on disk yet: the journal " + self._journal.state
            ) from error

    def received(self, page: Page, receipt: Receipt) -> None:
        """A page has its receipt."""
        at = self._clock.now()
        self.carry_out(self.desk.receipt(page, receipt, at), at)
        waiting = self._receipts.pop(page.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(receipt)

    async def send(self, page: Page, timeout_s: float) -> Receipt:
        """Send one page that no alert asked for, and wait for its receipt.

        Raises:
            TimeoutError: There is none after this long.
        """
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._receipts[page.id] = receipt
        try:
            self.carry_out(Decision(pages=[page]), self._clock.now())
            return await asyncio.wait_for(receipt, timeout_s)
        finally:
            self._receipts.pop(page.id, None)

    def transmitter_back(self) -> None:
        """A transmitter works again."""
        now = self._clock.now()
        self.carry_out(self.desk.transmitter_back(now), now)

    # --- timers ----------------------------------------------------------------------------

    def _advance_ladder(self) -> None:
        now = self._clock.now()
        self.carry_out(self.desk.advance(now), now)

    def show_state(self, state: State) -> None:
        """What the fault LED tells from now on."""
        self._indicators.set_state(state, self._clock.mono_ns())
        self._advance_lights()

    @property
    def signals(self) -> tuple[tuple[str, ...], bool]:
        """The buttons that have an LED, and whether there is a buzzer."""
        return self._indicators.lights, self._indicators.has_buzzer

    def try_signal(self, button: str | None) -> bool:
        """Flash a button's LED, or sound the buzzer; whether there is one."""
        found = self._indicators.try_signal(button, self._clock.mono_ns())
        self._advance_lights()
        return found

    def _advance_lights(self) -> None:
        self._indicators.advance(self._clock.mono_ns())
        self._light_alarm.set_ns(self._indicators.next_deadline_ns)


def _recorded(verdict: Pressed) -> events.Pressed:
    press = verdict.press
    return events.Pressed(
        button=press.button,
        kind=press.kind,
        zone=press.zone,
        flag=press.flag,
        count=verdict.count,
    )
