"""What keeps other sites out: hosts, origins, CSRF tokens, sizes and response headers.

A page on the internet can point its own name at a shop's box (DNS rebinding) and would then be
"the same origin": so a request must name this machine, or a host the owner allowed.
"""

import re
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from webui import uploads
from webui.options import options

BODY_BYTES: Final = 16 * 1024
FORM_PARTS: Final = 32

_LOCAL_SUFFIXES: Final = ("local", "lan", "internal", "home.arpa")  # nobody can register these
_HOST: Final = re.compile(
    r"([a-z0-9_.-]+|\[[a-f0-9]*:[a-f0-9:.]*])(:\d{1,5})?", re.ASCII | re.IGNORECASE
)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action {forms}; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: under that browsers send the forms of this very site with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def protect(app: Flask, allowed_hosts: Iterable[str]) -> None:
    """Put the guards before every request of `app`, and the headers on every answer."""
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES,
        MAX_FORM_PARTS=FORM_PARTS,
        SESSION_COOKIE_NAME="achivx",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a counter's page stays open all day; the session ends it
    )
    app.before_request(_guard(allowed_hosts))
    uploads.widen(app)  # before the token is looked for in a body
    CSRFProtect(app)
    app.after_request(_add_headers)


def own_names() -> frozenset[str]:
    """The names this machine goes by on its own network."""
    short = socket.gethostname().lower().split(".", 1)[0]
    local = {f"{short}.{suffix}" for suffix in _LOCAL_SUFFIXES}
    return frozenset({"localhost", socket.gethostname().lower(), short, *local})


def is_own_address(host: str) -> bool:
    """Whether `host` is an IP address of this machine, as it is now.

    Only a machine's own address can be bound to, so binding asks the kernel; addresses come and
    go with DHCP, and nothing needs to be remembered.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if address.is_loopback:
        return True
    if address.is_unspecified or address.is_multicast:
        return False
    return _can_bind(address)


def _can_bind(address: IPv4Address | IPv6Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _guard(allowed_hosts: Iterable[str]) -> Callable[[], ResponseReturnValue | None]:
    names = own_names() | {name.lower() for name in allowed_hosts}

    def guard() -> ResponseReturnValue | None:
        host = _name_of(request.headers.get("Host", ""))
        # A target with a host of its own goes before the header (RFC 9112, 3.2.2); only what is
        # meant for a proxy has one.
        is_for_a_proxy = not request.environ.get("RAW_URI", "/").startswith("/")
        if is_for_a_proxy or (host not in names and not is_own_address(host)):
            return _refusal("This is not an address of this box. Allow it with --allowed-host.")
        if request.method not in _SAFE and not _is_from_here():
            return _refusal("This form came from another site.")
        if "Transfer-Encoding" in request.headers:  # which no browser sends
            return _refusal("Say how long the body is.", 411)
        g.host = host
        return None

    return guard


def _name_of(host: str) -> str:
    """The name of a Host header in lower case, without port, brackets and a final dot."""
    found = _HOST.fullmatch(host)
    return "" if found is None else found[1].strip("[]").lower().removesuffix(".")


def _is_from_here() -> bool:
    """Whether browser and form agree that the form is this site's own."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.headers.get('Host')}":
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _refusal(sentence: str, status: int = 400) -> ResponseReturnValue:
    return Response(f"{sentence}\n", status, mimetype="text/plain")


def _forms() -> str:
    """Where forms may lead: also to the port with TLS, from the one without.

    Browsers hold a form to this when it is led on, too: the last form of the set-up would else lead
    nowhere. A policy cannot name an IPv6 address (Content Security Policy 3, 2.3.1).
    """
    port, host = options().tls_port, g.get("host")
    if port is None or host is None or request.is_secure:
        return "'self'"
    return f"'self' https://{'*' if ':' in host else host}:{port}"


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value.format(forms=_forms())
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
