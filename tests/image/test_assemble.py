"""A card out of a tiny tree: the same bytes each time, and what was put in is in it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

EPOCH = 1_767_225_600
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


@pytest.fixture(scope="module")
def assemble(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("assemble.py")


def a_tree(place: Path) -> Path:
    (place / "boot/firmware/overlays").mkdir(parents=True)
    (place / "boot/firmware/config.txt").write_text("arm_64bit=1\n")
    (place / "boot/firmware/overlays/one.dtbo").write_bytes(bytes(3000))
    (place / "etc").mkdir()
    (place / "etc/hostname").write_text("achivx\n")
    (place / "etc/secret").write_text("x" * 9000)
    (place / "etc/secret").chmod(0o600)
    (place / "link").symlink_to("etc/hostname")
    return place


def a_data_tree(place: Path) -> Path:
    (place / "log/journal").mkdir(parents=True)
    return place


def said(*words: str | Path, text: str | None = None) -> str:
    environment = {"PATH": PATH, "MTOOLS_SKIP_CHECK": "1", "TZ": "UTC"}
    return subprocess.run(
        [str(word) for word in words],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def cards(assemble: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two cards, made at different times from trees of the same content."""
    made: list[Path] = []
    for name in ("one", "two"):
        work = tmp_path_factory.mktemp(name)
        tree, data = a_tree(work / "tree"), a_data_tree(work / "data")
        old = tree / "etc/hostname"
        os.utime(old, (time.time(), EPOCH - 1000))
        os.utime(tree / "etc/secret", (EPOCH + 5 + len(made), EPOCH + 5 + len(made)))
        image = work / "card.img"
        assemble.assemble(tree, data, image, version="1.2.3", epoch=EPOCH)
        made.append(image)
    return made


class TestAssemble:
    def test_the_same_tree_gives_the_same_bytes(self, cards: list[Path]) -> None:
        one, two = (card.read_bytes() for card in cards)
        assert one == two

    def test_the_firmware_finds_its_files(self, cards: list[Path]) -> None:
        fat = f"{cards[0]}@@4M"
        assert said("mtype", "-i", fat, "::config.txt") == "arm_64bit=1\n"
        assert "one.dtbo" in said("mdir", "-b", "-i", fat, "::overlays")

    def test_there_are_three_partitions_one_after_another(self, cards: list[Path]) -> None:
        lines = [line for line in said("sfdisk", "-d", cards[0]).splitlines() if "start=" in line]
        found = [
            {
                key.strip(): value.strip()
                for key, _, value in (
                    part.partition("=") for part in line.split(" : ")[1].split(",")
                )
            }
            for line in lines
        ]
        assert [each["type"] for each in found] == ["c", "83", "83"]
        assert int(found[0]["start"]) == 4 * 2048
        for before, after in pairwise(found):
            assert int(before["start"]) + int(before["size"]) == int(after["start"])
        assert cards[0].stat().st_size == 512 * (int(found[2]["start"]) + int(found[2]["size"]))

    def test_the_system_keeps_modes_links_and_older_times(
        self, cards: list[Path], tmp_path: Path
    ) -> None:
        start = 4 + 256
        root = tmp_path / "root.ext4"
        with cards[0].open("rb") as card, root.open("wb") as file:
            card.seek(start * 1024 * 1024)
            shutil.copyfileobj(card, file)
        secret = said("debugfs", "-R", "stat /etc/secret", root)
        assert "Mode:  0600" in secret
        assert secret.count(f"{EPOCH:x}") == 4  # ctime, atime, mtime, crtime
        assert f"mtime: 0x{EPOCH - 1000:x}" in said("debugfs", "-R", "stat /etc/hostname", root)
        assert 'Fast link dest: "etc/hostname"' in said("debugfs", "-R", "stat /link", root)
        assert "config.txt" not in said("debugfs", "-R", "ls /boot/firmware", root)

    def test_only_the_card_is_left_and_the_tree_is_whole_but_for_the_firmware(
        self, cards: list[Path]
    ) -> None:
        names = {path.name for path in cards[0].parent.iterdir()}
        assert names == {"card.img", "card.img.firmware", "tree", "data"}
        assert list((cards[0].parent / "tree/boot/firmware").iterdir()) == []


class TestParts:
    def test_used_inodes_are_all_but_the_free_and_the_reserved(self, assemble: ModuleType) -> None:
        dump = (
            "Inode count:              40\nFirst inode:              11\n"
            "  Free inodes: 13-18, 20\n  Free inodes: 22-40\n  Free inodes: \n"
        )
        assert assemble.used_inodes(dump) == [2, 11, 12, 19, 21]

    def test_a_dump_that_says_nothing_is_refused(self, assemble: ModuleType) -> None:
        with pytest.raises(ValueError, match="Inode count"):
            assemble.used_inodes("")

    def test_room_grows_with_the_files(self, assemble: ModuleType, tmp_path: Path) -> None:
        empty = assemble.room_mib(tmp_path, 0.1)
        (tmp_path / "big").write_bytes(bytes(10 * 1024 * 1024))
        assert assemble.room_mib(tmp_path, 0.1) - empty in (11, 12)
