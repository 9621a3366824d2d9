"""A USB stick in the box's port: an update comes off it, and a backup goes onto it."""

from pathlib import Path
from typing import Final

from gateway.host.messages import GetHost
from gateway.host.verbs import Stick
from gateway.messages import SetPin
from image.proof.machine import Machine
from image.proof.report import demand, expect, run, until

LABEL: Final = "SHOP STICK"
_START: Final = 1 << 20
_SIZE: Final = 256 << 20
_BACKUP: Final = "achivx-gateway backup --stick --passphrase-file /root/passphrase"
_WORDS: Final = "coffee and cake"


def make(place: Path, *files: Path) -> None:
    """A stick as they are sold: a table with one partition, FAT32, with these files.

    Raises:
        Failed: It cannot be made.
    """
    with place.open("wb") as file:
        file.truncate(_SIZE)
    run("sfdisk", "-q", place, fed=f"start={_START // 512}, type=c\n")
    blocks = str((_SIZE - _START) // 1024)
    words = ("-F", "32", "-n", LABEL, f"--offset={_START // 512}")
    run("mkfs.vfat", *words, place, blocks)
    for each in files:
        run("mcopy", "-i", f"{place}@@{_START}", each, f"::{each.name}")


def of(machine: Machine) -> Stick | None:
    """The stick that is in the box, as the box tells."""
    return next(iter(machine.ask(GetHost()).sticks), None)


def plug_in(machine: Machine, place: Path) -> Stick:
    """Put it in, and wait for the box to find it.

    Raises:
        Failed: It does not.
    """
    machine.plug_in(place)
    stick = until(lambda: of(machine), "the USB stick, mounted")
    assert stick is not None  # noqa: S101 - `until` gives what is true
    demand("ro," in _mount(machine, stick), f"stick: {stick.name} is mounted, read-only")
    expect(stick.label, LABEL, "stick: it is told by its label")
    return stick


def _pull_out(machine: Machine) -> None:
    machine.pull_out()
    until(lambda: of(machine) is None, "the box to forget the stick")


def prove(machine: Machine, place: Path, work: Path) -> None:
    """Write a backup onto the stick that is plugged in, pull it at once, and read it again.

    Args:
        machine: The box.
        place: The stick.
        work: Where to look at it.

    Raises:
        Failed: Something else happens.
    """
    machine.ask(SetPin(staff="owner", pin="739164"))  # without one there is nothing to back up
    machine.do(f"umask 077; echo {_WORDS} >/root/passphrase")
    said = machine.do(_BACKUP)
    _pull_out(machine)
    demand("can be pulled out" in said, f"stick: {said.splitlines()[0]}")
    partition = work / "partition"
    skip = str(_START // 512)
    run("dd", f"if={place}", f"of={partition}", "bs=512", f"skip={skip}", "status=none")
    run("fsck.vfat", "-n", partition)
    partition.unlink()
    stick = plug_in(machine, place)
    (backup,) = stick.backups
    words = f"--check --stick {backup.name} --passphrase-file /root/passphrase"
    said = machine.do(f"achivx-gateway restore {words}")
    demand("it is good" in said, "stick: pulled at once it is clean, and its backup good")
    _pull_out(machine)
    demand(not _mount(machine, stick), "stick: out again, nothing of it is left mounted")


def _mount(machine: Machine, stick: Stick) -> str:
    """How it is mounted; empty: it is not."""
    return machine.do(f"findmnt -no OPTIONS /run/achivx-sticks/{stick.name} || true").strip()
