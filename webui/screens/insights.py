"""Insights: the shop's key figures, and other rules tried on its past, for managers and owners."""

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import charts, figures, trials
from webui.anew import start_anew
from webui.client import (
    EditSettings,
    GetInsights,
    GetLeaderBoards,
    GetRules,
    GetStatus,
    InsightsView,
    Refused,
    TrialView,
    TryRules,
    csv_lines,
    csv_rows,
)
from webui.person import gateway, signed_in
from webui.refusals import refusal
from webui.sections import TAGS
from webui.translate import gettext, ngettext, spell_date, spell_number
from webui.words import CAUSES, word

_DAYS: Final = 7
_FORM_PARTS: Final = 256  # many rules have many fields
_WAITING: Final = "still_counting"

blueprint = Blueprint("insights", __name__, url_prefix="/insights")


@blueprint.get("")
@signed_in
def index() -> ResponseReturnValue:
    """The figures of the days that were chosen."""
    view, refused = _view()
    return render_template(
        "insights/index.html",
        view=view,
        least=None if view is None else view.least,
        dates=None if view is None else _dates(view),
        chosen=None if request.args.get("since") else _days(),
        since=request.args.get("since", ""),
        until=request.args.get("until", ""),
        hour_names=[] if view is None else [each.name for each in view.hours],
        day_names=[str(each) for each in figures.WEEKDAYS.values()],
        charts=charts,
        boards=() if view is None else gateway().call(GetLeaderBoards()),
        uplink="" if view is None else gateway().call(GetStatus()).uplink.kind,
        **_words(refused),
    ), 200 if refused is None or refused.code == _WAITING else 422


@blueprint.get("/table.csv")
@signed_in
def table() -> ResponseReturnValue:
    """Everything as a table."""
    view, _refused = _view()
    if view is None:
        return redirect(f"{url_for('insights.index')}?{request.query_string.decode()}", 303)
    name = f"insights-{view.since}-{view.until}.csv"
    return Response(
        csv_lines(csv_rows(view)),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


def _view() -> tuple[InsightsView | None, Refused | None]:
    wish = GetInsights(
        days=_days(), since=request.args.get("since", ""), until=request.args.get("until", "")
    )
    try:
        return gateway().call(wish), None
    except Refused as refused:
        if refused.code not in (_WAITING, "bad_span"):
            raise
        return None, refused


def _days() -> int:
    days = request.args.get("days", type=int)
    return _DAYS if days is None else days


def _dates(view: InsightsView) -> dict[str, str]:
    return {"since": _day_of(view.since), "until": _day_of(view.until)}


def _words(refused: Refused | None) -> dict[str, Any]:
    """What both pages say: figures, numbers, and why something is not there."""
    waiting = refused is not None and refused.code == _WAITING
    return {
        "figures": figures,
        "number": spell_number,
        "waiting": waiting,
        "refused": None if refused is None or waiting else refusal(refused),
    }


# --- other rules ---------------------------------------------------------------------------------


@blueprint.get("/rules")
@signed_in
def rules() -> ResponseReturnValue:
    """The form, and what came of it; it changes nothing, so that a look again is harmless."""
    found = gateway().call(GetRules())
    asked = trials.read(found, request.args)
    trial: TrialView | None = None
    refused: Refused | None = None
    if "try" in request.args and not asked.wrong:
        try:
            trial = gateway().call(TryRules(edits=asked.edits, days=_days()))
        except Refused as error:
            refused = error
    bad = asked.wrong or (trial and trial.problems) or (refused and refused.code != _WAITING)
    return render_template(
        "insights/rules.html",
        parts=asked.parts,
        typed=asked.texts,
        wrong=asked.wrong,
        trial=trial,
        days=_days(),
        sha256=found.sha256,
        name_of=_name_of,
        day_of=_day_of,
        calls_of=_calls_of,
        **_words(refused),
    ), 422 if bad else 200


def _name_of(name: str) -> str:
    """A rule's own name, or the words of what one press raised."""
    return word(CAUSES, word(TAGS, name))


def _day_of(name: str) -> str:
    return spell_date(date.fromisoformat(name))


def _calls_of(name: str) -> str:
    """A name of `TrialView.by_calls` as words."""
    calls = int(name)
    return ngettext("%(num)d time", "%(num)d times", calls) if calls else gettext("never")


@blueprint.post("/rules/save")
@signed_in
def save() -> ResponseReturnValue:
    """Put the rules that were tried into the settings."""
    asked = trials.read(gateway().call(GetRules()), request.form)
    again = redirect(f"{url_for('insights.rules')}?{urlencode({**asked.texts, 'try': 1})}", 303)
    if asked.wrong or not asked.edits:
        return again
    wish = EditSettings(edits=asked.edits, replaces_sha256=request.form.get("sha256", ""))
    try:
        result = gateway().call(wish)
        if not result.problems and not result.applied:
            start_anew()
    except Refused as error:
        flash(refusal(error), "bad")
        return redirect(url_for("insights.rules"), 303)
    if result.problems:
        return again
    flash(gettext("Saved, and in force."), "good")
    return redirect(url_for("insights.rules"), 303)


@blueprint.before_request
def _take_many_fields() -> None:
    if request.endpoint == "insights.save":
        request.max_form_parts = _FORM_PARTS
