"""The live alerts in memory, pure: each is what its events fold to, as in the journal's view."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from gateway.alerts import answers, case
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AnswerStood,
    AnswerWithdrawn,
    AnyEvent,
    CaseDescribed,
    CustomerNamed,
    SecurityCalled,
)
from gateway.model import AlertState, Page

_NO_STEPS: Final = (
    AlertAcknowledged,
    AlertContacted,
    AnswerStood,
    AnswerWithdrawn,
    CaseDescribed,
    CustomerNamed,
    SecurityCalled,
)
"""What changes nothing about an alert that waits for its first page since the restart."""


class Decision(msgspec.Struct):
    """What follows from one happening, in the order in which it must be carried out."""

    pages: list[Page] = []
    cancelled: list[str] = []  # alerts whose pages need not go out any more
    events: list[AnyEvent] = []


class Live:
    """The alerts that someone must still do something about, oldest first.

    Attributes:
        unpaged: Those that were open before the restart and have had no page since.
    """

    def __init__(self) -> None:
        self.unpaged: Final[set[str]] = set()
        self._alerts: dict[str, Alert] = {}
        # By alert whose answer can be taken back, the pages that it took out of the queues.
        self._dropped: Final[dict[str, frozenset[str]]] = {}

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._alerts.values())

    def find(self, alert_id: str) -> Alert | None:
        """One of them, None where it is none of them."""
        return self._alerts.get(alert_id)

    def get(self, alert_id: str) -> Alert:
        """One of them.

        Raises:
            Refused: `unknown_alert`.
        """
        alert = self._alerts.get(alert_id)
        if alert is None:
            raise Refused("unknown_alert", f"no live alert has the id {alert_id}")
        return alert

    def do(self, decision: Decision, event: AnyEvent, at: Stamp) -> None:
        """Decide on an event, and fold it."""
        decision.events.append(event)
        alert_id = case.alert_of(event)
        if alert_id is None:
            return
        if self.unpaged and not isinstance(event, _NO_STEPS):
            self.unpaged.discard(alert_id)
        alert = case.fold(self._alerts.get(alert_id), event, at)
        if alert is not None and alert.is_live:
            self._alerts[alert_id] = alert
        else:
            self._alerts.pop(alert_id, None)

    def settle(self, decision: Decision, alert_id: str, at: Stamp) -> None:
        """More is said or done about it, or its time is over: its latest answer stands."""
        alert = self._alerts.get(alert_id)
        event = None if alert is None else answers.stood(alert)
        if event is not None:
            self._dropped.pop(alert_id, None)
            self.do(decision, event, at)

    def drop(self, alert_id: str, pages: Iterable[Page]) -> None:
        """An answer took these pages out of the queues."""
        alert = self._alerts.get(alert_id)
        if alert is not None and alert.answer is not None:
            self._dropped[alert_id] = frozenset(page.id for page in pages)

    def dropped(self, alert_id: str) -> frozenset[str]:
        """Their ids, now that the answer is taken back."""
        return self._dropped.pop(alert_id, frozenset())

    def restore(self, found: dict[str, Alert]) -> None:
        """Take up what was live before a restart, as the oldest."""
        self.unpaged.update(alert.id for alert in found.values() if alert.state is AlertState.OPEN)
        self._alerts = {**found, **self._alerts}
