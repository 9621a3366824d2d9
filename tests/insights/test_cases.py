"""Incidents from press to end, and what the grants came to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import NS_PER_S, Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnswerStood,
    AnswerWithdrawn,
    AnyEvent,
    CaseDescribed,
    GrantIssued,
    GrantVoided,
    Paged,
)
from gateway.insights.cases import Cases
from gateway.model import AlertCause, AlertState, OfferKind, Outcome, ReceiptState

DAY_S = 86_400


def at(second: float, boot: str = "b") -> Stamp:
    ns = round(second * NS_PER_S)
    return Stamp(boot, ns, ns, synced=True)


def cases(since_s: float = 0, until_s: float = 400 * DAY_S) -> Cases:
    points = {"red": "exit", "also": "exit", "other": "till"}
    return Cases(round(since_s * NS_PER_S), round(until_s * NS_PER_S), points)


def raised(name: str = "a", button: str = "red", **more: object) -> AlertRaised:
    fields = {"cause": AlertCause.RED, "zone": "hall", "level": 0, **more}
    return AlertRaised(alert=name, button=button, **fields)  # type: ignore[arg-type]


def resolved(outcome: Outcome, name: str = "a", cause: str | None = None) -> AlertResolved:
    return AlertResolved(alert=name, by="Anna", outcome=outcome, cause=cause)


def met(name: str = "a", after_s: float | None = 60) -> AlertContacted:
    return AlertContacted(alert=name, by="Boris", after_s=after_s)


def told(found: Cases, *happened: tuple[AnyEvent, float]) -> Cases:
    for event, second in happened:
        found.take(event, at(second))
    return found


def test_a_whole_incident_gives_every_time() -> None:
    page = Paged(
        page="p",
        pager="w",
        text="",
        state=ReceiptState.ACCEPTED,
        alert="a",
        first_byte_ns=100 * NS_PER_S + 250_000_000,
    )
    failed = Paged(page="f", pager="w", text="", state=ReceiptState.FAILED, alert="a")
    found = told(
        cases(),
        (raised(), 100),
        (failed, 100.1),
        (page, 103),
        (AlertAcknowledged(alert="a", by="Anna", via="page", after_s=30), 130),
        (met(after_s=90), 190),
        (resolved(Outcome.RECOVERED), 400),
    )
    assert [list(each) for each in (found.to_page, found.to_acknowledge, found.to_contact)] == [
        [0.25],
        [30],
        [90],
    ]
    assert list(found.to_close) == [300]
    assert (found.incidents, found.in_time, found.recovered, found.reached) == (1, 1, 1, 1)
    assert (found.contacts, found.recoveries) == ({"Boris": 1}, {"Anna": 1})


def test_an_incident_counts_once_it_has_ended() -> None:
    found = told(cases(), (raised(), 0), (met(), 60))
    assert (found.incidents, list(found.to_contact)) == (0, [])
    told(found, (AlertMissed(alert="a"), 700))
    assert (found.incidents, found.genuine, found.reached) == (1, 1, 1)
    assert list(found.to_close) == []


@pytest.mark.parametrize(
    "event",
    [raised(quiet=True), raised(cause=AlertCause.CALL), raised(cause=AlertCause.PATTERN)],
    ids=["nobody was called", "a call", "a rule"],
)
def test_other_alerts_are_no_incidents(event: AlertRaised) -> None:
    found = told(cases(), (event, 0), (resolved(Outcome.RECOVERED), 9))
    assert (found.incidents, found.recovered) == (0, 0)


@pytest.mark.parametrize(
    ("outcome", "genuine", "reached", "contacted"),
    [
        (Outcome.RECOVERED, 1, 1, 1),
        (Outcome.NOT_RECOVERED, 1, 1, 1),
        (Outcome.LEFT, 1, 0, 0),
        (Outcome.FALSE_ALARM, 0, 0, 0),
        (Outcome.MISUSE, 0, 0, 0),
    ],
)
def test_the_outcome_says_who_was_reached(
    outcome: Outcome, genuine: int, reached: int, contacted: int
) -> None:
    found = told(cases(), (raised(), 0), (resolved(outcome), 9))
    assert (found.genuine, found.reached, found.contacted) == (genuine, reached, contacted)


def test_who_had_left_when_somebody_came_was_not_reached() -> None:
    found = told(cases(), (raised(), 0), (met(), 60), (resolved(Outcome.LEFT), 70))
    assert (found.contacted, found.genuine, found.reached) == (1, 1, 0)


@pytest.mark.parametrize(("after_s", "in_time"), [(120, 1), (120.1, 0), (None, 0)])
def test_in_time_is_two_minutes(after_s: float | None, in_time: int) -> None:
    found = told(cases(), (raised(), 0), (met(after_s=after_s), 1), (resolved(Outcome.LEFT), 9))
    assert found.in_time == in_time


@pytest.mark.parametrize(("level", "escalated"), [(1, 0), (2, 1), (5, 1)])
def test_escalation_begins_at_the_third_step(level: int, escalated: int) -> None:
    climbed = AlertClimbed(alert="a", level=level)
    assert (
        told(cases(), (raised(), 0), (climbed, 9), (AlertMissed(alert="a"), 99)).escalated
        == escalated
    )


def test_what_came_back_keeps_its_first_times() -> None:
    found = told(
        cases(),
        (raised(), 0),
        (AlertAcknowledged(alert="a", by="Anna", via="page", after_s=10), 10),
        (AlertReturned(alert="a", level=0), 910),
        (AlertAcknowledged(alert="a", by="Boris", via="page", after_s=920), 920),
        (resolved(Outcome.NOT_RECOVERED), 1000),
    )
    assert list(found.to_acknowledge) == [10]


def test_only_an_answer_that_stands_has_a_time() -> None:
    went = AlertAcknowledged(alert="a", by="Anna", via="page", after_s=10, final=False)
    back = AnswerWithdrawn(alert="a", by="Anna", state=AlertState.OPEN)
    met_not = msgspec.structs.replace(met(after_s=20), final=False)
    goes = AnswerStood(alert="a", by="Boris", state=AlertState.ACKNOWLEDGED, after_s=130)
    meets = AnswerStood(alert="a", by="Zoe", state=AlertState.CONTACTED, after_s=150)
    found = told(cases(), (raised(), 0), (went, 10), (back, 15), (met_not, 20), (back, 25))
    told(found, (msgspec.structs.replace(went, after_s=130), 130), (goes, 140))
    told(found, (msgspec.structs.replace(met_not, after_s=150), 150), (meets, 160))
    told(found, (resolved(Outcome.RECOVERED), 200))
    assert (list(found.to_acknowledge), list(found.to_contact)) == ([130], [150])
    assert (found.contacts, found.in_time) == ({"Zoe": 1}, 0)


@pytest.mark.parametrize(
    ("button", "second", "doubled"),
    [("also", 600, 1), ("also", 601, 0), ("other", 60, 0)],
    ids=["at the same panel", "too late", "at another panel"],
)
def test_a_double_deviation(button: str, second: float, doubled: int) -> None:
    found = told(
        cases(),
        (raised("a"), 0),
        (resolved(Outcome.RECOVERED, "a"), 9),
        (raised("b", button), second),
        (AlertMissed(alert="b"), second + 600),
    )
    assert (found.incidents, found.doubled) == (2, doubled)


@pytest.mark.parametrize(
    ("cause", "days", "repeated"), [("delay", 7, 1), ("delay", 7.1, 0), ("dirt", 1, 0)]
)
def test_a_repeated_cause_is_seen_across_the_beginning_of_the_span(
    cause: str, days: float, repeated: int
) -> None:
    late = days * DAY_S
    found = told(
        cases(since_s=DAY_S / 2),
        (raised("a"), 0),
        (resolved(Outcome.RECOVERED, "a", "delay"), 9),
        (raised("b"), late),
        (CaseDescribed(alert="b", by="Anna", cause=cause), late + 9),
        (resolved(Outcome.RECOVERED, "b"), late + 10),
    )
    assert (found.incidents, found.repeated) == (1, repeated)


def grant(code: str, account: str | None, cost: float = 2.0) -> GrantIssued:
    return GrantIssued(
        code=code,
        request=code,
        offer="tea",
        kind=OfferKind.COUPON,
        by="Anna",
        expires=at(0),
        account=account,
        cost=cost,
    )


def test_what_was_taken_back_costs_nothing() -> None:
    back = GrantVoided(code="X", by="Boris", reason="mistake")
    found = told(cases(), (grant("X", "1"), 0), (grant("Y", None, 3), 1), (back, 2))
    assert (found.cost, found.to_customers, found.to_top_customers) == (3, 0, 0)


def test_grants_before_the_span_are_not_its_cost() -> None:
    assert told(cases(since_s=5), (grant("X", "1"), 4)).cost == 0


@given(st.lists(st.integers(0, 150), max_size=400))
def test_the_top_one_percent_is_what_sorting_gives(customers: list[int]) -> None:
    found = cases()
    for code, customer in enumerate(customers):
        found.take(grant(str(code), str(customer)), at(1))
    counts = sorted((customers.count(one) for one in set(customers)), reverse=True)
    top = -(-len(counts) // 100)
    assert found.to_customers == len(customers)
    assert found.to_top_customers == sum(counts[:top])
