"""The alert desk, pure: what a press, an answer, a receipt or the passing of time leads to.

The desk holds the live alerts and decides; it does nothing itself. Each call returns a `Decision`:
pages to send at once, alerts whose waiting pages are off, and events for the journal. The desk has
folded those events already, so memory is ahead of the disk and never waits for it.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from gateway.alerts import case, hours, ladder
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
    Paged,
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
        self._live: dict[str, Alert] = {}

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
        """Seconds until the ladder pages again, None when it will not."""
        age_ns = alert.climbing.age_ns(now)
        if alert.state is not AlertState.OPEN or alert.quiet or age_ns is None:
            return None
        moment = ladder.next_moment_s(self._config.ladder, alert.level)
        return None if moment is None else max(0.0, moment - age_ns / NS_PER_S)

    def next_due_s(self, now: Stamp) -> float | None:
        """Seconds until `advance` has something to do, None when nothing is live."""
        waits = [wait for alert in self._live.values() for wait in self._waits(alert, now)]
        return max(0.0, min(waits)) if waits else None

    # --- what happens ----------------------------------------------------------------------

    def press(self, press: Press, at: Stamp) -> Decision:
        """A customer's press, as the filter judged it."""
        cause = self._cause(press)
        button = self._buttons.get(press.button)
        if cause is None or button is None:
            return Decision()
        decision = Decision()
        burst = self._burst(cause, button, at)
        if burst is not None:
            self._do(decision, AlertJoined(alert=burst.id, button=button.name), at)
        elif cause is not AlertCause.REASON or button.pages:
            quiet = not button.pages_when_closed and not hours.is_open(self._config.shop, at)
            self._raise(decision, cause, button.zone, button.name, at, quiet=quiet)
        return decision

    def raise_alert(
        self, cause: AlertCause, zone: str, button: str | None, at: Stamp, *, quiet: bool = False
    ) -> Decision:
        """An alert that no single press made: a pattern, or a fault of the box."""
        decision = Decision()
        self._raise(decision, cause, zone, button, at, quiet=quiet)
        return decision

    def receipt(self, page: Page, receipt: Receipt, at: Stamp) -> Decision:
        """A page has its receipt."""
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
        reason: str | None = None,
    ) -> Decision:
        """It is over, and this is how it ended.

        Raises:
            Refused: `unknown_alert`, or `bad_severity` outside 1 to 5.
        """
        alert = self.alert(alert_id)
        if severity is not None and not 1 <= severity <= 5:
            raise Refused("bad_severity", "severity goes from 1 to 5")
        event = AlertResolved(
            alert=alert.id,
            by=by,
            outcome=outcome,
            account=self._account(by),
            severity=severity,
            reason=reason,
        )
        decision = Decision(cancelled=[alert.id])
        self._do(decision, event, at)
        return decision

    def advance(self, now: Stamp) -> Decision:
        """Time has passed: climb, give up what is no longer fresh, bring back what was left."""
        decision = Decision()
        for alert in tuple(self._live.values()):
            if any(wait <= 0 for wait in self._waits(alert, now)):
                self._advance(decision, alert, now)
        return decision

    def transmitter_back(self, now: Stamp) -> Decision:
        """A transmitter works again: page at once what it could not send, not at the next step."""
        decision = Decision()
        for alert in self._live.values():
            latest = alert.pages[-1] if alert.pages else None
            failed = latest is not None and latest.state is ReceiptState.FAILED
            if failed and alert.state is AlertState.OPEN and alert.level not in alert.durable:
                decision.pages.extend(self._writer.pages(alert, alert.level, now))
        return decision

    def restore(self, alerts: Iterable[Alert], now: Stamp) -> Decision:
        """Take up again what was live before a restart.

        A fresh alert goes on where its ladder was; the last level is paged again only if no
        receipt proves that it went out. An alert of another boot whose age nobody can know
        counts as missed: an old page is never sent as new.
        """
        decision = Decision()
        for alert in alerts:
            self._live[alert.id] = alert
            if alert.state is not AlertState.OPEN:
                continue
            age_ns = alert.climbing.age_ns(now)
            if age_ns is None:
                self._miss(decision, alert, now)
            elif self._is_fresh(age_ns) and 0 <= alert.level not in alert.durable:
                decision.pages.extend(self._writer.pages(alert, alert.level, now))
        later = self.advance(now)
        # A step that has come due meanwhile replaces the page of the level before it.
        climbed = {page.alert for page in later.pages}
        pages = [page for page in decision.pages if page.alert not in climbed]
        return Decision(
            pages=pages + later.pages,
            cancelled=decision.cancelled + later.cancelled,
            events=decision.events + later.events,
        )

    # --- how -------------------------------------------------------------------------------

    def _account(self, by: str) -> str | None:
        return self._accounts.get(by)

    def _do(self, decision: Decision, event: AnyEvent, at: Stamp) -> Alert | None:
        decision.events.append(event)
        alert_id = case.alert_of(event)
        if alert_id is None:
            return None
        alert = case.fold(self._live.get(alert_id), event, at)
        if alert is not None and alert.is_live:
            self._live[alert_id] = alert
        else:
            self._live.pop(alert_id, None)
        return alert

    @staticmethod
    def _cause(press: Press) -> AlertCause | None:
        if press.flag is not None:
            return None
        if press.kind.is_red:
            return AlertCause.RED
        if press.kind is ButtonKind.CALL:
            return AlertCause.CALL
        return AlertCause.REASON if press.kind is ButtonKind.REASON else None

    def _burst(self, cause: AlertCause, button: Button, at: Stamp) -> Alert | None:
        """The live incident that this press belongs to, if any."""
        for alert in self._live.values():
            if alert.cause is AlertCause.CALL and alert.state is AlertState.OPEN:
                same = alert.button == button.name  # a call repeated is the same call
            else:
                since_ns = alert.last_press.age_ns(at)
                near = since_ns is not None and since_ns <= self._config.ladder.burst_s * NS_PER_S
                same = near and self._is_same_point(alert, cause, button)
            if same:
                return alert
        return None

    def _is_same_point(self, alert: Alert, cause: AlertCause, button: Button) -> bool:
        first = self._buttons.get(alert.button or "")
        if first is None:
            return False
        if cause is AlertCause.REASON:  # the reason of the red that was pressed just before
            return first.panel == button.panel
        return first.panel == button.panel and alert.cause is cause

    def _raise(
        self,
        decision: Decision,
        cause: AlertCause,
        zone: str,
        button: str | None,
        at: Stamp,
        *,
        quiet: bool,
    ) -> None:
        level = -1 if quiet else ladder.level_at(self._config.ladder, 0)
        event = AlertRaised(
            alert=self._new_id(), cause=cause, zone=zone, button=button, level=level, quiet=quiet
        )
        alert = self._do(decision, event, at)
        if alert is not None and level >= 0:
            decision.pages.extend(self._writer.pages(alert, level, at))

    def _waits(self, alert: Alert, now: Stamp) -> list[float]:
        """Seconds until each thing that time alone will do to this alert."""
        rules = self._config.ladder
        if alert.state is AlertState.OPEN:
            age_ns = alert.climbing.age_ns(now)
            if age_ns is None:
                return []
            age_s = age_ns / NS_PER_S
            waits = [rules.fresh_s - age_s]
            if not alert.quiet:
                waits.append(ladder.moment_s(rules, alert.level + 1) - age_s)
            return waits
        latest = alert.contacted or alert.acknowledged
        since_ns = latest.at.age_ns(now) if latest is not None else None
        return [] if since_ns is None else [rules.outcome_s - since_ns / NS_PER_S]

    def _advance(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        if alert.state is not AlertState.OPEN:
            level = ladder.level_at(self._config.ladder, 0)
            event = AlertReturned(alert=alert.id, level=level)
            returned = self._do(decision, event, now)
            if returned is not None and level >= 0:
                decision.pages.extend(self._writer.pages(returned, level, now))
            return
        age_ns = alert.climbing.age_ns(now)
        if age_ns is None or not self._is_fresh(age_ns):
            self._miss(decision, alert, now)
            return
        level = ladder.level_at(self._config.ladder, age_ns / NS_PER_S)
        climbed = self._do(decision, AlertClimbed(alert=alert.id, level=level), now)
        if climbed is not None:
            decision.pages.extend(self._writer.pages(climbed, level, now))

    def _miss(self, decision: Decision, alert: Alert, now: Stamp) -> None:
        decision.cancelled.append(alert.id)
        self._do(decision, AlertMissed(alert=alert.id), now)

    def _is_fresh(self, age_ns: int) -> bool:
        return age_ns < self._config.ladder.fresh_s * NS_PER_S


def _seconds(since: Stamp, at: Stamp) -> float | None:
    age_ns = since.age_ns(at)
    return None if age_ns is None else round(age_ns / NS_PER_S, 3)
