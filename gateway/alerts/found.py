"""From what a rule has found to the alert that the desk is to raise, pure."""

from gateway.alerts import hours, ladder
from gateway.alerts.rules import Found
from gateway.config import Config
from gateway.config.alert_rules import Silence
from gateway.events import AlertRaised


def alert_of(found: Found, config: Config, alert_id: str) -> AlertRaised:
    """The event that begins the alert of what was found.

    Outside opening hours it is shown and pages nobody, unless the rule says otherwise.
    """
    always = isinstance(found.rule, Silence) or found.rule.pages_when_closed
    quiet = not always and not hours.is_open(config.shop, found.at)
    return AlertRaised(
        alert=alert_id,
        cause=found.cause,
        zone=found.zone,
        level=-1 if quiet else ladder.level_at(config.ladder, 0),
        quiet=quiet,
        rule=found.rule.name,
        part=found.part,
        words=found.words,
        to=found.rule.to,
    )
