"""Files on their way in or out, in pieces; the state directory holds them for as long."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from gateway.errors import Refused
from gateway.transfer import DIRECTORY
from gateway.transfer.messages import PIECE_BYTES

FILES_MOST: Final = 2
"""Files that are kept on their way at once; a further one takes the oldest's place."""
ROOM_BYTES: Final = 64 << 20
"""What stays free on the disk, for the journal, whatever somebody hands over."""


class Transfer:
    """The files on their way. Nothing of an earlier start is kept.

    Args:
        state: The state directory.
    """

    def __init__(self, state: Path) -> None:
        self.directory: Final = state / DIRECTORY
        self._sizes: Final[dict[str, int]] = {}
        self._is_swept = False

    def new(self) -> str:
        """The id of a file that somebody is about to write at `path(id)`.

        Raises:
            OSError: The disk.
        """
        if not self._is_swept:
            shutil.rmtree(self.directory, ignore_errors=True)
            self._is_swept = True
        self.directory.mkdir(mode=0o700, exist_ok=True)
        while len(self._sizes) >= FILES_MOST:
            self.drop(next(iter(self._sizes)))
        name = secrets.token_hex(16)
        self._sizes[name] = 0
        return name

    def announce(self, size: int, needed: int) -> str:
        """The id of a file that comes in.

        Args:
            size: Its bytes.
            needed: What it takes of the disk in all, until it is what it is to be.

        Raises:
            Refused: `disk_full`.
            OSError: The disk.
        """
        name = self.new()
        if shutil.disk_usage(self.directory).free < needed + ROOM_BYTES:
            self.drop(name)
            raise Refused("disk_full", "there is not enough room on the disk for this file")
        self._sizes[name] = size
        return name

    def path(self, name: str) -> Path:
        """Where it is.

        Raises:
            Refused: `unknown_file`: it is not one of ours, or has made room for another.
        """
        if name not in self._sizes:
            raise Refused("unknown_file", "this file is no longer kept: begin again")
        return self.directory / name

    def add(self, name: str, offset: int, data: bytes) -> None:
        """Take the next piece of a file that comes in.

        Raises:
            Refused: `unknown_file`, `bad_request` for a piece that is too long, or `out_of_order`
                for one that is not the next.
            OSError: The disk.
        """
        path = self.path(name)
        if len(data) > PIECE_BYTES:
            raise Refused("bad_request", f"a piece has {PIECE_BYTES} bytes at most")
        there = path.stat().st_size if path.exists() else 0
        if offset != there or there + len(data) > self._sizes[name]:
            raise Refused("out_of_order", f"the next byte of this file is {there}")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(data)

    def whole(self, name: str) -> Path | None:
        """A file that has come in; None while some of it is missing.

        Raises:
            Refused: `unknown_file`.
        """
        path = self.path(name)
        is_whole = path.exists() and path.stat().st_size == self._sizes[name]
        return path if is_whole else None

    def hand_over(self, name: str, place: str) -> bool:
        """Leave a file that has come in to others, under a name of theirs beside the rest.

        Returns:
            Whether it has come in wholly.

        Raises:
            Refused: `unknown_file`.
            OSError: The disk.
        """
        path = self.whole(name)
        if path is None:
            return False
        path.replace(self.directory / place)
        del self._sizes[name]
        return True

    def forget(self, place: str) -> None:
        """Remove a file that was handed over, if it is still there.

        Raises:
            OSError: The disk.
        """
        (self.directory / place).unlink(missing_ok=True)

    def piece(self, name: str, offset: int) -> bytes:
        """Some bytes of a file, none at its end.

        Raises:
            Refused: `unknown_file`.
            OSError: The disk.
        """
        with self.path(name).open("rb") as file:
            file.seek(max(offset, 0))
            return file.read(PIECE_BYTES)

    def drop(self, name: str) -> None:
        """Let go of a file."""
        if self._sizes.pop(name, None) is not None:
            (self.directory / name).unlink(missing_ok=True)
