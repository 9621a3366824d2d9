"""The recovery card: from the first word with the customer to how it ended, in few taps.

Every button is a plain form that leads back to the place where the next step stands.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import language
from webui.client import (
    CallSecurity,
    CaseView,
    Cause,
    Contact,
    DescribeCase,
    GetCase,
    GetCauses,
    GetGuidance,
    GetOffers,
    GuidanceStep,
    IssueGrant,
    NameCustomer,
    Outcome,
    ProposedOffer,
    Refused,
    Resolve,
    Unreachable,
    Withdraw,
)
from webui.closing import closing
from webui.navigate import back_to, in_demo
from webui.person import gateway, person, signed_in, token
from webui.refusals import refusal
from webui.screens.board import Card, as_cards
from webui.tell import tell, typed
from webui.translate import gettext
from webui.words import RECEIPTS, SEVERITIES, word

NOTE_CHARS: Final = 1000
CUSTOMER_CHARS: Final = 200
_REASON_CHARS: Final = 200

blueprint = Blueprint("case", __name__)


@dataclass(frozen=True)
class Recovery:
    """A case with all that can be done about it. `form`: the next grant's own number."""

    card: Card
    case: CaseView
    guidance: tuple[GuidanceStep, ...]
    causes: tuple[Cause, ...]
    offers: tuple[ProposedOffer, ...]
    form: str


def recovery(alert: str) -> Recovery:
    """One case, live or ended.

    Raises:
        Refused: `unknown_alert`.
    """
    case = gateway().call(GetCase(alert=alert))
    found = case.view.alert
    causes = gateway().call(GetCauses())
    known = found.mishap if found.mishap in {each.name for each in causes} else None
    (card,) = as_cards([case.view])
    return Recovery(
        card=card,
        case=case,
        guidance=gateway().call(GetGuidance()),
        causes=causes,
        offers=gateway().call(GetOffers(severity=found.severity, cause=known)),
        form=uuid.uuid4().hex,
    )


@blueprint.get("/case/<alert>")
@signed_in
def show(alert: str) -> ResponseReturnValue:
    """The whole page."""
    try:
        found = recovery(alert)
    except Refused as error:
        return _not_there(error)
    return render_template("case/index.html", recovery=found)


@blueprint.get("/case/<alert>/facts")
@signed_in
def facts(alert: str) -> ResponseReturnValue:
    """What somebody else may change meanwhile, fetched again every few seconds."""
    (card,) = as_cards([gateway().call(GetCase(alert=alert)).view])
    return render_template("case/facts.html", card=card, back=request.args.get("back"))


@blueprint.post("/case/<alert>/contact")
@signed_in
def contact(alert: str) -> ResponseReturnValue:
    """I am with the customer."""
    tell(Contact(alert=alert))
    return _to(alert, "severity")


@blueprint.post("/case/<alert>/withdraw")
@signed_in
def withdraw(alert: str) -> ResponseReturnValue:
    """I am not going, or not with the customer, after all."""
    tell(Withdraw(alert=alert))
    return _to(alert, "facts")


@blueprint.post("/case/<alert>/describe")
@signed_in
def describe(alert: str) -> ResponseReturnValue:
    """How serious it is, what went wrong, and a note: whatever the form has of it."""
    severity = _severity(request.form.get("severity"))
    cause = request.form.get("cause") or None
    note = typed("note", NOTE_CHARS) or None
    told = tell(DescribeCase(alert=alert, severity=severity, cause=cause, note=note))
    if told is not None and note:
        _told_of_note(told.view.unkept)
    return _to(alert, "cause" if severity else "customer" if cause else "outcome")


def _told_of_note(unkept: bool) -> None:  # noqa: FBT001 - as it was told
    if unkept:
        flash(gettext("The note could not be kept. See Devices."), "bad")
    else:
        flash(gettext("The note is kept."), "good")


