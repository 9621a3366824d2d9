"""What time alone does to a live alert, pure: it climbs, is missed, or comes back.

Within one boot the monotonic clock tells an alert's age. Across boots only two synchronised wall
clocks do; until this boot's is, all that is known is that the alert is older than the boot.
"""

from typing import Final

from gateway.alerts import ladder
from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Ladder
from gateway.model import AlertState

UNDO_S: Final = 10
"""How long an answer can be taken back."""
LOOK_AGAIN_NS: Final = 5 * NS_PER_S
"""How often to see whether the clock has been set, while an alert's age hangs on it."""


def least_age_ns(since: Stamp, now: Stamp) -> int:
    """How long ago something was at the least: of an earlier boot, all of this boot's time."""
    age_ns = since.age_ns(now) or 0
    return max(age_ns, 0 if since.boot == now.boot else now.mono_ns)


def age_ns(since: Stamp, now: Stamp) -> int | None:
    """How long ago something was, None where nobody can know."""
    return None if since.age_ns(now) is None else least_age_ns(since, now)


def counts_from(alert: Alert) -> Stamp:
    """What the alert's next moment counts from: its climb, or the word of who took it."""
    return alert.climbing if alert.taken is None else alert.taken.at


def undo_ns(alert: Alert, now: Stamp) -> int:
    """Nanoseconds for which the latest answer can be taken back; not above 0 when it stands."""
    if alert.answer is None:
        return 0
    return UNDO_S * NS_PER_S - least_age_ns(counts_from(alert), now)


def is_over(rules: Ladder, alert: Alert, now: Stamp) -> bool:
    """Whether the freshness of this climb is over for certain."""
    return least_age_ns(alert.climbing, now) >= ladder.ns(rules.fresh_s)


def may_page(rules: Ladder, alert: Alert, now: Stamp) -> bool:
    """Whether a page is right: open, not quiet, and known to be fresh."""
    waits = alert.state is AlertState.OPEN and not alert.quiet
    known = age_ns(alert.climbing, now) is not None
    return waits and known and not is_over(rules, alert, now)


def wait_ns(rules: Ladder, alert: Alert, now: Stamp) -> int:
    """Nanoseconds until time has something to do with a live alert; not above 0 when it has now."""
    least_ns = least_age_ns(counts_from(alert), now)
    taken = alert.state is not AlertState.OPEN
    moments = [ladder.ns(rules.outcome_s if taken else rules.fresh_s)]
    if alert.answer is not None:
        moments.append(UNDO_S * NS_PER_S)
    if age_ns(counts_from(alert), now) is None:
        moments.append(least_ns + LOOK_AGAIN_NS)
    elif not taken and not alert.quiet:
        moments.append(ladder.moment_ns(rules, alert.level + 1))
    return min(moments) - least_ns
