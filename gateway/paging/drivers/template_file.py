"""Reads a template file and says everything that is wrong with it, each with its key."""

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.paging.drivers.template_model import (
    AddressRule,
    LineRule,
    PollRule,
    ReplyRule,
    Template,
    TextRule,
    Verdict,
    filled,
)
from gateway.paging.drivers.template_notation import (
    Segments,
    parse_bytes,
    parse_frame,
    parse_pattern,
)
from gateway.paging.drivers.template_table import Keys

SHIPPED: Final = Path(__file__).parent.parent / "templates"

_PRINTABLE: Final = " -~"
_FINAL_FIRST: Final = (Verdict.TRANSMITTED, Verdict.REFUSED, Verdict.ACCEPTED)
_PAGE_FIELDS: Final = ("address", "text", "function", "type", "rate", "priority")
_FUNCTIONS: Final = 4
_PRIORITIES: Final = 3


class TemplateError(GatewayError, ValueError):
    """A template file cannot be used.

    Attributes:
        problems: Every mistake: its key, what was found, and what would be right.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.problems = problems


def shipped_templates() -> list[str]:
    """The names of the templates that come with the gateway."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_template(name_or_path: str) -> Template:
    """The template of that name, or in that file.

    Args:
        name_or_path: A shipped name, e.g. `waveware`, or a path: it holds a `/` or ends in
            `.toml`.

    Raises:
        TemplateError: The file is missing or wrong; it holds all the problems.
    """
    is_path = "/" in name_or_path or name_or_path.endswith(".toml")
    path = Path(name_or_path) if is_path else SHIPPED / f"{name_or_path}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(shipped_templates())
        raise TemplateError(
            path, [f"no such template; shipped ones are {known}; or give a path"]
        ) from error
    except OSError as error:
        raise TemplateError(path, [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TemplateError(path, [f"is not TOML: {error}"]) from error
    return parse_template(data, path)


def parse_template(data: dict[str, Any], path: Path) -> Template:
    """The template that the contents of a file describe.

    Raises:
        TemplateError: See `load_template`.
    """
    problems: list[str] = []
    top = Keys(data, "", problems)
    name = top.text("name", path.stem)
    source = top.text("source")
    verified = top.flag("verified", default=False)
    caution = top.text("caution", "")
    line = _line(top.table("line"))
    address = _address(top.table("address"))
    frame = top.table("frame")
    functions = frame.texts("functions", _FUNCTIONS, _bytes_as_text)
    types = frame.mapping("types", _bytes_as_text, keys=("alphanumeric", "numeric"))
    rates = frame.mapping("rates", _bytes_as_text, keys=("512", "1200", "2400"), partial=True)
    numeric_rates = frame.mapping("numeric_rates", _bytes_as_text, keys=tuple(rates))
    priorities = frame.texts("priorities", _PRIORITIES, _bytes_as_text)
    resync = frame.parsed("resync", parse_bytes, b"")
    groups = tuple(address.pattern.groupindex)
    nothing: Segments = ()
    message = frame.parsed(
        "message", lambda written: _message(written, groups), nothing, required=True
    )
    given = {"function": functions, "type": types, "rate": rates, "priority": priorities}
    _check_given(frame, message, given)
    frame.finish()
    text = _text(top.table("text"), required=not message or "text" in message)
    reply = _reply(top.table("reply"), groups)
    poll = _poll(top.table("poll")) if "poll" in data else None
    top.finish()
    if problems:
        raise TemplateError(path, problems)
    return Template(
        name=name,
        source=source,
        verified=verified,
        caution=caution,
        line=line,
        segments=(resync, *message) if resync else message,
        address=address,
        text=text,
        functions=functions,
        types=(types["alphanumeric"], types["numeric"]) if types else None,
        rates={int(rate): code for rate, code in rates.items()},
        numeric_rates={int(rate): code for rate, code in numeric_rates.items()},
        priorities=priorities,
        reply=reply,
        poll=poll,
    )


def _line(keys: Keys) -> LineRule:
    rule = LineRule(
        baud=keys.whole("baud", range(50, 4_000_001)),
        framing=keys.matching("framing", "[78][NEO][12]", "e.g. 8N1 or 7E1", "8N1"),
        xonxoff=keys.flag("xonxoff", default=False),
        rtscts=keys.flag("rtscts", default=False),
        cts_wait_s=keys.seconds("cts_wait_s", 2.0),
    )
    keys.finish()
    return rule


def _address(keys: Keys) -> AddressRule:
    rule = AddressRule(
        pattern=keys.parsed("pattern", _address_pattern, re.compile(""), required=True),
        form=keys.text("form"),
        width=keys.whole("width", range(33), 0),
        by_kind=keys.flag("by_kind", default=False),
    )
    keys.finish()
    return rule


def _text(keys: Keys, *, required: bool) -> TextRule:
    allowed = keys.text("characters", _PRINTABLE)
    characters = keys.parsed("characters", _character_class, _PRINTABLE)
    refused = re.compile(f"[^{characters}]")
    substitute = keys.text("substitute", "?", empty=True)
    replace = keys.mapping("replace", str)
    max_chars = keys.whole("max_chars", range(1, 4001), None if required else 1)
    for key, stand_in in {"substitute": substitute, **replace}.items():
        if refused.search(stand_in):
            keys.problem(key, stand_in, f"made of the characters {allowed!r} themselves")
    for character in replace:
        if len(character) != 1:
            keys.problem("replace", character, "single characters as keys")
    keys.finish()
    return TextRule(
        max_chars=max_chars,
        refused=refused,
        substitute=substitute,
        replace={
            ord(character): text for character, text in replace.items() if len(character) == 1
        },
        as_is=_as_is(characters, max_chars, "".join(replace)),
    )


def _reply(keys: Keys, groups: tuple[str, ...]) -> ReplyRule:
    patterns = []
    for verdict in _FINAL_FIRST:
        pattern = keys.parsed(verdict.value, lambda text: _reply_pattern(text, groups), "")
        if pattern:
            patterns.append((verdict, pattern))
    silence = keys.choice("silent_means", ("unknown", "accepted"), "unknown")
    because = keys.text("silent_because", "")
    if silence == "accepted" and not because:
        keys.problem(
            "silent_because",
            because,
            "a sentence on how you know that a page which was not answered was taken; without "
            'one leave silent_means = "unknown"',
        )
    if silence == "unknown" and because:
        keys.problem("silent_because", because, 'left out, or silent_means = "accepted"')
    rule = ReplyRule(
        patterns=tuple(patterns),
        wait_s=keys.seconds("wait_s", 3.0),
        transmitted_wait_s=keys.seconds("transmitted_wait_s", 0.0),
        codes=keys.mapping("codes", str),
        retry_codes=frozenset(keys.texts("retry_codes")),
        equipment_codes=frozenset(keys.texts("equipment_codes")),
        retries=keys.whole("retries", range(6), 0),
        retry_pause_s=keys.seconds("retry_pause_s", 1.0),
        silent_because=because,
    )
    keys.finish()
    return rule


def _poll(keys: Keys) -> PollRule:
    rule = PollRule(
        send=keys.parsed("send", parse_bytes, b"", required=True),
        answer=keys.parsed("answer", _poll_pattern, re.compile(b""), required=True),
        wait_s=keys.seconds("wait_s", 2.0),
    )
    keys.finish()
    return rule


def _message(written: str, groups: Collection[str]) -> Segments:
    segments = parse_frame(written, [*_PAGE_FIELDS, *groups])
    if not {"address", *groups}.intersection(segments):
        raise ValueError("a frame must say whom it is for: it needs {address}")
    return segments


def _check_given(frame: Keys, message: Segments, given: Mapping[str, Collection[str]]) -> None:
    """What `frame.message` uses must be given."""
    for field, values in given.items():
        if field in message and not values:
            key = "priorities" if field == "priority" else f"{field}s"
            frame.problem(key, None, f"given, since message holds {{{field}}}")


def _character_class(characters: str) -> str:
    re.compile(f"[^{characters}]")
    return characters


def _as_is(characters: str, max_chars: int, replaced: str) -> re.Pattern[str]:
    """Matches a text of these characters, none of them replaced, that is not too long."""
    no_other = f"(?!.*[{re.escape(replaced)}])" if replaced else ""
    return re.compile(f"{no_other}[{characters}]{{0,{max_chars}}}", re.DOTALL)


def _address_pattern(text: str) -> re.Pattern[str]:
    compiled = re.compile(text)
    for group in compiled.groupindex:
        if group in _PAGE_FIELDS:
            raise ValueError(f"a group must not be called {group}: that is a placeholder already")
    return compiled


def _reply_pattern(text: str, groups: tuple[str, ...]) -> str:
    """A reply pattern, tried out with an address in the place of its placeholders."""
    pattern = parse_pattern(text)
    tried = filled(pattern, dict.fromkeys(("address", *groups), "1"))
    compiled = re.compile(tried.encode("latin-1"))
    if compiled.search(b""):
        raise ValueError("it matches an empty answer, so it would always be true")
    return pattern


def _poll_pattern(text: str) -> re.Pattern[bytes]:
    compiled = re.compile(parse_pattern(text).encode("latin-1"))
    if compiled.search(b""):
        raise ValueError("it matches an empty answer, so it would always be true")
    return compiled


def _bytes_as_text(text: str) -> str:
    """Bytes in the notation, kept as text so that they join with an address and a text."""
    return parse_bytes(text).decode("latin-1")
