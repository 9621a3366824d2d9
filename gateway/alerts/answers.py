"""Answers, pure: what staff say of an alert, and how long that can be taken back.

An answer stops the ladder at once, and for ten seconds whoever said it can withdraw it. Then, or
as soon as more is said or done about the alert, it stands: only that counts for the person. What a
button on the wall says stands at once, because nobody knows who pressed it.
"""

from typing import Final

from gateway.alerts import timing
from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertResolved,
    AnswerStood,
    AnswerWithdrawn,
)
from gateway.model import Outcome

BUTTON: Final = "button"
"""The `via` of an acknowledge button."""


class Answers:
    """Writes down the answers of one shop's staff.

    Args:
        config: Who they are.
    """

    def __init__(self, config: Config) -> None:
        self._accounts: Final = {person.name: person.account for person in config.staff}

    def acknowledged(self, alert: Alert, by: str, via: str, at: Stamp) -> AlertAcknowledged:
        """Someone is going."""
        return AlertAcknowledged(
            alert=alert.id,
            by=by,
            via=via,
            account=self._accounts.get(by),
            after_s=_seconds(alert.raised, at),
            final=via == BUTTON,
        )

    def contacted(self, alert: Alert, by: str, via: str, at: Stamp) -> AlertContacted:
        """Someone is with the customer."""
        return AlertContacted(
            alert=alert.id,
            by=by,
            account=self._accounts.get(by),
            after_s=_seconds(alert.raised, at),
            final=via == BUTTON,
        )

    def resolved(
        self,
        alert: Alert,
        by: str,
        outcome: Outcome,
        *,
        severity: int | None,
        cause: str | None,
        note: str | None,
    ) -> AlertResolved:
        """It is over, and this is how it ended; see `events.AlertResolved`.

        Raises:
            Refused: `bad_severity` outside 1 to 5.
        """
        check_severity(severity)
        return AlertResolved(
            alert=alert.id,
            by=by,
            outcome=outcome,
            account=self._accounts.get(by),
            severity=severity,
            cause=cause,
            note=note,
        )


def check_severity(severity: int | None) -> None:
    """Refuse a severity that the playbook does not know.

    Raises:
        Refused: `bad_severity` outside 1 to 5.
    """
    if severity is not None and not 1 <= severity <= 5:
        raise Refused("bad_severity", "severity goes from 1 to 5")


def stood(alert: Alert) -> AnswerStood | None:
    """What was said of it last stands from now on; None where it does already."""
    if alert.answer is None or alert.taken is None:
        return None
    return AnswerStood(
        alert=alert.id,
        by=alert.taken.by,
        state=alert.state,
        account=alert.answer.account,
        after_s=alert.answer.after_s,
    )


def withdrawn(alert: Alert, by: str, at: Stamp) -> AnswerWithdrawn:
    """What was said of it last was not meant.

    Raises:
        Refused: `answer_stands`, or `not_your_answer`.
    """
    if alert.answer is None or alert.taken is None or timing.undo_ns(alert, at) <= 0:
        raise Refused(
            "answer_stands",
            f"it can be taken back for {timing.UNDO_S} s, while nothing else is said or done about"
            " the alert, and not after a restart",
        )
    if alert.taken.by != by:
        raise Refused("not_your_answer", f"only {alert.taken.by}, who said it, may take it back")
    return AnswerWithdrawn(alert=alert.id, by=by, state=alert.answer.was)


def _seconds(since: Stamp, at: Stamp) -> float | None:
    age_ns = timing.age_ns(since, at)
    return None if age_ns is None else round(age_ns / NS_PER_S, 3)
