"""The quick guest: this computer's own kind of processor, and the same questions about the plug."""

import os
import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from gateway.messages import Acknowledge, GetAlerts, IssueGrant, Resolve
from gateway.model import Outcome
from gateway.simulator.tap_terminal import TapTerminal
from image.proof import cuts, stick, system, updates
from image.proof.card import taken_release, taken_state
from image.proof.centre import HOST, TOKEN, Centre
from image.proof.first_run import PIN, page_again
from image.proof.machine import HERE, Board, Machine, started
from image.proof.report import Failed, holds, run

_GUEST: Final = HERE.parent / "guest"
_BUILD_S: Final = 900.0
# Without what a PC has and this box has not: each device is a driver to be loaded at every start.
_BOARD: Final = "q35,sata=off,smbus=off"
_EMULATOR: Final = ("qemu-system-x86_64", "-M", _BOARD, "-cpu", "Nehalem", "-smp", "2", "-m", "768")
# What of a kernel's start an emulator is slow at, and nothing here is a test of.
_SKIPPED: Final = (
    "mitigations=off nokaslr audit=0 lsm=yama cryptomgr.notests rcupdate.rcu_expedited=1"
    " systemd.ssh_auto=no"
)


def made(work: Path, port: int, update_key: str) -> Board:
    """A guest with this release; its state is on a disk of its own.

    Args:
        work: Where its disks go.
        port: Where the ACHIVX server is, on this computer.
        update_key: Of whoever makes its updates, PEM.

    Raises:
        Failed: It cannot be made.
    """
    more, disks = work / "more", work / "disks"
    key = (work / "key.pub").read_text(encoding="ascii")
    shop = (HERE / "guest_shop.toml").read_text(encoding="utf-8")
    for name, text, mode in (
        ("root/.ssh/authorized_keys", key, 0o600),
        ("etc/credstore/achivx-token", f"{TOKEN}\n", 0o600),
        ("etc/achivx-host/update.pem", update_key, 0o644),
        ("etc/achivx-gateway/gateway.toml", shop.format(server=f"{HOST}:{port}"), 0o640),
    ):
        path = more / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
    run(_GUEST, disks, more, timeout_s=_BUILD_S)
    words = [*_EMULATOR, "-accel", "tcg,tb-size=512"]
    words += ["-kernel", str(disks / "vmlinuz"), "-initrd", str(disks / "initrd")]
    words += ["-append", f"console=ttyS0 quiet panic=-1 {_SKIPPED}"]
    root = f"file={disks / 'root.ext4'},format=raw,if=none,id=root,snapshot=on"
    words += ["-drive", root, "-device", "virtio-blk-pci,drive=root"]
    return Board(words=tuple(words), disk=disks / "data.ext4", line=("-serial", "chardev:line"))


def prove(work: Path, *, pulls: int, with_updates: bool) -> None:
    """A press through the kernel's pins, lgpio and the gateway; then the plug, again and again.

    Args:
        work: A directory with room for two disks, 2 GB, and half as much again for updates.
        pulls: How often the plug is pulled.
        with_updates: Whether it is given updates before that.

    Raises:
        Failed: Something is not as it should be.
    """
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "key")
    chance = random.Random()  # noqa: S311 - when the plug is pulled is no secret
    with TapTerminal(tcp=True) as terminal, Centre() as centre:
        board = made(work, centre.port, updates.make_key(work))
        holds("the guest is made")
        bundles = None
        if with_updates:
            release = taken_release(work / "disks/root.ext4", work)
            bundles = updates.make(release, os.uname().machine, work)
            board = replace(board, words=(*board.words, "-device", "qemu-xhci"))
            holds("its updates are made")

        def take_state() -> Path:
            copy = work / "data.ext4"
            run("cp", "--sparse=always", board.disk, copy)
            return taken_state(copy, "/", work)

        shop = cuts.Shop(terminal=terminal, centre=centre, take_state=take_state)
        found = None
        for number in range(pulls + 1):
            with started(board, terminal, work) as machine:
                holds(f"boot {number + 1}: the gateway runs")
                if found is not None:
                    cuts.look_when_back(machine, shop, found)
                    cuts.end_alerts(machine)
                answer_incident(machine, terminal)
                if number == 0:
                    system.look_at_start(machine)
                    if bundles is not None:
                        stick.make(work / "stick", bundles.good.path)
                        stick.plug_in(machine, work / "stick")
                        updates.prove(machine, terminal, bundles, partial(give_update, machine))
                        stick.prove(machine, work / "stick", work)
                if number < pulls:
                    promised = cuts.pull(machine, shop, PIN, chance)
                else:
                    promised = cuts.promise(machine, shop)
            found = cuts.look_at_card(shop, promised)


def answer_incident(machine: Machine, terminal: TapTerminal) -> None:
    """A press becomes a page, somebody goes, a coffee is granted, the incident is over.

    Raises:
        Failed: Something on the way is missing.
    """
    page_again(machine, terminal, "of the line")
    alert = machine.ask(GetAlerts())[-1].alert.id
    machine.ask(Acknowledge(alert=alert))
    machine.ask(IssueGrant(request=alert, offer="coffee", alert=alert))
    machine.ask(Resolve(alert=alert, outcome=Outcome.RECOVERED))
    holds("the incident is answered, and a coffee granted")


def give_update(machine: Machine, bundle: Path) -> str:
    """Hand an update over by command, off the stick if it is there; why not, or nothing."""
    found = stick.of(machine)
    names = {each.file: each.name for each in found.updates} if found else {}
    if bundle.name in names:
        words = f"--stick {names[bundle.name]}"
    else:
        words = "/root/update.achivx"
        machine.put(bundle, words)
    try:
        machine.do(f"achivx-gateway update {words}", updates.TRIAL_S)
    except Failed as error:
        return str(error)
    return ""
