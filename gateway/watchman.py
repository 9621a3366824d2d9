"""The watchman: rules over many presses and the box's faults, and the daily test page.

He runs on the event loop beside the floor, hears of every press after its page is on its way, and
waits for nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.alarm import Alarm
from gateway.alerts.daily import DailyTest, Kept
from gateway.alerts.desk import Decision, Desk
from gateway.alerts.found import alert_of
from gateway.alerts.rules import PRIMED_FROM, Found, Patterns
from gateway.clock import NS_PER_S, Clock, Stamp
from gateway.config import Button, Config
from gateway.errors import JournalError, Refused
from gateway.events import AnyEvent, DailyTestConfirmed, FaultRaised, Record
from gateway.faults import Faults
from gateway.floor import Floor
from gateway.inputs.verdicts import Pressed
from gateway.journal import reading, schema
from gateway.journal.store import Journal
from gateway.model import ButtonKind, Page

NOT_CONFIRMED: Final = "the daily test was not confirmed"

_META: Final = "daily_test"

_log: Final = logging.getLogger(__name__)


class Watchman:
    """Watches one shop.

    Args:
        config: Rules, daily test, buttons, pagers and opening hours.
        clock: The time.
        journal: What was before, and what he must not forget.
        faults: Told of pagers that nobody has confirmed.
        desk: Takes what the rules find.
        floor: Carries out, and tells of presses.
        new_id: Makes the id of a new alert; never the same twice.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        journal: Journal,
        faults: Faults,
        desk: Desk,
        floor: Floor,
        new_id: Callable[[], str],
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._journal: Final = journal
        self._faults: Final = faults
        self._desk: Final = desk
        self._floor: Final = floor
        self._new_id: Final = new_id
        self._began: Final = clock.now()
        self._patterns: Final = Patterns(config, self._began)
        self._daily: DailyTest | None = None
        self._alarm: Final = Alarm(self._advance)
        # What happens before the journal has been read; None from then on.
        self._early: list[Callable[[], None]] | None = []
        for part, words in faults.standing().items():
            self._heard(FaultRaised(part=part, words=words))
        faults.watch(self._heard)
        floor.watch_presses(self._pressed)
        floor.watch_spare_acknowledges(self._acknowledged)

    async def open(self) -> None:
        """Begin, with what the journal knows of before."""
        records, kept = await self._read()
        began = self._began
        self._patterns.prime(
            # What is in there of this run already is among the early ones.
            (r for r in records if r.at.boot != began.boot or r.at.mono_ns < began.mono_ns),
            began,
        )
        if self._config.daily_test is not None:
            self._daily = DailyTest(self._config.daily_test, self._config, kept)
        early, self._early = self._early or [], None
        for happened in early:
            happened()
        self._tell_overdue()
        self._advance()

    def close(self) -> None:
        """Stop the timer."""
        self._alarm.cancel()

    def confirm(self, pager: str | None, by: str, via: str) -> tuple[str, ...]:
        """Somebody says that the latest test buzzed, on one pager or on all that it went to.

        Raises:
            Refused: `no_test` waits for this.
        """
        pagers = None if pager is None else (pager,)
        done = () if self._daily is None else self._daily.confirm(pagers)
        if not done:
            of = "" if pager is None else f" of {pager}"
            raise Refused("no_test", f"no test page{of} waits to be confirmed")
        self._confirmed(done, by, via)
        return done

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The pagers of the latest test that nobody has confirmed."""
        kept = None if self._daily is None else self._daily.kept
        return () if kept is None else kept.waiting

    # --- what happens ----------------------------------------------------------------------

    def _heard(self, event: AnyEvent) -> None:
        at = self._clock.now()
        self._when_open(lambda: self._raise(self._patterns.event(event, at)))

    def _pressed(self, verdict: Pressed) -> None:
        self._when_open(lambda: self._take_press(verdict))

    def _when_open(self, happened: Callable[[], None]) -> None:
        if self._early is not None:
            self._early.append(happened)
        else:
            happened()
            self._set_alarm()

    def _take_press(self, verdict: Pressed) -> None:
        press, at = verdict.press, self._clock.at(verdict.at_ns)
        if press.kind not in (ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP):
            self._raise(self._patterns.press(press, at))
            if self._daily is not None and press.flag is None:
                self._send(self._daily.pressed(at), at)

    def _acknowledged(self, button: Button, at: Stamp) -> None:
        self._when_open(lambda: self._take_acknowledge(button, at))

    def _take_acknowledge(self, button: Button, at: Stamp) -> None:
        """While its zone has an alert, an acknowledge button is not about the test."""
        is_about_alert = any(alert.zone == button.zone for alert in self._desk.alerts())
        if self._daily is not None and not is_about_alert:
            done = self._daily.confirm_by_button(button.zone, at)
            if done:
                self._confirmed(done, f"button:{button.name}", "button")

    def _confirmed(self, pagers: tuple[str, ...], by: str, via: str) -> None:
        event = DailyTestConfirmed(pagers=pagers, by=by, via=via)
        self._floor.carry_out(Decision(events=[event]), self._clock.now())
        self._keep()
        self._tell_overdue()

    def _advance(self) -> None:
        now = self._clock.now()
        self._raise(self._patterns.advance(now))
        if self._daily is not None:
            before = self._daily.kept
            self._send(self._daily.advance(now), now)
            if self._daily.kept != before:
                self._keep()
                self._tell_overdue()
        self._set_alarm()

    def _set_alarm(self) -> None:
        due_ns = self._patterns.next_due_ns
        moments = [] if due_ns is None else [due_ns]
        if self._daily is not None:
            now = self._clock.now()
            moments.append(now.mono_ns + round(self._daily.next_due_s(now) * NS_PER_S))
        self._alarm.set_ns(min(moments, default=None))

    # --- what is done ----------------------------------------------------------------------

    def _raise(self, found: list[Found]) -> None:
        for each in found:
            event = alert_of(each, self._config, self._new_id())
            self._floor.carry_out(self._desk.raise_alert(event, each.at), each.at)

    def _send(self, pages: list[Page], at: Stamp) -> None:
        if pages:
            self._floor.carry_out(Decision(pages=pages), at)
            self._keep()

    def _tell_overdue(self) -> None:
        overdue = () if self._daily is None else self._daily.overdue
        self._faults.replace("pager/", {f"pager/{name}": NOT_CONFIRMED for name in overdue})

    def _keep(self) -> None:
        kept = None if self._daily is None else self._daily.kept
        text = msgspec.json.encode(kept).decode()
        self._journal.transact(lambda work: schema.set_meta(work.connection, _META, text))

    async def _read(self) -> tuple[list[Record], Kept | None]:
        """The latest records, and what he knew of the daily test."""
        after = max(0, self._journal.last_seq - PRIMED_FROM)
        try:
            records, text = await asyncio.wrap_future(
                self._journal.read(
                    lambda db: (
                        list(reading.all_records(db, after)) if self._config.rules else [],
                        schema.meta(db, _META),
                    )
                )
            )
            return records, None if text is None else msgspec.json.decode(text, type=Kept | None)
        except (JournalError, msgspec.DecodeError) as error:
            _log.error("the rules know nothing of before the restart: %s", error)
            return [], None
