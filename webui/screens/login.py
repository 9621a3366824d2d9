"""Sign in with a name and a PIN; the gateway decides, counts wrong PINs and knows the role."""

from contextlib import suppress

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui.client import Logout, Refused
from webui.closing import closing
from webui.navigate import local_path
from webui.person import gateway, sign_in, sign_out, token
from webui.refusals import refusal

blueprint = Blueprint("login", __name__)


@blueprint.get("/login")
def show() -> ResponseReturnValue:
    """The people of the shop, and a place for the PIN; before there are any, the set-up."""
    if not gateway().info.claimed:
        return redirect(url_for("setup.index"))
    return render_template(
        "login.html",
        staff=gateway().info.staff,
        chosen=request.args.get("staff"),
        wanted=local_path(request.args.get("next"), ""),
    )


@blueprint.post("/login")
def enter() -> ResponseReturnValue:
    """Sign in, and lead on to the page that was wanted."""
    staff = request.form.get("staff", "")
    wanted = local_path(request.form.get("next"), "")
    try:
        signed_in = gateway().login(staff, request.form.get("pin", ""))
    except Refused as error:
        flash(refusal(error), "bad")
        return redirect(url_for("login.show", staff=staff, next=wanted or None), 303)
    sign_in(signed_in)
    return redirect(wanted or url_for("root"), 303)


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """End the session here and at the gateway."""
    if (leaving := token()) is not None:
        closing(current_app.extensions).flush(leaving)
    with suppress(Refused):
        gateway().call(Logout())
    sign_out()
    return redirect(local_path(request.form.get("next"), url_for("login.show")), 303)
