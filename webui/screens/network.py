"""The box in the shop's network: its Wi-Fi, its name there, and its clock where there is none."""

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui.client import (
    Done,
    GetStatus,
    Refused,
    Request,
    SetAccessPoint,
    SetBoxClock,
    SetBoxName,
    SetBoxWifi,
)
from webui.host import look, why_not
from webui.person import gateway
from webui.refusals import refusal
from webui.screens.setup import owners_only
from webui.translate import gettext

blueprint = Blueprint("network", __name__, url_prefix="/settings/network")


@blueprint.get("")
@owners_only
def index() -> ResponseReturnValue:
    """How the box is in the network, and what can be changed about it."""
    return _page()


def _page() -> str:
    """With what was typed, where it is the answer to a form that was refused."""
    host, clock = look(), gateway().call(GetStatus()).clock
    return render_template("box/network.html", host=host, clock=clock, why_not=why_not(host))


@blueprint.post("/wifi")
@owners_only
def wifi() -> ResponseReturnValue:
    """Join a Wi-Fi; where that fails, the one before stays."""
    wish = SetBoxWifi(
        ssid=request.form.get("ssid", "").strip(), password=request.form.get("password", "")
    )
    said = gettext("The box joins this Wi-Fi. If it fails, the network before stays.")
    return _ask(wish, said)


@blueprint.post("/name")
@owners_only
def name() -> ResponseReturnValue:
    """Name the box."""
    wanted = request.form.get("name", "").strip().lower()
    said = gettext("The page is now at %(name)s.local, too.", name=wanted)
    return _ask(SetBoxName(name=wanted), said)


@blueprint.post("/access-point")
@owners_only
def access_point() -> ResponseReturnValue:
    """Open or close the box's own Wi-Fi."""
    wish = SetAccessPoint(is_open=request.form.get("do") == "open")
    return _ask(wish, gettext("The box changes its own Wi-Fi. Look here again in a minute."))


@blueprint.post("/clock")
@owners_only
def clock() -> ResponseReturnValue:
    """Set the clock of a box that no network tells the time."""
    try:
        typed = datetime.fromisoformat(request.form.get("time", "")).astimezone()
    except (ValueError, OverflowError):
        return _refused(Refused("bad_value", "no such time"))
    return _ask(SetBoxClock(unix_s=typed.timestamp()), gettext("The clock is set."))


def _ask(wish: Request[Done], said: str) -> ResponseReturnValue:
    try:
        gateway().call(wish)
    except Refused as error:
        return _refused(error)
    flash(said, "good")
    return redirect(url_for("network.index"), 303)


def _refused(error: Refused) -> ResponseReturnValue:
    flash(refusal(error), "bad")
    return _page(), 422
