"""Devices: the state of every part of the box in words, its test, and what to do about it."""

import re

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui import tell
from webui.client import GetDevices, GetFaults, GetStatus, Refused, SendPage, TrySignal
from webui.person import gateway, signed_in
from webui.refusals import refusal
from webui.translate import gettext

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return render_template("status/index.html", **_parts())


@blueprint.get("/status/parts")
@signed_in
def parts() -> ResponseReturnValue:
    """The part that is fetched again at every ring."""
    return render_template("status/fragment.html", **_parts())


def _parts() -> dict[str, object]:
    return {
        "status": gateway().call(GetStatus()),
        "devices": gateway().call(GetDevices()),
    }


@blueprint.get("/status/faults")
@signed_in
def faults() -> ResponseReturnValue:
    """The log of faults, a page of it at a time."""
    found = gateway().call(GetFaults(before=_record("before"), after=_record("after")))
    return render_template("status/faults.html", found=found)


def _record(name: str) -> int | None:
    """The number of a record in the address; None for what is none."""
    typed = request.args.get(name, "")
    return int(typed) if re.fullmatch(r"[0-9]{1,18}", typed) else None


@blueprint.post("/status/page")
@signed_in
def page() -> ResponseReturnValue:
    """Send a test page to one pager."""
    tell.page(SendPage(to=request.form.get("pager", ""), text="ACHIVX TEST"))
    return redirect(url_for("status.index"), 303)


@blueprint.post("/status/signal")
@signed_in
def signal() -> ResponseReturnValue:
    """Flash a button's LED, or sound the buzzer."""
    button = request.form.get("button") or None
    try:
        gateway().call(TrySignal(button=button))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        said = gettext("The buzzer sounds three times. Do you hear it?")
        if button is not None:
            said = gettext("The LED of %(name)s flashes for 5 s. Do you see it?", name=button)
        flash(said, "good")
    return redirect(url_for("status.index"), 303)
