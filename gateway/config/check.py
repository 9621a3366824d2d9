"""Reading gateway.toml: a `Config`, or everything that is wrong with the file at once.

The text is parsed, walked by type (`decode.py`), judged value by value (`values.py`)
and across tables (`rules.py`, `reach.py`, `patterns.py`); `hints.py` adds what is allowed and
probably not meant.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from gateway.config import Config, hints, patterns, reach, values
from gateway.config import rules as cross_rules
from gateway.config.decode import Decoded, Note, Rules, decode, shown
from gateway.config.lines import KeyPath, key_lines, line_of
from gateway.errors import GatewayError

T = TypeVar("T", bound=msgspec.Struct)

MAX_BYTES: Final = 256 * 1024
"""Bytes of the longest file that is read: a shop's file has about five thousand."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, or probably not meant.

    Attributes:
        where: The key in the file's own words, e.g. `buttons[2].pin (name "exit-red")`; positions
            are counted from 0. Empty when it is the file as a whole.
        found: What stands there.
        right: What would be right.
        line: Its line, from 1, or None when the file has none for it.
    """

    where: str
    found: str
    right: str
    line: int | None = None


class ConfigError(GatewayError, ValueError):
    """The configuration cannot be used.

    Attributes:
        problems: Everything that is wrong with it, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(map(format_problem, self.problems)))


def format_problem(problem: Problem) -> str:
    """The problem in one line for a person."""
    places = [problem.where] if problem.where else []
    if problem.line is not None:
        places.append(f"line {problem.line}")
    head = ", ".join(places) + ": " if places else ""
    return f"{head}found {problem.found}; should be {problem.right}"


_TOO_BIG: Final = ("a bigger file", f"at most {MAX_BYTES} bytes")


def load(path: Path) -> Config:
    """The configuration in a file.

    Raises:
        ConfigError: It cannot be read or used.
    """
    config, problems, _ = check(read(path))
    if config is None:
        raise ConfigError(problems)
    return config


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        ConfigError: It is missing, unreadable, too big or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        right = "a file that this user can read; docs/gateway.example.toml is one to begin with"
        found = "no such file" if isinstance(error, FileNotFoundError) else _words(error)
        raise ConfigError([Problem(str(path), found, right)]) from error
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(str(path), *_TOO_BIG)])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        found = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            found = "UTF-16"
        line = data.count(b"\n", 0, error.start) + 1
        right = "a text saved as UTF-8"
        raise ConfigError([Problem(str(path), found, right, line)]) from error


def check(text: str) -> tuple[Config | None, list[Problem], list[Problem]]:
    """The configuration, what is wrong with it, and what is probably not meant.

    The configuration is None if anything is wrong. Looks at the files that the text names, at
    nothing else outside.
    """
    data = _parse(text)
    if isinstance(data, Problem):
        return None, [data], []
    decoded = decode(data, Config, values.RULES)
    draft = cross_rules.Draft(decoded)
    rules = (*cross_rules.RULES, *reach.RULES, *patterns.RULES)
    wrong = [*decoded.notes, *(note for rule in rules for note in rule(draft))]
    doubtful = [note for rule in hints.RULES for note in rule(draft)]
    lines = key_lines(text) if wrong or doubtful else {}
    config = decoded.root if isinstance(decoded.root, Config) and not wrong else None
    return config, _problems(wrong, data, lines), _problems(doubtful, data, lines)


def check_as(
    text: str, root: type[T], rules: Rules, across: Callable[[Decoded], Iterable[Note]]
) -> tuple[T | None, list[Problem]]:
    """The same for a file of another kind: what it holds, or what is wrong with it.

    Args:
        text: Of the file.
        root: What it is to be read as.
        rules: Judge single values.
        across: Judges what must hold between them.
    """
    data = _parse(text)
    if isinstance(data, Problem):
        return None, [data]
    decoded = decode(data, root, rules)
    wrong = [*decoded.notes, *across(decoded)]
    whole = decoded.root if isinstance(decoded.root, root) and not wrong else None
    return whole, _problems(wrong, data, key_lines(text) if wrong else {})


