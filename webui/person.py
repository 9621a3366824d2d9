"""Who is asking: the session cookie holds the gateway's token and nothing else about a person.

Name and role come from the gateway at every request, so a role taken away is gone at once.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

from flask import g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from webui.client import Gateway, Refused, Session, Unreachable, WhoAmI
from webui.options import options

P = ParamSpec("P")

_TOKEN: Final = "token"  # noqa: S105 - the name of the field, not a secret


def token() -> str | None:
    """The gateway's token in this browser's cookie."""
    found = session.get(_TOKEN)
    return found if isinstance(found, str) else None


def gateway() -> Gateway:
    """This request's connection, opened at its first use.

    Raises:
        Unreachable: Nobody answers; said again without trying again within one request.
    """
    found: Gateway | Unreachable | None = g.get("gateway")
    if found is None:
        try:
            found = Gateway(options().control, token())
        except Unreachable as error:
            found = error
        g.gateway = found
    if isinstance(found, Unreachable):
        raise found
    return found


def hang_up(_error: BaseException | None = None) -> None:
    """Close this request's connection, if it has one."""
    found = g.pop("gateway", None)
    if isinstance(found, Gateway):
        found.close()


def person() -> Session | None:
    """The signed-in person as the gateway knows them, or None.

    Raises:
        Refused: The gateway has another reason than an unknown session.
        Unreachable: Nobody answers.
    """
    if token() is None:
        return None
    if "person" not in g:
        try:
            g.person = gateway().call(WhoAmI())
        except Refused as refused:
            if refused.code != "not_signed_in":
                raise
            session.pop(_TOKEN, None)
            g.person = None
    found: Session | None = g.person
    return found


def sign_in(signed_in: Session) -> None:
    """Begin a new browser session: nothing of the one before is kept, not even its CSRF token."""
    session.clear()
    session[_TOKEN] = signed_in.token


def sign_out() -> None:
    """Forget everything this browser was given."""
    session.clear()
    g.pop("person", None)


def signed_in(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let only signed-in people see a screen; others are led to the login."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if person() is not None else to_login()

    return guarded


def to_login() -> ResponseReturnValue:
    """Send the browser to the login, and back to the page it wanted afterwards."""
    if "HX-Request" in request.headers:  # a fragment cannot be a login: the whole page goes
        return "", 401, {"HX-Redirect": url_for("login.show")}
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("login.show", next=wanted), 303)
