"""Where the page has TLS: the plain port leads there, and cookies do not leave it.

There is no Strict-Transport-Security: a box that is reset or replaced has another authority, and a
browser that had been told would then refuse the page by its name for months, with no way past it.
Addresses, by which most people come, it does not even apply to (RFC 6797, 8.1.1).
"""

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, redirect, request, session
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue

from webui import captive
from webui.client import GetSetup, Logout, Refused, Role, Unreachable
from webui.options import Options, options
from webui.person import gateway, person, token

# What a device needs before it can trust the page: these stay reachable without TLS.
_OPEN: Final = frozenset({"static", "certificate.index", "certificate.root", "language.switch"})
_SAFE: Final = frozenset({"GET", "HEAD"})


class Sessions(SecureCookieSessionInterface):
    """Two cookies: what was signed in to without TLS is nobody with it, and is never sent along."""

    def get_cookie_name(self, app: Flask) -> str:
        """A browser takes a `__Host-` cookie only over TLS (RFC 6265bis, 4.1.3.2)."""
        plain = super().get_cookie_name(app)
        return f"__Host-{plain}" if request.is_secure else plain

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask's call
        """Whether it is for TLS alone."""
        return request.is_secure


def encrypt(app: Flask, chosen: Options) -> None:
    """Lead `app`'s readers to TLS, where there is any."""
    app.session_interface = Sessions()
    if chosen.tls_port is not None and not chosen.plain_http:
        app.before_request(_to_tls)


def _to_tls() -> ResponseReturnValue | None:
    if request.is_secure or request.endpoint in _OPEN or _is_setting_up():
        return None
    _forget()
    host = urlsplit(f"//{request.host}").hostname or ""
    name = f"[{host}]" if ":" in host else host
    # What a form wanted is not carried over: it was sent where everybody could read it.
    path = request.full_path.rstrip("?") if request.method in _SAFE else "/"
    return redirect(f"https://{name}:{options().tls_port}{path}", 303)


def _is_setting_up() -> bool:
    """Whether nobody owns the box yet, or its owner has not finished: no tablet trusts it yet.

    At the access point also before they have signed in again: a phone's window for set-up keeps no
    cookies, and shows no page with a certificate that it does not trust.
    """
    try:
        if not gateway().info.claimed or captive.is_leading():
            return True
        who = person()
        is_owner = who is not None and who.role is Role.OWNER
        return is_owner and not gateway().call(GetSetup()).finished
    except (Refused, Unreachable):
        return False


def _forget() -> None:
    """End a session that was begun without TLS: whoever listened has its cookie."""
    if token() is None:
        return
    try:
        gateway().call(Logout())
    except (Refused, Unreachable):
        return
    finally:
        session.clear()
