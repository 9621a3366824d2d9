"""One's own PIN, who is signed in where, and who has done what."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui.client import (
    AuditKind,
    EndSession,
    EndSessions,
    GetAudit,
    GetSessions,
    Refused,
    SetPin,
)
from webui.person import gateway, hang_up, person, sign_in, signed_in
from webui.refusals import refusal
from webui.screens.setup import owners_only
from webui.translate import gettext

DAYS: Final = (1, 7, 30)

blueprint = Blueprint("access", __name__)


@blueprint.get("/me")
@signed_in
def index() -> ResponseReturnValue:
    """My PIN, and my sessions; an owner sees everybody's."""
    return render_template("access/index.html", sessions=gateway().call(GetSessions()))


@blueprint.post("/me/pin")
@signed_in
def pin() -> ResponseReturnValue:
    """A new PIN for whoever knows the old one: an open page alone is not enough."""
    who = person()
    assert who is not None  # noqa: S101 - `signed_in`
    new = request.form.get("new", "")
    try:
        sign_in(gateway().login(who.staff, request.form.get("old", "")))
        hang_up()
        gateway().call(SetPin(staff=who.staff, pin=new))  # which ends every session of theirs
        sign_in(gateway().login(who.staff, new))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        flash(gettext("Your PIN is changed; everywhere else you are signed out."), "good")
    return redirect(url_for("access.index"), 303)


@blueprint.post("/me/sessions/end")
@signed_in
def end() -> ResponseReturnValue:
    """End one session, or all of a person's but this one."""
    staff = request.form.get("staff")
    try:
        if staff is None:
            gateway().call(EndSession(session=request.form.get("session", "")))
        else:
            gateway().call(EndSessions(staff=staff))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        flash(gettext("Signed out there."), "good")
    return redirect(url_for("access.index"), 303)


@blueprint.get("/settings/audit")
@owners_only
def audit() -> ResponseReturnValue:
    """Who did what, narrowed by kind, person and age."""
    kind, by, days = (request.args.get(name, "") for name in ("kind", "by", "days"))
    entries = gateway().call(
        GetAudit(
            kind=AuditKind(kind) if kind in list(AuditKind) else None,
            by=by or None,
            days=int(days) if days in map(str, DAYS) else None,
        )
    )
    return render_template(
        "access/audit.html",
        entries=entries,
        kinds=tuple(AuditKind),
        kind=kind,
        by=by,
        days=days,
        all_days=DAYS,
        staff=gateway().info.staff,
    )
