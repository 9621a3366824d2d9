"""Commands on the whole box: backup, restore, support-bundle. They ask the running gateway."""

import argparse
import contextlib
import getpass
from pathlib import Path
from typing import Final

from gateway.backup.messages import (
    BackupFailed,
    BackupView,
    MakeBackup,
    MakeBundle,
    Restore,
    UndoRestore,
)
from gateway.client import Client
from gateway.commands.carry import fetch, send
from gateway.commands.common import Commands, add_command, control_socket
from gateway.errors import CannotStart, GatewayError
from gateway.host.messages import BackupFromStick, BackupToStick, GetHost, HostView
from gateway.transfer.messages import Purpose

WAIT_S: Final = 900.0
"""The longest a command waits: a large journal is looked through, on a slow card."""


def add_to(commands: Commands) -> None:
    """Add them."""
    backup = add_command(
        commands,
        "backup",
        _backup,
        "write the whole box into one file",
        details="Settings, journal, keys and PINs; nothing stops meanwhile.",
    )
    where = backup.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        nargs="?",
        help="not there yet; or a directory to put it in",
    )
    where.add_argument(
        "--stick",
        nargs="?",
        const="",
        metavar="NAME",
        help="onto a USB stick of an appliance; several are told apart by name or label",
    )
    backup.add_argument(
        "--keep", type=int, metavar="N", help="in a directory: remove all but the latest N"
    )
    backup.add_argument(
        "--nightly",
        action="store_true",
        help="as achivx-backup.service does: a failure is a fault of the box until one is made",
    )
    _add_passphrase(backup)
    restore = add_command(
        commands,
        "restore",
        _restore,
        "go on as the box that a backup is of",
        details="The file is checked wholly first; what is there now is kept aside.",
    )
    restore.add_argument("file", type=Path, metavar="FILE", nargs="?")
    restore.add_argument(
        "--stick", metavar="NAME", help="a backup on a USB stick of an appliance, from `host`"
    )
    restore.add_argument("--check", action="store_true", help="only look whether it is good")
    restore.add_argument(
        "--undo", action="store_true", help="back to what was before the latest restore"
    )
    _add_passphrase(restore)
    bundle = add_command(
        commands, "support-bundle", _bundle, "write what support needs to see, without secrets"
    )
    bundle.add_argument("file", type=Path, metavar="FILE", help="a .tar.gz that is not there yet")


def _add_passphrase(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--passphrase", action="store_true", help="ask for a passphrase")
    ways.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="take its first line for one"
    )


def _backup(options: argparse.Namespace) -> int:
    try:
        return _make_backup(options)
    except GatewayError as error:
        if options.nightly:
            # A gateway that is gone hears nothing; systemd's log has it.
            with contextlib.suppress(GatewayError), _client(options) as client:
                client.call(BackupFailed(words=str(error)))
        raise


def _make_backup(options: argparse.Namespace) -> int:
    passphrase = _passphrase(options, twice=True)
    with _client(options) as client:
        if options.stick is not None:
            return _onto_stick(client, options.stick, passphrase)
        view = client.call(MakeBackup(passphrase=passphrase))
        path = options.file / view.name if options.file.is_dir() else options.file
        fetch(client, view, path)
    if options.keep is not None and options.file.is_dir():
        _sweep(options.file, max(options.keep, 1))
    print(f"{path}: {view.bytes} bytes, {_sealed(passphrase)}")
    return 0


def _sealed(passphrase: str | None) -> str:
    return "encrypted" if passphrase else "NOT encrypted: whoever has it has the box's keys"


def _onto_stick(client: Client, wanted: str, passphrase: str | None) -> int:
    stick = _stick(client.call(GetHost()), wanted)
    view = client.call(MakeBackup(passphrase=passphrase))
    client.call(BackupToStick(file=view.id, name=view.name, stick=stick))
    print(f"{stick}/{view.name}: {view.bytes} bytes, {_sealed(passphrase)}")
    print("the USB stick can be pulled out")
    return 0


def _stick(host: HostView, wanted: str) -> str:
    """The one that is meant; where it is the only one it need not be named."""
    if not host.is_there:
        raise CannotStart("this machine is no appliance: name a FILE on the stick")
    if not host.sticks:
        raise CannotStart("there is no USB stick in the box that it can read: FAT or exFAT")
    found = [each.name for each in host.sticks if wanted in ("", each.name, each.label)]
    if len(found) != 1:
        names = (f"{each.name} ({each.label})" if each.label else each.name for each in host.sticks)
        raise CannotStart(f"name one of the USB sticks: --stick NAME, of {', '.join(names)}")
    return found[0]


def _sweep(directory: Path, keep: int) -> None:
    """Remove the oldest backups: their names end in when they were made."""
    found = sorted(directory.glob("*-backup-*.achivx-backup"), key=lambda path: path.stem[-15:])
    try:
        for path in found[:-keep]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStart(f"cannot remove older backups: {error}") from error


def _bundle(options: argparse.Namespace) -> int:
    with _client(options) as client:
        view = client.call(MakeBundle())
        fetch(client, view, options.file)
    print(f"{options.file}: {view.bytes} bytes; look into it before you send it")
    return 0


def _restore(options: argparse.Namespace) -> int:
    if [options.undo, options.file is not None, options.stick is not None].count(True) != 1:
        raise CannotStart("name a FILE, a --stick NAME, or --undo")
    with _client(options) as client:
        if options.undo:
            client.call(UndoRestore())
            print("the box starts anew on what was before the restore")
            return 0
        passphrase = _passphrase(options, twice=False)
        if options.stick is not None:
            name = client.call(BackupFromStick(name=options.stick))
        else:
            name = send(client, options.file, Purpose.BACKUP)
        view = client.call(Restore(file=name, passphrase=passphrase, put=not options.check))
    print(_words(view, is_put=not options.check))
    return 0


def _words(view: BackupView, *, is_put: bool) -> str:
    what = f"{view.device} ({view.shop}), made by version {view.version}"
    after = "the box starts anew as it; everybody signs in again" if is_put else "it is good"
    return f"a backup of {what}: {after}"


def _client(options: argparse.Namespace) -> Client:
    return Client(control_socket(options.config), timeout_s=WAIT_S)


def _passphrase(options: argparse.Namespace, *, twice: bool) -> str | None:
    if options.passphrase_file is not None:
        try:
            with options.passphrase_file.open(encoding="utf-8") as file:
                words = str(file.readline().rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"cannot read {options.passphrase_file}: {error}") from error
        if not words:  # without one it would not be encrypted at all
            raise CannotStart(f"the first line of {options.passphrase_file} is empty")
        return words
    if not options.passphrase:
        return None
    first = getpass.getpass("passphrase: ")
    if twice and first != getpass.getpass("once more: "):
        raise CannotStart("the two passphrases differ: nothing was done")
    return first
