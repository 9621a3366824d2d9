"""Other rules as a form: its parts, what was typed, and the edits of the settings that it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from webui import forms
from webui.client import RulesView, SettingsEdit
from webui.forms import Field
from webui.sections import TAGS
from webui.structures import Ladder, LowIndex, RedsInARow, UnhappyShare
from webui.translate import gettext

_KINDS: Final = (UnhappyShare, RedsInARow, LowIndex)
_KEYS: Final = ("share", "count", "below", "window_s", "least", "cooldown_s")
_TIMES: Final = ("burst_s", "repeat_s", "fresh_s", "outcome_s")


@dataclass(frozen=True)
class Part:
    """One rule, or the ladder.

    Attributes:
        prefix: Before the names of its fields.
        table: What the settings say, or the usual for a rule that there is none of yet.
        at: Its place among the rules; None for a new one, and for the ladder.
        switch: Whether it can be taken out of use.
    """

    prefix: str
    title: str
    table: msgspec.Struct
    fields: tuple[Field, ...]
    at: int | None = None
    switch: bool = True


@dataclass(frozen=True)
class Trial:
    """A form as it was filled in.

    Attributes:
        texts: Of all inputs: as they were typed, else as the settings have it.
        edits: What they change.
        wrong: The names of the inputs that are not understood.
    """

    parts: tuple[Part, ...]
    texts: dict[str, str]
    edits: tuple[SettingsEdit, ...]
    wrong: tuple[str, ...]


def _parts(view: RulesView) -> tuple[Part, ...]:
    """Every rule over presses that there is, one of each kind that there is none of, the ladder."""
    found = [
        _rule(f"r{at}", rule.name, rule, at)
        for at, rule in enumerate(view.rules)
        if isinstance(rule, _KINDS)
    ]
    kinds = {type(rule) for rule in view.rules}
    for number, kind in enumerate(_KINDS):
        if kind not in kinds:
            tag = str(kind.__struct_config__.tag)
            rule = kind(name=tag.replace("_", "-"))
            found.append(_rule(f"n{number}", str(TAGS[tag]), rule, None))
    title = gettext("Escalation ladder")
    times = _fields(Ladder, _TIMES)
    return (*found, Part("ladder", title, view.ladder, times, switch=False))


def _rule(prefix: str, title: str, rule: msgspec.Struct, at: int | None) -> Part:
    return Part(prefix, title, rule, _fields(type(rule), _KEYS), at)


def _fields(table: type[msgspec.Struct], keys: tuple[str, ...]) -> tuple[Field, ...]:
    return tuple(field for field in forms.fields(table) if field.key in keys)


def _typed(found: tuple[Part, ...], form: Mapping[str, str]) -> dict[str, str]:
    texts = {}
    for part in found:
        if part.switch:
            usual = forms.NO if part.at is None else forms.YES
            texts[f"{part.prefix}.on"] = form.get(f"{part.prefix}.on", usual)
        for field in part.fields:
            name = f"{part.prefix}.{field.key}"
            told = forms.show(field, {field.key: getattr(part.table, field.key)})[field.key]
            texts[name] = form.get(name, told)
    return texts


def read(view: RulesView, form: Mapping[str, str]) -> Trial:
    """What was typed into the form of these rules."""
    found = _parts(view)
    texts = _typed(found, form)
    changed, wrong = _edits(found, texts, len(view.rules))
    return Trial(parts=found, texts=texts, edits=changed, wrong=wrong)


def _edits(
    found: tuple[Part, ...], texts: Mapping[str, str], rules: int
) -> tuple[tuple[SettingsEdit, ...], tuple[str, ...]]:
    changed: list[SettingsEdit] = []
    new: list[dict[str, Any]] = []
    gone: list[int] = []
    wrong: list[str] = []
    for part in found:
        if part.switch and texts[f"{part.prefix}.on"] != forms.YES:
            gone += [] if part.at is None else [part.at]
            continue
        values, unread = _values(part, texts)
        wrong += unread
        if part.switch and part.at is None:
            tag = str(part.table.__struct_config__.tag)
            new.append({"kind": tag, "name": getattr(part.table, "name", tag), **values})
            continue
        path = ("rules", part.at) if part.at is not None else ("ladder",)
        before = {key: getattr(part.table, key) for key in values}
        changed += [
            SettingsEdit((*path, key), value)
            for key, value in forms.changes(before, values).items()
        ]
    if new and not rules:
        changed.append(SettingsEdit(("rules",), list(new)))
    elif new:
        changed += [SettingsEdit(("rules", rules + at), rule) for at, rule in enumerate(new)]
    # The last first: what goes moves whatever comes after it.
    changed += [SettingsEdit(("rules", at), None) for at in sorted(gone, reverse=True)]
    return tuple(changed), tuple(wrong)


def _values(part: Part, texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    wrong = []
    for field in part.fields:
        name = f"{part.prefix}.{field.key}"
        try:
            value = forms.read(field, {field.key: texts[name]})
        except forms.NotUnderstood:
            wrong.append(name)
            continue
        if value is not None:  # an empty field leaves what the settings have
            values[field.key] = value
    return values, wrong
