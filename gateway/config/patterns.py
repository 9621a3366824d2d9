"""Whether the rules over many presses, security and the daily test reach somebody."""

from collections.abc import Iterator
from typing import Final

from gateway.config import Button, DailyTest, Security
from gateway.config.alert_rules import Pattern, Silence, StandingFault
from gateway.config.decode import Note, did_you_mean, shown
from gateway.config.lines import KeyPath
from gateway.config.reach import carriers, person_right, reaches
from gateway.config.rules import CrossRule, Draft
from gateway.config.values import TARGETS
from gateway.model import ButtonKind


def watches(rule: Pattern, button: Button) -> bool:
    """Whether presses of this button are of any matter to a rule."""
    if isinstance(rule, StandingFault) or not takes_part(rule, button):
        return False
    in_zone = not rule.zones or button.zone in rule.zones
    return in_zone and (not rule.panels or button.panel in rule.panels)


def takes_part(rule: Pattern, button: Button) -> bool:
    """Whether a button is of a kind that a rule judges: smileys, and for silence all customers'."""
    if isinstance(rule, Silence):
        return button.kind not in (ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP)
    return button.kind.is_smiley


def _something_is_watched(draft: Draft) -> Iterator[Note]:
    if not draft.whole("buttons"):
        return
    for path, rule in draft.patterns:
        if isinstance(rule, StandingFault):
            continue
        able = [button for _, button in draft.buttons if takes_part(rule, button)]
        zones = sorted({button.zone for button in able})
        panels = sorted({button.panel for button in able})
        unknown = [
            *_unknown((*path, "zones"), rule.zones, zones, "zone"),
            *_unknown((*path, "panels"), rule.panels, panels, "panel"),
        ]
        yield from unknown
        if not unknown and not any(watches(rule, button) for button in able):
            kind = str(rule.__struct_config__.tag)
            yield Note((*path, "kind"), shown(kind), "a rule with buttons that it can watch")


def _unknown(path: KeyPath, names: tuple[str, ...], known: list[str], what: str) -> Iterator[Note]:
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            right = f"a {what} with a button for this rule: {listed}{did_you_mean(name, known)}"
            yield Note(path, shown(name), right)


def _rules_reach_somebody(draft: Draft) -> Iterator[Note]:
    if not draft.whole("staff"):
        return
    for path, rule in draft.patterns:
        if not carriers(draft):
            right = f'at least one [[staff]] with a pager: rule "{rule.name}" pages'
            yield Note(("staff",), "nobody with a pager", right)
            return
        for target in rule.to:
            if target.startswith("staff:") and not reaches(target, draft):
                yield Note((*path, "to"), shown(target), person_right(target, draft))
        if rule.to == ("managers",) and not reaches("managers", draft):
            right = "someone with a pager: no manager has one, so this rule pages nobody"
            yield Note((*path, "to"), shown(rule.to), right)


def _security_is_reached(draft: Draft) -> Iterator[Note]:
    if not draft.whole("staff"):
        return
    for path, security in draft.each(Security):
        for target in security.to:
            known = target in TARGETS or target.startswith("staff:")
            if known and not reaches(target, draft):
                right = "someone with a pager"
                if target.startswith("staff:") and carriers(draft):
                    right = person_right(target, draft)
                yield Note((*path, "to"), shown(target), right)


def _test_reaches_pagers(draft: Draft) -> Iterator[Note]:
    names = [pager.name for _, pager in draft.pagers]
    if not draft.whole("pagers"):
        return
    for path, test in draft.each(DailyTest):
        for name in test.pagers:
            if name not in names:
                right = f"a configured pager: {', '.join(names) or 'none'}"
                near = did_you_mean(name, names)
                yield Note((*path, "pagers"), shown(name), right + near)
        if not test.pagers and not carriers(draft) and draft.whole("staff"):
            right = "the name of a pager: nobody of the staff has one"
            yield Note((*path, "pagers"), "no pager", right)


RULES: Final[tuple[CrossRule, ...]] = (
    _something_is_watched,
    _rules_reach_somebody,
    _security_is_reached,
    _test_reaches_pagers,
)
