"""The shop to play with: what is outside the box in a real shop, on one page with the screens.

Buttons, watches and server are simulated behind a socket of their own; the gateway between them
is the real one, and is asked only what the other screens ask it.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui.client import GetShop, PressButton, PressFlag, Refused, Shop, Watch, ask_simulator
from webui.navigate import by_htmx
from webui.options import options
from webui.person import person
from webui.refusals import refusal
from webui.screens import board, case, counter
from webui.translate import gettext
from webui.words import FLAGS, word

BUZZING_S: Final = 6.0
"""How long a watch shakes after a page."""

blueprint = Blueprint("demo", __name__)


@dataclass(frozen=True)
class Wrist:
    """A watch as it is drawn."""

    watch: Watch
    is_buzzing: bool


def wrists(shop: Shop, now_s: float) -> tuple[Wrist, ...]:
    """The watches, and whether each still shakes at `now_s`, Unix time."""
    return tuple(
        Wrist(watch, bool(watch.buzzes) and now_s - watch.buzzes[0].at < BUZZING_S)
        for watch in shop.watches
    )


def _socket() -> Path:
    path = options().simulator
    assert path is not None  # noqa: S101 - this blueprint is registered with a simulator only
    return path


@blueprint.get("/demo")
def index() -> ResponseReturnValue:
    """The whole page."""
    shop = ask_simulator(_socket(), GetShop())
    signed_in = person() is not None
    alert = request.args.get("case") if signed_in else None
    return render_template(
        "demo/index.html",
        shop=shop,
        wrists=wrists(shop, time.time()),
        cards=board.cards() if signed_in else (),
        recovery=_case(alert) if alert else None,
        grants=counter.open_grants() if signed_in else (),
        undoable=counter.undoable() if signed_in else (),
        code=request.args.get("code"),
    )


def _case(alert: str) -> case.Recovery | None:
    """The open case, or None when the gateway knows none such: then the board is shown."""
    with suppress(Refused):
        return case.recovery(alert)
    return None


@blueprint.get("/demo/watches")
def watches() -> ResponseReturnValue:
    """The wrists, fetched again every second."""
    shop = ask_simulator(_socket(), GetShop())
    return render_template("demo/watches.html", wrists=wrists(shop, time.time()))


@blueprint.get("/demo/ledger")
def ledger() -> ResponseReturnValue:
    """The server's accounts and actions, fetched again every second."""
    return render_template("demo/ledger.html", shop=ask_simulator(_socket(), GetShop()))


@blueprint.post("/demo/press")
def press() -> ResponseReturnValue:
    """Press a button of the simulated panel."""
    try:
        view = ask_simulator(_socket(), PressButton(button=request.form.get("button", "")))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        _tell(view.verdicts)
    if not by_htmx():
        return redirect(url_for("demo.index"), 303)
    response = make_response(render_template("messages.html"))
    response.headers["HX-Trigger"] = "refetch"
    return response


def _tell(verdicts: tuple[str, ...]) -> None:
    """Say what the press came to: a flagged one is kept, but does not count."""
    for verdict in verdicts:
        if verdict in list(PressFlag):
            why = word(FLAGS, verdict)
            flash(gettext("Pressed, but it does not count: %(why)s.", why=why), "bad")
        else:
            flash(gettext("Pressed. It counts."), "good")
