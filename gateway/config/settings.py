"""The only writer of gateway.toml: what it writes is checked, whole after a power cut, undoable.

Beside `gateway.toml` stand `gateway.toml.last-good`, the last text that was good, and the
directory `gateway.toml.history` with the texts that were replaced. Someone's own comments survive
every change, and someone's own edit of the file is never overwritten unseen.
"""

import contextlib
import fcntl
import hashlib
import os
import tomllib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from gateway.config import Config, check
from gateway.config.check import ConfigError, Problem, format_problem
from gateway.config.edit import Edit, changed_keys, edited
from gateway.errors import GatewayError, Refused
from gateway.files import write_atomic

HISTORY: Final = 20
"""Replaced texts that are kept."""

_MODE: Final = 0o640
_HEX8: Final = "[0-9a-f]" * 8  # how write_atomic's temporary names end


class SettingsError(GatewayError, OSError):
    """The settings could not be written; the message says what stands now."""


class Source(StrEnum):
    """Which file the gateway started on."""

    FILE = "file"
    LAST_GOOD = "last_good"


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force.

    Attributes:
        config: What they say.
        text: Their text.
        sha256: Its SHA-256, which a change may name.
        source: Where they are from.
        problems: What is wrong with gateway.toml, if they are from the last good one.
        warnings: What is probably not meant in `text`, and whether it could be kept as last-good.
    """

    config: Config
    text: str
    sha256: str
    source: Source
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """Settings that were written.

    Attributes:
        config: What they say now.
        text: Their text.
        sha256: Its SHA-256.
        keys: What differs from before, e.g. `shop.name`, `buttons`; empty if nothing does.
        warnings: What is probably not meant.
    """

    config: Config
    text: str
    sha256: str
    keys: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()


class Past(msgspec.Struct, frozen=True):
    """A text that was replaced: its number, rising, and when, as the box believed it then."""

    number: int
    replaced_s: float


class Settings:
    """The settings file and what is kept beside it."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.last_good_path: Final = path.with_name(path.name + ".last-good")
        self.history_path: Final = path.with_name(path.name + ".history")
        self._text = ""  # what was loaded or written last: edits start from it
        self._on_disk: str | None = None  # the file's SHA-256 when it was last seen

    @property
    def in_force(self) -> tuple[str, str]:
        """The text that was loaded or written last, and its SHA-256 for `replaces`."""
        return self._text, _sha256(self._text.encode())

    def load_or_last_good(self) -> Loaded:
        """The settings in the file, or the last good ones when it cannot be used.

        Raises:
            ConfigError: Neither can be used.
        """
        self._on_disk = _sha256_of(self.path)
        try:
            loaded = _load(self.path, Source.FILE)
        except ConfigError as broken:
            if not self.last_good_path.exists():
                raise
            loaded = self._load_last_good(broken)
        else:
            loaded = self._keep_as_last_good(loaded)
        self._text = loaded.text
        return loaded

    def write(self, text: str, *, replaces: str | None = None, overwrite: bool = False) -> Change:
        """Put `text` into force at the next start.

        Args:
            text: The whole new file.
            replaces: The SHA-256 of the text it was made from; None means the one in force.
            overwrite: Replace the file even if it changed on disk since it was loaded.

        Raises:
            ConfigError: `text` cannot be used; nothing was written.
            Refused: `settings_changed` or `settings_busy`; nothing was written.
            SettingsError: The file could not be written; the message says what stands now.
        """
        config, problems, warnings = check.check(text)
        if config is None:
            raise ConfigError(problems)
        if replaces is not None and replaces != self.in_force[1]:
            raise Refused("settings_changed", "the settings were changed meanwhile: look again")
        keys = changed_keys(tomllib.loads(self._text), tomllib.loads(text))
        with self._locked():
            if not overwrite and _sha256_of(self.path) != self._on_disk:
                words = f"{self.path} was changed by hand since it was loaded"
                raise Refused("settings_changed", words)
            self._replace(text)
        return Change(config, text, _sha256(text.encode()), keys, tuple(warnings))

    def edit(
        self, changes: Sequence[Edit], *, replaces: str | None = None, overwrite: bool = False
    ) -> Change:
        """Change single keys of the text in force; comments and order survive.

        Raises:
            Refused: `no_such_key`, `edit_whole_file`, else as `write`.
            ConfigError: As `write`.
            SettingsError: As `write`.
        """
        text = edited(self._text, changes)
        return self.write(text, replaces=replaces, overwrite=overwrite)

    def history(self) -> tuple[Past, ...]:
        """The texts that were replaced, the latest first."""
        numbered = sorted(((_number(path), path) for path in self._past()), reverse=True)
        return tuple(Past(number, path.stat().st_mtime) for number, path in numbered)

    def past_text(self, number: int) -> str:
        """One of the replaced texts.

        Raises:
            Refused: `no_such_past`.
            ConfigError: It cannot be read.
        """
        path = self._past_path(number)
        if not path.exists():
            raise Refused("no_such_past", f"there are no replaced settings number {number}")
        return check.read(path)

    def restore(self, number: int, *, overwrite: bool = False) -> Change:
        """Put one of the replaced texts into force again; the present one goes into history.

        Raises:
            Refused: `no_such_past`, else as `write`.
            ConfigError: As `write`.
            SettingsError: As `write`.
        """
        return self.write(self.past_text(number), overwrite=overwrite)

    # --- the files -------------------------------------------------------------------------------

    def _load_last_good(self, broken: ConfigError) -> Loaded:
        try:
            loaded = _load(self.last_good_path, Source.LAST_GOOD)
        except ConfigError as worse:
            found = f"no help: {format_problem(worse.problems[0])}"
            unusable = Problem(str(self.last_good_path), found, "the last good settings")
            raise ConfigError([*broken.problems, unusable]) from worse
        return msgspec.structs.replace(loaded, problems=broken.problems)

    def _keep_as_last_good(self, loaded: Loaded) -> Loaded:
        """A box that cannot write starts all the same, and says so."""
        data = loaded.text.encode()
        try:
            if _sha256_of(self.last_good_path) != loaded.sha256:
                _put(self.last_good_path, data)
        except OSError as error:
            words = f"a card that takes it: {_words(error)}"
            unkept = Problem(str(self.last_good_path), "no copy of these settings", words)
            return msgspec.structs.replace(loaded, warnings=(*loaded.warnings, unkept))
        return loaded

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other writers out, also those of another process."""
        try:
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            words = f"the settings were not changed: {self.path.parent}: {_words(error)}"
            raise SettingsError(words) from error
        try:
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Refused("settings_busy", "the settings are being written already") from error
            yield
        finally:
            os.close(directory)

    def _replace(self, text: str) -> None:
        data = text.encode()
        try:
            before = _bytes_of(self.path)
            if before is not None and before != data:
                self._remember(before)
                if _is_good(before):
                    _put(self.last_good_path, before)
            if before != data:
                _put(self.path, data)
        except OSError as error:
            raise SettingsError(self._what_stands(data, error)) from error
        finally:
            self._sweep()
        self._on_disk = _sha256(data)
        self._text = text

    def _what_stands(self, data: bytes, error: OSError) -> str:
        with contextlib.suppress(OSError):
            if _bytes_of(self.path) == data:
                self._on_disk = _sha256(data)
                self._text = data.decode()
                return f"the new settings are in place, but may not last: {_words(error)}"
        return f"the settings were not changed: {_words(error)}"

    def _remember(self, before: bytes) -> None:
        """Keep a text that is about to be replaced; once, if the last try failed after this."""
        self.history_path.mkdir(mode=0o750, exist_ok=True)
        numbers = sorted(map(_number, self._past()))
        if numbers and _bytes_of(self._past_path(numbers[-1])) == before:
            return
        latest = numbers[-1] + 1 if numbers else 1
        _put(self._past_path(latest), before)
        for number in numbers[: max(0, len(numbers) + 1 - HISTORY)]:
            self._past_path(number).unlink(missing_ok=True)

    def _past(self) -> list[Path]:
        return [path for path in self.history_path.glob("*.toml") if path.stem.isdecimal()]

    def _past_path(self, number: int) -> Path:
        return self.history_path / f"{number:06}.toml"

    def _sweep(self) -> None:
        """Take away what a power cut left half-written; what cannot be, does no harm."""
        with contextlib.suppress(OSError):
            beside = self.path.parent.glob(f".{self.path.name}*.{_HEX8}")
            for path in (*beside, *self.history_path.glob(f".*.{_HEX8}")):
                path.unlink(missing_ok=True)


def _load(path: Path, source: Source) -> Loaded:
    text = check.read(path)
    config, problems, warnings = check.check(text)
    if config is None:
        raise ConfigError(problems)
    return Loaded(config, text, _sha256(text.encode()), source, warnings=tuple(warnings))


def _put(path: Path, data: bytes) -> None:
    write_atomic(path, data, mode=_MODE)
    path.chmod(_MODE)  # whatever the umask is


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_good(data: bytes) -> bool:
    try:
        return check.check(data.decode())[0] is not None
    except UnicodeDecodeError:
        return False


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha256_of(path: Path) -> str | None:
    """None where there is no file that can be read: it will be a broken one, if it is there."""
    with contextlib.suppress(OSError):
        return _sha256(path.read_bytes())
    return None


def _number(path: Path) -> int:
    return int(path.stem)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
