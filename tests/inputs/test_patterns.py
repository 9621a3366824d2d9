"""Blink codes: what a person sees, counted from the levels over time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inputs import patterns
from gateway.inputs.indicators import State
from gateway.inputs.patterns import Pattern, level_at, next_change_ns

MS = 1_000_000

any_pattern = st.sampled_from(
    [*(state.value for state in State), patterns.REGISTERED, patterns.CHIRP, patterns.COUNTING]
)


def flashes(pattern: Pattern, from_ms: int, to_ms: int) -> int:
    """How often the light comes on in a span of time, by looking every 10 ms."""
    levels = [level_at(pattern, at_ms * MS) for at_ms in range(from_ms, to_ms, 10)]
    return levels[0] + sum(after and not before for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("state", "expected"),
    [(State.NO_SERVER, 2), (State.TRANSMITTER_FAULT, 3), (State.BUTTON_FAULT, 4)],
)
def test_a_fault_flashes_its_number_and_then_pauses(state: State, expected: int) -> None:
    cycle_ms = sum(state.value.spans_ms)
    assert flashes(state.value, 0, cycle_ms) == expected
    assert flashes(state.value, cycle_ms, 2 * cycle_ms) == expected
    assert state.value.spans_ms[-1] >= 4 * max(state.value.spans_ms[:-1])


@given(pattern=st.sampled_from([state.value for state in State]), at_ms=st.integers(0, 10**7))
def test_the_fault_led_is_never_dark_for_long(pattern: Pattern, at_ms: int) -> None:
    assert any(level_at(pattern, (at_ms + later_ms) * MS) for later_ms in range(0, 3010, 10))


def test_the_states_look_different() -> None:
    assert len({state.value.spans_ms for state in State}) == len(State) == 6


@given(pattern=any_pattern, at_ns=st.integers(0, 10**13))
def test_between_two_changes_the_level_stays(pattern: Pattern, at_ns: int) -> None:
    change_ns = next_change_ns(pattern, at_ns)
    if change_ns is None:
        assert level_at(pattern, at_ns) == level_at(pattern, at_ns + 10**12) == pattern.then
        return
    assert change_ns > at_ns
    assert level_at(pattern, change_ns - 1) == level_at(pattern, at_ns)
    if pattern.repeats or change_ns < sum(pattern.spans_ms) * MS:
        assert level_at(pattern, change_ns) != level_at(pattern, at_ns)


def test_the_setup_light_counts_the_seconds_to_each_stage() -> None:
    for second in range(10):
        assert flashes(patterns.COUNTING, second * 1000, second * 1000 + 1000) == 1
    for second in range(10, 30):
        assert flashes(patterns.COUNTING, second * 1000, second * 1000 + 1000) == 2
    assert level_at(patterns.COUNTING, 30_000 * MS)
    assert level_at(patterns.COUNTING, 3_600_000 * MS)
