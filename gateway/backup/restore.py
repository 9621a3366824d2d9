"""From a backup to the box, so that a power cut at any moment leaves the old state or the new.

A backup is unpacked and checked beside the state, in `restore.part`. One rename to `restore.ready`
decides. From then on everything is put in its place by renames, each of which can be done again:
whoever starts next goes on where the last one was stopped, before anything is opened. What was
there before goes to `before-restore`, in the same form, so that the way back is the same way.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway.access import without_sessions
from gateway.backup import anew, archive, seal
from gateway.backup.archive import Manifest
from gateway.clock import Stamp
from gateway.config.check import ConfigError, check, format_problem
from gateway.config.edit import Edit, edited
from gateway.config.settings import Loaded, Settings
from gateway.errors import CannotStart, GatewayError, Refused
from gateway.events import VERSION, Administered
from gateway.files import sync_directory, write_atomic

READY: Final = "restore.ready"
BEFORE: Final = "before-restore"

_PART: Final = "restore.part"
_OVER: Final = "restore.over"
_ABSENT: Final = ".absent"  # marks a file that is not to be there
_SETTINGS: Final = "gateway.toml"
_KEY_BYTES: Final = 32
# What goes with a database, or is made anew from one.
_BESIDE: Final = ("journal.db-wal", "journal.db-shm", "personal.db-wal", "personal.db-shm")
_STATE: Final = (*(name for name in archive.NAMES if name != _SETTINGS), *_BESIDE, "grants.json")

_log: Final = logging.getLogger(__name__)


def stage(
    sealed: Path,
    passphrase: str | None,
    settings: str,
    restored: Administered,
    at: Stamp,
    state: Path,
) -> tuple[Manifest, Callable[[], None]]:
    """Unpack and check a backup wholly; nothing of the box is touched.

    Args:
        sealed: The file.
        passphrase: Its own, if it has one.
        settings: The text of this box's gateway.toml, whose paths stay.
        restored: Who restores it: the first thing that its journal will tell.
        at: Now.
        state: The state directory.

    Returns:
        What is in it, and the call that decides: the next start is as the restored box.

    Raises:
        Refused: Why it is no good.
        OSError: The disk.
    """
    part = state / _PART
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, part, ignore_errors=True)
        plain = part / "archive"
        seal.unseal(sealed, plain, passphrase)
        manifest = archive.unpack(plain, part)
        plain.unlink()
        with _lent(part, state):
            _check(manifest, part, settings, restored, at)
        undo.pop_all()
    _mark_absent(part)
    return manifest, lambda: _decide(state, part)


def can_go_back(state: Path) -> bool:
    """Whether what was there before the latest restore is still kept."""
    return (state / BEFORE / _SETTINGS).exists()


def go_back(state: Path, undone: Administered | None = None, at: Stamp | None = None) -> None:
    """Have the next start put back what was there before the latest restore.

    Args:
        state: The state directory.
        undone: Who wanted it, for the journal that comes back.
        at: Now.

    Raises:
        Refused: `no_way_back`.
        OSError: The disk.
    """
    if not can_go_back(state):
        raise Refused("no_way_back", "nothing is kept of before a restore")
    if undone is not None and at is not None:
        _note(state / BEFORE / "journal.db", undone, at)
    _mark_absent(state / BEFORE)
    (state / BEFORE).rename(state / READY)
    sync_directory(state)


def _note(path: Path, undone: Administered, at: Stamp) -> None:
    """A journal that cannot take it is set aside at the next start; the way back is open."""
    try:
        anew.note(path, undone, at)
    except (sqlite3.Error, ValueError) as error:
        _log.error("that a restore was undone cannot be kept: %s", error)


def finish(settings: Settings, loaded: Loaded) -> tuple[Loaded, bool]:
    """Put a decided restore in place, if there is one; nothing of the state is open.

    Returns:
        The settings to start on, and whether they are of a restore.

    Raises:
        CannotStart: The disk stopped it half-way; the next try goes on.
    """
    state = Path(loaded.config.paths.state)
    ready = state / READY
    for leftover in (_PART, _OVER):
        shutil.rmtree(state / leftover, ignore_errors=True)
    if not ready.is_dir():
        return loaded, False
    before = state / BEFORE
    try:
        before.mkdir(mode=0o700, exist_ok=True)
        with _lent(ready, state):
            if not _put_settings(settings, ready, before):
                return loaded, False
        for name in _STATE:
            _put(state, ready, before, name)
        for directory in (state, ready, before):
            sync_directory(directory)
        ready.rename(state / _OVER)
        sync_directory(state)
    except OSError as error:
        raise CannotStart(f"a restore cannot be finished: {error.strerror or error}") from error
    shutil.rmtree(state / _OVER, ignore_errors=True)
    _log.warning("this box goes on from a backup; what was before is in %s", before)
    return settings.load_or_last_good(), True


def _decide(state: Path, part: Path) -> None:
    shutil.rmtree(state / BEFORE, ignore_errors=True)
    for path in part.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_directory(part)
    part.rename(state / READY)
    sync_directory(state)


def _mark_absent(directory: Path) -> None:
    for name in _STATE:
        # A token that the backup does not hold stays the one that this box has.
        if name not in archive.SEALED_ONLY and not (directory / name).exists():
            write_atomic(directory / (name + _ABSENT), b"")


def _put_settings(settings: Settings, ready: Path, before: Path) -> bool:
    """The settings go first: they alone can still be refused, and then nothing has happened."""
    path = ready / _SETTINGS
    kept = before / _SETTINGS
    if not kept.exists():
        write_atomic(kept, settings.in_force[0].encode())
    try:
        settings.write(path.read_text("utf-8"), overwrite=True)
    except GatewayError as error:
        _log.error("the restore was given up: %s", error)
        for directory in (ready, before):
            shutil.rmtree(directory, ignore_errors=True)
        return False
    return True


def _put(state: Path, ready: Path, before: Path, name: str) -> None:
    """One file, in steps of which each can be found done: what is in `ready` is not yet."""
    new, absent, place = ready / name, ready / (name + _ABSENT), state / name
    is_absent = absent.exists()
    if not (is_absent or new.exists()):
        return
    with contextlib.suppress(FileNotFoundError):
        place.rename(before / name)
    if is_absent:
        absent.unlink()
    else:
        new.rename(place)


def _check(
    manifest: Manifest, part: Path, settings: str, restored: Administered, at: Stamp
) -> None:
    """Everything that could keep the box from starting on it."""
    if manifest.vocabulary > VERSION:
        raise Refused("newer_backup", "a newer program made this backup: upgrade this box")
    text = (part / _SETTINGS).read_bytes()
    (part / _SETTINGS).write_text(_fitted(text, settings), "utf-8")
    if len((part / "grant.key").read_bytes()) < _KEY_BYTES:
        raise Refused("damaged_backup", "the key of the codes in it is cut short")
    access = part / "access.json"
    try:
        access.write_bytes(without_sessions(access.read_bytes()))
    except msgspec.DecodeError as error:
        raise Refused("damaged_backup", f"the PINs in it cannot be used: {error}") from error
    anew.begin(part / "journal.db", restored, at)
    for name in _BESIDE:  # left by the look; SQLite has folded the log into the file
        (part / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _lent(part: Path, state: Path) -> Iterator[None]:
    """Have the token that comes with the settings in its place while they are checked.

    A box that is refused its backup has no more than before.
    """
    names = [
        name
        for name in archive.SEALED_ONLY
        if (part / name).exists() and not (state / name).exists()
    ]
    for name in names:
        write_atomic(state / name, (part / name).read_bytes())
    try:
        yield
    finally:
        for name in names:
            (state / name).unlink(missing_ok=True)


def _fitted(text: bytes, present: str) -> str:
    """Its settings with this box's own paths: where things are is no part of who the box is."""
    try:
        wanted = text.decode()
        paths = tomllib.loads(present).get("paths")
        if tomllib.loads(wanted).get("paths") != paths:
            wanted = edited(wanted, [Edit(("paths",), paths)])
    except ValueError as error:
        raise Refused("damaged_backup", f"the settings in it cannot be read: {error}") from error
    config, problems, _ = check(wanted)
    if config is None:
        words = format_problem(ConfigError(problems).problems[0])
        raise Refused("settings_unfit", f"this box cannot start on its settings: {words}")
    return wanted
