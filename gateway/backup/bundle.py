"""The support bundle: state, settings, last events and log of the box, all secrets removed."""

import base64
import io
import json
import platform
import sqlite3
import tarfile
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import tomlkit

from gateway import __version__, logs
from gateway.access import pin_hashes
from gateway.backup import redact
from gateway.events import Record
from gateway.journal import reading
from gateway.status import Status

EVENTS_MOST: Final = 2000
_SECRET_BYTES: Final = 64 * 1024
_FILES: Final = ("token_file", "password_file", "client_key_file")


def latest(connection: sqlite3.Connection) -> list[Record]:
    """The last events of the journal."""
    after = max(0, reading.last_seq(connection) - EVENTS_MOST)
    return list(reading.all_records(connection, after))


def make(text: str, status: Status, events: Iterable[Record], state: Path, out: Path) -> None:
    """Write the bundle to `out`, which must not be there.

    Args:
        text: The settings in force.
        status: Of the box.
        events: The last ones.
        state: The state directory: its secrets are read, so that they can be masked.
        out: A tar.gz.

    Raises:
        OSError: The disk.
    """
    tables = tomllib.loads(text)
    secrets = redact.secrets_in(tables) | _secrets(tables, state)
    lines = [_json(_masked(redact.event(each), secrets)) for each in events]
    files = {
        "versions.json": _json(_versions()),
        "status.json": _json(_masked(msgspec.to_builtins(status), secrets)),
        "settings.toml": tomlkit.dumps(_masked(redact.settings(tables), secrets)),
        "events.jsonl": "\n".join(lines),
        "log.txt": "\n".join(redact.words(line, secrets) for line in logs.recent()),
    }
    with tarfile.open(out, "x:gz") as archive:
        out.chmod(0o600)
        for name, content in files.items():
            data = content.encode()
            info = tarfile.TarInfo(f"support/{name}")
            info.size, info.mode = len(data), 0o600
            archive.addfile(info, io.BytesIO(data))


def _masked(value: Any, secrets: set[str]) -> Any:
    """The same structure with every text in it masked, keys too: numbers and names stay."""
    if isinstance(value, str):
        return redact.words(value, secrets)
    if isinstance(value, dict):
        return {redact.words(key, secrets): _masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, secrets) for inner in value]
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _versions() -> dict[str, str]:
    return {
        "gateway": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "sqlite": sqlite3.sqlite_version,
    }


def _secrets(tables: Any, state: Path) -> set[str]:
    """What the box keeps for itself, in each way that it could be written down."""
    found = set()
    for path in (state / "grant.key", state / "claim.code", *_named(tables)):
        with suppress(OSError):
            with path.open("rb") as file:
                data = file.read(_SECRET_BYTES)
            found |= {data.hex(), base64.b64encode(data).decode()}
            found |= set(data.decode(errors="replace").split())
    with suppress(OSError, ValueError):  # damaged: then there is nothing in it to give away
        found |= set(pin_hashes((state / "access.json").read_bytes()))
    return found


def _named(tables: Any) -> list[Path]:
    """The files of secrets that the settings name."""
    if isinstance(tables, dict):
        own = [Path(str(tables[key])) for key in _FILES if key in tables]
        return [*own, *(path for inner in tables.values() for path in _named(inner))]
    if isinstance(tables, list):
        return [path for inner in tables for path in _named(inner)]
    return []
