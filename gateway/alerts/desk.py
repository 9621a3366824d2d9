"""The alert desk, pure: what a press, an answer, a receipt or the passing of time leads to.

The desk holds the live alerts and decides; it does nothing itself. Each call returns a `Decision`:
pages to send at once, alerts whose waiting pages are off, and events for the journal. The desk has
folded those events already, so memory is ahead of the disk and never waits for it.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from gateway.alerts import burst, case, hours, ladder, timing
from gateway.alerts.case import Alert
from gateway.alerts.pages import PageWriter
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnyEvent,
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
    Receipt,
    ReceiptState,
)


class Decision(msgspec.Struct):
    """What follows from one happening, in the order in which it must be carried out."""

    pages: list[Page] = []
    cancelled: list[str] = []  # alerts whose pages need not go out any more
    events: list[AnyEvent] = []


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
        self._accounts: Final = {person.name: person.account for person in config.staff}
        self._writer: Final = PageWriter(config)
        self._spare_id: str | None = new_id()  # a page does not wait for the random numbers of one
        self._first_level: Final = ladder.level_at(config.ladder, 0)
        self._live: dict[str, Alert] = {}
        # Open alerts of before the restart that nothing has happened to since.
        self._untouched: set[str] = set()

    # --- looking ---------------------------------------------------------------------------

    def alerts(self) -> tuple[Alert, ...]:
        """The live alerts, oldest first."""
        return tuple(self._live.values())

    def alert(self, alert_id: str) -> Alert:
        """One live alert.

        Raises:
            Refused: `unknown_alert`.
        """
        alert = self._live.get(alert_id)
        if alert is None:
            raise Refused("unknown_alert", f"no live alert has the id {alert_id}")
        return alert

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
        waits = [timing.wait_ns(rules, alert, now) for alert in self._live.values()]
        return max(0, min(waits)) / NS_PER_S if waits else None

    # --- what happens ----------------------------------------------------------------------

    def press(self, press: Press, at: Stamp) -> Decision:
        """A customer's press, as the filter judged it.

        Raises:
            KeyError: No such button.
        """
        decision = Decision()
        cause = _cause(press)
        if cause is None:
            return decision
        button = self._buttons[press.button]
        quiet = self._is_quiet(button.name, at)
        incident = self._incident(cause, button, at, quiet=quiet)
        if incident is not None:
            self._do(decision, AlertJoined(alert=incident.id, button=button.name), at)
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
        self._do(decision, event, at)
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
        self._do(decision, event, at)
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
            event = AlertAcknowledged(
                alert=alert.id,
                by=by,
                via=via,
                account=self._account(by),
                after_s=_seconds(alert.raised, at),
            )
            self._do(decision, event, at)
        elif alert.acknowledged is not None and alert.acknowledged.by != by:
            raise Refused("already_taken", f"taken already by {alert.acknowledged.by}")
        return decision

    def acknowledge_oldest(self, zone: str, by: str, at: Stamp) -> Decision:
        """A wired acknowledge button of a zone takes the oldest open alert of that zone."""
        for alert in self._live.values():
            if alert.state is AlertState.OPEN and alert.zone == zone:
                return self.acknowledge(alert.id, by, "button", at)
        return Decision()

    def contact_oldest(self, zone: str, by: str, at: Stamp) -> Decision:
        """A long press on that button: with the customer of the oldest alert not yet contacted."""
        for alert in self._live.values():
            if alert.state is not AlertState.CONTACTED and alert.zone == zone:
                return self.contact(alert.id, by, at)
        return Decision()

    def contact(self, alert_id: str, by: str, at: Stamp) -> Decision:
        """Someone is with the customer. Saying it twice changes nothing.

        Raises:
            Refused: `unknown_alert`.
        """
        alert = self.alert(alert_id)
        decision = Decision()
        if alert.state is not AlertState.CONTACTED:
            decision.cancelled.append(alert.id)
            event = AlertContacted(
                alert=alert.id,
                by=by,
                account=self._account(by),
                after_s=_seconds(alert.raised, at),
            )
            self._do(decision, event, at)
        return decision

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
        _check_severity(severity)
        event = AlertResolved(
            alert=alert.id,
            by=by,
            outcome=outcome,
            account=self._account(by),
            severity=severity,
            cause=cause,
            note=note,
        )
        decision = Decision(cancelled=[alert.id])
        self._do(decision, event, at)
        return decision

    def tell(self, event: CaseDescribed | CustomerNamed | SecurityCalled, at: Stamp) -> Decision:
        """More is known of a live alert; nobody's way changes by it, and no page.

        Raises:
            Refused: `unknown_alert`; for a description `bad_severity`, or `not_contacted` while
                nobody is with the customer.
        """
        alert = self.alert(event.alert)
        if isinstance(event, CaseDescribed):
            _check_severity(event.severity)
            if alert.state is not AlertState.CONTACTED:
                raise Refused("not_contacted", "say first that you are with the customer")
        told = case.fold(alert, event, at)
        assert told is not None  # noqa: S101 - of an alert that is known
        self._live[alert.id] = told
        return Decision(events=[event])

    def advance(self, now: Stamp) -> Decision:
        """Time has passed: climb, give up what is no longer fresh, bring back what was left."""
        decision = Decision()
        rules = self._config.ladder
        for alert in tuple(self._live.values()):
            if timing.wait_ns(rules, alert, now) <= 0:
                self._advance(decision, alert, now)
            elif alert.id in self._untouched and timing.may_page(rules, alert, now):
                self._untouched.discard(alert.id)
                decision.pages.extend(self._pages(alert.id, now))
        return decision

    def transmitter_back(self, now: Stamp) -> Decision:
        """A transmitter works again: page at once what it could not send, not at the next step."""
        decision = Decision()
        for alert in self._live.values():
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
        found = {alert.id: alert for alert in alerts if alert.id not in self._live}
        self._untouched.update(
            alert.id for alert in found.values() if alert.state is AlertState.OPEN
        )
        self._live = {**found, **self._live}
        return self.advance(now)

    # --- how -------------------------------------------------------------------------------

    def _take_id(self) -> str:
        taken, self._spare_id = self._spare_id, None
        return taken or self._new_id()

    def _account(self, by: str) -> str | None:
        return self._accounts.get(by)

    def _do(self, decision: Decision, event: AnyEvent, at: Stamp) -> None:
        decision.events.append(event)
        alert_id = case.alert_of(event)
        if alert_id is None:
            return
        self._untouched.discard(alert_id)
        alert = case.fold(self._live.get(alert_id), event, at)
        if alert is not None and alert.is_live:
            self._live[alert_id] = alert
        else:
            self._live.pop(alert_id, None)

    def _incident(
        self, cause: AlertCause, button: Button, at: Stamp, *, quiet: bool
    ) -> Alert | None:
        """The live alert that this press belongs to, if any."""
        rules = self._config.ladder
        for alert in self._live.values():
            first = self._buttons.get(alert.button or "")
            if burst.joins(rules, alert, first, cause, button, at, quiet=quiet):
                return alert
        return None

    def _is_quiet(self, button: str | None, at: Stamp) -> bool:
        known = self._buttons.get(button or "")
        always = known is not None and known.pages_when_closed
        return not always and not hours.is_open(self._config.shop, at)

    def _advance(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        """Do the one thing that time has brought due."""
        rules = self._config.ladder
        if alert.state is not AlertState.OPEN:
            self._bring_back(decision, alert, now)
        elif timing.is_over(rules, alert, now):
            self._miss(decision, alert, now)
        else:
            level = ladder.level_at(rules, timing.least_age_ns(alert.climbing, now))
            self._do(decision, AlertClimbed(alert=alert.id, level=level), now)
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
        self._do(decision, AlertReturned(alert=alert.id, level=-1 if quiet else 0), now)
        decision.pages.extend(self._pages(alert.id, now))

    def _miss(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        decision.cancelled.append(alert.id)
        self._do(decision, AlertMissed(alert=alert.id, quiet=alert.quiet), now)

    def _pages(self, alert_id: str, now: Stamp) -> list[Page]:
        """The pages of the alert's level that no receipt proves to have gone out."""
        alert = self._live[alert_id]
        if alert.level < 0:
            return []
        pages = self._writer.pages(alert, alert.level, now)
        return [page for page in pages if not alert.went_out(page.id)]


def _cause(press: Press) -> AlertCause | None:
    if press.flag is not None:
        return None
    if press.kind.is_red:
        return AlertCause.RED
    if press.kind is ButtonKind.CALL:
        return AlertCause.CALL
    return AlertCause.REASON if press.kind is ButtonKind.REASON else None


def _check_severity(severity: int | None) -> None:
    if severity is not None and not 1 <= severity <= 5:
        raise Refused("bad_severity", "severity goes from 1 to 5")


def _seconds(since: Stamp, at: Stamp) -> float | None:
    age_ns = timing.age_ns(since, at)
    return None if age_ns is None else round(age_ns / NS_PER_S, 3)
