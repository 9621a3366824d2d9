"""Where a benchmark of the disk works: in memory "no byte to disk" would prove nothing."""

import argparse
import os
from pathlib import Path
from typing import Final

DEFAULT: Final = "/var/tmp"  # noqa: S108 - kept over restarts, so on a disk; /tmp often is not
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


def take_directory(parser: argparse.ArgumentParser) -> None:
    """Have the benchmark take `--directory`, and refuse one that is in memory."""
    words = f"on the disk to be measured; {DEFAULT} where it is not given"
    parser.add_argument("--directory", type=_on_disk, default=DEFAULT, help=words)


def _on_disk(text: str) -> Path:
    directory = Path(text)
    if not directory.is_dir():
        raise argparse.ArgumentTypeError(f"there is no directory {text}")
    kind = _file_system(directory)
    if kind in _IN_MEMORY:
        words = f"{text} is in memory ({kind}): name a directory on the disk to be measured"
        raise argparse.ArgumentTypeError(words)
    return directory


def _file_system(directory: Path) -> str | None:
    """Its type by proc_pid_mountinfo(5); None where its device is not in there, as with btrfs."""
    device = directory.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == number:
            return source.split()[0]
    return None