def _problems(
    notes: list[Note], data: Mapping[str, object], lines: dict[KeyPath, int]
) -> list[Problem]:
    """In the order of the file; what has no line of its own comes first."""
    found = [
        Problem(_where(note.path, data), note.found, note.right, line_of(note.path, lines))
        for note in notes
    ]
    return sorted(found, key=lambda problem: problem.line or 0)


def _where(path: KeyPath, data: object) -> str:
    text, name = "", ""
    for part in path:
        inside = data
        data = None
        if isinstance(part, int):
            text += f"[{part}]"
            if isinstance(inside, list | tuple) and part < len(inside):
                data = inside[part]
        else:
            text += f".{part if _BARE.fullmatch(part) else shown(part)}"
            data = inside.get(part) if isinstance(inside, Mapping) else None
        if (
            isinstance(part, int)
            and isinstance(data, Mapping)
            and isinstance(data.get("name"), str)
        ):
            name = f" (name {shown(data['name'])})"
    return text.removeprefix(".") + name


_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


# --- TOML that is none -------------------------------------------------------------------------

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_SECRET_LINE: Final = re.compile(r"token\b|passw|secret", re.IGNORECASE)
_ADVICE: Final = (
    ("Cannot overwrite a value", "each key once in a table"),
    ("Cannot declare", "each table once; several of a kind begin with [[…]], in double brackets"),
    ("Cannot mutate", "each table in one place of the file"),
    ("Duplicate inline table key", "each key once in { … }"),
    ("Unterminated string", "a text that ends in the quote it began with"),
    ("Illegal character", "a text on one line, in quotes on both ends"),
    ("Found invalid character", "a text on one line, in quotes on both ends"),
    ('Expected "\'"', "a text that ends in the quote it began with"),
    ("Unescaped", 'a backslash written twice, "\\\\", or single quotes around the text'),
    ("Unclosed array", "a list that ends in ]"),
    ("Unclosed inline table", "a table that ends in }"),
    ("Invalid value", "a text in quotes, a number, true, false or a list"),
    ("Invalid initial character for a key", "a key of a-z, 0-9, _ and - before the ="),
    ("Expected '=' after a key", "key = value; a line that is a comment begins with #"),
    ("Expected newline or end of document", "nothing more on this line, or a # before it"),
    ("Expected ']", "a table's header that ends in ] or ]]"),
    ("Invalid statement", "key = value, or [table], or a comment that begins with #"),
    ("Invalid date or datetime", 'a text in quotes: "2027-01-01"'),
)


def _parse(text: str) -> dict[str, object] | Problem:
    if text.startswith("\ufeff"):
        return Problem("", "a byte order mark", "a text saved as UTF-8 without it", 1)
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        return Problem("", "half a character", "a text that can be saved as UTF-8")
    if len(text.encode()) > MAX_BYTES:
        return Problem("", *_TOO_BIG)
    try:
        return tomllib.loads(text)
    except RecursionError:
        return Problem("", "lists or tables nested too deep", "the few levels of the example")
    except (
        ValueError
    ) as error:  # also a whole number of thousands of digits, which is no TOML error
        return _syntax(text, str(error))


def _syntax(text: str, message: str) -> Problem:
    """The parser's complaint with the line it is about and what to do."""
    place = _PLACE.search(message)
    words = message[: place.start()] if place else message
    rows = text.split("\n")
    line = int(place[1]) if place and place[1] else len(rows)
    row = rows[min(line, len(rows)) - 1].strip()
    found = "a line with a secret" if _SECRET_LINE.search(row) else shown(row)
    if not row:
        found = "the end of the file" if line >= len(rows) else "an empty line"
    right = next((advice for start, advice in _ADVICE if words.startswith(start)), "TOML")
    return Problem("", found, f"{right} ({words})", line)
