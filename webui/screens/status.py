"""The state of every part of the box, in words."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.client import GetStatus
from webui.person import gateway, signed_in

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return render_template("status/index.html", status=gateway().call(GetStatus()))


@blueprint.get("/status/parts")
@signed_in
def parts() -> ResponseReturnValue:
    """The part that is fetched again at every ring."""
    return render_template("status/fragment.html", status=gateway().call(GetStatus()))
