"""The escalation ladder, pure: which level is due how long after the press.

Levels count from 0. The first ones are the configured steps; after the last step, that step comes
again every `repeat_s` as a level of its own, until the alert is no longer fresh.

Times are whole nanoseconds: in fractions of seconds a level could be due by its moment and not
yet by the age, and the desk would go round in circles.
"""

from gateway.clock import NS_PER_S
from gateway.config import Ladder, Step


def ns(seconds: float) -> int:
    """Seconds of the configuration in nanoseconds."""
    return round(seconds * NS_PER_S)


def step_of(ladder: Ladder, level: int) -> Step:
    """The step that a level takes."""
    return ladder.steps[min(level, len(ladder.steps) - 1)]


def moment_ns(ladder: Ladder, level: int) -> int:
    """Nanoseconds from the press to a level."""
    again = max(0, level - (len(ladder.steps) - 1))
    return ns(step_of(ladder, level).after_s) + again * ns(ladder.repeat_s)


def level_at(ladder: Ladder, age_ns: int) -> int:
    """The highest level whose moment has come, -1 before the first.

    After a silence several levels may have passed: only the highest is worth a page.
    """
    last = len(ladder.steps) - 1
    since_last_ns = age_ns - moment_ns(ladder, last)
    if since_last_ns >= 0:
        return last + since_last_ns // ns(ladder.repeat_s)
    return sum(ns(step.after_s) <= age_ns for step in ladder.steps) - 1


def next_moment_ns(ladder: Ladder, level: int) -> int | None:
    """Nanoseconds from the press to the level after this one, None if freshness ends before it."""
    moment = moment_ns(ladder, level + 1)
    return moment if moment < ns(ladder.fresh_s) else None
