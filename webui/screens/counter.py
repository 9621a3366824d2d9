"""The counter: something is typed or scanned, and a clear yes or no comes out."""

import time
import uuid
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui.client import (
    GetGrants,
    GrantState,
    GrantView,
    LookUpCustomer,
    RedeemScanned,
    Refused,
    SpendTokens,
    UndoRedeem,
    VoidGrant,
)
from webui.look import label
from webui.navigate import back_to, by_htmx
from webui.person import gateway, person, signed_in
from webui.refusals import refusal
from webui.tell import tell, typed
from webui.translate import gettext
from webui.words import amount

blueprint = Blueprint("counter", __name__)

TYPED_CHARS: Final = 200
UNDO_S: Final = 60.0
"""How long a redemption can be undone: the gateway's own limit, which decides."""
_REASON_CHARS: Final = 200
_REDEEMED_SOUGHT: Final = 20


def open_grants() -> tuple[GrantView, ...]:
    """Grants that can still be redeemed, newest first."""
    return gateway().call(GetGrants(state=GrantState.ISSUED))


def undoable() -> tuple[tuple[GrantView, float], ...]:
    """What the signed-in person has just handed over, and how long that can be undone."""
    who = person()
    latest = gateway().call(GetGrants(state=GrantState.REDEEMED, most=_REDEEMED_SOUGHT))
    mine = [(view, _left_s(view)) for view in latest if who and view.grant.redeemed_by == who.staff]
    return tuple((view, left_s) for view, left_s in mine if left_s > 0 and not view.grant.tokens)


def _left_s(view: GrantView) -> float:
    redeemed = view.grant.redeemed
    return 0.0 if redeemed is None else UNDO_S - (time.time() - redeemed.wall_ns / 1e9)


@blueprint.get("/counter")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return _page(code=request.args.get("code"))


@blueprint.get("/counter/panel")
@signed_in
def panel() -> ResponseReturnValue:
    """The form with the latest result: what a redemption changes."""
    return render_template("counter/panel.html", back=request.args.get("back"))


@blueprint.get("/counter/grants")
@signed_in
def grants() -> ResponseReturnValue:
    """The lists that are fetched again at every ring; apart, so that they disturb no typing."""
    back = request.args.get("back")
    return render_template(
        "counter/grants.html", grants=open_grants(), undoable=undoable(), back=back
    )


@blueprint.post("/counter/redeem")
@signed_in
def redeem() -> ResponseReturnValue:
    """A code redeems its grant, a customer's card or phone their only one."""
    text = typed("code", TYPED_CHARS)
    if not text:
        return back_to("counter.index")
    try:
        done = gateway().call(RedeemScanned(text=text))
    except Refused as error:
        flash(f"{text}\n{refusal(error)}", "refused")
        return back_to("counter.index")
    if done.redeemed is None:
        return _page(choose=done.choose)
    view = done.redeemed
    flash(f"{view.grant.code}\n{label(view.label_ru, view.label_en)}", "redeemed")
    return back_to("counter.index")


@blueprint.post("/counter/customer")
@signed_in
def customer() -> ResponseReturnValue:
    """Who it is. By a form that is sent: a card or a phone belongs in no address."""
    text = typed("code", TYPED_CHARS)
    found = tell(LookUpCustomer(customer=text)) if text else None
    if found is None:
        return back_to("counter.index")
    return _page(customer=found, form=uuid.uuid4().hex)


@blueprint.post("/counter/spend")
@signed_in
def spend() -> ResponseReturnValue:
    """A customer pays with tokens. Sent twice from one form, they pay once."""
    try:
        tokens = float(typed("tokens", 20).replace(",", "."))
    except ValueError:
        tokens = 0.0  # which the gateway refuses with what is asked for
    account, form = typed("account", TYPED_CHARS), typed("form", 32)
    spent = tell(SpendTokens(request=f"spend {form}", account=account, tokens=tokens))
    if spent is not None:
        paid, left = amount(spent.tokens), amount(spent.left)
        flash(gettext("Paid with tokens: %(paid)s. Left: %(left)s.", paid=paid, left=left), "good")
    return _to_counter()


@blueprint.post("/counter/undo")
@signed_in
def undo() -> ResponseReturnValue:
    """It was not handed over after all."""
    view = tell(UndoRedeem(code=typed("code", TYPED_CHARS)))
    if view is not None:
        flash(gettext("Undone: the code %(code)s is good again.", code=view.grant.code), "good")
    return _to_counter()


@blueprint.get("/counter/void")
@signed_in
def ask_void() -> ResponseReturnValue:
    """Why a promise is taken back."""
    return render_template("counter/void.html", code=request.args.get("code", ""))


@blueprint.post("/counter/void/now")
@signed_in
def void() -> ResponseReturnValue:
    """Take a promise back, for good."""
    code = typed("code", TYPED_CHARS)
    view = tell(VoidGrant(code=code, reason=typed("reason", _REASON_CHARS)))
    if view is None:
        return redirect(url_for("counter.ask_void", code=code), 303)
    flash(gettext("Taken back: the code %(code)s is worth nothing.", code=code), "good")
    return _to_counter()


def _page(**more: object) -> str:
    """The whole page, or for a script the panel alone."""
    if by_htmx():
        return render_template("counter/panel.html", back=None, **more)
    return render_template("counter/index.html", grants=open_grants(), undoable=undoable(), **more)


def _to_counter() -> Response:
    return redirect(url_for("counter.index"), 303)
