"""The box as a whole: backup, restore, support bundle, factory reset."""

from collections.abc import Iterator

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui.anew import wait_for_another
from webui.carry import WAIT_S, hand_over, pieces
from webui.client import (
    ApplyUpdate,
    BackupFromStick,
    BackupToStick,
    FactoryReset,
    FileView,
    Gateway,
    GetRestore,
    GetStatus,
    MakeBackup,
    MakeBundle,
    Purpose,
    Refused,
    Request,
    RestartBox,
    Restore,
    UndoRestore,
)
from webui.host import look, why_not
from webui.options import options
from webui.person import gateway, sign_out, token
from webui.refusals import REFUSALS, refusal
from webui.screens.setup import owners_only
from webui.translate import gettext
from webui.words import moment

blueprint = Blueprint("box", __name__, url_prefix="/settings/box")


@blueprint.get("")
@owners_only
def index() -> ResponseReturnValue:
    """What can be done with the whole box; a host that fails takes none of the rest along."""
    restore, device = gateway().call(GetRestore()), gateway().call(GetStatus()).device
    try:
        host, no_host = look(), str(REFUSALS["no_host"])
    except Refused as error:
        host, no_host = None, refusal(error)
    sticks = host.sticks if host else ()
    return render_template(
        "box/index.html",
        restore=restore,
        has_authority=options().authority is not None,
        device=device,
        host=host,
        no_host=no_host,
        sticks=sticks,
        backups=[(stick, each) for stick in sticks for each in stick.backups],
        why_not=why_not(host) if host else "",
    )


@blueprint.post("/backup")
@owners_only
def backup() -> ResponseReturnValue:
    """The whole box in one file: for the browser, or onto a stick."""
    wish = MakeBackup(passphrase=request.form.get("passphrase") or None)
    stick = request.form.get("stick", "")
    if not stick:
        return _send(wish)
    try:
        with _patient() as patient:
            view = patient.call(wish)
            patient.call(BackupToStick(file=view.id, name=view.name, stick=stick))
    except Refused as error:
        return _refused(error)
    said = gettext("%(name)s is on the USB stick, whole. You can pull it out.", name=view.name)
    flash(said, "good")
    return redirect(url_for("box.index"), 303)


@blueprint.post("/bundle")
@owners_only
def bundle() -> ResponseReturnValue:
    """What support may see."""
    return _send(MakeBundle())


def _send(wish: Request[FileView]) -> ResponseReturnValue:
    patient = _patient()
    try:
        view = patient.call(wish)
    except Refused as error:
        patient.close()
        return _refused(error)
    content: Iterator[bytes] = pieces(patient, view)
    headers = {
        "Content-Disposition": f'attachment; filename="{view.name}"',
        "Content-Length": str(view.bytes),
    }
    return Response(content, mimetype="application/octet-stream", headers=headers)


@blueprint.post("/restore")
@owners_only
def restore() -> ResponseReturnValue:
    """Look at a backup, or go on as the box that it is of."""
    chosen, stick = request.files.get("file"), request.form.get("stick", "")
    is_put = request.form.get("do") == "put"
    is_sent = chosen is not None and bool(chosen.filename)
    if is_sent and stick:
        return _refused(Refused("both_chosen", "a file and one on a stick"))
    if not is_sent and not stick:
        return _refused(Refused("no_file", "no file"))
    if is_put and request.form.get("sure") != "yes":
        return _refused(Refused("not_sure", "not confirmed"))
    life = gateway().info.life
    try:
        with _patient() as patient:
            if chosen is not None and not stick:
                name = hand_over(patient, chosen.stream, Purpose.BACKUP)
            else:
                name = patient.call(BackupFromStick(name=stick))
            passphrase = request.form.get("passphrase") or None
            found = patient.call(Restore(file=name, passphrase=passphrase, put=is_put))
    except Refused as error:
        return _refused(error)
    what = gettext("%(shop)s, of %(time)s", shop=found.shop, time=moment(found.made_s))
    if not is_put:
        flash(gettext("This backup is whole: %(what)s. Nothing was changed.", what=what), "good")
        return redirect(url_for("box.index"), 303)
    return _begin_anew(life, gettext("The box is as in the backup: %(what)s.", what=what))


@blueprint.post("/restore/undo")
@owners_only
def undo() -> ResponseReturnValue:
    """Back to what was there before the latest restore."""
    life = gateway().info.life
    try:
        gateway().call(UndoRestore())
    except Refused as error:
        return _refused(error)
    return _begin_anew(life, gettext("The box is as it was before the restore."))


@blueprint.post("/reset")
@owners_only
def reset() -> ResponseReturnValue:
    """Make the box as new, for whoever types its id."""
    try:
        gateway().call(FactoryReset(device=request.form.get("typed", "").strip()))
    except Refused as error:
        return _refused(error)
    flash(gettext("The factory reset is asked for; the box does it by itself."), "good")
    return redirect(url_for("box.index"), 303)


@blueprint.post("/update")
@owners_only
def update() -> ResponseReturnValue:
    """Hand an update over; the host checks its signature, and goes back where it does not work."""
    chosen, stick = request.files.get("file"), request.form.get("stick", "")
    if not stick and (chosen is None or not chosen.filename):
        return _refused(Refused("no_update", "no file"))
    is_sure = request.form.get("older") == "yes"
    try:
        with _patient() as patient:
            name = ""
            if chosen is not None and not stick:
                name = hand_over(patient, chosen.stream, Purpose.UPDATE)
            patient.call(ApplyUpdate(file=name, stick=stick, allow_older=is_sure))
    except Refused as error:
        return _refused(error)
    flash(gettext("The update is being checked. The box starts anew by itself."), "good")
    return redirect(url_for("box.index"), 303)


@blueprint.post("/restart")
@owners_only
def restart() -> ResponseReturnValue:
    """Switch the box off and on."""
    try:
        gateway().call(RestartBox())
    except Refused as error:
        return _refused(error)
    flash(gettext("The box restarts: half a minute without pages."), "good")
    return redirect(url_for("box.index"), 303)


def _patient() -> Gateway:
    return Gateway(options().control, token(), answer_s=WAIT_S)


def _begin_anew(life: str, said: str) -> Response:
    """Nobody is signed in to a box that has become another."""
    wait_for_another(life)
    sign_out()
    flash(said, "good")
    return redirect(url_for("login.show"), 303)


def _refused(error: Refused) -> Response:
    flash(refusal(error), "bad")
    return redirect(url_for("box.index"), 303)
