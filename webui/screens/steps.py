"""The steps of the wizard, each one a form of its own."""

import time
from typing import Final

from flask import Blueprint, abort, flash, render_template, request
from flask.typing import ResponseReturnValue

from webui import words
from webui.anew import start_anew
from webui.client import (
    Acknowledge,
    AddPerson,
    AlertView,
    ButtonKind,
    GetAlerts,
    GetShop,
    LearnButton,
    MarkStep,
    PlaceButton,
    PressPin,
    ReceiptState,
    RemoveButton,
    RemovePerson,
    Role,
    SetServer,
    SetShop,
    SetTransmitter,
    SetupStep,
    SetupView,
    StepState,
    TryPage,
    ask_simulator,
)
from webui.navigate import by_htmx
from webui.options import options
from webui.person import gateway
from webui.screens.demo import wrists
from webui.screens.setup import go, go_on, known, owners_only, setup, text
from webui.structures import Hours
from webui.tell import tell
from webui.translate import gettext

CLOCK_OFF_S: Final = 120.0
KINDS: Final = (
    ButtonKind.VERY_HAPPY,
    ButtonKind.HAPPY,
    ButtonKind.NEUTRAL,
    ButtonKind.UNHAPPY,
    ButtonKind.VERY_UNHAPPY,
    ButtonKind.CALL,
    ButtonKind.ACKNOWLEDGE,
)
_HZ: Final = 1_000_000
_LIVE: Final = (SetupStep.TRANSMITTER, SetupStep.BUTTONS, SetupStep.REHEARSAL)
"""Steps of which a part changes by itself."""
_WEEK: Final = (("workdays", ("mon", "tue", "wed", "thu", "fri")), ("weekend", ("sat", "sun")))

blueprint = Blueprint("steps", __name__, url_prefix="/setup")


@blueprint.get("/<step>")
@owners_only
def show(step: str) -> ResponseReturnValue:
    """A step's page."""
    which = known(step)
    return render_template(f"setup/{which.value}.html", **_surroundings(which))


@blueprint.get("/<step>/live")
@owners_only
def live(step: str) -> ResponseReturnValue:
    """The part of it that changes by itself."""
    which = known(step)
    if which not in _LIVE:
        abort(404)
    return render_template(f"setup/live/{which.value}.html", **_surroundings(which))


def _surroundings(step: SetupStep) -> dict[str, object]:
    view = setup()
    simulator = options().simulator
    shop = ask_simulator(simulator, GetShop()) if simulator is not None else None
    return {
        "view": view,
        "step": step,
        "steps": list(SetupStep),
        "kinds": KINDS,
        "drivers": words.DRIVERS,
        "hours": _hours(view),
        "alert": _rehearsed() if step is SetupStep.REHEARSAL else None,
        "took": (ReceiptState.ACCEPTED, ReceiptState.TRANSMITTED),
        "wrists": () if shop is None else wrists(shop, time.time()),
    }


def _again(step: SetupStep) -> ResponseReturnValue:
    """The step's page with its form as it was sent, but for secrets."""
    return render_template(f"setup/{step.value}.html", **_surroundings(step)), 422


# --- shop --------------------------------------------------------------------------------------


@blueprint.post("/shop/set")
@owners_only
def shop() -> ResponseReturnValue:
    """Name, time zone, hours."""
    _compare_clocks(text("now"))
    hours = tuple(
        Hours(days=days, open=text(f"{name}_open"), close=text(f"{name}_close"))
        for name, days in _WEEK
        if text(f"{name}_open") or text(f"{name}_close")
    )
    wanted = SetShop(name=text("name"), timezone=text("timezone"), hours=hours)
    view = tell(wanted)
    return _again(SetupStep.SHOP) if view is None else go_on(view, SetupStep.SHOP)


def _compare_clocks(phone_ms: str) -> None:
    """Say so when this box and the phone do not agree; who is right, neither can know."""
    if phone_ms.isascii() and phone_ms.isdigit():
        off_s = abs(int(phone_ms[:15]) / 1000 - time.time())
        if off_s > CLOCK_OFF_S:
            sentence = gettext(
                "The clocks of this phone and of the box differ by %(time)s.",
                time=words.duration(off_s),
            )
            flash(sentence, "bad")


def _hours(view: SetupView) -> dict[str, str]:
    """The two rows of the form, from hours that have no more than these."""
    found = {}
    for name, days in _WEEK:
        span = next((each for each in view.shop.hours if set(days) <= set(each.days)), None)
        found[f"{name}_open"] = span.open if span else ""
        found[f"{name}_close"] = span.close if span else ""
    return found


