"""The escalation ladder, pure: which level is due how long after the press.

Levels count from 0. The first ones are the configured steps; after the last step, that step comes
again every `repeat_s` as a level of its own, until the alert is no longer fresh.
"""

import math

from gateway.config import Ladder, Step


def step_of(ladder: Ladder, level: int) -> Step:
    """The step that a level takes."""
    return ladder.steps[min(level, len(ladder.steps) - 1)]


def moment_s(ladder: Ladder, level: int) -> float:
    """Seconds from the press to a level."""
    last = len(ladder.steps) - 1
    return step_of(ladder, level).after_s + max(0, level - last) * ladder.repeat_s


def level_at(ladder: Ladder, age_s: float) -> int:
    """The highest level whose moment has come, -1 before the first.

    After a silence several levels may have passed: only the highest is worth a page.
    """
    last = len(ladder.steps) - 1
    end_s = ladder.steps[last].after_s
    if age_s >= end_s:
        return last + math.floor((age_s - end_s) / ladder.repeat_s)
    return max((n for n, step in enumerate(ladder.steps) if step.after_s <= age_s), default=-1)


def next_moment_s(ladder: Ladder, level: int) -> float | None:
    """Seconds from the press to the level after this one, None if freshness ends before it."""
    moment = moment_s(ladder, level + 1)
    return moment if moment < ladder.fresh_s else None
