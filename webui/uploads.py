"""Bodies larger than usual, for owners alone.

Whoever is nobody could else fill the disk: a body is read before any screen is asked.
"""

from typing import Final

from flask import Flask, request

from webui.client import Refused, Role, Unreachable
from webui.person import person

_WIDER: Final = {
    "settings.put_text": 3 * 256 * 1024 + 4096,
    "box.restore": 1 << 30,
    "box.update": 1 << 29,
}
"""Bytes by endpoint: a settings file with every byte as %XX, a backup, an update."""
_MEMORY: Final = 1 << 20


def widen(app: Flask) -> None:
    """Let owners send more to these endpoints. To be called before anything reads a body."""
    app.before_request(_widen)


def _widen() -> None:
    most = _WIDER.get(request.endpoint or "")
    if most is None or request.method != "POST":
        return
    try:
        who = person()
    except (Refused, Unreachable):
        return
    if who is not None and who.role is Role.OWNER:
        request.max_content_length = most
        # Werkzeug counts its own buffer of a file against this, too.
        request.max_form_memory_size = _MEMORY
