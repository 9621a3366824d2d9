"""The ladder's arithmetic: exact in nanoseconds, whatever the shop has configured."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.ladder import level_at, moment_ns, next_moment_ns, ns, step_of
from gateway.config import Ladder, Step

S = 1_000_000_000

seconds = st.floats(0, 3600, allow_nan=False)
ladders = st.builds(
    lambda moments, repeat_s: Ladder(
        steps=tuple(Step(after_s=moment, to=("zone",)) for moment in moments), repeat_s=repeat_s
    ),
    moments=st.lists(seconds, min_size=1, max_size=6, unique_by=ns).map(sorted),
    repeat_s=st.floats(5, 3600),
)


def test_the_shipped_ladder_climbs_at_0_40_80_120_and_then_every_40_seconds() -> None:
    moments = [moment_ns(Ladder(), level) // S for level in range(7)]
    assert moments == [0, 40, 80, 120, 160, 200, 240]
    assert [step_of(Ladder(), level).to for level in range(5)] == [
        ("zone",),
        ("zone",),
        ("zone", "managers"),
        ("everyone",),
        ("everyone",),
    ]


@pytest.mark.parametrize(
    ("age_s", "level"), [(0, 0), (39.9, 0), (40, 1), (119.9, 2), (120, 3), (159.9, 3), (599.9, 14)]
)
def test_after_a_silence_the_highest_level_passed_is_the_one(age_s: float, level: int) -> None:
    assert level_at(Ladder(), ns(age_s)) == level


def test_before_a_first_step_that_waits_there_is_no_level() -> None:
    late = Ladder(steps=(Step(after_s=20, to=("zone",)),))
    assert level_at(late, ns(20) - 1) == -1
    assert level_at(late, ns(20)) == 0
    assert next_moment_ns(late, -1) == ns(20)


def test_no_level_comes_once_freshness_is_over() -> None:
    assert next_moment_ns(Ladder(), 13) == 560 * S
    assert next_moment_ns(Ladder(), 14) is None  # 600 s: by then it is missed


@given(ladder=ladders, level=st.integers(0, 300))
def test_a_level_is_due_at_its_moment_and_not_a_nanosecond_before(
    ladder: Ladder, level: int
) -> None:
    moment = moment_ns(ladder, level)
    assert level_at(ladder, moment) == level
    assert level_at(ladder, moment - 1) == level - 1


@given(ladder=ladders)
def test_moments_rise(ladder: Ladder) -> None:
    moments = [moment_ns(ladder, level) for level in range(20)]
    assert all(earlier < later for earlier, later in pairwise(moments))
