"""Backups that somebody has made by hand: nothing of them leads out, or takes more than it says."""

import gzip
import hashlib
import io
import shutil
import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from gateway.backup import archive
from gateway.backup.archive import MOST_BYTES, NEEDED, Manifest, Member
from gateway.errors import Refused
from gateway.transfer.files import ROOM_BYTES

MIB = 1 << 20
Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, content: bytes = b"x", **changes: object) -> Entry:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


def manifest(members: Iterable[Member]) -> Entry:
    made = Manifest(
        device="d", shop="s", version="1", vocabulary=1, made_s=0.0, members=tuple(members)
    )
    return entry("manifest.json", msgspec.json.encode(made))


def member(name: str, size: int = 1, content: bytes = b"x") -> Member:
    return Member(name=name, bytes=size, sha256=hashlib.sha256(content).hexdigest())


def packed(place: Path, entries: Iterable[Entry]) -> Path:
    path = place / "backup"
    with tarfile.open(path, "x:gz") as out:
        for info, content in entries:
            out.addfile(info, io.BytesIO(content))
    return path


def refused(path: Path) -> str:
    into = path.with_name("into")
    into.mkdir()
    before = sorted(path.parent.iterdir())
    with pytest.raises(Refused) as why:
        archive.unpack(path, into)
    assert sorted(path.parent.iterdir()) == before
    assert {found.name for found in into.iterdir()} <= NEEDED
    return why.value.code


WHOLE = [manifest(map(member, sorted(NEEDED))), *map(entry, sorted(NEEDED))]


def test_a_whole_one_is_unpacked(tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    archive.unpack(packed(tmp_path, WHOLE), into)
    assert {path.name: path.read_bytes() for path in into.iterdir()} == dict.fromkeys(NEEDED, b"x")
    assert {path.stat().st_mode & 0o777 for path in into.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "bad",
    [
        entry("../outside"),
        entry("/tmp/outside"),  # noqa: S108
        entry("journal.db", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("journal.db", b"", type=tarfile.LNKTYPE, linkname="gateway.toml"),
        entry("journal.db", b"", type=tarfile.DIRTYPE),
        entry("journal.db", b"", type=tarfile.FIFOTYPE),
        entry("journal.db", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        entry("journal.db", b"xx"),
        entry("journal.db", b"y"),
        entry("x" * 200),
    ],
    ids=lambda each: f"{each[0].name[:12]}-{each[0].type!r}-{each[1]!r}",
)
def test_nothing_else_is_taken(tmp_path: Path, bad: Entry) -> None:
    others = [each for each in WHOLE if each[0].name != "journal.db"]
    assert refused(packed(tmp_path, [*others, bad])) == "damaged_backup"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([*map(member, NEEDED), member("achivx.token", MOST_BYTES)], "backup_too_large"),
        ([*map(member, NEEDED), member("../x")], "not_a_backup"),
        ([member("journal.db")], "not_a_backup"),
    ],
)
def test_a_manifest_that_wants_too_much(tmp_path: Path, members: list[Member], code: str) -> None:
    assert refused(packed(tmp_path, [manifest(members)])) == code


def test_no_more_is_written_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes unpack to gigabytes: the journal must not find the disk full."""
    usage = shutil.disk_usage(tmp_path)
    little = usage._replace(free=ROOM_BYTES + MIB)
    monkeypatch.setattr("gateway.backup.archive.shutil.disk_usage", lambda _: little)
    sizes = [member(name, MIB if name == "journal.db" else 1) for name in NEEDED]
    assert refused(packed(tmp_path, [manifest(sizes)])) == "disk_full"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("place", [0, 1])
def test_a_header_without_an_end_is_not_read_into_memory(
    tmp_path: Path, kind: bytes, place: int
) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, 100 * MIB
    path = tmp_path / "backup"
    with gzip.open(path, "xb", compresslevel=1) as out:
        for each, content in WHOLE[:place]:
            out.write(each.tobuf() + content.ljust(-(-len(content) // 512) * 512, b"\0"))
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(100):
            out.write(bytes(MIB))
    tracemalloc.start()
    try:
        assert refused(path) == "damaged_backup"
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    finally:
        tracemalloc.stop()
