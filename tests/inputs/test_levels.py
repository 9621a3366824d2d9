"""Which level means pressed, for every way to wire a button, and what a time stamp means."""

import pytest

from gateway.config import Button
from gateway.inputs.levels import edge_ns, pressed_is_high
from gateway.model import ButtonKind, Label

S = 1_000_000_000


@pytest.mark.parametrize(
    ("pull", "normally_closed", "high"),
    [
        ("up", False, False),  # closes to ground
        ("up", True, True),  # opens: the pull-up wins
        ("down", False, True),  # closes to 3.3 V
        ("down", True, False),
        ("none", False, False),  # an outside resistor to 3.3 V
        ("none", True, True),
    ],
)
def test_pressed_is_high(pull: str, normally_closed: bool, high: bool) -> None:
    button = Button(
        name="exit",
        pin=17,
        kind=ButtonKind.UNHAPPY,
        label=Label(ru="плохо", en="bad"),
        pull=pull,
        normally_closed=normally_closed,
    )
    assert pressed_is_high(button) is high


@pytest.mark.parametrize(
    ("stamp_s", "expected_ns"),
    [
        (99.998, 99_998_000_000),  # the kernel's, two milliseconds ago
        (100.0, 100 * S),
        (100.001, 100 * S),  # from the future
        (30.0, 100 * S),  # older than any edge waits
        (1.8e9, 100 * S),  # the wall clock's
    ],
)
def test_a_stamp_is_believed_where_it_can_be_of_the_monotonic_clock(
    stamp_s: float, expected_ns: int
) -> None:
    assert edge_ns(stamp_s, now_ns=100 * S) == expected_ns
