"""The board: who is waiting, and one big button for what to do next."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui.client import (
    Acknowledge,
    AlertState,
    AlertView,
    Contact,
    GetAlerts,
    GetGrants,
    GetOffers,
    GrantView,
    IssueGrant,
    Outcome,
    ProposedOffer,
    Refused,
    Request,
    Resolve,
)
from webui.navigate import back_to, in_demo
from webui.person import gateway, signed_in
from webui.translate import gettext
from webui.words import SEVERITIES, refusal

CLOSED_SHOWN: Final = 4
CLOSED_SOUGHT: Final = 50
WAITING_S: Final = 40.0  # the first repeat of the usual ladder …
LATE_S: Final = 120.0  # … and the target for being with the customer
_NOTE_CHARS: Final = 200

blueprint = Blueprint("board", __name__)


@dataclass(frozen=True)
class Card:
    """An alert as the board shows it."""

    view: AlertView
    tone: str
    grants: tuple[GrantView, ...]


@dataclass(frozen=True)
class Case:
    """An alert with what can be done about it. `form`: the next grant's own number."""

    card: Card
    severity: int | None
    offers: tuple[ProposedOffer, ...]
    form: str


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


def cards(closed: int = CLOSED_SHOWN) -> tuple[Card, ...]:
    """Live alerts, oldest first, then `closed` ended ones."""
    views = gateway().call(GetAlerts(closed=closed))
    by_alert = _by_alert(gateway().call(GetGrants()))
    return tuple(Card(view, tone(view), tuple(by_alert[view.alert.id])) for view in views)


def _by_alert(grants: Iterable[GrantView]) -> defaultdict[str | None, list[GrantView]]:
    found: defaultdict[str | None, list[GrantView]] = defaultdict(list)
    for view in grants:
        found[view.grant.alert].append(view)
    return found


def case(alert: str) -> Case | None:
    """One alert with the offers for its severity, or None when the gateway knows none such."""
    card = next((card for card in cards(CLOSED_SOUGHT) if card.view.alert.id == alert), None)
    if card is None:
        return None
    severity = _severity(request.args.get("severity")) or card.view.alert.severity
    offers = gateway().call(GetOffers(severity=severity))
    return Case(card, severity, offers, uuid.uuid4().hex)


def _severity(text: str | None) -> int | None:
    return int(text) if text in {str(known) for known in SEVERITIES} else None


@blueprint.get("/board")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return render_template("board/index.html", cards=cards())


@blueprint.get("/board/alerts")
@signed_in
def alerts() -> ResponseReturnValue:
    """The part that is fetched again at every ring."""
    return render_template("board/fragment.html", cards=cards(), back=request.args.get("back"))


@blueprint.get("/board/<alert>")
@signed_in
def show(alert: str) -> ResponseReturnValue:
    """One alert: severity, offers, outcome."""
    found = case(alert)
    if found is None:
        return _gone()
    return render_template("board/case_page.html", case=found)


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


@blueprint.post("/board/<alert>/resolve")
@signed_in
def resolve(alert: str) -> ResponseReturnValue:
    """How it ended."""
    wanted = request.form.get("outcome", "")
    if wanted not in list(Outcome):
        flash(gettext("Choose how it ended."), "bad")
        return _to_case(alert)
    done = Resolve(
        alert=alert,
        outcome=Outcome(wanted),
        severity=_severity(request.form.get("severity")),
        note=request.form.get("note", "").strip()[:_NOTE_CHARS] or None,
    )
    return _act(done)


@blueprint.post("/board/<alert>/grant")
@signed_in
def grant(alert: str) -> ResponseReturnValue:
    """Promise a remedy. Sent twice from one form, it is still one grant."""
    offer = request.form.get("offer", "")
    promise = IssueGrant(
        request=_request_id(request.form.get("form", ""), offer),
        offer=offer,
        alert=alert,
        account=request.form.get("account", "").strip() or None,
        override=request.form.get("override", "").strip()[:_NOTE_CHARS] or None,
    )
    try:
        issued = gateway().call(promise)
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        flash(gettext("Granted. The code is %(code)s.", code=issued.grant.code), "good")
    return _to_case(alert)


def _request_id(form: str, offer: str) -> str:
    """The same for the same form and offer, and short whatever a browser sends."""
    return hashlib.sha256(f"{form}/{offer}".encode()).hexdigest()[:32]


def _act(action: Request[AlertView]) -> Response:
    try:
        gateway().call(action)
    except Refused as error:
        flash(refusal(error), "bad")
    return back_to("board.index")


def _to_case(alert: str) -> Response:
    """Back to the open case, with the severity that was chosen."""
    severity = _severity(request.form.get("severity"))
    if in_demo():
        return redirect(url_for("demo.index", case=alert, severity=severity), 303)
    return redirect(url_for("board.show", alert=alert, severity=severity), 303)


def _gone() -> Response:
    flash(refusal(Refused("unknown_alert", "")), "bad")
    return redirect(url_for("board.index"), 303)
