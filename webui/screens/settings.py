"""The settings: part by part in forms, whole as text, and what they were before."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import choices, forms
from webui.anew import start_anew
from webui.client import (
    CheckSettings,
    EditSettings,
    GetHistory,
    GetPastSettings,
    GetSettings,
    Refused,
    ReplaceSettings,
    SetPin,
    SettingsEdit,
    SettingsProblem,
    SettingsResult,
)
from webui.forms import Field, KeyPath
from webui.person import gateway
from webui.refusals import refusal
from webui.screens.setup import owners_only
from webui.sections import SECTIONS, Section
from webui.tell import tell
from webui.translate import gettext

TEXT_BYTES: Final = 256 * 1024

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@blueprint.get("")
@owners_only
def index() -> ResponseReturnValue:
    """What there is to set."""
    return render_template("settings/index.html", sections=SECTIONS.values())


# --- part by part ------------------------------------------------------------------------------


@blueprint.get("/<name>")
@owners_only
def section(name: str) -> ResponseReturnValue:
    """One part: its form, or the list of what is there."""
    part = _section(name)
    file, sha256 = _file()
    if part.is_list:
        tables = _list(file, part)
        return render_template("settings/list.html", section=part, tables=tables, sha256=sha256)
    return _form(part, part.path, file, sha256, kind=request.args.get("kind"))


@blueprint.get("/<name>/<int:at>")
@owners_only
def element(name: str, at: int) -> ResponseReturnValue:
    """One of many; the number after the last is a new one."""
    part = _section(name)
    file, sha256 = _file()
    if not part.is_list or at > len(_list(file, part)):
        abort(404)
    return _form(part, (*part.path, at), file, sha256, kind=request.args.get("kind"))


@blueprint.post("/<name>/set")
@owners_only
def put(name: str) -> ResponseReturnValue:
    """Change one part."""
    part = _section(name)
    return _put(part, part.path, _file()[0])


@blueprint.post("/<name>/<int:at>/set")
@owners_only
def put_element(name: str, at: int) -> ResponseReturnValue:
    """Change one of many, or add one."""
    part = _section(name)
    file, _sha256 = _file()
    if not part.is_list or at > len(_list(file, part)):
        abort(404)
    return _put(part, (*part.path, at), file)


@blueprint.post("/<name>/<int:at>/remove")
@owners_only
def remove(name: str, at: int) -> ResponseReturnValue:
    """Take one of many away."""
    part = _section(name)
    gone = SettingsEdit((*part.path, at), None)
    wish = EditSettings(edits=(gone,), replaces_sha256=request.form.get("sha256", ""))
    result = tell(wish)
    if result is not None and result.problems:
        flash(
            gettext("The box does not accept this: %(why)s", why=_sentence(result.problems[0])),
            "bad",
        )
    elif result is not None:
        _apply(result)
    return redirect(url_for("settings.section", name=name), 303)


def _section(name: str) -> Section:
    if name not in SECTIONS:
        abort(404)
    return SECTIONS[name]


def _text() -> tuple[str, str]:
    settings = gateway().call(GetSettings())
    return settings.text, settings.sha256


def _file() -> tuple[dict[str, Any], str]:
    text, sha256 = _text()
    return tomllib.loads(text), sha256


def _list(file: Mapping[str, Any], part: Section) -> list[Any]:
    found = _at(file, part.path)
    return found if isinstance(found, list) else []


def _at(found: Any, path: KeyPath) -> Any:
    """What stands at a path; None where nothing does."""
    for key in path:
        try:
            found = found[key]
        except (LookupError, TypeError):
            return None
    return found


def _form(
    part: Section,
    path: KeyPath,
    file: Mapping[str, Any],
    sha256: str,
    *,
    kind: str | None = None,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[SettingsProblem] = (),
    wrong: Sequence[str] = (),
) -> ResponseReturnValue:
    table = _at(file, path) or {}
    tag = kind if kind in part.kinds else part.kind_of(table)
    rows = choices.fill_in(forms.fields(part.kinds[tag]), table, file)
    values = {name: text for row in rows for name, text in forms.show(row, table).items()}
    by_field, others = _sort(problems, path, rows)
    page = render_template(
        "settings/form.html",
        section=part,
        tag=tag,
        at=path[-1] if isinstance(path[-1], int) else None,
        is_new=not table,
        fields=rows,
        values=values if typed is None else typed,
        sha256=sha256,
        by_field=by_field,
        others=others,
        wrong=wrong,
    )
    return page, 200 if typed is None else 422


def _sort(
    problems: Sequence[SettingsProblem], path: KeyPath, rows: Sequence[Field]
) -> tuple[dict[str, str], list[SettingsProblem]]:
    """Problems by the field they are about, and the others."""
    by_field: dict[str, str] = {}
    others = []
    for problem in problems:
        place = problem.where.partition(" (")[0]
        starts = {row.key: forms.written((*path, row.key)) for row in rows}
        key = next((key for key, start in starts.items() if _is_within(place, start)), None)
        if key is None:
            others.append(problem)
        else:
            by_field.setdefault(key, problem.right)
    return by_field, others


def _is_within(place: str, start: str) -> bool:
    """Whether a place is `start` or inside it: `keep_days` is not inside `keep`."""
    return place == start or place.startswith((f"{start}.", f"{start}["))


def _put(part: Section, path: KeyPath, file: Mapping[str, Any]) -> ResponseReturnValue:
    sha256 = request.form.get("sha256", "")
    kind = request.form.get("tag", "")
    table = _at(file, path) or {}
    tag = kind if kind in part.kinds else part.kind_of(table)
    rows = choices.fill_in(forms.fields(part.kinds[tag]), table, file)
    wanted: dict[str, Any] = {part.tag: tag} if part.tag else {}
    wrong = []
    for row in rows:
        try:
            wanted[row.key] = forms.read(row, request.form)
        except forms.NotUnderstood:
            wrong.append(row.key)
    typed = request.form.to_dict()
    if wrong:
        return _form(part, path, file, sha256, kind=tag, typed=typed, wrong=wrong)
    edits = _edits(part, path, table, wanted, is_new=_at(file, path) is None)
    if _is_nothing(part, rows, table, wanted):
        edits = ()
    result = tell(EditSettings(edits=edits, replaces_sha256=sha256))
    if result is None or result.problems:
        problems = () if result is None else result.problems
        return _form(part, path, file, sha256, kind=tag, typed=typed, problems=problems)
    _apply(result)
    return redirect(url_for("settings.section", name=part.name), 303)


def _is_nothing(
    part: Section, rows: Sequence[Field], table: Mapping[str, Any], wanted: Mapping[str, Any]
) -> bool:
    """Whether a table that is not in the file would be written for nothing."""
    is_said = any(value is not None for key, value in wanted.items() if key != part.tag)
    return not (part.is_list or table or is_said or any(row.required for row in rows))


def _edits(
    part: Section,
    path: KeyPath,
    table: Mapping[str, Any],
    wanted: dict[str, Any],
    *,
    is_new: bool,
) -> tuple[SettingsEdit, ...]:
    """Key by key, so that the comments of the file survive.

    A new table, or one of another kind than before, is written whole.
    """
    is_other = bool(part.tag) and table.get(part.tag) != wanted.get(part.tag)
    if not is_new and not is_other:
        return tuple(
            SettingsEdit((*path, key), value) for key, value in forms.changes(table, wanted).items()
        )
    whole = {key: value for key, value in wanted.items() if value is not None}
    if part.is_list and path[-1] == 0 and is_new:  # the first of its list
        return (SettingsEdit(path[:-1], [whole]),)
    return (SettingsEdit(path, whole),)


def _apply(result: SettingsResult) -> None:
    """Put what was written into force, and tell what came of it."""
    if not result.applied:
        start_anew()
    if _text()[1] == result.sha256:
        flash(gettext("Saved, and in force."), "good")
    else:
        flash(
            gettext("The box could not start on these settings: the ones before are back."), "bad"
        )


def _sentence(problem: SettingsProblem) -> str:
    return f"{problem.where}: {problem.right}" if problem.where else problem.right


# --- whole -------------------------------------------------------------------------------------


@blueprint.get("/text")
@owners_only
def text() -> ResponseReturnValue:
    """The whole file."""
    now, sha256 = _text()
    return render_template("settings/text.html", text=now, sha256=sha256, result=None)


@blueprint.post("/text/set")
@owners_only
def put_text() -> ResponseReturnValue:
    """Replace the whole file, or only look what is wrong with it."""
    typed, sha256 = _typed(), request.form.get("sha256", "")
    if request.form.get("do") == "check":
        result = tell(CheckSettings(text=typed))
    else:
        result = tell(ReplaceSettings(text=typed, replaces_sha256=sha256))
        if result is not None and not result.problems:
            _apply(result)
            return redirect(url_for("settings.text"), 303)
    page = render_template("settings/text.html", text=typed, sha256=sha256, result=result)
    return page, 422 if result is None or result.problems else 200


def _typed() -> str:
    """What was typed, or the file that was chosen; browsers send line ends of their own."""
    chosen = request.files.get("file")
    if chosen is not None and chosen.filename:
        typed = chosen.read(TEXT_BYTES + 1).decode(errors="replace")
    else:
        typed = request.form.get("text", "")
    return str(typed.replace("\r\n", "\n"))


@blueprint.get("/backup")
@owners_only
def backup() -> ResponseReturnValue:
    """The settings as a file; there is no secret in them."""
    return Response(
        _text()[0],
        mimetype="application/toml",
        headers={"Content-Disposition": "attachment; filename=gateway.toml"},
    )


@blueprint.get("/history")
@owners_only
def history() -> ResponseReturnValue:
    """What was replaced, and who changed what."""
    return render_template("settings/history.html", history=gateway().call(GetHistory()))


@blueprint.get("/history/<int:number>")
@owners_only
def past(number: int) -> ResponseReturnValue:
    """Settings that were replaced, to look at and to take up again."""
    try:
        found = gateway().call(GetPastSettings(number=number))
    except Refused as error:
        flash(refusal(error), "bad")
        return redirect(url_for("settings.history"), 303)
    return render_template(
        "settings/text.html", text=found, sha256=_text()[1], result=None, past=number
    )


# --- the box -----------------------------------------------------------------------------------


@blueprint.get("/people")
@owners_only
def people() -> ResponseReturnValue:
    """Give somebody a PIN."""
    return render_template("settings/people.html", staff=gateway().info.staff)


@blueprint.post("/people/pin")
@owners_only
def pin() -> ResponseReturnValue:
    """A new PIN; whoever signed in with the old one is signed out."""
    staff = request.form.get("staff", "")
    try:
        gateway().call(SetPin(staff=staff, pin=request.form.get("pin", "")))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        flash(gettext("%(name)s has a new PIN.", name=staff), "good")
    return redirect(url_for("settings.people"), 303)


@blueprint.post("/gateway/restart")
@owners_only
def restart() -> ResponseReturnValue:
    """Start the gateway anew."""
    start_anew()
    flash(gettext("The gateway has started anew."), "good")
    return redirect(url_for("settings.index"), 303)
