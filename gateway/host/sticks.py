"""USB sticks: what is on them that concerns a box, and a backup that is written to one.

A stick is read-only but while `WRITING` runs for it: a unit that mounts it anew, and back.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import IO, Final

from gateway.errors import Refused
from gateway.files import sync_directory
from gateway.host import bundle, verbs
from gateway.host.network import Run
from gateway.host.plain_file import opened
from gateway.host.verbs import OnStick, Stick

STICKS_MOST: Final = 4
FILES_MOST: Final = 20
"""Of each kind on one stick: more than a person looks through."""
LABEL_CHARS: Final = 32
COMMAND_S: Final = 10.0
MOUNT_S: Final = 200.0
"""To mount and to unmount: the second brings out all that was written."""
WRITING: Final = "achivx-stick-write@{}.service"
NO_UNIT: Final = 5
"""How `systemctl start` ends where there is no such unit (EXIT_NOTINSTALLED, as the LSB has it)."""
PART: Final = ".part"
BACKUP_BYTES: Final = (4 << 30) - 1
"""The longest file that FAT32 can hold."""
_CODED: Final = re.compile(r"\\x([0-7][0-9a-f])")  # udev's, of what is no plain character
_CHUNK: Final = 1 << 20
_SPARE_BYTES: Final = 1 << 20  # for the stick's own notes

_log: Final = logging.getLogger(__name__)


class Mounted(Enum):
    """How a stick is mounted at a directory."""

    NOT = auto()
    READ_ONLY = auto()
    WRITABLE = auto()


def how_mounted(place: Path) -> Mounted:
    """How one is mounted there.

    Raises:
        OSError: It was pulled out this very moment.
    """
    if not os.path.ismount(place):
        return Mounted.NOT
    is_read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    return Mounted.READ_ONLY if is_read_only else Mounted.WRITABLE


class Sticks:
    """The sticks that are in the box.

    Args:
        place: Where they are mounted, a directory each.
        run: Runs a command.
        mounted: Tells how one is mounted at a directory.
    """

    def __init__(
        self, place: Path, run: Run, mounted: Callable[[Path], Mounted] = how_mounted
    ) -> None:
        self._place: Final = place
        self._run: Final = run
        self._mounted: Final = mounted

    # --- reading ---------------------------------------------------------------------------

    def found(self) -> tuple[Stick, ...]:
        """Each with what is on it, by name."""
        # While one is written to nobody looks; and without any there may be no such place.
        with contextlib.suppress(OSError), self.held(fcntl.LOCK_SH | fcntl.LOCK_NB):
            names = filter(verbs.is_stick, sorted(path.name for path in self._place.iterdir()))
            described = (self._described(self._place / name) for name in names)
            return tuple(islice(filter(None, described), STICKS_MOST))
        return ()

    @contextlib.contextmanager
    def held(self, kind: int) -> Iterator[None]:
        """Have the sticks for as long: to read (`LOCK_SH`), or to mount one anew (`LOCK_EX`).

        Raises:
            OSError: There was never a stick; with `LOCK_NB`, one is being written to.
        """
        handle = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, kind)
            yield
        finally:
            os.close(handle)

    def opened(self, name: str) -> BufferedReader:
        """A backup, `STICK/FILE`.

        Raises:
            Refused: `no_backup`.
        """
        return opened(self._place / name, "no_backup")

    def _described(self, path: Path) -> Stick | None:
        with contextlib.suppress(OSError):  # it was pulled out this very moment
            names = sorted(f"{path.name}/{each.name}" for each in path.iterdir())
            if not names and self._mounted(path) is Mounted.NOT:
                return None  # one that was pulled out leaves an empty directory
            room = os.statvfs(path)
            return Stick(
                name=path.name,
                label=self._label(path),
                free=room.f_bavail * room.f_frsize,
                updates=_cut(self._file(name) for name in names if verbs.is_bundle_name(name)),
                backups=_cut(self._file(name) for name in names if verbs.is_backup_name(name)),
            )
        return None

    def _file(self, name: str) -> OnStick | None:
        with contextlib.suppress(Refused), opened(self._place / name) as file:
            version = bundle.claimed_version(file) if verbs.is_bundle_name(name) else ""
            return OnStick(name=name, bytes=os.fstat(file.fileno()).st_size, version=version)
        return None

    def _label(self, path: Path) -> str:
        """What people named its file system; empty where they did not."""
        number = path.stat().st_dev
        device = f"--path=/sys/dev/block/{os.major(number)}:{os.minor(number)}"
        _, said = self._run(("udevadm", "info", "--query=property", device), COMMAND_S)
        named = (line.partition("=") for line in said.splitlines())
        coded = next((value for key, _, value in named if key == "ID_FS_LABEL_ENC"), "")
        label = _CODED.sub(lambda found: chr(int(found[1], 16)), coded).strip()
        return label[:LABEL_CHARS] if label.isprintable() else ""

    # --- writing ---------------------------------------------------------------------------

    def write(self, stick: str, source: Path, name: str) -> None:
        """Write a backup; when this returns it was read back, and the stick can be pulled out.

        Args:
            stick: Which one.
            source: The backup.
            name: What it is called there; one of the same name goes.

        Raises:
            Refused: `no_stick`, `no_backup`, `backup_too_large`, `stick_full`, `stick_failed` when
                it takes nothing or gives back another thing, or `older_system`.
        """
        with opened(source, "no_backup") as file:
            if os.fstat(file.fileno()).st_size > BACKUP_BYTES:
                raise Refused("backup_too_large", "no USB stick takes a file as long as that")
            self._need(stick)
            try:
                with self.held(fcntl.LOCK_EX):
                    self._write(stick, file, name)
            except OSError as error:
                words = f"the USB stick failed: {error.strerror or error}"
                raise Refused("stick_failed", words) from error

    def _write(self, stick: str, file: BufferedReader, name: str) -> None:
        with self._writable(stick) as place:
            _need_room(place, os.fstat(file.fileno()).st_size)
            digest = _put(file, place / name)
        # It is mounted anew: this is what the stick holds, and not the memory.
        if self._need(stick) is not Mounted.READ_ONLY:
            raise Refused("stick_failed", "the USB stick is busy: do not pull it out yet")
        with self.opened(f"{stick}/{name}") as written:
            is_same = hashlib.file_digest(written, "sha256").hexdigest() == digest
        if not is_same:
            raise Refused("stick_failed", "the USB stick does not give back what was written to it")

    def _need(self, stick: str) -> Mounted:
        how = self._mounted(self._place / stick)
        if how is Mounted.NOT:
            raise Refused("no_stick", "this USB stick is not in the box any more")
        return how

    @contextlib.contextmanager
    def _writable(self, stick: str) -> Iterator[Path]:
        unit = WRITING.format(stick)
        try:
            code, said = self._run(("systemctl", "start", unit), MOUNT_S)
            if code == NO_UNIT:  # an update brings the program alone (decision 0060)
                raise Refused(
                    "older_system",
                    "the system of this box is from before it could write to a USB stick, and an "
                    "update does not change that: save the backup to a file, or use a new card",
                )
            if code:
                _log.error("%s: %s", unit, said.strip())
                raise Refused("stick_failed", "the USB stick cannot be opened for writing")
            if self._need(stick) is not Mounted.WRITABLE:
                raise Refused("stick_failed", "the USB stick is write-protected, or damaged")
            yield self._place / stick
        finally:
            self._run(("systemctl", "stop", unit), MOUNT_S)


def _cut(files: Iterable[OnStick | None]) -> tuple[OnStick, ...]:
    return tuple(islice(filter(None, files), FILES_MOST))


def _need_room(place: Path, size: int) -> None:
    for left in place.glob(f"*{PART}"):  # by one that was pulled out, or a power cut
        if verbs.is_backup_name(f"{place.name}/{left.name.removesuffix(PART)}"):
            left.unlink()
    room = os.statvfs(place)
    if room.f_bavail * room.f_frsize < size + _SPARE_BYTES:
        raise Refused("stick_full", f"the backup needs {size // 2**20 + 1} MiB on the USB stick")


def _put(file: IO[bytes], place: Path) -> str:
    """Write it whole or not at all; its SHA-256."""
    part = place.with_name(place.name + PART)
    digest = hashlib.sha256()
    try:
        with part.open("xb") as copy:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(place)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_directory(place.parent)
    return digest.hexdigest()
