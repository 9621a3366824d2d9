"""One pager: which letters it shows, and what a watch that learns has to be taught."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui import tell
from webui.anew import start_anew
from webui.client import GetPager, PagerView, Refused, Role, SendPage, SetPager
from webui.person import gateway, person, signed_in
from webui.refusals import refusal
from webui.sections import choice
from webui.translate import gettext

blueprint = Blueprint("pagers", __name__, url_prefix="/status/pager")


@blueprint.get("/<name>")
@signed_in
def show(name: str) -> ResponseReturnValue:
    """What can be done with a pager."""
    who = person()
    return render_template(
        "status/pager.html",
        pager=gateway().call(GetPager(pager=name)),
        choice=choice,
        may_change=who is not None and who.role is Role.OWNER,
    )


@blueprint.post("/<name>/lesson")
@signed_in
def lesson(name: str) -> ResponseReturnValue:
    """Send the code of one kind of page: a watch that listens learns it, another one buzzes."""
    return _sent(name, SendPage(to=name, text="ACHIVX TEST", kind=request.form.get("kind", "")))


@blueprint.post("/<name>/sample")
@signed_in
def sample(name: str) -> ResponseReturnValue:
    """Send letters in one code table."""
    view = gateway().call(GetPager(pager=name))
    charset = request.form.get("charset", "")
    return _sent(name, SendPage(to=name, text=view.samples.get(charset, ""), charset=charset))


def _sent(name: str, page: SendPage) -> ResponseReturnValue:
    tell.page(page)
    return redirect(url_for("pagers.show", name=name), 303)


@blueprint.post("/<name>/table")
@signed_in
def table(name: str) -> ResponseReturnValue:
    """These letters were readable."""
    return _changed(SetPager(pager=name, charset=request.form.get("charset", "")))


@blueprint.post("/<name>/codes")
@signed_in
def codes(name: str) -> ResponseReturnValue:
    """Give the watch codes that no other one has."""
    return _changed(SetPager(pager=name, new_codes=True))


def _changed(wanted: SetPager) -> ResponseReturnValue:
    try:
        view: PagerView = gateway().call(wanted)
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        if not view.applied:
            start_anew()
        flash(gettext("Saved, and in force."), "good")
    return redirect(url_for("pagers.show", name=wanted.pager), 303)
