"""What every template can use: the site's files by version, words, and who is signed in."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Flask, request, url_for

from webui import language, sections, words
from webui.client import Info, Language, Refused, Role, Session, Unreachable
from webui.faults import fault
from webui.options import options
from webui.person import gateway, person
from webui.qr import qr_svg
from webui.refusals import REFUSALS
from webui.translate import gettext

_BELONGS: Final = {
    **dict.fromkeys(("access.audit", "box", "certificate", "network", "setup"), "settings"),
    "case": "board",
    "pagers": "status",
}
"""Pages, and whole screens, that are reached from a screen of the navigation."""
STATIC: Final = Path(__file__).with_name("static")
STATIC_AGE_S: Final = 365 * 24 * 3600  # addresses carry the content's hash


def dress(app: Flask) -> None:
    """Give the templates of `app` their functions."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.add_template_global(asset)
    app.jinja_env.globals["words"] = words
    app.jinja_env.globals["refusals"] = REFUSALS
    app.jinja_env.globals["keys"] = sections.KEYS
    app.jinja_env.globals["tags"] = sections.TAGS
    app.add_template_global(sections.choice)
    app.add_template_global(sections.heading)
    app.add_template_global(label)
    app.add_template_global(fault)
    app.add_template_global(qr_svg, "qr")
    app.context_processor(_surroundings)


@lru_cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a file in `static/`, new whenever the file is."""
    return url_for("static", filename=name, v=_version(name))


def label(ru: str, en: str) -> str:
    """The text in the reader's language."""
    return ru if language.current() is Language.RU else en


def _screens(role: Role | None) -> list[tuple[str, str]]:
    screens = [
        ("board.index", gettext("Board")),
        ("counter.index", gettext("Counter")),
        ("status.index", gettext("Devices")),
    ]
    if role in (Role.MANAGER, Role.OWNER):
        screens.append(("insights.index", gettext("Insights")))
    if role is Role.OWNER:
        screens.append(("settings.index", gettext("Settings")))
    return [("demo.index", gettext("Demo")), *screens] if _is_demo() else screens


def _current() -> str:
    """The screen of the navigation that this page is on, or belongs to."""
    endpoint = request.endpoint or ""
    screen = endpoint.partition(".")[0]
    return _BELONGS.get(endpoint) or _BELONGS.get(screen) or screen


def _is_demo() -> bool:
    return options().simulator is not None


def _surroundings() -> dict[str, object]:
    """What the frame around each page shows; empty where the gateway does not answer."""
    info: Info | None = None
    who: Session | None = None
    try:
        info = gateway().info
        who = person()
    except (Refused, Unreachable):
        pass
    return {
        "screens": _screens(None if who is None else who.role),
        "current": _current(),
        "info": info,
        "who": who,
        "is_demo": _is_demo(),
        "language": language.current(),
        "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
    }
