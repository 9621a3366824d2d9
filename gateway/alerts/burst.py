"""Which incident a press belongs to, pure: one incident per burst."""

from gateway.alerts import ladder, timing
from gateway.alerts.case import Alert
from gateway.clock import Stamp
from gateway.config import Button, Ladder
from gateway.model import AlertCause, AlertState


def joins(
    rules: Ladder,
    alert: Alert,
    first: Button | None,
    cause: AlertCause,
    button: Button,
    at: Stamp,
    *,
    quiet: bool,
) -> bool:
    """Whether a press belongs to a live alert, so that it raises none of its own.

    A call repeated on its button is the same call for as long as nobody has taken it. Reds of one
    panel are one incident while they come within `burst_s` of each other; a reason belongs to
    the red pressed just before it on its panel. What may be paged never joins what may not, and
    nothing joins an alert whose age is unknown or whose freshness is over.

    Args:
        rules: The ladder's times.
        alert: The live alert.
        first: The button that raised it, None if it is not configured any more.
        cause: What the press stands for.
        button: What was pressed.
        at: When.
        quiet: Whether an alert of this press would be quiet.
    """
    if alert.quiet and not quiet:
        return False
    age_ns = timing.age_ns(alert.last_press, at)
    if age_ns is None or (alert.state is AlertState.OPEN and timing.is_over(rules, alert, at)):
        return False
    near = age_ns <= ladder.ns(rules.burst_s)
    if cause is alert.cause is AlertCause.CALL:
        return alert.button == button.name and (near or alert.state is AlertState.OPEN)
    of_red = cause is AlertCause.REASON and alert.cause is AlertCause.RED
    same_point = first is not None and first.panel == button.panel
    return near and same_point and (of_red or cause is alert.cause)
