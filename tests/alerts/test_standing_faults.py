"""The rule that a fault stands, held against a slow and obvious oracle."""

from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts import hours
from gateway.alerts.found import alert_of
from gateway.alerts.rules import Found, Patterns
from gateway.clock import Stamp
from gateway.config.alert_rules import StandingFault
from gateway.events import FaultCleared, FaultRaised
from gateway.model import AlertCause
from tests.alerts.two_zones import OPEN, box, recorded, run, stamp


def fault(part: str, words: str = "no answer") -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.event(FaultRaised(part=part, words=words), at)


def healed(part: str) -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.event(FaultCleared(part=part), at)


def test_a_fault_that_stands() -> None:
    config = box(StandingFault(name="broken", zone="till", parts=("transmitter/", "journal")))
    ((minute, found),) = run(
        config,
        [(1, fault("transmitter/main")), (2, fault("input/edges")), (3, fault("transmitter/main"))],
        60,
    )
    assert (minute, found.zone, found.part) == (6, "till", "transmitter/main")
    assert found.words.en == "fault 5 min transmitter/main: no answer"
    assert found.words.ru == "неисправность 5 мин transmitter/main: no answer"
    assert found.cause is AlertCause.FAULT


def test_a_fault_that_passes_is_nobodys_matter() -> None:
    config = box(StandingFault(name="broken"))
    assert (
        run(config, [(1, fault("a")), (5, healed("a")), (6, fault("a")), (10, healed("a"))], 60)
        == []
    )


def test_each_part_for_itself_and_its_latest_words() -> None:
    config = box(StandingFault(name="broken"))
    found = run(config, [(1, fault("a")), (2, fault("b")), (3, fault("a", "worse"))], 60)
    assert [(minute, each.words.en) for minute, each in found] == [
        (6, "fault 5 min a: worse"),
        (7, "fault 5 min b: no answer"),
    ]


def test_a_fault_of_the_night_is_told_at_the_opening() -> None:
    began = datetime(2026, 11, 23, 22, tzinfo=UTC)
    at_once = StandingFault(name="broken", pages_when_closed=True)
    for rule, minute in ((StandingFault(name="broken"), 11 * 60), (at_once, 6)):
        found = run(box(rule, hours=OPEN), [(1, fault("a"))], 1440, began=began)
        assert [each[0] for each in found] == [minute]


def test_a_told_fault_is_not_told_again_after_a_restart() -> None:
    config = box(StandingFault(name="broken"))
    ((_, found),) = run(config, [(1, fault("a"))], 60)
    now = stamp(3600)
    patterns = Patterns(config, now)
    patterns.prime([recorded(alert_of(found, config, "x"), found.at)], now)
    patterns.event(FaultRaised(part="a", words="no answer"), now)
    assert patterns.advance(stamp(7200)) == []
    assert len(patterns.advance(stamp(90000))) == 1


PARTS = st.sampled_from(["radio/a", "radio/b", "line/c"])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 1500), PARTS, st.booleans()), max_size=25),
    st.integers(1, 90),
    st.integers(1, 400),
    st.booleans(),
    st.lists(st.integers(0, 1500), max_size=8),
)
def test_faults_against_the_oracle(
    moves: list[tuple[int, str, bool]],
    after: int,
    cooldown: int,
    always: bool,
    looks: list[int],
) -> None:
    rule = StandingFault(
        name="broken",
        parts=("radio/",),
        after_s=60 * after,
        cooldown_s=60 * cooldown,
        pages_when_closed=always,
    )
    config = box(rule, hours=OPEN)
    expected = []
    since: dict[str, int] = {}
    still_until: dict[str, int] = {}
    moves.sort(key=lambda move: move[0])
    for minute in range(1501):
        may = always or hours.is_open(config.shop, stamp(60 * minute))
        for part in ("radio/a", "radio/b"):
            stands = part in since and minute - since[part] >= after
            if stands and may and minute >= still_until.get(part, 0):
                expected.append((minute, part))
                still_until[part] = minute + cooldown
        for at, part, is_broken in moves:
            if at == minute and is_broken:
                since.setdefault(part, minute)
            elif at == minute:
                since.pop(part, None)
    events = [(at, fault(part) if is_broken else healed(part)) for at, part, is_broken in moves]
    found = run(config, events, 1500, looks=looks)
    assert sorted((minute, each.part) for minute, each in found) == sorted(expected)