# --- transmitter and pager -----------------------------------------------------------------------


@blueprint.post("/transmitter/set")
@owners_only
def transmitter() -> ResponseReturnValue:
    """Set it up, and send a page at once: nothing else shows whether it works."""
    wanted = SetTransmitter(
        port=text("other") or text("port"),
        driver=text("driver"),
        address=text("address"),
        framing=text("framing"),
        frequency_hz=_hertz(text("frequency")),
    )
    view = tell(wanted)
    if view is None:
        return _again(SetupStep.TRANSMITTER)
    if not view.applied:
        start_anew()
    tell(TryPage())
    return go(SetupStep.TRANSMITTER)


def _hertz(megahertz: str) -> int:
    try:
        return round(float(megahertz.replace(",", ".")) * _HZ)
    except (ValueError, OverflowError):
        return 0


@blueprint.post("/transmitter/page")
@owners_only
def page() -> ResponseReturnValue:
    """Page once more."""
    tell(TryPage())
    return go(SetupStep.TRANSMITTER)


# --- buttons -----------------------------------------------------------------------------------


@blueprint.post("/buttons/learn")
@owners_only
def learn() -> ResponseReturnValue:
    """Listen for a minute."""
    gateway().call(LearnButton())
    return go(SetupStep.BUTTONS)


@blueprint.post("/buttons/place")
@owners_only
def place() -> ResponseReturnValue:
    """Give the pressed button its meaning; the box listens for the next one at once."""
    kind, pin = text("kind"), text("pin")
    if kind in list(ButtonKind) and pin.isascii() and pin.isdigit():
        wanted = PlaceButton(
            pin=int(pin[:3]), kind=ButtonKind(kind), normally_closed=bool(text("normally_closed"))
        )
        tell(wanted)
    return go(SetupStep.BUTTONS)


@blueprint.post("/buttons/remove")
@owners_only
def unplace() -> ResponseReturnValue:
    """Take a button's place away."""
    tell(RemoveButton(name=text("name")))
    return go(SetupStep.BUTTONS)


@blueprint.post("/buttons/press")
@owners_only
def press() -> ResponseReturnValue:
    """Press what is wired to a simulated pin."""
    pin = text("pin")
    if pin.isascii() and pin.isdigit():
        tell(PressPin(pin=int(pin[:3])))
    if by_htmx():
        return "", 200, {"HX-Trigger": "refetch"}
    return go(known(text("step")))


# --- staff, server, rehearsal ------------------------------------------------------------------


@blueprint.post("/staff/add")
@owners_only
def staff() -> ResponseReturnValue:
    """Add a person."""
    role = text("role")
    wanted = AddPerson(
        name=text("name"),
        role=Role(role) if role in list(Role) else Role.STAFF,
        address=text("address"),
        new_watch=bool(text("new_watch")),
        pin=request.form.get("pin", ""),
    )
    return _again(SetupStep.STAFF) if tell(wanted) is None else go(SetupStep.STAFF)


@blueprint.post("/staff/remove")
@owners_only
def unstaff() -> ResponseReturnValue:
    """Take a person away."""
    tell(RemovePerson(name=text("name")))
    return go(SetupStep.STAFF)


@blueprint.post("/server/set")
@owners_only
def server() -> ResponseReturnValue:
    """The shop's own ACHIVX server."""
    token = request.form.get("token", "").strip()
    view = tell(SetServer(address=text("address"), token=token))
    return _again(SetupStep.SERVER) if view is None else go_on(view, SetupStep.SERVER)


@blueprint.post("/rehearsal/apply")
@owners_only
def apply() -> ResponseReturnValue:
    """Begin the rehearsal on what was set up."""
    gateway().call(MarkStep(step=SetupStep.REHEARSAL, state=StepState.OPEN))
    start_anew()
    return go(SetupStep.REHEARSAL)


def _rehearsed() -> AlertView | None:
    """The alert that the rehearsal raised: the latest there is."""
    alerts = gateway().call(GetAlerts())
    return alerts[-1] if alerts else None


@blueprint.post("/rehearsal/acknowledge")
@owners_only
def acknowledge() -> ResponseReturnValue:
    """I am going: the last part of the rehearsal."""
    tell(Acknowledge(alert=text("alert")))
    return go(SetupStep.REHEARSAL)
