"""Alerts of unhappy customers from press to end, and the grants made, folded into counts. Pure.

An incident is an alert of an unhappy customer that somebody was called to, once it has ended. Only
those under way are kept as they are; of an ended one no more is left than its times.
"""

import math
from array import array
from collections import Counter
from collections.abc import Mapping
from typing import Final

from gateway.alerts.case import DURABLE
from gateway.clock import NS_PER_S, Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AnswerStood,
    AnyEvent,
    CaseDescribed,
    GrantIssued,
    GrantVoided,
    Paged,
)
from gateway.model import AlertCause, AlertState, Outcome

CONTACT_TARGET_S: Final = 120.0
"""The longest that an unhappy customer should wait for somebody."""
ESCALATED_FROM: Final = 2
"""From this level of the ladder on, counted from 0, more than whoever is nearest is called."""
DOUBLE_NS: Final = 600 * NS_PER_S
"""Another red at the same point this soon after one is a double deviation."""
REPEAT_NS: Final = 7 * 24 * 3600 * NS_PER_S
"""The same cause at the same point this soon after is a repeat."""

_FALSE: Final = (Outcome.FALSE_ALARM, Outcome.MISUSE)
_MET: Final = (Outcome.RECOVERED, Outcome.NOT_RECOVERED)


class _Case:
    """One alert under way."""

    __slots__ = (
        "acknowledge_s",
        "cause",
        "contact_s",
        "contacted",
        "highest",
        "page_s",
        "point",
        "raised",
    )

    def __init__(self, raised: Stamp, point: str, level: int) -> None:
        self.raised = raised
        self.point = point
        self.highest = level
        self.page_s: float | None = None
        self.acknowledge_s: float | None = None
        self.contact_s: float | None = None
        self.contacted = ""
        self.cause: str | None = None


