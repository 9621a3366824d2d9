#!/usr/bin/env python3
"""Makes the card's image out of a tree, with no loop device and no mount: image/build calls this.

Three partitions in an MBR, since the firmware of every Raspberry Pi reads one: the firmware's FAT,
the system's ext4, and the data's ext4, which the first boot makes as big as the card. The same tree
and the same SOURCE_DATE_EPOCH give the same bytes.
"""

import argparse
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
SECTOR: Final = 512
FIRST_MIB: Final = 4
"""Where the first partition begins: the erase blocks of cards are this big."""
_NAMESPACE: Final = uuid.UUID("a3f5c2de-6f0b-4c39-9b1e-5d8e3b7a9c10")
"""Of our own making; every id in an image is derived from it, its version and a word."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One partition.

    Attributes:
        image: The file system that goes there; its size is whole MiB.
        kind: The type in the MBR, in hexadecimal.
        start_mib: Where it begins.
    """

    image: Path
    kind: str
    start_mib: int

    @property
    def mib(self) -> int:
        """Its size."""
        return self.image.stat().st_size // MIB


def run(*words: str | Path, **environment: str) -> str:
    """What a program said.

    Raises:
        subprocess.CalledProcessError: It failed; its words are on stderr.
    """
    fixed = {"TZ": "UTC", "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, **fixed, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def room_mib(tree: Path, spare: float) -> int:
    """MiB that the files of a tree take as an ext4, and the spare part of it."""
    used = sum((path.lstat().st_size + 4095) // 4096 * 4096 + 256 for path in tree.rglob("*"))
    # 16 MiB are the journal of a small file system, and its tables.
    return int(used / MIB * (1 + spare)) + 24


def settle_times(tree: Path, epoch: int) -> None:
    """No file is younger than the source: what the build wrote carries the source's time."""
    for path in [tree, *tree.rglob("*")]:
        if path.lstat().st_mtime > epoch:
            os.utime(path, (epoch, epoch), follow_symlinks=False)


def make_fat(tree: Path, image: Path, *, mib: int, label: str, serial: int, epoch: int) -> None:
    """A FAT32 with the files of a tree."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(mib * MIB)
    now = {"SOURCE_DATE_EPOCH": str(epoch)}
    run("mkfs.vfat", "-F", "32", "-n", label, "-i", f"{serial:08x}", "--invariant", image, **now)
    for path in sorted(tree.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)
        there = f"::{path.relative_to(tree)}"
        if path.is_dir():
            run("mmd", "-i", image, there, **now)
        else:
            run("mcopy", "-m", "-i", image, path, there, **now)


def make_ext4(tree: Path, image: Path, *, mib: int, label: str, name: str, epoch: int) -> None:
    """An ext4 with the files of a tree.

    Args:
        tree: What is in it; owners and modes are taken over.
        image: The file that is made.
        mib: Its size.
        label: At most 16 characters.
        name: What its ids are derived from.
        epoch: The time of everything in it, in seconds; older files keep theirs.
    """
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(mib * MIB)
    seed = uuid.uuid5(_NAMESPACE, f"{name} hash")
    words = ["-q", "-F", "-t", "ext4", "-L", label, "-U", str(uuid.uuid5(_NAMESPACE, name))]
    words += ["-E", f"hash_seed={seed},lazy_itable_init=0,lazy_journal_init=0", "-m", "1"]
    fake = {"E2FSPROGS_FAKE_TIME": str(epoch), "SOURCE_DATE_EPOCH": str(epoch)}
    run("mkfs.ext4", *words, "-d", tree, image, **fake)
    _settle_changes(image, epoch, fake)
    # -n: looked through, not changed.
    run("e2fsck", "-fn", image, **fake)


def _settle_changes(image: Path, epoch: int, fake: dict[str, str]) -> None:
    """The ctime and atime of every file become the source's.

    mkfs.ext4 takes them from the build's disk, where nobody can set a ctime and reading sets the
    atime; 1.47.1 and newer do the first right
    by themselves, and Debian 12 has an older one.
    """
    inodes = used_inodes(run("dumpe2fs", image))
    script = image.with_name(f"{image.name}.debugfs")
    fields = (f"ctime @{epoch}", "ctime_extra 0", f"atime @{epoch}", "atime_extra 0")
    changes = (f"set_inode_field <{inode}> {field}\n" for inode in inodes for field in fields)
    script.write_text("".join(changes))
    run("debugfs", "-w", "-f", script, image, **fake)
    script.unlink()


def used_inodes(dump: str) -> list[int]:
    """The inodes in use by what `dumpe2fs` says, without those that ext4 keeps to itself."""
    count = int(_number(dump, r"^Inode count:\s+(\d+)"))
    first = int(_number(dump, r"^First inode:\s+(\d+)"))
    free: set[int] = set()
    for line in re.findall(r"^ +Free inodes: (.*)$", dump, re.MULTILINE):
        for part in filter(None, line.split(", ")):
            low, _, high = part.partition("-")
            free.update(range(int(low), int(high or low) + 1))
    root = 2
    return [root, *(inode for inode in range(first, count + 1) if inode not in free)]


def _number(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(f"dumpe2fs says nothing that fits {pattern}")
    return found[1]


def table(parts: list[Part], disk_id: int) -> str:
    """The partition table, in sfdisk's words."""
    lines = ["label: dos", f"label-id: 0x{disk_id:08x}", "unit: sectors"]
    for part in parts:
        start, size = (each * MIB // SECTOR for each in (part.start_mib, part.mib))
        boot = ", bootable" if part is parts[0] else ""
        lines.append(f"start={start}, size={size}, type={part.kind}{boot}")
    return "\n".join(lines) + "\n"


def join(parts: list[Part], image: Path, disk_id: int) -> None:
    """All partitions in one file, which is sparse where they are."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate((parts[-1].start_mib + parts[-1].mib) * MIB)
    subprocess.run(
        ["sfdisk", "--quiet", str(image)],
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        input=table(parts, disk_id),
        text=True,
        check=True,
    )
    for part in parts:
        run(
            *("dd", f"if={part.image}", f"of={image}", "bs=1M", f"seek={part.start_mib}"),
            *("conv=notrunc,sparse", "status=none"),
        )


def assemble(tree: Path, data: Path, image: Path, *, version: str, epoch: int) -> None:
    """The whole card.

    Args:
        tree: The system; what is under boot/firmware becomes the first partition and must be gone
            from the second, so it is moved to beside the image.
        data: What the data partition begins with.
        image: The file that is made; others of the same name and a longer suffix come and go.
        version: Of the release: an image's ids follow from it.
        epoch: SOURCE_DATE_EPOCH.
    """
    settle_times(tree, epoch)
    settle_times(data, epoch)
    fat, root, rest = (image.with_name(f"{image.name}.{part}") for part in ("fat", "root", "data"))
    firmware = image.with_name(f"{image.name}.firmware")
    (tree / "boot/firmware").rename(firmware)
    (tree / "boot/firmware").mkdir()
    for changed in (tree / "boot", tree / "boot/firmware"):
        os.utime(changed, (epoch, epoch))
    disk_id = uuid.uuid5(_NAMESPACE, f"disk {version}").int & 0xFFFFFFFF
    # 256 MiB: two kernels with their initramfs fit, so an update has room.
    make_fat(firmware, fat, mib=256, label="ACHIVX-BOOT", serial=disk_id ^ 1, epoch=epoch)
    size = room_mib(tree, spare=0.1)
    make_ext4(tree, root, mib=size, label="achivx-root", name=f"root {version}", epoch=epoch)
    make_ext4(data, rest, mib=64, label="achivx-data", name=f"data {version}", epoch=epoch)
    parts: list[Part] = []
    start = FIRST_MIB
    for each, kind in ((fat, "c"), (root, "83"), (rest, "83")):
        parts.append(Part(image=each, kind=kind, start_mib=start))
        start += parts[-1].mib
    join(parts, image, disk_id)
    for each in (fat, root, rest):
        each.unlink()


def main() -> int:
    """Assemble what image/build has prepared."""
    parser = argparse.ArgumentParser(description="Make a card's image; image/build does it all.")
    parser.add_argument("tree", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--version", required=True)
    options = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    try:
        assemble(options.tree, options.data, options.image, version=options.version, epoch=epoch)
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed ({error.returncode}); its words are above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
