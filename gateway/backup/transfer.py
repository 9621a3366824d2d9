"""Files on their way in or out, in pieces; the state directory holds them for as long."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from gateway.backup.archive import MOST_BYTES, ROOM_BYTES
from gateway.errors import Refused

PIECE_BYTES: Final = 512 * 1024
FILES_MOST: Final = 2
"""Files that are kept on their way at once; a further one takes the oldest's place."""
DIRECTORY: Final = "transfer"


class Transfer:
    """The files on their way. Nothing of an earlier start is kept.

    Args:
        state: The state directory.
    """

    def __init__(self, state: Path) -> None:
        self.directory: Final = state / DIRECTORY
        self._sizes: Final[dict[str, int]] = {}

    def new(self) -> str:
        """The id of a file that somebody is about to write at `path(id)`.

        Raises:
            OSError: The disk.
        """
        if not self._sizes:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        while len(self._sizes) >= FILES_MOST:
            self.drop(next(iter(self._sizes)))
        name = secrets.token_hex(16)
        self._sizes[name] = 0
        return name

    def announce(self, size: int) -> str:
        """The id of a file of `size` bytes that comes in.

        Raises:
            Refused: `backup_too_large`, `disk_full`, `not_a_backup`.
            OSError: The disk.
        """
        if size <= 0:
            raise Refused("not_a_backup", "the file is empty")
        if size > MOST_BYTES:
            raise Refused("backup_too_large", "no backup of a box is as large as that")
        name = self.new()
        # Unpacked and looked through beside itself, it takes several times its size.
        if shutil.disk_usage(self.directory).free < 4 * size + ROOM_BYTES:
            self.drop(name)
            raise Refused("disk_full", "there is not enough room on the disk for this backup")
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
            Refused: `unknown_file`, or `out_of_order` for a piece that is not the next.
            OSError: The disk.
        """
        path = self.path(name)
        there = path.stat().st_size if path.exists() else 0
        if offset != there or there + len(data) > self._sizes[name]:
            raise Refused("out_of_order", f"the next byte of this file is {there}")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(data)

    def whole(self, name: str) -> Path:
        """A file that has come in wholly.

        Raises:
            Refused: `unknown_file`, or `damaged_backup` while some of it is missing.
        """
        path = self.path(name)
        if not path.exists() or path.stat().st_size != self._sizes[name]:
            raise Refused("damaged_backup", "the file is cut short")
        return path

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
