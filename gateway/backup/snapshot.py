"""A backup of the running box: databases by SQLite's own backup, the rest as it stands."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from gateway import __version__
from gateway.backup import archive, seal
from gateway.backup.archive import Manifest
from gateway.config import Config
from gateway.errors import JournalError, Refused
from gateway.events import VERSION
from gateway.journal import schema

_DATABASES: Final = frozenset({"journal.db", "personal.db"})
_ROOM_BYTES: Final = 32 << 20  # left free beside what a backup takes


def make(config: Config, settings: str, out: Path, passphrase: str | None, made_s: float) -> None:
    """Write a backup of the box to `out`, which must not be there.

    Args:
        config: Names the state directory and the shop.
        settings: The text of gateway.toml in force.
        out: On the same disk as the state.
        passphrase: Encrypts it; None leaves it readable.
        made_s: Unix time.

    Raises:
        Refused: `disk_full`, `weak_passphrase`.
        JournalError: The journal cannot be read.
        OSError: The disk.
    """
    state = Path(config.paths.state)
    sizes = sum((state / name).stat().st_size for name in _DATABASES if (state / name).exists())
    if shutil.disk_usage(state).free < 3 * sizes + _ROOM_BYTES:
        raise Refused("disk_full", "there is not enough room on the disk for a backup")
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        inside = Path(name)
        left_out = archive.SEALED_ONLY if passphrase is None else frozenset()
        files = _collect(state, settings, inside, left_out)
        manifest = Manifest(
            device=config.device.id,
            shop=config.shop.name,
            version=__version__,
            vocabulary=VERSION,
            made_s=made_s,
            members=archive.members(files),
        )
        plain = inside / "archive"
        archive.pack(manifest, files, plain)
        seal.seal(plain, out, passphrase)


def _collect(state: Path, settings: str, inside: Path, left_out: frozenset[str]) -> dict[str, Path]:
    files = {}
    for name in archive.NAMES:
        if name in left_out:
            continue
        copy = inside / name
        if name == "gateway.toml":
            copy.write_text(settings, "utf-8")
        elif not (state / name).exists():
            if name in archive.NEEDED:
                raise Refused("not_whole", f"this box has no {name} yet: nothing to back up")
            continue
        elif name in _DATABASES:
            _copy_database(state / name, copy)
        else:
            shutil.copyfile(state / name, copy)
        files[name] = copy
    return files


def _copy_database(source: Path, copy: Path) -> None:
    """All in one step: it is one moment's state, whoever writes meanwhile."""
    try:
        with closing(schema.open_reader(source)) as origin, closing(sqlite3.connect(copy)) as to:
            origin.backup(to)
    except sqlite3.Error as error:
        raise JournalError(f"{source.name} cannot be copied: {error}") from error
