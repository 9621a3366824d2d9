"""What the fields of a settings form are chosen from, where the rule of a value does not say it.

Pagers, transmitters, causes, zones, panels and people are named in the settings themselves; time
zones, templates and ports by the box.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final
from zoneinfo import available_timezones

from webui.client import GetCauses, GetSetup
from webui.forms import Field
from webui.person import gateway
from webui.structures import TARGETS, shipped_templates

File = Mapping[str, Any]
"""The settings as plain data."""


def _tables(file: File, key: str) -> list[Mapping[str, Any]]:
    found = file.get(key)
    return found if isinstance(found, list) else []


def _names(key: str, file: File) -> list[str]:
    return [str(table["name"]) for table in _tables(file, key) if "name" in table]


def _of_buttons(key: str, file: File) -> list[str]:
    return [str(button.get(key, "main")) for button in _tables(file, "buttons")]


def _causes(file: File) -> list[str]:
    return _names("causes", file) or [cause.name for cause in gateway().call(GetCauses())]


def _targets(file: File) -> list[str]:
    people = [person for person in _tables(file, "staff") if "pager" in person]
    return [*TARGETS, *(f"staff:{person['name']}" for person in people if "name" in person)]


@cache
def _timezones() -> list[str]:
    """Reads hundreds of files, which do not change while the page runs."""
    places = (name for name in available_timezones() if not name.startswith(("Etc/", "SystemV/")))
    return sorted(name for name in places if "/" in name or name == "UTC")


def _ports(_: File) -> list[str]:
    return [port.path for port in gateway().call(GetSetup()).ports]


_SOURCES: Final[dict[str, Callable[[File], list[str]]]] = {
    "cause": _causes,
    "causes": _causes,
    "pager": partial(_names, "pagers"),
    "pagers": partial(_names, "pagers"),
    "panels": partial(_of_buttons, "panel"),
    "timezone": lambda _: _timezones(),
    "to": _targets,
    "transmitter": partial(_names, "transmitters"),
    "zones": partial(_of_buttons, "zone"),
}
"""By key, which means the same in every table: all that it may be."""

_HINTS: Final[dict[str, Callable[[File], list[str]]]] = {
    "panel": partial(_of_buttons, "panel"),
    "port": _ports,
    "template": lambda _: shipped_templates(),
    "zone": partial(_of_buttons, "zone"),
}
"""By key: what a text may well be, and need not."""


def fill_in(rows: Iterable[Field], table: Mapping[str, Any], file: File) -> tuple[Field, ...]:
    """The fields of one table, with what each is chosen from.

    Args:
        rows: The fields.
        table: What the file has of that table: a value that it has is always a choice.
        file: The whole file.

    Raises:
        Refused: The asker may not see what the box names.
        Unreachable: The gateway is away.
    """
    return tuple(_filled(row, table.get(row.key), file) for row in rows)


def _filled(row: Field, now: Any, file: File) -> Field:
    if source := _SOURCES.get(row.key):
        there = now if isinstance(now, list) else [now] if now else []
        choices = tuple(dict.fromkeys([*source(file), *map(str, there)]))
        return replace(row, choices=choices, named=row.key != "to")
    if row.kind == "text" and (source := _HINTS.get(row.key)):
        return replace(row, hints=tuple(dict.fromkeys(source(file))))
    return row
