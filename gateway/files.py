"""Files that are whole after a power cut: written beside, flushed, renamed, directory flushed."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32
_TOKEN_BYTES: Final = 4


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `data`: after a cut at any moment it holds the old or the new, whole.

    Raises:
        OSError: It could not be written; the old file stands.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(_TOKEN_BYTES)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    sync_directory(path.parent)


def clear_leftovers(path: Path) -> None:
    """Take away what power cuts left half-written beside `path`; what cannot be, does no harm."""
    with contextlib.suppress(OSError):
        for beside in path.parent.glob(f".{path.name}.{'[0-9a-f]' * 2 * _TOKEN_BYTES}"):
            beside.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make a rename or a new name in `directory` last through a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def key_file(path: Path, new: bytes | None = None) -> bytes:
    """The 32 random bytes kept in `path`, made at the first call and where they are cut short.

    Args:
        path: Where.
        new: What is kept where there is nothing yet, in place of random bytes.

    Raises:
        OSError: It can neither be read nor made.
    """
    clear_leftovers(path)
    with contextlib.suppress(FileNotFoundError):
        key = path.read_bytes()
        if len(key) >= _KEY_BYTES:
            return key
    key = new or secrets.token_bytes(_KEY_BYTES)
    write_atomic(path, key)
    return key
