# ruff: noqa: INP001 - a part of make_release.py, which is run as a file
"""Finds the Python of a tree that a release is for; nothing of the tree is run."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OLDEST: Final = (3, 11)


class CannotBuild(Exception):
    """The release cannot be built; the message is one sentence that says what to do."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The Python that will run the release.

    Attributes:
        root: The tree it is in.
        path: Where it is inside the tree.
        minor: Its version is 3.minor.
        machine: The processor, in the words of `uname -m`.
    """

    root: Path
    path: Path
    minor: int
    machine: str

    @property
    def is_this(self) -> bool:
        """Whether this very kind of Python runs the build."""
        return sys.version_info[:2] == (3, self.minor) and os.uname().machine == self.machine

    def inside(self, path: str | Path) -> Path:
        """A path of the tree as this machine sees it."""
        return self.root / str(path).lstrip("/")


def find_target(root: Path, wanted: str | None) -> Target:
    """The tree's own Python, or the one that was asked for.

    Raises:
        CannotBuild: There is none that will do.
    """
    names = ("python3", "python3.13", "python3.12", "python3.11")
    paths = [Path(wanted)] if wanted else [Path("/usr/bin", name) for name in names]
    too_old = ""
    for path in paths:
        real = _resolved(root, path)
        found = re.fullmatch(r"python3\.(\d+)", real.name) if real else None
        if real is None or found is None:
            continue
        if (3, int(found[1])) < OLDEST:
            too_old = f"; there is only {real.name}"
            continue
        machine = _machine(root / str(real).lstrip("/"))
        return Target(root=root, path=real, minor=int(found[1]), machine=machine)
    raise CannotBuild(
        "Python 3.11 or newer is needed, as in Debian 12 and Raspberry Pi OS 12 or newer"
        f"{too_old}: install python3, or name one with PYTHON=/path/to/python3."
    )


def _resolved(root: Path, path: Path) -> Path | None:
    """Where the links of a path inside the tree end, also as seen from inside; None if nowhere."""
    for _ in range(8):
        seen = root / str(path).lstrip("/")
        if not seen.is_symlink():
            return path if seen.is_file() else None
        path = Path(os.path.normpath(path.parent / seen.readlink()))
    return None


def _machine(binary: Path) -> str:
    """What a program runs on, by its ELF header.

    Raises:
        CannotBuild: A processor that has no wheels.
    """
    with binary.open("rb") as file:
        header = file.read(20)
    is_64_bit = header[:5] == b"\x7fELF\x02"
    machine = {0x3E: "x86_64", 0xB7: "aarch64"}.get(int.from_bytes(header[18:20], "little"))
    if not is_64_bit or machine is None:
        raise CannotBuild(
            "This is a 32-bit system or an unknown processor, for which packages are missing:"
            " install the 64-bit Raspberry Pi OS or Debian."
        )
    return machine
