"""The backup's inside: a tar.gz with a manifest first, and every file by size and SHA-256."""

import gzip
import hashlib
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import Refused
from gateway.plain_tar import content, next_file
from gateway.transfer.files import ROOM_BYTES

NAMES: Final = (
    "gateway.toml",
    "journal.db",
    "grant.key",
    "access.json",
    "setup.json",
    "personal.db",
    "customer.key",
    "pushed.json",
    "achivx.token",
)
"""Everything that a backup may hold; nothing else is ever written by a restore."""
NEEDED: Final = frozenset({"gateway.toml", "journal.db", "grant.key", "access.json"})
SEALED_ONLY: Final = frozenset({"achivx.token"})
"""What goes into an encrypted backup alone: the token can pay and withdraw."""
MOST_BYTES: Final = 4 << 30
"""What a backup may come to when it is unpacked: the journal's largest bound and its views."""

_MANIFEST: Final = "manifest.json"
_MANIFEST_BYTES: Final = 64 * 1024
_BLOCK: Final = 1 << 20


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the backup."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in it, and of whom.

    Attributes:
        vocabulary: The version of the journal's events.
        made_s: Unix time, as the box believed it.
    """

    device: str
    shop: str
    version: str
    vocabulary: int
    made_s: float
    members: tuple[Member, ...]


def members(files: Mapping[str, Path]) -> tuple[Member, ...]:
    """What a manifest says of these files."""
    return tuple(_member(name, path) for name, path in files.items())


def pack(manifest: Manifest, files: Mapping[str, Path], out: Path) -> None:
    """Write the archive; its files must not change meanwhile.

    Raises:
        OSError: The disk.
    """
    with tarfile.open(out, "x:gz", compresslevel=6) as archive:
        text = msgspec.json.encode(manifest)
        archive.addfile(_info(_MANIFEST, len(text)), io.BytesIO(text))
        for member in manifest.members:
            with files[member.name].open("rb") as file:
                archive.addfile(_info(member.name, member.bytes), file)


def unpack(archive: Path, into: Path) -> Manifest:
    """Write the files of an archive into an empty directory, each checked.

    Raises:
        Refused: `damaged_backup`, `not_a_backup`, `backup_too_large`, `disk_full`.
        OSError: The disk.
    """
    try:
        with gzip.open(archive) as stream:
            return _unpack(stream, into)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise Refused("damaged_backup", f"the file is damaged: {error}") from error


def _unpack(stream: gzip.GzipFile, into: Path) -> Manifest:
    first = next_file(stream)
    if first is None or first.name != _MANIFEST or first.size > _MANIFEST_BYTES:
        raise Refused("not_a_backup", "this archive has no manifest of a box")
    text = b"".join(content(stream, first.size))
    manifest = msgspec.json.decode(text, type=Manifest)
    expected = {member.name: member for member in manifest.members}
    if not NEEDED <= expected.keys() <= set(NAMES):
        raise Refused("not_a_backup", "this archive is not that of a whole box")
    most = sum(member.bytes for member in manifest.members)
    if most > MOST_BYTES:
        raise Refused("backup_too_large", "there is more in it than any box keeps")
    if shutil.disk_usage(into).free < most + ROOM_BYTES:
        raise Refused("disk_full", "there is not enough room on the disk for what is in it")
    while (entry := next_file(stream)) is not None:
        member = expected.pop(entry.name, None)
        if member is None or entry.size != member.bytes:
            raise Refused("damaged_backup", f"the file is damaged at {entry.name!r}")
        # Under our own name for it: no path of the archive's is ever followed.
        _put(content(stream, entry.size), into / member.name, member)
    if expected:
        raise Refused("damaged_backup", f"the file ends before {', '.join(expected)}")
    return manifest


def _put(blocks: Iterator[bytes], path: Path, member: Member) -> None:
    digest = hashlib.sha256()
    with path.open("xb") as file:
        path.chmod(0o600)
        for block in blocks:
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != member.sha256:
        raise Refused("damaged_backup", f"the file is damaged at {member.name!r}")


def _member(name: str, path: Path) -> Member:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Member(name=name, bytes=path.stat().st_size, sha256=digest)


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info
