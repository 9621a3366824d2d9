"""The counter: a code comes in by hand or by scanner, and a clear yes or no comes out."""

from typing import Final

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue

from webui.client import GetGrants, GrantState, GrantView, Redeem, Refused
from webui.look import label
from webui.navigate import back_to
from webui.person import gateway, signed_in
from webui.words import refusal

blueprint = Blueprint("counter", __name__)

CODE_CHARS: Final = 64


def open_grants() -> tuple[GrantView, ...]:
    """Grants that can still be redeemed, newest first."""
    return gateway().call(GetGrants(state=GrantState.ISSUED))


@blueprint.get("/counter")
@signed_in
def index() -> ResponseReturnValue:
    """The whole page."""
    return render_template(
        "counter/index.html", grants=open_grants(), code=request.args.get("code")
    )


@blueprint.get("/counter/panel")
@signed_in
def panel() -> ResponseReturnValue:
    """The form with the latest result: what a redemption changes."""
    return render_template("counter/panel.html", back=request.args.get("back"))


@blueprint.get("/counter/grants")
@signed_in
def grants() -> ResponseReturnValue:
    """The list that is fetched again at every ring; apart, so that it disturbs no typing."""
    return render_template(
        "counter/grants.html", grants=open_grants(), back=request.args.get("back")
    )


@blueprint.post("/counter/redeem")
@signed_in
def redeem() -> ResponseReturnValue:
    """Hand a grant over, once and for good."""
    code = " ".join(request.form.get("code", "").split())[:CODE_CHARS]
    if not code:
        return back_to("counter.index")
    try:
        view = gateway().call(Redeem(code=code))
    except Refused as error:
        flash(f"{code}\n{refusal(error)}", "refused")
    else:
        flash(f"{view.grant.code}\n{label(view.label_ru, view.label_en)}", "redeemed")
    return back_to("counter.index")
