"""One TOML table whose keys are taken one by one, so that every mistake in it can be told."""

import re
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

Value = TypeVar("Value")

_MISSING: Final = object()
_MAX_WAIT_S: Final = 60.0


class Keys:
    """A table of a template file.

    A key that is missing or wrong is written down in `problems` and its default, or something
    harmless of the same type, is handed out: the reading goes on and finds the next mistake.

    Args:
        data: The table.
        where: Its name and a dot, empty for the top of the file.
        problems: Where mistakes are written down, with key, found and right.
    """

    def __init__(self, data: dict[str, Any], where: str, problems: list[str]) -> None:
        self._data = data
        self._where = where
        self._problems = problems
        self._known: list[str] = []

    def problem(self, key: str, found: object, right: str) -> None:
        """Write a mistake down; `found` is None where there is nothing."""
        self._problems.append(f"{self._where}{key}: found {_shown(found)}, should be {right}")

    def table(self, key: str) -> "Keys":
        """A table inside this one; an empty one when there is none."""
        found = self._take(key)
        if found is not _MISSING and not isinstance(found, dict):
            self.problem(key, found, f"a table: [{self._where}{key}]")
        data = found if isinstance(found, dict) else {}
        return Keys(data, f"{self._where}{key}.", self._problems)

    def text(self, key: str, default: str | None = None, *, empty: bool = False) -> str:
        """A text, with something in it unless `empty`."""
        found = self._take(key)
        if found is _MISSING and default is not None:
            return default
        if isinstance(found, str) and (found or empty):
            return found
        self.problem(key, found, "a text with something in it")
        return default or ""

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        found = self._take(key)
        if found is _MISSING or isinstance(found, bool):
            return default if found is _MISSING else bool(found)
        self.problem(key, found, "true or false")
        return default

    def whole(self, key: str, within: range, default: int | None = None) -> int:
        """A whole number of a range."""
        found = self._take(key)
        if found is _MISSING and default is not None:
            return default
        if isinstance(found, int) and not isinstance(found, bool) and found in within:
            return found
        self.problem(key, found, f"a whole number, {within.start} to {within.stop - 1}")
        return within.start

    def seconds(self, key: str, default: float) -> float:
        """A time, at most a minute: a page must not wait longer than that for one answer."""
        found = self._take(key)
        if found is _MISSING:
            return default
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if is_number and 0 <= found <= _MAX_WAIT_S:
            return float(found)
        self.problem(key, found, f"seconds, 0 to {_MAX_WAIT_S:g}")
        return default

    def choice(self, key: str, among: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        found = self._take(key)
        if found is _MISSING:
            return default
        if found in among:
            return str(found)
        self.problem(key, found, " or ".join(among))
        return default

    def matching(self, key: str, pattern: str, right: str, default: str) -> str:
        """A text of a given form."""
        found = self._take(key)
        if found is _MISSING:
            return default
        if isinstance(found, str) and re.fullmatch(pattern, found):
            return found
        self.problem(key, found, right)
        return default

    def texts(
        self, key: str, count: int | None = None, parse: Callable[[str], str] = str
    ) -> tuple[str, ...]:
        """A list of texts, exactly `count` of them if that is given; empty when missing."""
        found = self._take(key)
        if found is _MISSING:
            return ()
        wanted = "a list of texts" if count is None else f"a list of {count} texts"
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            self.problem(key, found, wanted)
            return ()
        if count is not None and len(found) != count:
            self.problem(key, found, wanted)
            return ()
        return tuple(self._parsed(f"{key}[{at}]", text, parse, "") for at, text in enumerate(found))

    def mapping(
        self,
        key: str,
        parse: Callable[[str], str],
        keys: Collection[str] = (),
        *,
        partial: bool = False,
    ) -> dict[str, str]:
        """A table of texts; with `keys` those keys, all of them unless `partial`."""
        found = self._take(key)
        if found is _MISSING:
            return {}
        if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
            self.problem(key, found, 'a table of texts, e.g. { 01 = "busy" }')
            return {}
        wrong = set(found) - set(keys) if keys else set()
        if wrong or (keys and not partial and set(keys) != set(found)):
            self.problem(key, found, f"a table with {', '.join(keys)}")
            return {}
        return {
            name: self._parsed(f"{key}.{name}", text, parse, "") for name, text in found.items()
        }

    def parsed(
        self,
        key: str,
        parse: Callable[[str], Value],
        harmless: Value,
        *,
        required: bool = False,
    ) -> Value:
        """A text that `parse` makes something of; `harmless` when there is none."""
        text = self.text(key) if required else self.text(key, "")
        return self._parsed(key, text, parse, harmless) if text else harmless

    def finish(self) -> None:
        """Write down the keys that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                self._problems.append(
                    f"{self._where}{key}: unknown key, known here: {', '.join(self._known)}"
                )

    def _take(self, key: str) -> Any:
        if key not in self._known:
            self._known.append(key)
        return self._data.get(key, _MISSING)

    def _parsed(self, key: str, text: str, parse: Callable[[str], Value], harmless: Value) -> Value:
        try:
            return parse(text)
        except (ValueError, re.error) as error:
            self._problems.append(f"{self._where}{key}: found {text!r}: {error}")
            return harmless


def _shown(found: object) -> str:
    return "nothing" if found is _MISSING or found is None else repr(found)
