"""Whether a press can reach a wrist: pagers and their transmitters, staff, zones and the ladder."""

from collections.abc import Iterator
from typing import Final

from gateway.config import Pager, Staff, Step
from gateway.config.decode import Note, did_you_mean, shown
from gateway.config.lines import KeyPath
from gateway.config.rules import CrossRule, Draft, button_pages
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.config.values import HEX_CODE, is_ascii_text
from gateway.model import Role
from gateway.paging.drivers.template_file import TemplateError, load_template

_MAX_RIC: Final = 2_097_151  # 21 bits: 18 in the address word, 3 by the frame it stands in
_ESPA_ADDRESS_CHARS: Final = 16  # ESPA 4.4.4, record type 1


def _known_transmitter(draft: Draft) -> Iterator[Note]:
    names = [transmitter.name for _, transmitter in draft.transmitters]
    for path, pager in draft.pagers:
        name = pager.transmitter
        if name is not None and name not in names and draft.whole("transmitters"):
            yield _unknown((*path, "transmitter"), name, names, "transmitter")


def _known_pager(draft: Draft) -> Iterator[Note]:
    names = [pager.name for _, pager in draft.pagers]
    for path, person in draft.staff:
        name = person.pager
        if name is not None and name not in names and draft.whole("pagers"):
            yield _unknown((*path, "pager"), name, names, "pager")


def _unknown(path: KeyPath, name: str, names: list[str], what: str) -> Note:
    known = ", ".join(names) or "none"
    return Note(path, shown(name), f"a configured {what}: {known}{did_you_mean(name, names)}")


def misfit(pager: Pager, transmitter: Transmitter) -> tuple[str, str] | None:
    """The pager's key that this transmitter cannot do with, and what would be right."""
    address = pager.address
    if isinstance(transmitter, Mmdvm):
        digits = address.isascii() and address.isdigit() and len(address) <= 7
        if not digits or int(address) > _MAX_RIC:
            return "address", f"a capcode (RIC) from 0 to {_MAX_RIC}"
        if pager.rate != 1200:
            return "rate", "1200, the only rate of an MMDVM_HS hat"
    elif isinstance(transmitter, Ev1527):
        if wrong := HEX_CODE(address):
            return "address", wrong
    elif isinstance(transmitter, Template):
        return _misfit_of_template(address, transmitter)
    elif not is_ascii_text(address):
        return "address", "visible ASCII characters"
    elif isinstance(transmitter, Espa) and len(address) > _ESPA_ADDRESS_CHARS:
        return "address", f"at most {_ESPA_ADDRESS_CHARS} characters"
    elif isinstance(transmitter, Tap) and len(address) >= transmitter.block_chars:
        return "address", f"an id that fits a block of {transmitter.block_chars} characters"
    return None


def _misfit_of_template(address: str, transmitter: Template) -> tuple[str, str] | None:
    """A template that cannot be read fits anything: `hints` tells what is wrong with it."""
    try:
        rule = load_template(transmitter.template).address
    except TemplateError:
        return None
    return None if rule.pattern.fullmatch(address) else ("address", rule.form)


def transmitters_of(pager: Pager, draft: Draft) -> list[Transmitter]:
    """Those that may send to this pager, in the order of the file."""
    return [
        transmitter
        for _, transmitter in draft.transmitters
        if pager.transmitter in (None, transmitter.name)
    ]


def _address_fits(draft: Draft) -> Iterator[Note]:
    """A pager fits at least one of its transmitters; where it does not, the first one tells."""
    if not draft.whole("transmitters"):
        return
    for path, pager in draft.pagers:
        able = transmitters_of(pager, draft)
        misfits = [misfit(pager, transmitter) for transmitter in able]
        if misfits and (first := misfits[0]) and all(misfits):
            key, right = first
            wanted = f'{right}, for transmitter "{able[0].name}"'
            yield Note((*path, key), shown(getattr(pager, key)), wanted)


