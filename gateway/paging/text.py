"""What a page says, and how it is made to fit a pager. Pure: no clock, no line.

Templates know five names: `{zone}`, `{button}` (its label), `{time}` (HH:MM of the press),
`{age}` (how long the customer has waited, `45s` or `2min`) and `{level}` (the ladder step, from
1). A brace of its own is doubled: `{{`.

A pager without letters gets numbers instead: the code of the kind, then every number of the text
in its order, e.g. `Till 2: Unhappy 14:05` → `1 2 14-05`. The codes are in `NUMERIC_CODES`; put
them on a card beside the pager.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from string import Formatter
from typing import Final

from gateway.config import Pager
from gateway.model import Label, Language
from gateway.paging import charsets

PLACEHOLDERS: Final = ("zone", "button", "time", "age", "level")

NUMERIC_CODES: Final = {
    "test": 0,
    "red": 1,
    "call": 2,
    "reason": 3,
    "pattern": 4,
    "fault": 5,
    "security": 6,
}
NUMERIC_OTHER: Final = 9

# Where a draft's times go: code points that stand for no character (Unicode 23.7, noncharacters).
_TIME: Final = "\ufdd0"
_AGE: Final = "\ufdd1"

_NUMBERS: Final = re.compile(r"[0-9]+(?:[:.,/-][0-9]+)*")
_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_SEPARATORS: Final = re.compile(r"[:.,/]")


class Occasion(StrEnum):
    """Why a page goes out: each has a text of its own."""

    FIRST = "first"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    CALL = "call"
    TEST = "test"


# What matters most comes first: a long text loses its end. With a usual zone and button name
# each fits 40 characters, transliterated too.
SHIPPED: Final = {
    Occasion.FIRST: Label(ru="{zone}: {button} {time}", en="{zone}: {button} {time}"),
    Occasion.REPEAT: Label(ru="Ещё раз {age} {zone}: {button}", en="Again {age} {zone}: {button}"),
    Occasion.ESCALATION: Label(
        ru="Нет ответа {age} {zone}: {button}", en="No answer {age} {zone}: {button}"
    ),
    Occasion.CALL: Label(ru="Вызов {zone} {time}", en="Call {zone} {time}"),
    Occasion.TEST: Label(ru="ТЕСТ {time}", en="TEST {time}"),
}


_CLIMB: Final = tuple(
    SHIPPED[each] for each in (Occasion.FIRST, Occasion.REPEAT, Occasion.ESCALATION)
)


def template_problems(template: str) -> tuple[str, ...]:
    """What is wrong with a template, in words; empty when it can be used."""
    try:
        fields = list(Formatter().parse(template))
    except ValueError as error:
        return (f"{template!r}: {error}; write a brace of its own twice",)
    problems = [] if template.strip() else ["the text is empty"]
    for _, name, spec, conversion in fields:
        if name is None:
            continue
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            problems.append(f"{{{name}}} is not known; there are {known}")
        elif spec or conversion:
            problems.append(f"{{{name}}} takes no format: write {{{name}}} alone")
    return tuple(problems)


def alert_text(
    language: Language,
    template: str | None,
    *,
    zone: str,
    button_label: str,
    time_hhmm: str,
    age_s: float,
    level: int,
    occasion: Occasion | None = None,
) -> str:
    """The text of one page, before it is fitted to a pager: a `draft`, `dated`; see there."""
    drafted = draft(
        language,
        template,
        zone=zone,
        button_label=button_label,
        level=level,
        occasion=occasion,
    )
    return dated(drafted, language, time_hhmm, lambda: age_s)


def draft(
    language: Language,
    template: str | None,
    *,
    zone: str,
    button_label: str,
    level: int,
    occasion: Occasion | None = None,
) -> str:
    """A page's text but for its times: the same for each press of a button, so it can be kept.

    Args:
        language: Which shipped text, and which words in the age.
        template: The shop's own text; None, or one with a problem, takes the shipped text: a page
            must go out whatever the file says.
        zone: The zone's name.
        button_label: The button's label in this language.
        level: The ladder level that sends it, from 0; shown from 1.
        occasion: None takes it from the level as the shipped ladder climbs: 0 asks for the first
            time, 1 asks the same people again, higher ones bring in others.
    """
    if template is None or not _is_good(template):
        label = _CLIMB[min(max(level, 0), 2)] if occasion is None else SHIPPED[occasion]
        template = label.text(language)
    return template.format(zone=zone, button=button_label, time=_TIME, age=_AGE, level=level + 1)


def dated(drafted: str, language: Language, time_hhmm: str, age_s: Callable[[], float]) -> str:
    """The text of a draft.

    Args:
        drafted: As `draft` made it, for the same language.
        language: Which words in the age.
        time_hhmm: Local time of the press; empty where nobody knows it.
        age_s: Tells the seconds since the press; asked only where the text says them.
    """
    text = drafted.replace(_TIME, time_hhmm)
    if _AGE in text:
        text = text.replace(_AGE, _age(language, age_s()))
    return " ".join(text.split())


def fit(text: str, pager: Pager, kind: str = "red") -> tuple[str, ...]:
    """The parts in which a pager gets a text: each shown whole, at most `max_chars` long.

    Spaces are collapsed and every character is one of the pager's table. A text that is too long
    goes out as `1/2 …`, `2/2 …`, broken at a space where there is one; what does not fit
    `max_parts` is cut off.

    Args:
        text: What to say.
        pager: Its `charset`, `max_chars` and `max_parts` decide.
        kind: The alert kind or `test`; only pagers without letters need it.

    Raises:
        ValueError: The pager names a code table that does not exist.
    """
    if pager.charset == charsets.LATIN and len(text) <= pager.max_chars and _PLAIN.fullmatch(text):
        return (text,)  # nothing to be done, as with most texts
    if pager.charset == charsets.NUMERIC:
        return (_numeric(text, kind, pager.max_chars),)
    shown = " ".join(charsets.displayable(text, pager.charset).split())
    if len(shown) <= pager.max_chars:
        return (shown,)
    for count in range(2, pager.max_parts + 1):
        room = pager.max_chars - len(f"{count}/{count} ")
        if room < 1:
            break
        pieces, rest = _pieces(shown, room, count)
        if not rest or count == pager.max_parts:
            return tuple(f"{at}/{len(pieces)} {piece}" for at, piece in enumerate(pieces, start=1))
    return (shown[: pager.max_chars].rstrip(),)


@lru_cache(maxsize=64)
def _is_good(template: str) -> bool:
    return not template_problems(template)


def _age(language: Language, age_s: float) -> str:
    seconds = max(0, int(age_s))
    if seconds < 60:
        return f"{seconds}с" if language is Language.RU else f"{seconds}s"
    return f"{seconds // 60}мин" if language is Language.RU else f"{seconds // 60}min"


def _numeric(text: str, kind: str, max_chars: int) -> str:
    """The kind's code and the numbers of the text; one that does not fit whole ends it."""
    code = str(NUMERIC_CODES.get(kind, NUMERIC_OTHER))
    for number in _NUMBERS.findall(text):
        longer = f"{code} {_SEPARATORS.sub('-', number)}"
        if len(longer) > max_chars:
            break
        code = longer
    return code


def _pieces(text: str, room: int, count: int) -> tuple[list[str], str]:
    """At most `count` pieces of at most `room` characters, and what is left over."""
    pieces: list[str] = []
    while text and len(pieces) < count:
        end = room
        if len(text) > room and text[room] != " ":
            space = text.rfind(" ", 0, room)
            # A break far back would waste more room than a broken word costs in reading.
            end = space if space >= room // 2 and space > 0 else room
        pieces.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return pieces, text
