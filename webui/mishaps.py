"""What people see when something does not work: a sentence, and a way on."""

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from webui.client import Refused, Unreachable
from webui.navigate import page_of_form
from webui.person import to_login
from webui.refusals import refusal
from webui.translate import gettext


def answer(app: Flask) -> None:
    """Register the pages of trouble."""
    app.register_error_handler(Unreachable, unreachable)
    app.register_error_handler(Refused, refused)
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(HTTPException, http_error)


def unreachable(_error: Unreachable) -> ResponseReturnValue:
    """The gateway is not there: a page that comes back by itself, and sends no form twice."""
    again_at = None if request.method in ("GET", "HEAD") else page_of_form()
    return render_template("unreachable.html", again_at=again_at), 503, {"Retry-After": "3"}


def refused(error: Refused) -> ResponseReturnValue:
    """The gateway said no to what a whole page needs."""
    if error.code == "not_signed_in":
        return to_login()
    return render_template("trouble.html", sentence=refusal(error)), 403


def stale_form(_error: CSRFError) -> ResponseReturnValue:
    """The form is older than the session: nothing was done, and a new form is one click away."""
    sentence = gettext("This form was too old, so nothing was done. Open the page again.")
    return render_template("trouble.html", sentence=sentence), 400


def http_error(error: HTTPException) -> ResponseReturnValue:
    """Anything else the browser asked for in vain."""
    sentences = {
        404: gettext("There is no such page."),
        413: gettext("That is more than this page takes."),
        500: gettext("Something went wrong in this page. The gateway works on without it."),
    }
    code = error.code or 500
    sentence = sentences.get(code, gettext("The page did not understand this request."))
    return render_template("trouble.html", sentence=sentence), code