@blueprint.post("/case/<alert>/customer")
@signed_in
def customer(alert: str) -> ResponseReturnValue:
    """Whose case it is, or nobody's."""
    tell(NameCustomer(alert=alert, customer=typed("customer", CUSTOMER_CHARS) or None))
    return _to(alert, "customer")


@blueprint.post("/case/<alert>/grant")
@signed_in
def grant(alert: str) -> ResponseReturnValue:
    """Promise a remedy. Sent twice from one form, it is still one grant."""
    offer = request.form.get("offer", "")
    case = tell(GetCase(alert=alert))
    if case is None:
        return _to(alert, "offers")
    issued = tell(
        IssueGrant(
            request=_request_id(request.form.get("form", ""), offer),
            offer=offer,
            alert=alert,
            account=case.customer.account if case.customer else None,
            override=typed("override", _REASON_CHARS) or None,
        )
    )
    if issued is not None:
        flash(gettext("Granted. The code is %(code)s.", code=issued.grant.code), "good")
    return _to(alert, "promised" if issued else "offers")


@blueprint.get("/case/<alert>/slip/<code>")
@signed_in
def slip(alert: str, code: str) -> ResponseReturnValue:
    """A promise on paper."""
    (card,) = as_cards([gateway().call(GetCase(alert=alert)).view])
    for view in card.grants:
        if view.grant.code == code:
            return render_template("case/slip.html", view=view, alert=alert)
    return _not_there(Refused("unknown_code", ""))


@blueprint.get("/case/<alert>/security")
@signed_in
def security(alert: str) -> ResponseReturnValue:
    """Whether security is really to come."""
    return render_template("case/security.html", alert=alert)


@blueprint.post("/case/<alert>/security/call")
@signed_in
def call_security(alert: str) -> ResponseReturnValue:
    """They are called."""
    try:
        called = tell(CallSecurity(alert=alert))
    except Unreachable:  # longer than a page can wait for receipts
        flash(gettext("Security: no receipt yet. Call them by phone too."), "bad")
        called = None
    if called is not None:
        for page in called.pages:
            said = word(RECEIPTS, page.receipt.state)
            flash(gettext("Security, %(pager)s: %(said)s.", pager=page.pager, said=said), "good")
        flash(called.words.text(language.current()), "good" if called.pages else "bad")
    return _to(alert, "outcome")


@blueprint.post("/case/<alert>/resolve")
@signed_in
def resolve(alert: str) -> ResponseReturnValue:
    """How it ended; it can be undone for ten seconds."""
    wanted = request.form.get("outcome", "")
    if wanted not in list(Outcome):
        flash(gettext("Choose how it ended."), "bad")
        return _to(alert, "outcome")
    live = tell(GetCase(alert=alert))
    who = person()
    if live is not None and who is not None:
        if not live.view.alert.is_live:
            flash(refusal(Refused("not_open", "")), "bad")
        else:
            close = Resolve(
                alert=alert, outcome=Outcome(wanted), note=typed("note", NOTE_CHARS) or None
            )
            held = closing(current_app.extensions).hold(close, who.staff, token())
            if held.by != who.staff:
                flash(gettext("%(name)s is closing this already.", name=held.by), "bad")
    return back_to("board.index")


def _severity(text: str | None) -> int | None:
    return int(text) if text in {str(known) for known in SEVERITIES} else None


def _request_id(form: str, offer: str) -> str:
    """The same for the same form and offer, and short whatever a browser sends."""
    return hashlib.sha256(f"{form}/{offer}".encode()).hexdigest()[:32]


def _to(alert: str, place: str) -> Response:
    """Back to the open case, where its next step stands."""
    if in_demo():
        return redirect(url_for("demo.index", case=alert, _anchor=place), 303)
    return redirect(url_for("case.show", alert=alert, _anchor=place), 303)


def _not_there(error: Refused) -> Response:
    flash(refusal(error), "bad")
    return redirect(url_for("board.index"), 303)