class Cases:
    """The incidents and grants of a span.

    Args:
        since_ns: Where the span begins, Unix time; what came before is only remembered for
            repeats.
        until_ns: Where it ends.
        points: The panel of each button.

    Attributes:
        to_page: Seconds from the press to the first byte of the first page that went out.
        to_customers: Grants to a known account.
        to_top_customers: Those of them that went to the one percent who got most.
        staff: Contacts and recoveries by person.
    """

    def __init__(self, since_ns: int, until_ns: int, points: Mapping[str, str]) -> None:
        self.to_page: Final = array("d")
        self.to_acknowledge: Final = array("d")
        self.to_contact: Final = array("d")
        self.to_close: Final = array("d")
        self.incidents = self.genuine = self.contacted = self.reached = self.in_time = 0
        self.escalated = self.recovered = self.doubled = self.repeated = 0
        self.cost = 0.0
        self.contacts: Final[Counter[str]] = Counter()
        self.recoveries: Final[Counter[str]] = Counter()
        self._since_ns: Final = since_ns
        self._until_ns: Final = until_ns
        self._points: Final = points
        self._open: Final[dict[str, _Case]] = {}
        self._doubles: Final[set[str]] = set()
        self._latest: Final[dict[str, int]] = {}
        self._causes: Final[dict[tuple[str, str], int]] = {}
        self._grants: Final[dict[str, tuple[str | None, float]]] = {}
        self._customers: Final[Counter[str]] = Counter()

    def take(self, event: AnyEvent, at: Stamp) -> None:
        """One event of the journal, in its order; `at.wall_ns` is the right time where known."""
        match event:
            case AlertRaised():
                self._raised(event, at)
            case GrantIssued() if self._is_told(at):
                self._granted(event.code, event.account, event.cost)
            case GrantVoided() if event.code in self._grants:
                account, cost = self._grants.pop(event.code)
                self._count_grant(account, -cost, -1)
            case _:
                case = self._open.get(getattr(event, "alert", None) or "")
                if case is not None:
                    self._went_on(case, event, at)

    @property
    def to_customers(self) -> int:
        """Grants to a known account."""
        return self._customers.total()

    @property
    def to_top_customers(self) -> int:
        """Those of them that went to the one percent of accounts that got most."""
        most = math.ceil(sum(1 for count in self._customers.values() if count) / 100)
        return sum(count for _, count in self._customers.most_common(most))

    # --- how -------------------------------------------------------------------------------

    def _is_told(self, at: Stamp) -> bool:
        return self._since_ns <= at.wall_ns < self._until_ns

    def _granted(self, code: str, account: str | None, cost: float) -> None:
        self._grants[code] = (account, cost)
        self._count_grant(account, cost, 1)

    def _count_grant(self, account: str | None, cost: float, count: int) -> None:
        self.cost += cost
        if account is not None:
            self._customers[account] += count

    def _raised(self, event: AlertRaised, at: Stamp) -> None:
        if event.cause is not AlertCause.RED or event.quiet:
            return
        point = self._points.get(event.button or "", event.zone)
        before = self._latest.get(point)
        self._latest[point] = at.wall_ns
        if before is not None and 0 <= at.wall_ns - before <= DOUBLE_NS:
            self._doubles.add(event.alert)
        self._open[event.alert] = _Case(at, point, event.level)

    def _went_on(self, case: _Case, event: AnyEvent, at: Stamp) -> None:
        match event:
            case Paged() if event.state in DURABLE and case.page_s is None:
                case.page_s = _until_page(case.raised, event, at)
            case AlertClimbed(level=level):
                case.highest = max(case.highest, level)
            case AlertAcknowledged(final=True) | AlertContacted(final=True) | AnswerStood():
                _answered(case, event)
            case CaseDescribed():
                case.cause = event.cause or case.cause
            case AlertResolved():
                case.cause = event.cause or case.cause
                self._close(event.alert, case, at, event)
            case AlertMissed():
                self._close(event.alert, case, at, None)
            case _:
                pass

    def _close(self, alert: str, case: _Case, at: Stamp, end: AlertResolved | None) -> None:
        del self._open[alert]
        doubled = alert in self._doubles
        self._doubles.discard(alert)
        repeated = end is not None and self._repeats(case)
        if not self._is_told(case.raised):
            return
        self.incidents += 1
        self.doubled += doubled
        self.repeated += repeated
        self.escalated += case.highest >= ESCALATED_FROM
        self.in_time += case.contact_s is not None and case.contact_s <= CONTACT_TARGET_S
        age_ns = case.raised.age_ns(at) if end is not None else None
        for values, value in (
            (self.to_page, case.page_s),
            (self.to_acknowledge, case.acknowledge_s),
            (self.to_contact, case.contact_s),
            (self.to_close, None if age_ns is None else age_ns / NS_PER_S),
        ):
            if value is not None:
                values.append(value)
        self._judge(case, end)

    def _judge(self, case: _Case, end: AlertResolved | None) -> None:
        """Who was reached, and what came of it."""
        outcome = None if end is None else end.outcome
        met = bool(case.contacted) or outcome in _MET
        self.contacted += met
        if outcome not in _FALSE:
            self.genuine += 1
            self.reached += met and outcome is not Outcome.LEFT
        if met:
            self.contacts[case.contacted or ("" if end is None else end.by)] += 1
        if end is not None and outcome is Outcome.RECOVERED:
            self.recovered += 1
            self.recoveries[end.by] += 1

    def _repeats(self, case: _Case) -> bool:
        if case.cause is None:
            return False
        key, now_ns = (case.point, case.cause), case.raised.wall_ns
        before = self._causes.get(key)
        self._causes[key] = max(now_ns, before or 0)
        return before is not None and 0 <= now_ns - before <= REPEAT_NS


def _answered(case: _Case, event: AlertAcknowledged | AlertContacted | AnswerStood) -> None:
    """An answer that stands; the first of its kind is the one that counts."""
    if case.acknowledge_s is None:
        case.acknowledge_s = event.after_s
    went = isinstance(event, AnswerStood) and event.state is AlertState.ACKNOWLEDGED
    if not (went or isinstance(event, AlertAcknowledged) or case.contacted):
        case.contacted, case.contact_s = event.by, event.after_s


def _until_page(raised: Stamp, page: Paged, at: Stamp) -> float | None:
    """Seconds to the first byte, or to the receipt where no byte of this boot is known."""
    if page.first_byte_ns is not None and raised.boot == at.boot:
        return max(0, page.first_byte_ns - raised.mono_ns) / NS_PER_S
    age_ns = raised.age_ns(at)
    return None if age_ns is None else age_ns / NS_PER_S
