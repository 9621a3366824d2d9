"""Forms made from the gateway's own structures: every key has a field, none is forgotten.

A table of the settings is plain data here, as TOML gives it; a form turns it into texts for its
fields, and what was typed back into changes of single keys.
"""

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from webui.client import Label
from webui.figures import WEEKDAYS
from webui.structures import Shift, choices

KeyPath = tuple[str | int, ...]

YES: Final = "yes"
NO: Final = "no"
_DAY_KEYS: Final = ("days", "start", "end")
_DAYS: Final = dict(zip(("пн", "вт", "ср", "чт", "пт", "сб", "вс"), WEEKDAYS, strict=True))
"""Days as they may be typed, beside the file's own words."""


class NotUnderstood(ValueError):
    """What was typed is no such value; the message is what was typed."""


@dataclass(frozen=True)
class Field:
    """One key of a table.

    Attributes:
        key: Its name in the file.
        kind: `text`, `int`, `float`, `bool`, `words`, `range`, `label`, `spans`, `pairs`.
        choices: Everything it may be; of `words`, each of them. Empty where that is no short list.
        required: Whether the file must have it.
        default: What holds without it, as the field would show it.
        named: The choices are names that the shop gave, and are told as they are.
        hints: What else it may well be, for a field that takes anything.
    """

    key: str
    kind: str
    choices: tuple[str, ...]
    required: bool
    default: str
    named: bool = False
    hints: tuple[str, ...] = ()

    def input_of(self, choice: str) -> str:
        """The name of the tick box of one of several choices."""
        return f"{self.key}.{choice}"


def fields(table: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a table, in the order of its structure; tables inside it have their own."""
    hints = get_type_hints(table)
    found = []
    for field in msgspec.structs.fields(table):
        hint = _without_none(hints[field.name])
        kind = _kind(hint)
        if kind is None:
            continue
        default = "" if field.required else _shown(kind, _plain(field.default))
        may_be = _members(hint) or choices(table, field.name)
        found.append(Field(field.name, kind, may_be, field.required, default))
    return tuple(found)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):  # `X | None`
        return next(each for each in get_args(hint) if each is not types.NoneType)
    return hint


def _members(hint: Any) -> tuple[str, ...]:
    if hint is bool:
        return YES, NO
    is_enum = isinstance(hint, type) and issubclass(hint, StrEnum)
    return tuple(each.value for each in hint) if is_enum else ()


def _kind(hint: Any) -> str | None:
    plain = {bool: "bool", int: "int", float: "float", Label: "label"}
    if hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, str):
        return "text"
    inner = get_args(hint)
    if get_origin(hint) is dict:
        return "pairs"
    if inner == (int, int):
        return "range"
    if inner[:1] == (str,):
        return "words"
    return "spans" if inner[:1] == (Shift,) else None


def _plain(value: Any) -> Any:
    return None if value is msgspec.NODEFAULT else value


def show(field: Field, table: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a field's inputs, by the inputs' names."""
    value = table.get(field.key)
    if field.kind == "label":
        inner = value if isinstance(value, Mapping) else {}
        return {f"{field.key}.{code}": str(inner.get(code, "")) for code in ("ru", "en")}
    if field.kind == "words" and field.choices:
        return {field.input_of(each): YES for each in field.choices if each in (value or ())}
    return {field.key: _shown(field.kind, value)}


def _shown(kind: str, value: Any) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return YES if value else NO
    if kind == "words":
        return ", ".join(map(str, value))
    if kind == "range":
        return "–".join(map(str, value))
    if kind == "spans":
        return "\n".join(
            f"{' '.join(map(_day, span['days']))} {span['start']}–{span['end']}" for span in value
        )
    if kind == "pairs":
        return "\n".join(f"{key} = {inner}" for key, inner in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _day(name: str) -> str:
    """A day of the file in the reader's language."""
    return str(WEEKDAYS.get(name, name)).lower()


def read(field: Field, form: Mapping[str, str]) -> Any:
    """The value that was typed; None takes the key away.

    Raises:
        NotUnderstood: It is none of this kind.
    """
    if field.kind == "label":
        texts = {code: form.get(f"{field.key}.{code}", "").strip() for code in ("ru", "en")}
        return texts if any(texts.values()) else None
    if field.kind == "words" and field.choices:
        return [each for each in field.choices if form.get(field.input_of(each)) == YES] or None
    typed = form.get(field.key, "").strip()
    if not typed:
        return None
    try:
        return _READERS[field.kind](typed)
    except (ValueError, LookupError, OverflowError) as error:
        raise NotUnderstood(typed) from error


def _words(typed: str) -> list[str]:
    return [word.strip() for word in typed.split(",") if word.strip()]


def _range(typed: str) -> list[int]:
    low, _, high = typed.replace("-", "–").partition("–")
    return [int(low), int(high or low)]


def _spans(typed: str) -> list[dict[str, Any]]:
    spans = []
    for line in filter(None, map(str.strip, typed.splitlines())):
        *typed_days, hours = line.replace(",", " ").lower().split()
        days = [_DAYS.get(day, day) for day in typed_days]
        start, _, end = hours.replace("-", "–").partition("–")
        spans.append(dict(zip(_DAY_KEYS, (days, start, end), strict=True)))
    return spans


def _pairs(typed: str) -> dict[str, str]:
    lines = filter(None, map(str.strip, typed.splitlines()))
    parts = [line.partition("=") for line in lines]
    return {key.strip(): value.strip() for key, _, value in parts}


def _whole(typed: str) -> int:
    return int(typed.replace(" ", ""))


def _number(typed: str) -> int | float:
    number = float(typed.replace(",", "."))
    if not math.isfinite(number):
        raise ValueError(typed)
    return int(number) if number.is_integer() else number


def _truth(typed: str) -> bool:
    return {YES: True, NO: False}[typed]


_READERS: Final[dict[str, Any]] = {
    "text": str,
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "words": _words,
    "range": _range,
    "spans": _spans,
    "pairs": _pairs,
}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The keys whose values differ; None for one that is to go."""
    return {key: value for key, value in after.items() if before.get(key) != value}


def written(path: KeyPath) -> str:
    """A path as the gateway's problems spell it: `buttons[2].pin`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
