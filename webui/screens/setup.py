"""The way into the wizard: language, claim, and from step to step. Its state is the gateway's."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import language
from webui.anew import start_anew
from webui.client import (
    AlertState,
    Claim,
    FinishSetup,
    GetAlerts,
    GetSetup,
    LearnButton,
    MarkStep,
    Outcome,
    Refused,
    Resolve,
    Role,
    SetupStep,
    SetupView,
    StepState,
    UndoStep,
)
from webui.options import options
from webui.person import gateway, person, sign_in, to_login
from webui.refusals import refusal
from webui.translate import gettext

P = ParamSpec("P")

FIELD_CHARS: Final = 200

blueprint = Blueprint("setup", __name__)


def owners_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let only owners see a screen. What they do there, the gateway decides again by itself."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        who = person()
        if who is None:
            return to_login()
        if who.role is not Role.OWNER:
            raise Refused("forbidden", "this needs the role owner")
        return view(*args, **kwargs)

    return guarded


def text(name: str) -> str:
    """A field of the form, without blanks at its ends, and no longer than anything here is."""
    return request.form.get(name, "").strip()[:FIELD_CHARS]


def setup() -> SetupView:
    """How far set-up has come."""
    return gateway().call(GetSetup())


def go(step: SetupStep) -> Response:
    """To a step."""
    return redirect(url_for("steps.show", step=step.value), 303)


def go_on(view: SetupView, after: SetupStep) -> Response:
    """To the step that follows, ready for it: listening for buttons, running on the settings."""
    steps = list(SetupStep)
    following = steps[min(steps.index(after) + 1, len(steps) - 1)]
    if following is SetupStep.BUTTONS:
        gateway().call(LearnButton())
    if following is SetupStep.REHEARSAL and not view.applied:
        start_anew()
    return go(following)


@blueprint.get("/setup")
def index() -> ResponseReturnValue:
    """Where to begin, or to go on."""
    code = request.args.get("code", "")[:FIELD_CHARS]
    if gateway().info.claimed:
        return _go_on_as_owner()
    if language.COOKIE not in request.cookies:
        return render_template("setup/language.html", code=code)
    return render_template("setup/claim.html", code=code, name=request.args.get("name"))


@owners_only
def _go_on_as_owner() -> ResponseReturnValue:
    view = setup()
    return render_template("setup/over.html", view=view) if view.finished else go(view.current)


@blueprint.post("/setup/claim/set")
def claim() -> ResponseReturnValue:
    """Become the owner."""
    name = text("name") or gettext("Owner")
    wanted = Claim(
        code=text("code"),
        name=name,
        password=request.form.get("password", "")[:FIELD_CHARS],
        language=language.current(),
    )
    try:
        owner = gateway().call(wanted)
    except Refused as error:
        flash(refusal(error), "bad")
        return redirect(url_for("setup.index", name=text("name") or None, code=text("code")), 303)
    sign_in(owner)
    return redirect(url_for("setup.index"), 303)


@blueprint.post("/setup/<step>/skip")
@owners_only
def skip(step: str) -> ResponseReturnValue:
    """Leave a step for later."""
    return _leave(known(step), StepState.SKIPPED)


@blueprint.post("/setup/<step>/done")
@owners_only
def done(step: str) -> ResponseReturnValue:
    """A step is as it should be."""
    return _leave(known(step), StepState.DONE)


def _leave(step: SetupStep, state: StepState) -> Response:
    view = gateway().call(MarkStep(step=step, state=state))
    return go_on(view, step)


@blueprint.post("/setup/<step>/undo")
@owners_only
def undo(step: str) -> ResponseReturnValue:
    """Put back what was there before."""
    which = known(step)
    try:
        gateway().call(UndoStep(step=which))
    except Refused as error:
        flash(refusal(error), "bad")
    else:
        flash(gettext("Undone: this step is as it was before."), "good")
    return go(which)


def known(step: str) -> SetupStep:
    """The step of this name, else 404."""
    if step not in list(SetupStep):
        abort(404)
    return SetupStep(step)


@blueprint.post("/setup/rehearsal/finish")
@owners_only
def finish() -> ResponseReturnValue:
    """Set-up is over; the rehearsal's alert goes off the board with it."""
    view = setup()
    for each in gateway().call(GetAlerts()):
        if each.alert.state in (AlertState.ACKNOWLEDGED, AlertState.CONTACTED):
            over = Resolve(alert=each.alert.id, outcome=Outcome.FALSE_ALARM, note="rehearsal")
            gateway().call(over)
    gateway().call(MarkStep(step=SetupStep.REHEARSAL, state=StepState.DONE))
    gateway().call(FinishSetup())
    if not view.applied:
        start_anew()
    flash(gettext("The box is set up."), "good")
    is_demo = options().simulator is not None
    return redirect(url_for("demo.index" if is_demo else "board.index"), 303)
