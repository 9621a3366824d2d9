"""Russian or English: the reader's choice, else the shop's language, else the browser's."""

from typing import Final

from flask import Blueprint, make_response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webui.client import Language, Unreachable
from webui.navigate import local_path
from webui.person import gateway
from webui.translate import chosen

COOKIE: Final = "language"
_YEAR_S: Final = 365 * 24 * 3600

blueprint = Blueprint("language", __name__)


def choose() -> str:
    """The language of this answer."""
    kept = request.cookies.get(COOKIE, "")
    if kept in list(Language):
        return kept
    try:
        return gateway().info.language.value
    except Unreachable:
        return request.accept_languages.best_match(list(Language)) or Language.EN.value


def current() -> Language:
    """The language of this answer, as the gateway's labels are keyed."""
    return Language(chosen())


@blueprint.post("/language")
def switch() -> ResponseReturnValue:
    """Remember the reader's choice, and show the same page again."""
    wanted = request.form.get("language", "")
    if wanted not in list(Language):
        raise BadRequest
    response = make_response(redirect(local_path(request.form.get("to"), "/"), 303))
    response.set_cookie(COOKIE, wanted, max_age=_YEAR_S, httponly=True, samesite="Lax")
    return response
