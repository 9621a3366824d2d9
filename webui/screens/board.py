"""The board: who is waiting, and one big button for what to do next."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, current_app, flash, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui.client import (
    Acknowledge,
    AlertState,
    AlertView,
    Contact,
    GetAlerts,
    GetGrants,
    GetLeaderBoards,
    GrantView,
    LeaderBoardView,
    Refused,
    Request,
    Withdraw,
)
from webui.closing import Held, closing
from webui.navigate import back_to
from webui.person import gateway, person, signed_in
from webui.refusals import refusal
from webui.translate import gettext

CLOSED_SHOWN: Final = 4
WAITING_S: Final = 40.0  # the first repeat of the usual ladder …
LATE_S: Final = 120.0  # … and the target for being with the customer
_GRANTS_SOUGHT: Final = 200
_LEADERS_SHOWN: Final = 3

blueprint = Blueprint("board", __name__)


@dataclass(frozen=True)
class Card:
    """An alert as the board shows it. `held`: how it is about to end, while that can be undone."""

    view: AlertView
    tone: str
    grants: tuple[GrantView, ...]
    held: Held | None = None


def tone(view: AlertView) -> str:
    """How urgent it looks: `new`, `waiting`, `late`, `going`, `met` or `ended`."""
    state = view.alert.state
    age_s = LATE_S if view.age_s is None else view.age_s
    if not view.alert.is_live:
        return "ended"
    if state is AlertState.CONTACTED:
        return "met"
    if age_s >= LATE_S:
        return "late"
    if state is AlertState.ACKNOWLEDGED:
        return "going"
    return "waiting" if age_s >= WAITING_S else "new"


def cards() -> tuple[Card, ...]:
    """Live alerts, oldest first, then the latest ended ones."""
    return as_cards(gateway().call(GetAlerts(closed=CLOSED_SHOWN)))


def as_cards(views: Iterable[AlertView]) -> tuple[Card, ...]:
    """These alerts, with what was promised in them and how they are about to end."""
    promised: defaultdict[str | None, list[GrantView]] = defaultdict(list)
    for each in gateway().call(GetGrants(most=_GRANTS_SOUGHT)):
        promised[each.grant.alert].append(each)
    return tuple(_card(view, tuple(promised[view.alert.id])) for view in views)


def _card(view: AlertView, grants: tuple[GrantView, ...]) -> Card:
    held = closing(current_app.extensions).of(view.alert.id) if view.alert.is_live else None
    return Card(view, tone(view), grants, held)


def leaders() -> Iterator[LeaderBoardView]:
    """The leader boards that have somebody of this shop to show, with the best of these."""
    for board in gateway().call(GetLeaderBoards()):
        lines = tuple(line for line in board.lines if not line.shop)[:_LEADERS_SHOWN]
        if lines:
            yield LeaderBoardView(
                name=board.name, lines=lines, updated_at=board.updated_at, age_s=board.age_s
            )


@blueprint.get("/board")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return render_template("board/index.html", cards=cards(), leaders=tuple(leaders()))


@blueprint.get("/board/alerts")
@signed_in
def alerts() -> ResponseReturnValue:
    """The part that is fetched again at every ring."""
    return render_template("board/fragment.html", cards=cards(), back=request.args.get("back"))


@blueprint.post("/board/<alert>/acknowledge")
@signed_in
def acknowledge(alert: str) -> ResponseReturnValue:
    """I am going."""
    return _act(Acknowledge(alert=alert))


@blueprint.post("/board/<alert>/contact")
@signed_in
def contact(alert: str) -> ResponseReturnValue:
    """I am with the customer."""
    return _act(Contact(alert=alert))


@blueprint.post("/board/<alert>/withdraw")
@signed_in
def withdraw(alert: str) -> ResponseReturnValue:
    """I am not going, or not with the customer, after all."""
    return _act(Withdraw(alert=alert))


@blueprint.post("/board/<alert>/undo")
@signed_in
def undo(alert: str) -> ResponseReturnValue:
    """It is not over after all."""
    who = person()
    if who is None or not closing(current_app.extensions).undo(alert, who.staff):
        flash(gettext("It is too late to take this back: the alert is closed."), "bad")
    return back_to("board.index")


def _act(action: Request[AlertView]) -> Response:
    try:
        gateway().call(action)
    except Refused as error:
        flash(refusal(error), "bad")
    return back_to("board.index")
