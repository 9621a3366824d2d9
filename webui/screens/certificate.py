"""How the shop's tablets learn to trust this box: its root certificate, and what to tap."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui.authority import Authority
from webui.options import options

blueprint = Blueprint("certificate", __name__, url_prefix="/certificate")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The instructions, for whoever holds the tablet: nobody has to sign in for them."""
    return render_template("certificate.html", fingerprint=_authority().fingerprint)


@blueprint.get("/achivx-box.crt")
def root() -> ResponseReturnValue:
    """The root's certificate. It is no secret; its key never leaves the box."""
    return Response(
        _authority().root,
        mimetype="application/x-x509-ca-cert",
        headers={"Content-Disposition": "attachment; filename=achivx-box.crt"},
    )


def _authority() -> Authority:
    found = options().authority
    if found is None:  # the page has no TLS, or IT's own certificate, which devices know already
        abort(404)
    return found
