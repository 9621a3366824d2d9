"""Other rules as a form: its parts, what was typed, and the edits of the settings that it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final

import msgspec

from webui import forms
from webui.client import RulesView, SettingsEdit
from webui.forms import Field
from webui.sections import TAGS, choice
from webui.structures import DEFAULT_STEPS, Ladder, LowIndex, RedsInARow, Step, UnhappyShare
from webui.translate import gettext

_KINDS: Final = (UnhappyShare, RedsInARow, LowIndex)
_KEYS: Final = ("share", "count", "below", "window_s", "least", "cooldown_s")
_TIMES: Final = ("burst_s", "repeat_s", "fresh_s", "outcome_s")
_STEP: Final = ("after_s",)
_STEPS: Final = ("ladder", "steps")


@dataclass(frozen=True)
class Part:
    """One rule, the ladder, or a step of it.

    Attributes:
        prefix: Before the names of its fields.
        table: What the settings say, or the usual for a rule that there is none of yet.
        path: Where it is in the settings; None for a new rule.
        switch: Whether it can be taken out of use.
    """

    prefix: str
    title: str
    table: msgspec.Struct
    fields: tuple[Field, ...]
    path: tuple[str | int, ...] | None
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
    """Every rule over presses, one of each kind that there is none of, the ladder, its steps."""
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
    ladder = Part("ladder", title, view.ladder, times, ("ladder",), switch=False)
    return (*found, ladder, *starmap(_step, enumerate(view.ladder.steps)))


def _step(at: int, step: Step) -> Part:
    who = ", ".join(map(choice, step.to))
    title = gettext("Step %(n)d of the ladder: %(who)s", n=at + 1, who=who)
    return Part(f"s{at}", title, step, _fields(Step, _STEP), (*_STEPS, at), switch=False)


def _rule(prefix: str, title: str, rule: msgspec.Struct, at: int | None) -> Part:
    path = None if at is None else ("rules", at)
    return Part(prefix, title, rule, _fields(type(rule), _KEYS), path)


def _fields(table: type[msgspec.Struct], keys: tuple[str, ...]) -> tuple[Field, ...]:
    return tuple(field for field in forms.fields(table) if field.key in keys)


def _typed(found: tuple[Part, ...], form: Mapping[str, str]) -> dict[str, str]:
    texts = {}
    for part in found:
        if part.switch:
            usual = forms.NO if part.path is None else forms.YES
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
    edits = _with_all_steps(changed, view.ladder.steps)
    return Trial(parts=found, texts=texts, edits=edits, wrong=wrong)


def _with_all_steps(
    changed: tuple[SettingsEdit, ...], steps: tuple[Step, ...]
) -> tuple[SettingsEdit, ...]:
    """The usual steps do not stand in the settings: with one of them all are written."""
    of_steps = {edit.path[2]: edit.value for edit in changed if edit.path[:2] == _STEPS}
    if not of_steps or steps != DEFAULT_STEPS:
        return changed
    whole: list[object] = [
        {"after_s": of_steps.get(at, step.after_s), "to": list(step.to)}
        for at, step in enumerate(steps)
    ]
    others = tuple(edit for edit in changed if edit.path[:2] != _STEPS)
    return (*others, SettingsEdit(_STEPS, whole))


def _edits(
    found: tuple[Part, ...], texts: Mapping[str, str], rules: int
) -> tuple[tuple[SettingsEdit, ...], tuple[str, ...]]:
    changed: list[SettingsEdit] = []
    new: list[dict[str, Any]] = []
    gone: list[tuple[str | int, ...]] = []
    wrong: list[str] = []
    for part in found:
        if part.switch and texts[f"{part.prefix}.on"] != forms.YES:
            gone += [] if part.path is None else [part.path]
            continue
        values, unread = _values(part, texts)
        wrong += unread
        if part.path is None:
            tag = str(part.table.__struct_config__.tag)
            new.append({"kind": tag, "name": getattr(part.table, "name", tag), **values})
            continue
        before = {key: getattr(part.table, key) for key in values}
        changed += [
            SettingsEdit((*part.path, key), value)
            for key, value in forms.changes(before, values).items()
        ]
    if new and not rules:
        changed.append(SettingsEdit(("rules",), list(new)))
    elif new:
        changed += [SettingsEdit(("rules", rules + at), rule) for at, rule in enumerate(new)]
    # The last first: what goes moves whatever comes after it.
    changed += [SettingsEdit(path, None) for path in reversed(gone)]
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
