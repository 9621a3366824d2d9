"""The card: a copy of an image that is written to, and read when the plug is out."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from image.proof.report import Failed, run

FAT: Final = "@@4M"
"""Where the first partition is, in mtools' words."""
GROWN_MIB: Final = 1024
"""How much bigger than the image the card is."""
_SECTOR: Final = 512


class Card:
    """A card in a reader, or in a board.

    Args:
        image: What it is made from, packed or not.
        work: Where it is kept.
    """

    def __init__(self, image: Path, work: Path) -> None:
        self.path: Final = work / "card.img"
        if image.suffix == ".xz":
            with self.path.open("wb") as file:
                subprocess.run(["xz", "-dc", str(image)], stdout=file, check=True)
        else:
            shutil.copyfile(image, self.path)
        with self.path.open("r+b") as file:
            file.truncate(self.path.stat().st_size + GROWN_MIB * 1024 * 1024)
        self._fat: Final = f"{self.path}{FAT}"
        self._work: Final = work

    def put(self, text: str, name: str) -> None:
        """Write a file onto the boot partition."""
        run("mcopy", "-o", "-i", self._fat, "-", f"::{name}", fed=text)

    def read(self, name: str) -> str:
        """What a file of the boot partition says.

        Raises:
            Failed: There is none.
        """
        return run("mtype", "-i", self._fat, f"::{name}")

    def names(self) -> list[str]:
        """The files of the boot partition's top."""
        lines = run("mdir", "-b", "-i", self._fat, "::").splitlines()
        return [line.removeprefix("::/") for line in lines]

    def take_out(self, prefix: str) -> Path:
        """A copy of the one file whose name begins so."""
        (name,) = (each for each in self.names() if each.startswith(prefix))
        there = self._work / prefix
        run("mcopy", "-n", "-i", self._fat, f"::{name}", there)
        return there

    def take_state(self) -> Path:
        """What the gateway keeps, as a start would find it: the data partition's copy, put right.

        Raises:
            Failed: The file system cannot be put right by itself.
        """
        return taken_state(self._part(3), "/lib/achivx-gateway", self._work)

    def take_release(self) -> Path:
        """A copy of the release that the card came with."""
        return taken_release(self._part(2), self._work)

    def _part(self, number: int) -> Path:
        """A copy of a partition."""
        shown = run("partx", "--noheadings", "--output=START,SECTORS", f"--nr={number}", self.path)
        start, size = map(int, shown.split())
        part = self._work / f"part{number}"
        cut = [f"if={self.path}", f"of={part}", "bs=1M", "iflag=skip_bytes,count_bytes"]
        cut += [f"skip={start * _SECTOR}", f"count={size * _SECTOR}", "conv=sparse"]
        run("dd", *cut, "status=none")
        return part


def taken_state(part: Path, place: str, work: Path) -> Path:
    """A directory of an ext4 that lost its power, after what a start does to such a one.

    Raises:
        Failed: e2fsck asks a person.
    """
    words = ["/usr/sbin/e2fsck", "-p", str(part)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode > 1:  # 1: put right (e2fsck(8))
        raise Failed(f"the file system is damaged: {done.stdout}{done.stderr}")
    there = work / "left"
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir()
    run("debugfs", "-R", f"rdump {place} {there}", part)
    return there / Path(place).name


def taken_release(part: Path, work: Path) -> Path:
    """A copy of the one release that a root file system has.

    Raises:
        Failed: It cannot be read.
    """
    run("debugfs", "-R", f"rdump /opt/achivx-gateway/releases {work}", part)
    (release,) = (work / "releases").iterdir()
    return release
