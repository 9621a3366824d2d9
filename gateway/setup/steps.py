"""What each step of the wizard changes in the settings. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from gateway.config import AchivxUplink, Button, Config, Pager, Staff
from gateway.config.edit import Edit, Value
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.config.values import HEX_CODE
from gateway.errors import Refused
from gateway.model import ButtonKind, Label, Role
from gateway.paging import watch_codes
from gateway.setup.messages import AddPerson, PlaceButton, SetShop, SetTransmitter

TRANSMITTER: Final = "main"

Draw = Callable[[], int]
"""Random numbers of 24 bits."""

LABELS: Final = {
    ButtonKind.VERY_HAPPY: Label("Отлично", "Very happy"),
    ButtonKind.HAPPY: Label("Хорошо", "Happy"),
    ButtonKind.NEUTRAL: Label("Так себе", "So-so"),
    ButtonKind.UNHAPPY: Label("Плохо", "Unhappy"),
    ButtonKind.VERY_UNHAPPY: Label("Ужасно", "Very unhappy"),
    ButtonKind.CALL: Label("Позвать", "Call staff"),
    ButtonKind.ACKNOWLEDGE: Label("Иду", "I am going"),
    ButtonKind.SETUP: Label("Настройка", "Set-up"),
}
"""The kinds that the wizard places, and what stands on them at first."""


def shop(asked: SetShop) -> list[Edit]:
    """Name, time zone and hours."""
    hours: Value = list(asked.hours) or None
    return [
        Edit(("shop", "name"), asked.name.strip()),
        Edit(("shop", "timezone"), asked.timezone),
        Edit(("shop", "hours"), hours),
    ]


def transmitter(config: Config, asked: SetTransmitter, draw: Draw) -> list[Edit]:
    """The first transmitter and the first pager, and somebody who wears it.

    Raises:
        Refused: `unknown_driver`; `needs_number`: only a watch is given one here; or
            `unknown_staff`: there is no owner yet who could wear the pager.
    """
    name = config.transmitters[0].name if config.transmitters else TRANSMITTER
    device = _device(name, asked)
    if not asked.address and not isinstance(device, Ev1527):
        raise Refused("needs_number", "the pager's number is needed")
    pager = config.pagers[0] if config.pagers else Pager(name="pager-1", address="")
    address = asked.address or _own_code(config, pager, draw)
    pager = msgspec.structs.replace(pager, address=address)
    edits = [
        Edit(("transmitters",), [device, *config.transmitters[1:]]),
        Edit(("pagers",), [pager, *config.pagers[1:]]),
    ]
    if not any(person.pager == pager.name for person in config.staff):
        owners = (at for at, one in enumerate(config.staff) if one.role is Role.OWNER)
        owner = next(owners, None)
        if owner is None:
            raise Refused("unknown_staff", "this box has no owner yet: claim it first")
        edits.append(Edit(("staff", owner, "pager"), pager.name))
    return edits


def _own_code(config: Config, pager: Pager, draw: Draw) -> str:
    """The code that a watch has been given already, or a new one."""
    if HEX_CODE(pager.address) is None:
        return pager.address
    return watch_codes.fresh(config.pagers, 1, draw)[0]


def _device(name: str, asked: SetTransmitter) -> Transmitter:
    driver, _, kind = asked.driver.partition(":")
    port = asked.port
    match driver:
        case "tap":
            return Tap(name=name, port=port, framing=asked.framing or "7E1")
        case "espa":
            return Espa(name=name, port=port, framing=asked.framing or "7E2")
        case "mmdvm":
            return Mmdvm(name=name, port=port, frequency_hz=asked.frequency_hz)
        case "ev1527":
            return Ev1527(name=name, port=port, hardware=kind)
        case "template":
            return Template(name=name, port=port, template=kind, framing=asked.framing or None)
        case _:
            raise Refused("unknown_driver", f"there is no driver {asked.driver!r}")


def place(config: Config, asked: PlaceButton) -> list[Edit]:
    """One more button, or another meaning for the one at this pin.

    Raises:
        Refused: `needs_pager`: it pages, and nobody wears a pager yet; or `bad_request`: a kind
            that the wizard does not place, or the pin of the set-up button.
    """
    if asked.kind not in LABELS:
        raise Refused("bad_request", f"a {asked.kind} button is set up in the settings")
    pages = asked.kind.is_red or asked.kind is ButtonKind.CALL
    if pages and not (config.transmitters and any(one.pager for one in config.staff)):
        raise Refused("needs_pager", "such a button pages: set up a transmitter and a pager first")
    there = next((at for at, each in enumerate(config.buttons) if each.pin == asked.pin), None)
    if there is not None:
        _refuse_setup(config.buttons[there])
    others = [each.name for at, each in enumerate(config.buttons) if at != there]
    button = Button(
        name=_free(asked.kind.replace("_", "-"), others),
        pin=asked.pin,
        kind=asked.kind,
        label=LABELS[asked.kind],
        normally_closed=asked.normally_closed,
    )
    return [_put("buttons", len(config.buttons), button, at=there)]


def _put(key: str, length: int, value: Button | Pager | Staff, at: int | None = None) -> Edit:
    """An element in its place, or one beyond the last; a list that is not there yet is made."""
    if length == 0:
        return Edit((key,), [value])
    return Edit((key, length if at is None else at), value)


def _free(name: str, taken: Iterable[str]) -> str:
    known = set(taken)
    number = 2
    wanted = name
    while wanted in known:
        wanted = f"{name}-{number}"
        number += 1
    return wanted


def remove_button(config: Config, name: str) -> list[Edit]:
    """Without this button.

    Raises:
        Refused: `unknown_button`, or `bad_request`: the set-up button.
    """
    for at, button in enumerate(config.buttons):
        if button.name == name:
            _refuse_setup(button)
            return [Edit(("buttons", at), None)]
    raise Refused("unknown_button", f"there is no button named {name!r}")


def _refuse_setup(button: Button) -> None:
    """An owner who forgets the PIN, or passes the box on, needs it: it goes in the settings only.

    Raises:
        Refused: `bad_request`: it is the set-up button.
    """
    if button.kind is ButtonKind.SETUP:
        raise Refused("bad_request", f"{button.name} is the set-up button: change it in settings")


def add_person(config: Config, asked: AddPerson, draw: Draw) -> list[Edit]:
    """One more person, or the same one anew; a pager that somebody wore goes over to them."""
    name = asked.name.strip()
    people = [person for person in config.staff if person.name != name]
    edits: list[Edit] = []
    worn: str | None = None
    address = asked.address
    if asked.new_watch and not address:
        (address,) = watch_codes.fresh(config.pagers, 1, draw)
    if address:
        worn = next((each.name for each in config.pagers if each.address == address), None)
        if worn is None:
            number = len(config.pagers) + 1
            worn = _free(f"pager-{number}", (each.name for each in config.pagers))
            pager = Pager(name=worn, address=address)
            edits.append(_put("pagers", len(config.pagers), pager))
        people = [_without(person, worn) for person in people]
    person = Staff(name=name, role=asked.role, pager=worn)
    return [*edits, Edit(("staff",), [*people, person])]


def _without(person: Staff, pager: str) -> Staff:
    if person.pager != pager:
        return person
    return Staff(
        name=person.name,
        role=person.role,
        zones=person.zones,
        account=person.account,
        shifts=person.shifts,
    )


def remove_person(config: Config, name: str) -> list[Edit]:
    """Without this person. The last owner stays.

    Raises:
        Refused: `unknown_staff` or `last_owner`.
    """
    found = next((at for at, one in enumerate(config.staff) if one.name == name), None)
    if found is None:
        raise Refused("unknown_staff", f"the configuration has no staff named {name!r}")
    owners = [one for one in config.staff if one.role is Role.OWNER]
    if owners == [config.staff[found]]:
        raise Refused("last_owner", "somebody must own the box")
    return [Edit(("staff", found), None)]


def undo(config: Config, paths: Sequence[tuple[str, ...]], before: Sequence[Any]) -> list[Edit]:
    """The keys as they were; nobody can go on wearing a pager that goes with them."""
    edits = [Edit(path, value) for path, value in zip(paths, before, strict=True)]
    if ("pagers",) not in paths:
        return edits
    known = {pager["name"] for pager in before[paths.index(("pagers",))] or ()}
    return edits + [
        Edit(("staff", at, "pager"), None)
        for at, person in enumerate(config.staff)
        if person.pager is not None and person.pager not in known
    ]


def claim(config: Config, name: str, language: str) -> list[Edit]:
    """The owner, and the language they chose."""
    edits = [Edit(("shop", "language"), language)]
    for at, person in enumerate(config.staff):
        if person.name == name:
            return [*edits, Edit(("staff", at, "role"), Role.OWNER)]
    return [*edits, _put("staff", len(config.staff), Staff(name=name, role=Role.OWNER))]


def server(address: str, token_file: str) -> list[Edit]:
    """The shop's own ACHIVX server."""
    return [Edit(("uplink",), AchivxUplink(address=address, token_file=token_file))]
