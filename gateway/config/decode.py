"""From plain TOML data to typed structures, collecting everything that is wrong on the way.

msgspec would stop at the first fault; someone with a text editor wants all of them at once. The
walk is driven by the structures' own types, so a new key in the structures needs nothing here.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from enum import Enum
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from gateway.config.lines import KeyPath

Rule = Callable[[Any], str | None]
"""Judges one value of the right type: None, or what would be right."""

Rules = Mapping[tuple[type, str], Rule]
"""The rules of single keys, by structure and key."""


class Note(msgspec.Struct, frozen=True):
    """Something noticed at one place of the file.

    Attributes:
        path: The place.
        found: What stands there.
        right: What would be right.
    """

    path: KeyPath
    found: str
    right: str


class Decoded(msgspec.Struct, frozen=True):
    """What became of the data.

    Attributes:
        root: The whole structure, or None where a part of it could not be understood.
        tables: Every structure that was understood, with its place, in the order of the file.
        broken: The top-level keys with parts that were not understood.
        notes: Everything that is wrong.
    """

    root: msgspec.Struct | None
    tables: tuple[tuple[KeyPath, msgspec.Struct], ...]
    broken: frozenset[str]
    notes: tuple[Note, ...]


def decode(data: Mapping[str, object], root: type[msgspec.Struct], rules: Rules) -> Decoded:
    """Read `data` as a `root`, judging each value by its type and by `rules`."""
    walk = _Walk(rules)
    built = walk.value(data, _schema(root), ())
    return Decoded(
        root=None if isinstance(built, _Broken) else built,
        tables=tuple(walk.tables),
        broken=frozenset(walk.broken),
        notes=tuple(walk.notes),
    )


def shown(value: object) -> str:
    """A value on one line, short, with nothing in it that a terminal would obey."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return _short("[" + ", ".join(shown(item) for item in value[:_SHOWN_CHARS]) + "]")
    if isinstance(value, date | time):
        return f"{value} without quotes"
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    if isinstance(value, int) and value not in _INT64:
        return "a number beyond 64 bits"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    return _short("".join(char if char.isprintable() else "?" for char in text))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean "pin"?)` when a known word is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def one_of(words: Iterable[str]) -> str:
    """The allowed words as a phrase."""
    return "one of " + ", ".join(f'"{word}"' for word in words)


_SHOWN_CHARS: Final = 60
_SECRETS: Final = frozenset({"token", "password", "passwd", "passphrase", "secret", "private"})
_PINS: Final = frozenset({"pin", "pins", "pin_code"})
_INT64: Final = range(-(2**63), 2**63)


class _Broken(Enum):
    """Stands for a value that could not be understood; why is among the notes."""

    BROKEN = 0


_BROKEN: Final = _Broken.BROKEN


class _Walk:
    """One pass over the data."""

    def __init__(self, rules: Rules) -> None:
        self.notes: list[Note] = []
        self.tables: list[tuple[KeyPath, msgspec.Struct]] = []
        self.broken: set[str] = set()
        self._rules = rules

    def value(self, value: object, kind: inspect.Type, path: KeyPath) -> Any:
        """`value` as a `kind`, or `_BROKEN`."""
        kind = _without_none(kind)
        if isinstance(kind, inspect.UnionType):
            return self._tagged(value, kind, path)
        if isinstance(kind, inspect.StructType):
            return self._struct(value, kind, path)
        if isinstance(kind, inspect.VarTupleType | inspect.TupleType):
            return self._tuple(value, kind, path)
        if isinstance(kind, inspect.DictType):
            return self._dict(value, kind, path)
        if isinstance(kind, inspect.EnumType):
            return self._word(value, kind, path)
        return self._scalar(value, kind, path)

    def _fail(self, path: KeyPath, found: str, right: str) -> _Broken:
        self.notes.append(Note(path, found, right))
        if path:
            self.broken.add(str(path[0]))
        return _BROKEN

    def _tagged(self, value: object, kind: inspect.UnionType, path: KeyPath) -> Any:
        """A table whose `driver` or `kind` says which structure it is."""
        branches = {
            str(branch.tag): branch
            for branch in kind.types
            if isinstance(branch, inspect.StructType)
        }
        tag_field = str(next(iter(branches.values())).tag_field)
        if not isinstance(value, Mapping):
            return self._fail(path, shown(value), _table_right(path))
        word = value.get(tag_field)
        if isinstance(word, str) and word in branches:
            return self._struct(value, branches[word], path)
        near = did_you_mean(word, branches) if isinstance(word, str) else ""
        found = "nothing" if word is None else shown(word)
        return self._fail((*path, tag_field), found, one_of(branches) + near)

    def _struct(self, value: object, kind: inspect.StructType, path: KeyPath) -> Any:
        if not isinstance(value, Mapping):
            return self._fail(path, shown(value), _table_right(path))
        fields = {field.name: field for field in kind.fields}
        for key in value:
            if key not in fields and key != kind.tag_field:
                self.notes.append(_unknown_key((*path, key), fields))
        slot = len(self.tables)
        built: dict[str, Any] = {}
        for name, field in fields.items():
            place = (*path, name)
            if name in value:
                built[name] = self._field(value[name], kind, field, place)
            elif field.required:
                built[name] = self._fail(place, "nothing", describe(field.type, place))
        if _BROKEN in built.values():
            return _BROKEN
        struct: msgspec.Struct = kind.cls(**built)
        self.tables.insert(slot, (path, struct))
        return struct

    def _field(
        self, value: object, kind: inspect.StructType, field: inspect.Field, path: KeyPath
    ) -> Any:
        built = self.value(value, field.type, path)
        rule = self._rules.get((kind.cls, field.name))
        if rule is not None and not isinstance(built, _Broken) and (right := rule(built)):
            # A path that is none may well be the secret itself: it is not repeated.
            hidden = field.name.endswith("_file") and isinstance(value, str)
            found = f"a text of {len(str(value))} characters" if hidden else shown(value)
            self.notes.append(Note(path, found, right))
        return built

    def _tuple(
        self, value: object, kind: inspect.VarTupleType | inspect.TupleType, path: KeyPath
    ) -> Any:
        if not isinstance(value, list):
            return self._fail(path, shown(value), describe(kind, path))
        if isinstance(kind, inspect.VarTupleType):
            kinds: tuple[inspect.Type, ...] = (kind.item_type,) * len(value)
        elif len(value) != len(kind.item_types):
            return self._fail(path, f"a list of {len(value)}", describe(kind, path))
        else:
            kinds = kind.item_types
        items = [
            self.value(item, kind, (*path, index))
            for index, (item, kind) in enumerate(zip(value, kinds, strict=True))
        ]
        return _BROKEN if _BROKEN in items else tuple(items)

    def _dict(self, value: object, kind: inspect.DictType, path: KeyPath) -> Any:
        if not isinstance(value, Mapping):
            return self._fail(path, shown(value), _table_right(path))
        built = {
            key: self.value(item, kind.value_type, (*path, key)) for key, item in value.items()
        }
        return _BROKEN if _BROKEN in built.values() else built

    def _word(self, value: object, kind: inspect.EnumType, path: KeyPath) -> Any:
        words = [str(member.value) for member in kind.cls]
        if isinstance(value, str) and value in words:
            return kind.cls(value)
        near = did_you_mean(value, words) if isinstance(value, str) else ""
        return self._fail(path, shown(value), one_of(words) + near)

    def _scalar(self, value: object, kind: inspect.Type, path: KeyPath) -> Any:
        wanted = _SCALARS[type(kind)][0]
        small = type(value) is not int or value in _INT64
        if wanted is float and type(value) is int and small:
            return float(value)
        if type(value) is wanted and small:
            return value
        return self._fail(path, shown(value), describe(kind, path))


_SCALARS: Final[dict[type[inspect.Type], tuple[type, str]]] = {
    inspect.StrType: (str, "a text in quotes"),
    inspect.BoolType: (bool, "true or false, without quotes"),
    inspect.IntType: (int, "a whole number, without quotes"),
    inspect.FloatType: (float, "a number, without quotes"),
}


@cache
def _schema(root: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(root)


def _without_none(kind: inspect.Type) -> inspect.Type:
    """TOML has no null: an optional value that is there is of the other type."""
    if not isinstance(kind, inspect.UnionType):
        return kind
    left = tuple(branch for branch in kind.types if not isinstance(branch, inspect.NoneType))
    return left[0] if len(left) == 1 else inspect.UnionType(left)


def describe(kind: inspect.Type, path: KeyPath) -> str:
    """What a value of `kind` looks like in the file."""
    kind = _without_none(kind)
    if isinstance(kind, inspect.EnumType):
        return one_of(str(member.value) for member in kind.cls)
    if isinstance(kind, inspect.VarTupleType):
        if isinstance(_without_none(kind.item_type), inspect.StructType | inspect.UnionType):
            return f"tables that begin with [[{_dotted(path)}]], in double brackets"
        return "a list: [" + describe(kind.item_type, path) + ", …]"
    if isinstance(kind, inspect.TupleType):
        return "a list: [" + ", ".join(describe(item, path) for item in kind.item_types) + "]"
    if type(kind) in _SCALARS:
        return _SCALARS[type(kind)][1]
    return _table_right(path)


def _table_right(path: KeyPath) -> str:
    if path and isinstance(path[-1], int):
        return f"a table that begins with [[{_dotted(path)}]]"
    return f"a table: [{_dotted(path)}] or {path[-1]} = {{ … }}"


def _dotted(path: KeyPath) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def _unknown_key(path: KeyPath, known: Mapping[str, inspect.Field]) -> Note:
    key = str(path[-1])
    if key.lower() in _PINS and not any("pin" in name.split("_") for name in known):
        return Note(path, "a secret", "nothing here: PINs are set by command or on the web page")
    if not key.endswith("_file") and not _SECRETS.isdisjoint(key.lower().split("_")):
        files = [name for name in known if name.endswith("_file")]
        place = f', named by "{files[0]}"' if files else ""
        return Note(path, "a secret", f"nothing here: a secret belongs in its own file{place}")
    keys = ", ".join(known) or "none"
    return Note(path, "an unknown key", f"one of this table's: {keys}{did_you_mean(key, known)}")
