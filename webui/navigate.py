"""Where a browser goes after a form: back to the page, or to its fragment when htmx asked."""

from typing import Final
from urllib.parse import urlsplit

from flask import current_app, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

FRAGMENTS: Final = {"board.index": "board.alerts", "counter.index": "counter.panel"}
"""Pages, and the part of each that an action changes."""


def by_htmx() -> bool:
    """Whether a script asks, and wants a fragment."""
    return "HX-Request" in request.headers


def in_demo() -> bool:
    """Whether the form or fragment asked for stands on the demo's page."""
    return request.values.get("back") == "demo"


def back_to(page: str) -> Response:
    """Lead on after a POST: to the demo's page if the form stood there, else to `page`."""
    back = "demo" if in_demo() else None
    if by_htmx():
        # `said`: this answer carries the messages. A poll that passes by must not take them.
        return redirect(url_for(FRAGMENTS[page], back=back, said=1), 303)
    return redirect(url_for("demo.index" if back else page), 303)


def page_of_form() -> str:
    """The page that the form of this request stood on; the root where that is not known.

    It can be asked for again: a form that nobody answered must not be sent a second time.
    """
    root = url_for("root")
    try:
        stood_on = urlsplit(request.referrer or "")
        current_app.url_map.bind("box").match(stood_on.path, method="GET")
    except (ValueError, HTTPException):
        return root
    path = stood_on._replace(scheme="", netloc="", fragment="").geturl()
    return local_path(path, root) if stood_on.netloc == request.host else root


def local_path(wanted: str | None, fallback: str) -> str:
    """`wanted` if it is a path of this site, else `fallback`: no form may lead elsewhere."""
    if not wanted or not wanted.isprintable() or "\\" in wanted:
        return fallback
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return fallback
    is_ours = not parts.scheme and not parts.netloc and wanted.startswith("/")
    return wanted if is_ours and not wanted.startswith("//") else fallback
