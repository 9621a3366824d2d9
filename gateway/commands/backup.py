"""Commands on the whole box: backup, restore, support-bundle. They ask the running gateway."""

import argparse
import contextlib
import getpass
import os
import sys
from pathlib import Path
from typing import Final

from gateway.backup.messages import (
    BackupView,
    BeginUpload,
    FileView,
    MakeBackup,
    MakeBundle,
    ReadPiece,
    Restore,
    SendPiece,
    UndoRestore,
)
from gateway.client import Client
from gateway.commands.common import Commands, add_command, control_socket
from gateway.errors import CannotStart, GatewayError

WAIT_S: Final = 900.0
"""The longest a command waits: a large journal is looked through, on a slow card."""
_PIECE: Final = 512 * 1024


def add_to(commands: Commands) -> None:
    """Add them."""
    backup = add_command(
        commands,
        "backup",
        _backup,
        "write the whole box into one file",
        details="Settings, journal, keys and PINs; nothing stops meanwhile.",
    )
    backup.add_argument(
        "file", type=Path, metavar="FILE", help="not there yet; or a directory to put it in"
    )
    backup.add_argument(
        "--keep", type=int, metavar="N", help="in a directory: remove all but the latest N"
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
    passphrase = _passphrase(options, twice=True)
    with _client(options) as client:
        view = client.call(MakeBackup(passphrase=passphrase))
        path = options.file / view.name if options.file.is_dir() else options.file
        _fetch(client, view, path)
    if options.keep is not None and options.file.is_dir():
        _sweep(options.file, max(options.keep, 1))
    sealed = "encrypted" if passphrase else "NOT encrypted: whoever has it has the box's keys"
    print(f"{path}: {view.bytes} bytes, {sealed}")
    return 0


def _sweep(directory: Path, keep: int) -> None:
    """Remove the oldest backups: their names end in when they were made."""
    found = sorted(directory.glob("*-backup-*.achivx-backup"), key=lambda path: path.stem[-15:])
    for path in found[:-keep]:
        path.unlink(missing_ok=True)


def _bundle(options: argparse.Namespace) -> int:
    with _client(options) as client:
        view = client.call(MakeBundle())
        _fetch(client, view, options.file)
    print(f"{options.file}: {view.bytes} bytes; look into it before you send it")
    return 0


def _restore(options: argparse.Namespace) -> int:
    if options.undo == (options.file is not None):
        raise CannotStart("name a FILE, or --undo")
    with _client(options) as client:
        if options.undo:
            client.call(UndoRestore())
            print("the box starts anew on what was before the restore")
            return 0
        passphrase = _passphrase(options, twice=False)
        name = _send(client, options.file)
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
                return str(file.readline().rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"cannot read {options.passphrase_file}: {error}") from error
    if not options.passphrase:
        return None
    first = getpass.getpass("passphrase: ")
    if twice and first != getpass.getpass("once more: "):
        raise CannotStart("the two passphrases differ: nothing was done")
    return first


def _fetch(client: Client, view: FileView, path: Path) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CannotStart(f"cannot write {path}: {error.strerror}") from error
    done = 0
    with contextlib.ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)  # half a backup must not be taken for one
        try:
            with os.fdopen(handle, "wb") as file:
                while piece := client.call(ReadPiece(file=view.id, offset=done)):
                    file.write(piece)
                    done += len(piece)
                    _progress(done, view.bytes)
                file.flush()
                os.fsync(file.fileno())
        except GatewayError:  # of which one is an OSError too
            raise
        except OSError as error:
            raise CannotStart(f"cannot write {path}: {error.strerror or error}") from error
        undo.pop_all()


def _send(client: Client, path: Path) -> str:
    try:
        with path.open("rb") as file:
            size, done = os.fstat(file.fileno()).st_size, 0
            name = client.call(BeginUpload(bytes=size))
            while piece := file.read(_PIECE):
                client.call(SendPiece(file=name, offset=done, data=piece))
                done += len(piece)
                _progress(done, size)
    except GatewayError:  # of which one is an OSError too
        raise
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror or error}") from error
    return name


def _progress(done: int, whole: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= whole else ""
        print(f"\r{done * 100 // max(whole, 1)} %", end=end, file=sys.stderr, flush=True)
