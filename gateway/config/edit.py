"""Changing single keys of a settings text: comments, order and layout stay as they are. Pure."""

import tomllib
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array

from gateway.config.lines import KeyPath
from gateway.errors import Refused

Value = str | int | float | bool | msgspec.Struct | Sequence["Value"] | None
"""What a key can be set to: a table is given as its structure; None takes the key away."""


class Edit(msgspec.Struct, frozen=True):
    """One key and its new value.

    A position in a list takes the element there away (None), replaces it, or, one beyond the
    last, adds one. Tables on the way are made; elements of lists are not.
    """

    path: KeyPath
    value: Value


def edited(text: str, changes: Sequence[Edit]) -> str:
    """The text after all changes, in their order.

    Raises:
        Refused: `no_such_key` if a path leads nowhere; `edit_whole_file` if the text is laid out
            in a way that would come out as something else than was asked for.
    """
    wanted = tomllib.loads(text)
    values = [(change.path, _plain(change.value)) for change in changes]
    for path, value in values:
        _apply(wanted, path, value)
    words = "the file is laid out in a way that cannot be edited key by key"
    try:
        document = tomlkit.parse(text)
        for path, value in values:
            _apply(document, path, value)
        after = document.as_string()
    except (TOMLKitError, ValueError) as error:
        raise Refused("edit_whole_file", words) from error
    if not _says(after, wanted):
        raise Refused("edit_whole_file", words)
    return after


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that differ, e.g. `shop.name`; a list of tables is one key, `buttons`."""
    keys: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            inner = dict.fromkeys((*old, *new))
            keys += [f"{name}.{key}" for key in inner if old.get(key) != new.get(key)]
        elif old != new:
            keys.append(name)
    return tuple(keys)


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _apply(root: Any, path: KeyPath, value: Any) -> None:
    """Make a change in a tomlkit document or in plain data: both are the same containers."""
    is_document = isinstance(root, tomlkit.TOMLDocument)
    inside, outside = root, [root]
    for part in path[:-1]:
        if isinstance(part, str) and isinstance(inside, MutableMapping) and part not in inside:
            if value is None:
                return
            inside[part] = tomlkit.table() if is_document else {}
        inside = _element(inside, part, path)
        outside.append(inside)
    last = path[-1]
    if value is None:
        _take_away(outside, path)
        return
    item = _item(value, inline=isinstance(inside, Array)) if is_document else value
    if isinstance(inside, MutableSequence) and last == len(inside):
        inside.append(item)
        return
    if not (isinstance(inside, MutableMapping) and isinstance(last, str)):
        _element(inside, last, path)
    inside[last] = item


def _take_away(outside: list[Any], path: KeyPath) -> None:
    """A list that loses its last element goes with it: TOML has no empty list of tables."""
    inside, last = outside[-1], path[-1]
    if isinstance(inside, MutableMapping) and last not in inside:
        return
    _element(inside, last, path)
    del inside[last]
    if isinstance(inside, MutableSequence) and not inside:
        del outside[-2][path[-2]]


def _element(container: Any, part: str | int, path: KeyPath) -> Any:
    if isinstance(part, str):
        found = isinstance(container, MutableMapping) and part in container
    else:
        found = isinstance(container, MutableSequence) and 0 <= part < len(container)
    if not found:
        words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        raise Refused("no_such_key", f"there is no {words.removeprefix('.')} in the settings")
    return container[part]


def _item(value: Any, *, inline: bool) -> Any:
    """TOML for a value: a table stands by itself, what is inside it on one line."""
    if isinstance(value, dict):
        table: Any = tomlkit.inline_table() if inline else tomlkit.table()
        for key, inner in value.items():
            table[key] = _item(inner, inline=True)
        return table
    if isinstance(value, list):
        tables = bool(value) and all(isinstance(inner, dict) for inner in value)
        items: Any = tomlkit.aot() if tables and not inline else tomlkit.array()
        for inner in value:
            items.append(_item(inner, inline=inline or not tables))
        return items
    return tomlkit.item(value)


def _plain(value: Value) -> Any:
    """A value as TOML data; of a structure what differs from its defaults."""
    if isinstance(value, msgspec.Struct):
        return _table(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _table(struct: msgspec.Struct) -> dict[str, Any]:
    config = struct.__struct_config__
    table: dict[str, Any] = {} if config.tag_field is None else {config.tag_field: config.tag}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if isinstance(value, dict):
            table |= {field.name: dict(value)} if value else {}
        elif field.required or value != field.default:
            table[field.name] = _plain(value)
    return table
