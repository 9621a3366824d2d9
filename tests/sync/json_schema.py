"""A judge of JSON against JSON Schema (draft 2020-12), apart from the program that wrote both.

It knows the words that docs/mqtt uses, and fails on any other: nothing is passed over unjudged.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

SCHEMAS: Final = Path(__file__).parents[2] / "docs" / "mqtt"
TOLD_ONLY: Final = {"$schema", "$defs", "title", "description", "default", "discriminator"}
TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


class Schema:
    """The schema of one topic's messages, read from its file."""

    def __init__(self, kind: str) -> None:
        self._whole = json.loads((SCHEMAS / f"{kind}.schema.json").read_bytes())

    def complaints(self, payload: bytes) -> list[str]:
        """What is wrong with a message; nothing where it is as the schema says."""
        return list(self._judge(json.loads(payload), self._whole, "$"))

    def _judge(self, value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
        for word, says in schema.items():
            if word == "anyOf":
                if not any(self._fits(value, each, at) for each in says):
                    yield f"{at} is none of what it may be: {value!r}"
            elif word == "$ref":
                yield from self._judge(value, self._whole["$defs"][says.rpartition("/")[2]], at)
            elif word == "type":
                if not any(TYPES[each](value) for each in ([says] if says in TYPES else says)):
                    yield f"{at} is no {says}: {value!r}"
            elif isinstance(value, dict) and word in _OBJECTS:
                yield from self._object(value, schema, word, at)
            elif isinstance(value, list) and word in _LISTS:
                yield from self._list(value, schema, word, at)
            elif word not in TOLD_ONLY | _OBJECTS | _LISTS and not _keeps(value, word, says):
                yield f"{at} breaks {word} {says!r}: {value!r}"

    def _fits(self, value: Any, schema: dict[str, Any], at: str) -> bool:
        return next(self._judge(value, schema, at), None) is None

    def _object(
        self, value: dict[str, Any], schema: dict[str, Any], word: str, at: str
    ) -> Iterator[str]:
        known = schema.get("properties", {})
        if word == "required":
            yield from (f"{at} has no {key}" for key in schema[word] if key not in value)
        elif word == "properties":
            for key in known.keys() & value.keys():
                yield from self._judge(value[key], known[key], f"{at}.{key}")
        else:
            for key in value.keys() - known.keys():
                if schema[word] is False:
                    yield f"{at} must not have {key}"
                elif schema[word] is not True:
                    yield from self._judge(value[key], schema[word], f"{at}.{key}")

    def _list(self, value: list[Any], schema: dict[str, Any], word: str, at: str) -> Iterator[str]:
        first = schema.get("prefixItems", [])
        if word == "prefixItems":
            for place, (each, wanted) in enumerate(zip(value, first, strict=False)):
                yield from self._judge(each, wanted, f"{at}[{place}]")
        elif schema[word] is False:
            if len(value) > len(first):
                yield f"{at} has more than {len(first)}"
        else:
            for place, each in enumerate(value[len(first) :], len(first)):
                yield from self._judge(each, schema[word], f"{at}[{place}]")


_OBJECTS: Final = {"required", "properties", "additionalProperties"}
_LISTS: Final = {"items", "prefixItems"}
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_OF_LISTS: Final[dict[str, Callable[[list[Any], int], bool]]] = {
    "minItems": lambda value, says: len(value) >= says,
    "maxItems": lambda value, says: len(value) <= says,
}
_OF_STRINGS: Final[dict[str, Callable[[str, Any], object]]] = {
    "pattern": lambda value, says: re.search(says, value),
    "minLength": lambda value, says: len(value) >= says,
    "maxLength": lambda value, says: len(value) <= says,
    "format": lambda value, says: says == "date-time" and _MOMENT.fullmatch(value),
}
_OF_NUMBERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "minimum": lambda value, says: value >= says,
    "maximum": lambda value, says: value <= says,
}


def _keeps(value: Any, word: str, says: Any) -> bool:
    """Whether a value keeps to one word; one that is for values of another kind binds it not."""
    if word == "enum":
        return value in says
    if word in _OF_LISTS:
        return not isinstance(value, list) or _OF_LISTS[word](value, says)
    if word in _OF_NUMBERS:
        return not TYPES["number"](value) or _OF_NUMBERS[word](value, says)
    judge = _OF_STRINGS[word]
    return not isinstance(value, str) or bool(judge(value, says))
