"""The key that signs the session cookies: read from a file, or made once and kept."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

NAME: Final = "secret.key"
_LEAST: Final = 32
_BYTES: Final = 32


class BadSecret(ValueError):
    """The key cannot be used; the message says what to do."""


def read(path: Path) -> str:
    """The key in a file that someone else made.

    Raises:
        BadSecret: It cannot be read, is too short, or others can read it.
    """
    try:
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSecret(f"cannot read the secret key {path}: {error}") from error
    if others:
        raise BadSecret(f"{path} can be read by others: run chmod 600 {path}")
    if len(key) < _LEAST:
        raise BadSecret(f"the key in {path} is shorter than {_LEAST} characters")
    return key


def kept(state: Path) -> str:
    """The key in the state directory; made there when missing or damaged.

    A damaged key only costs everyone a new sign-in, so it never stops the page.

    Raises:
        BadSecret: The directory cannot be written.
    """
    path = state / NAME
    if path.exists():
        try:
            return read(path)
        except BadSecret:
            path.unlink(missing_ok=True)
    key = secrets.token_hex(_BYTES)
    try:
        _write(path, key)
    except OSError as error:
        raise BadSecret(
            f"cannot keep a secret key in {state} ({error.strerror}): "
            "name a directory of your own with --state"
        ) from error
    return key


def _write(path: Path, key: str) -> None:
    """Whole or not at all: a power cut must not leave half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, key.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)
