"""From what a rule has found to the pages that say so."""

from datetime import UTC, datetime

import msgspec

from gateway.alerts.desk import Desk
from gateway.alerts.found import alert_of
from gateway.alerts.rules import Found
from gateway.clock import Stamp
from gateway.config.alert_rules import Pattern, RedsInARow, StandingFault, UnhappyShare
from gateway.events import AlertRaised
from gateway.model import Label, Language
from tests.alerts.two_zones import OPEN, box, stamp


def found_in_the_hall(rule: Pattern, at: Stamp | None = None) -> Found:
    words = Label("недовольны 4 из 6", "4 of 6 unhappy")
    return Found(rule=rule, zone="hall", words=words, at=at or stamp(60))


def test_the_page_says_what_was_found() -> None:
    config = box(UnhappyShare(name="r"))
    found = found_in_the_hall(config.rules[0])
    desk = Desk(config, lambda: "a1")
    event = alert_of(found, config, "a1")
    decision = desk.raise_alert(event, found.at)
    assert decision.events == [event]
    assert [(page.pager, page.text, page.kind) for page in decision.pages] == [
        ("one", "hall: 4 of 6 unhappy 12:01", "pattern")
    ]
    (alert,) = desk.alerts()
    assert desk.label(alert) == found.words
    ru = msgspec.structs.replace(
        config, shop=msgspec.structs.replace(config.shop, language=Language.RU)
    )
    again = Desk(ru, lambda: "a1").raise_alert(event, found.at)
    assert again.pages[0].text == "hall: недовольны 4 из 6 12:01"


def test_a_rule_of_its_own_recipients_keeps_them_up_the_ladder() -> None:
    config = box(StandingFault(name="broken"))
    found = found_in_the_hall(config.rules[0])
    desk = Desk(config, lambda: "a1")
    first = desk.raise_alert(alert_of(found, config, "a1"), found.at).pages
    last = desk.advance(stamp(60 + 120)).pages  # the ladder's own last step is everyone
    assert [page.pager for page in first + last] == ["two", "two"]


def test_outside_opening_hours_it_is_shown_only() -> None:
    night = stamp(0, began=datetime(2026, 11, 23, 23, tzinfo=UTC))
    for always in (False, True):
        rule = RedsInARow(name="r", pages_when_closed=always)
        config = box(rule, hours=OPEN)
        event = alert_of(found_in_the_hall(rule, night), config, "a1")
        decision = Desk(config, lambda: "a1").raise_alert(event, night)
        assert (event.quiet, len(decision.pages)) == (not always, int(always))


def test_an_event_of_before_there_were_rules_still_reads() -> None:
    old = b'{"type":"alert_raised","alert":"a","cause":"red","zone":"z","button":"b","level":0}'
    event = msgspec.json.decode(old, type=AlertRaised)
    assert (event.rule, event.words, event.to) == (None, None, ())