def _equipment_is_there(draft: Draft) -> Iterator[Note]:
    """A button that pages needs a pager, a transmitter and someone who carries the pager."""
    paging = [button for _, button in draft.buttons if button_pages(button)]
    if not paging:
        return
    why = f'button "{paging[0].name}" pages'
    if not draft.pagers and draft.whole("pagers"):
        yield Note(("pagers",), "no pager", f"at least one [[pagers]]: {why}")
    if not draft.transmitters and draft.whole("transmitters"):
        yield Note(("transmitters",), "no transmitter", f"at least one [[transmitters]]: {why}")
    if not carriers(draft) and draft.whole("staff"):
        yield Note(("staff",), "nobody with a pager", f"at least one [[staff]] with a pager: {why}")


def _zone_is_covered(draft: Draft) -> Iterator[Note]:
    people = carriers(draft)
    if not people or not draft.whole("staff"):
        return
    for path, button in draft.buttons:
        if button_pages(button) and not any(covers(person, button.zone) for person in people):
            zones = sorted({zone for person in people for zone in person.zones})
            right = "a zone that someone with a pager covers: " + ", ".join(zones)
            yield Note((*path, "zone"), shown(button.zone), right)


def carriers(draft: Draft) -> list[Staff]:
    """The staff who carry a pager."""
    return [person for _, person in draft.staff if person.pager is not None]


def covers(person: Staff, zone: str) -> bool:
    """Whether this person answers for a zone."""
    return not person.zones or zone in person.zones


def reaches(target: str, draft: Draft) -> bool:
    """Whether a ladder target can mean anybody with a pager."""
    people = carriers(draft)
    if target in ("zone", "everyone"):  # a zone that nobody on duty covers falls to everyone
        return bool(people)
    if target == "managers":
        return any(person.role.rank >= Role.MANAGER.rank for person in people)
    return any(target == f"staff:{person.name}" for person in people)


def _steps_reach_somebody(draft: Draft) -> Iterator[Note]:
    """Without any carrier at all there is nothing to say: `_equipment_is_there` says it."""
    if not carriers(draft) or not draft.whole("staff"):
        return
    for path, step in draft.steps:
        idle = [target for target in step.to if not reaches(target, draft)]
        for target in idle:
            if target.startswith("staff:"):
                yield Note((*path, "to"), shown(target), person_right(target, draft))
        if idle and set(step.to) == {"managers"}:
            right = "someone with a pager: no manager has one, so this step pages nobody"
            yield Note((*path, "to"), shown(step.to), right)


def person_right(target: str, draft: Draft) -> str:
    """What would be right in place of a `staff:NAME` that has no pager."""
    name = target.removeprefix("staff:")
    if any(person.name == name for _, person in draft.staff):
        return "someone with a pager; this person has none"
    names = [person.name for person in carriers(draft)]
    near = did_you_mean(name, names)
    return f"someone of the staff with a pager: {', '.join(names)}{near}"


def _ladder_climbs(draft: Draft) -> Iterator[Note]:
    if not draft.whole("ladder"):
        return
    if not draft.ladder.steps:
        yield Note(("ladder", "steps"), "an empty ladder", "at least one [[ladder.steps]]")
    before: Step | None = None
    for path, step in draft.steps:
        if before is not None and step.after_s <= before.after_s:
            right = f"more than the {before.after_s:g} of the step before"
            yield Note((*path, "after_s"), shown(step.after_s), right)
        if step.after_s >= draft.ladder.fresh_s:
            right = f"less than fresh_s ({draft.ladder.fresh_s:g}): by then the alert is missed"
            yield Note((*path, "after_s"), shown(step.after_s), right)
        before = step


RULES: Final[tuple[CrossRule, ...]] = (
    _known_transmitter,
    _known_pager,
    _address_fits,
    _equipment_is_there,
    _zone_is_covered,
    _steps_reach_somebody,
    _ladder_climbs,
)
