"""On which line of a TOML text each key stands: what tomllib knows and does not tell.

The text has been accepted by tomllib before, so nothing is judged here. What stands inside an
inline array or table has the line of the key that holds it.
"""

import re
from typing import Final

KeyPath = tuple[str | int, ...]
"""A place in the file: table and key names, and positions in lists counted from 0."""

_NEXT: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_PART: Final = re.compile(
    r"""[ \t]*(?:"(?P<basic>(?:[^"\\]|\\.)*)"|'(?P<literal>[^']*)'|(?P<bare>[\w-]+))[ \t]*"""
)
_VALUE: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[^\"'#\n\[\]{}]+"
    r"|.",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of every table header and every key outside inline values."""
    return _Scan(text).lines


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """The line of `path`, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._sizes: dict[KeyPath, int] = {}  # how many `[[…]]` headers each list has had so far
        self._line = 1
        self._counted = 0
        table: KeyPath = ()
        at = 0
        while (at := self._end(_NEXT, at)) < len(text):
            start = at
            if text.startswith("[", at):
                is_list = text.startswith("[[", at)
                parts, at = self._key(at + 1 + is_list)
                table = self._resolve(parts, is_list=is_list)
                self._note(table, start)
                at += 1 + is_list
            else:
                parts, at = self._key(at)
                for length in range(1, len(parts) + 1):
                    self._note(table + parts[:length], start)
                at = self._skip_value(at + 1)

    def _end(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self._text, at)
        return found.end() if found else at

    def _note(self, path: KeyPath, at: int) -> None:
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        self.lines.setdefault(path, self._line)

    def _key(self, at: int) -> tuple[tuple[str, ...], int]:
        """The parts of a dotted key, and where it ends."""
        parts: list[str] = []
        while found := _PART.match(self._text, at):
            parts.append(next(part for part in found.groups() if part is not None))
            at = found.end()
            if not self._text.startswith(".", at):
                break
            at += 1
        return tuple(parts), at

    def _resolve(self, parts: tuple[str, ...], *, is_list: bool) -> KeyPath:
        """The place a header opens: lists on the way mean their latest element."""
        path: KeyPath = ()
        for part in parts:
            if path in self._sizes:
                path += (self._sizes[path] - 1,)
            path += (part,)
        if is_list:
            self._sizes[path] = self._sizes.get(path, 0) + 1
        return (*path, self._sizes[path] - 1) if path in self._sizes else path

    def _skip_value(self, at: int) -> int:
        depth = 0
        while at < len(self._text):
            first = self._text[at]
            if first == "\n" and not depth:
                break
            depth += (first in "[{") - (first in "]}")
            at = self._end(_VALUE, at)
        return at
