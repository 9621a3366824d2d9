"""The alert desk, pure: what a press, an answer, a receipt or the passing of time leads to.

The desk holds the live alerts and decides; it does nothing itself. Each call returns a `Decision`:
pages to send at once, alerts whose waiting pages are off, and events for the journal. The desk has
folded those events already, so memory is ahead of the disk and never waits for it.
"""

from collections.abc import Callable, Iterable
from typing import Final

from gateway.alerts import answers, burst, hours, ladder, timing
from gateway.alerts.answers import Answers
from gateway.alerts.case import Alert
from gateway.alerts.live import Decision as Decision  # noqa: PLC0414 - exported
from gateway.alerts.live import Live
from gateway.alerts.pages import PageWriter
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config
from gateway.errors import Refused
from gateway.events import (
    AlertClimbed,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertReturned,
    CaseDescribed,
    CustomerNamed,
    Paged,
    SecurityCalled,
)
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    Label,
    Outcome,
    Page,
    Press,
    PressFlag,
    Receipt,
    ReceiptState,
)


class Desk:
    """The live alerts of one shop.

    Args:
        config: Buttons, staff, pagers, ladder and hours.
        new_id: Makes the id of a new alert; never the same twice.
    """

    def __init__(self, config: Config, new_id: Callable[[], str]) -> None:
        self._config: Final = config
        self._new_id: Final = new_id
        self._buttons: Final = {button.name: button for button in config.buttons}
        self._answers: Final = Answers(config)
        self._writer: Final = PageWriter(config)
        self._spare_id: str | None = new_id()  # a page does not wait for the random numbers of one
        self._first_level: Final = ladder.level_at(config.ladder, 0)
        self._live: Final = Live()

    # --- looking ---------------------------------------------------------------------------

    def alerts(self) -> tuple[Alert, ...]:
        """The live alerts, oldest first."""
        return tuple(self._live)

    def alert(self, alert_id: str) -> Alert:
        """One live alert.

        Raises:
            Refused: `unknown_alert`.
        """
        return self._live.get(alert_id)

    def label(self, alert: Alert) -> Label:
        """What to call the place it came from."""
        return self._writer.label(alert)

    def next_page_s(self, alert: Alert, now: Stamp) -> float | None:
        """Seconds until the ladder pages again, None when it will not or nobody knows."""
        rules = self._config.ladder
        moment = ladder.next_moment_ns(rules, alert.level)
        if moment is None or not timing.may_page(rules, alert, now):
            return None
        return max(0, moment - timing.least_age_ns(alert.climbing, now)) / NS_PER_S

    def next_due_s(self, now: Stamp) -> float | None:
        """Seconds until `advance` has something to do, None when nothing is live."""
        rules = self._config.ladder
        waits = [timing.wait_ns(rules, alert, now) for alert in self._live]
        return max(0, min(waits)) / NS_PER_S if waits else None

    # --- what happens ----------------------------------------------------------------------

    def press(self, press: Press, at: Stamp) -> Decision:
        """A customer's press, as the filter judged it.

        Raises:
            KeyError: No such button.
        """
        decision = Decision()
        button = self._buttons[press.button]
        cause = _CAUSES.get(press.kind)
        quiet = self._is_quiet(button.name, at)
        counts = press.flag is None or (not quiet and self._was_quiet(press, at))
        if cause is None or not counts:
            return decision
        incident = self._incident(cause, button, at, quiet=quiet)
        if incident is not None:
            self._live.do(decision, AlertJoined(alert=incident.id, button=button.name), at)
        elif cause is not AlertCause.REASON or button.pages:
            event = AlertRaised(
                alert=self._take_id(),
                cause=cause,
                zone=button.zone,
                button=button.name,
                level=-1 if quiet else self._first_level,
                quiet=quiet,
            )
            return self.raise_alert(event, at)
        return decision

    def raise_alert(self, event: AlertRaised, at: Stamp) -> Decision:
        """Begin an alert: of a press, or of what a rule has found."""
        decision = Decision()
        self._live.do(decision, event, at)
        decision.pages.extend(self._pages(event.alert, at))
        return decision

    def receipt(self, page: Page, receipt: Receipt, at: Stamp) -> Decision:
        """A page has its receipt."""
        self._spare_id = self._spare_id or self._new_id()
        decision = Decision()
        event = Paged(
            page=page.id,
            pager=page.pager,
            text=page.text,
            state=receipt.state,
            alert=page.alert,
            level=page.level,
            detail=receipt.detail,
            transmitter=receipt.transmitter,
            first_byte_ns=receipt.first_byte_ns,
        )
        self._live.do(decision, event, at)
        return decision

    def acknowledge(self, alert_id: str, by: str, via: str, at: Stamp) -> Decision:
        """Someone is going. Saying it twice changes nothing.

        Raises:
            Refused: `unknown_alert`, or `already_taken` by someone else.
        """
        alert = self.alert(alert_id)
        decision = Decision()
        if alert.state is AlertState.OPEN:
            decision.cancelled.append(alert.id)
            self._live.do(decision, self._answers.acknowledged(alert, by, via, at), at)
        elif alert.acknowledged is not None and alert.acknowledged.by != by:
            raise Refused("already_taken", f"taken already by {alert.acknowledged.by}")
        return decision

    def acknowledge_oldest(self, zone: str, by: str, at: Stamp) -> Decision:
        """A wired acknowledge button of a zone takes the oldest open alert of that zone."""
        for alert in self._live:
            if alert.state is AlertState.OPEN and alert.zone == zone:
                return self.acknowledge(alert.id, by, answers.BUTTON, at)
        return Decision()

    def contact_oldest(self, zone: str, by: str, at: Stamp) -> Decision:
        """A long press on that button: with the customer of the oldest alert not yet contacted."""
        for alert in self._live:
            if alert.state is not AlertState.CONTACTED and alert.zone == zone:
                return self.contact(alert.id, by, answers.BUTTON, at)
        return Decision()

    def contact(self, alert_id: str, by: str, via: str, at: Stamp) -> Decision:
        """Someone is with the customer. Saying it twice changes nothing.

        Raises:
            Refused: `unknown_alert`.
        """
        alert = self.alert(alert_id)
        decision = Decision()
        if alert.state is not AlertState.CONTACTED:
            decision.cancelled.append(alert.id)
            self._live.settle(decision, alert.id, at)
            self._live.do(decision, self._answers.contacted(alert, by, via, at), at)
        return decision

    def withdraw(self, alert_id: str, by: str, at: Stamp) -> Decision:
        """What this person said last was not meant: the ladder goes on as if it had not been said.

        Of an open alert there is nothing to take back, and that changes nothing.

        Raises:
            Refused: `unknown_alert`, `answer_stands`, or `not_your_answer`.
        """
        rules, alert = self._config.ladder, self.alert(alert_id)
        decision = Decision()
        if alert.state is not AlertState.OPEN:
            self._live.do(decision, answers.withdrawn(alert, by, at), at)
            dropped = self._live.dropped(alert.id)
            had_come_due = self._go_on(decision, alert.id, at)
            if not had_come_due and timing.may_page(rules, self.alert(alert.id), at):
                pages = self._pages(alert.id, at)
                decision.pages.extend(page for page in pages if page.id in dropped)
        return decision

    def settle(self, alert_id: str, at: Stamp) -> Decision:
        """More was done about an alert than is said here: its latest answer stands."""
        decision = Decision()
        self._live.settle(decision, alert_id, at)
        return decision

    def cancelled(self, alert_id: str, pages: Iterable[Page]) -> None:
        """These waiting pages of a decision's `cancelled` will not go out."""
        self._live.drop(alert_id, pages)

    def resolve(
        self,
        alert_id: str,
        by: str,
        outcome: Outcome,
        at: Stamp,
        *,
        severity: int | None = None,
        cause: str | None = None,
        note: str | None = None,
    ) -> Decision:
        """It is over, and this is how it ended; see `events.AlertResolved`.

        Raises:
            Refused: `unknown_alert`, or `bad_severity` outside 1 to 5.
        """
        alert = self.alert(alert_id)
        event = self._answers.resolved(
            alert, by, outcome, severity=severity, cause=cause, note=note
        )
        decision = Decision(cancelled=[alert.id])
        self._live.settle(decision, alert.id, at)
        self._live.do(decision, event, at)
        return decision

    def tell(self, event: CaseDescribed | CustomerNamed | SecurityCalled, at: Stamp) -> Decision:
        """More is known of a live alert; nobody's way changes by it, and no page.

        Raises:
            Refused: `unknown_alert`; for a description `bad_severity`, or `not_contacted` while
                nobody is with the customer.
        """
        alert = self.alert(event.alert)
        if isinstance(event, CaseDescribed):
            answers.check_severity(event.severity)
            if alert.state is not AlertState.CONTACTED:
                raise Refused("not_contacted", "say first that you are with the customer")
        decision = self.settle(alert.id, at)
        self._live.do(decision, event, at)
        return decision

    def advance(self, now: Stamp) -> Decision:
        """Time has passed: climb, give up what is no longer fresh, bring back what was left."""
        decision = Decision()
        self._look(decision, now)
        return decision

    def _look(self, decision: Decision, now: Stamp) -> None:
        for alert in tuple(self._live):
            if timing.undo_ns(alert, now) <= 0:
                self._live.settle(decision, alert.id, now)
            self._go_on(decision, alert.id, now)

    def transmitter_back(self, now: Stamp) -> Decision:
        """A transmitter works again: page at once what it could not send, not at the next step."""
        decision = Decision()
        for alert in self._live:
            if timing.may_page(self._config.ladder, alert, now):
                decision.pages.extend(
                    page
                    for page in self._pages(alert.id, now)
                    if alert.receipts.get(page.id) is ReceiptState.FAILED
                )
        return decision

    def restore(self, alerts: Iterable[Alert], now: Stamp) -> Decision:
        """Take up again what was live before a restart; what was pressed since then stands.

        A fresh alert goes on where its ladder was; of the last level only those pages go out
        again that no receipt proves to have gone out. Nothing is paged for an alert of another
        boot until the clock is set and tells its age; it is missed once this boot alone is too
        long for it: an old page is never sent as new.
        """
        found = {alert.id: alert for alert in alerts if self._live.find(alert.id) is None}
        self._live.restore(found)
        decision = Decision()
        for alert_id in found:
            self._live.settle(decision, alert_id, now)
        self._look(decision, now)
        return decision

    # --- how -------------------------------------------------------------------------------

    def _take_id(self) -> str:
        taken, self._spare_id = self._spare_id, None
        return taken or self._new_id()

    def _incident(
        self, cause: AlertCause, button: Button, at: Stamp, *, quiet: bool
    ) -> Alert | None:
        """The live alert that this press belongs to, if any."""
        rules = self._config.ladder
        for alert in self._live:
            first = self._buttons.get(alert.button or "")
            if burst.joins(rules, alert, first, cause, button, at, quiet=quiet):
                return alert
        return None

    def _was_quiet(self, press: Press, at: Stamp) -> bool:
        """Whether it repeats a red of before the opening: the first one inside always alerts."""
        if press.flag is not PressFlag.REPEAT or not press.kind.is_red:
            return False
        most_ns = ladder.ns(self._config.inputs.response_interval_s)
        alerts = [
            alert
            for alert in self._live
            if alert.button == press.button and timing.least_age_ns(alert.last_press, at) <= most_ns
        ]
        return bool(alerts) and all(alert.quiet for alert in alerts)

    def _is_quiet(self, button: str | None, at: Stamp) -> bool:
        known = self._buttons.get(button or "")
        always = known is not None and known.pages_when_closed
        return not always and not hours.is_open(self._config.shop, at)

    def _go_on(self, decision: Decision, alert_id: str, now: Stamp) -> bool:
        """Do what has come due for it; whether anything had."""
        rules, alert = self._config.ladder, self._live.get(alert_id)
        if timing.wait_ns(rules, alert, now) <= 0:
            self._advance(decision, alert, now)
        elif alert.id in self._live.unpaged and timing.may_page(rules, alert, now):
            self._live.unpaged.discard(alert.id)
            decision.pages.extend(self._pages(alert.id, now))
        else:
            return False
        return True

    def _advance(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        """Do the one thing that time has brought due."""
        rules = self._config.ladder
        if alert.state is not AlertState.OPEN:
            self._bring_back(decision, alert, now)
        elif timing.is_over(rules, alert, now):
            self._miss(decision, alert, now)
        else:
            level = ladder.level_at(rules, timing.least_age_ns(alert.climbing, now))
            self._live.do(decision, AlertClimbed(alert=alert.id, level=level), now)
            decision.pages.extend(self._pages(alert.id, now))

    def _bring_back(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        """A taken alert with no outcome: it climbs again from the first step, at once.

        One that came due while the box was off, and by now would have climbed to its end, is
        missed. One whose age nobody knows is shown and not paged.
        """
        rules = self._config.ladder
        age_ns = timing.age_ns(timing.counts_from(alert), now)
        if age_ns is not None and age_ns >= ladder.ns(rules.outcome_s) + ladder.ns(rules.fresh_s):
            self._miss(decision, alert, now)
            return
        quiet = age_ns is None or self._is_quiet(alert.button, now)
        self._live.do(decision, AlertReturned(alert=alert.id, level=-1 if quiet else 0), now)
        decision.pages.extend(self._pages(alert.id, now))

    def _miss(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        decision.cancelled.append(alert.id)
        self._live.do(decision, AlertMissed(alert=alert.id, quiet=alert.quiet), now)

    def _pages(self, alert_id: str, now: Stamp) -> list[Page]:
        """The pages of the alert's level that no receipt proves to have gone out."""
        alert = self._live.get(alert_id)
        if alert.level < 0:
            return []
        pages = self._writer.pages(alert, alert.level, now)
        if not alert.receipts:
            return pages
        return [page for page in pages if not alert.went_out(page.id)]


_CAUSES: Final = {
    ButtonKind.UNHAPPY: AlertCause.RED,
    ButtonKind.VERY_UNHAPPY: AlertCause.RED,
    ButtonKind.CALL: AlertCause.CALL,
    ButtonKind.REASON: AlertCause.REASON,
}
"""What a press that counts makes an alert of, if anything."""
