"""What is on a USB stick, as the host sees it: directories in the place of mounted ones."""

import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from gateway.host import verbs
from gateway.host.bundle import MANIFEST, MANIFEST_BYTES, claimed_version
from gateway.host.sticks import FILES_MOST, STICKS_MOST, Sticks
from gateway.host.verbs import OnStick, Reply
from tests.host.conftest import MakeBundle


class System:
    """Answers in the place of the system's programs."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.label = ""

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        self.asked.append(" ".join(map(str, words)))
        return 0, f"ID_BUS=usb\nID_FS_LABEL=other\nID_FS_LABEL_ENC={self.label}\nID_FS_TYPE=vfat\n"


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where sticks are mounted, one of them there."""
    place = tmp_path / "sticks"
    (place / "sda1").mkdir(parents=True)
    return place


@pytest.fixture
def sticks(place: Path, system: System) -> Sticks:
    return Sticks(place, system.run)


class TestFound:
    def test_an_update_is_named_with_its_version(
        self, sticks: Sticks, place: Path, make_bundle: MakeBundle
    ) -> None:
        make_bundle().rename(place / "sda1/achivx-0.2.0.achivx")
        (place / "sda1/holiday.achivx").write_bytes(b"a beach")
        (stick,) = sticks.found()
        size = (place / "sda1/achivx-0.2.0.achivx").stat().st_size
        assert stick.updates == (
            OnStick(name="sda1/achivx-0.2.0.achivx", bytes=size, version="0.2.0"),
            OnStick(name="sda1/holiday.achivx", bytes=7),
        )

    def test_what_is_no_plain_file_or_has_another_name_is_not_there(
        self, sticks: Sticks, place: Path
    ) -> None:
        (place / "sda1/link.achivx").symlink_to("/etc/passwd")
        os.mkfifo(place / "sda1/pipe.achivx")
        (place / "sda1/directory.achivx").mkdir()
        (place / "sda1/-rf.achivx").touch()
        (place / "sda1/two words.achivx").touch()
        (stick,) = sticks.found()
        assert stick.updates == ()

    def test_it_is_called_by_its_label(self, sticks: Sticks, place: Path, system: System) -> None:
        (place / "sda1/x").touch()
        system.label = "Flash\\x20Café"
        (stick,) = sticks.found()
        assert (stick.name, stick.label, stick.called) == ("sda1", "Flash Café", "Flash Café")
        number = (place / "sda1").stat().st_dev
        device = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
        assert system.asked == [f"udevadm info --query=property --path={device}"]

    @pytest.mark.parametrize("label", ["", "a\\x1b[2Jb", "\\x20"])
    def test_one_without_a_label_is_called_as_the_kernel_does(
        self, sticks: Sticks, place: Path, system: System, label: str
    ) -> None:
        (place / "sda1/x").touch()
        system.label = label
        (stick,) = sticks.found()
        assert (stick.label, stick.called) == ("", "sda1")

    def test_one_that_was_pulled_out_is_none(self, sticks: Sticks) -> None:
        assert sticks.found() == ()

    def test_there_may_never_have_been_one(self, tmp_path: Path, system: System) -> None:
        assert Sticks(tmp_path / "nowhere", system.run).found() == ()

    def test_more_than_a_person_looks_through_is_cut(self, sticks: Sticks, place: Path) -> None:
        for number in range(FILES_MOST + 5):
            (place / f"sda1/{number:03}.achivx").touch()
        (stick,) = sticks.found()
        assert len(stick.updates) == FILES_MOST

    def test_a_directory_that_is_named_like_no_stick_is_none(
        self, sticks: Sticks, place: Path
    ) -> None:
        (place / "..x").mkdir()
        (place / "..x/y.achivx").touch()
        assert sticks.found() == ()


class TestClaimedVersion:
    @staticmethod
    def claimed(manifest: bytes, name: str = MANIFEST) -> str:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(manifest)
            archive.addfile(entry, io.BytesIO(manifest))
        stream.seek(0)
        return claimed_version(stream)

    def test_it_is_the_manifests(self) -> None:
        assert self.claimed(json.dumps({"version": "1.20.3", "more": []}).encode()) == "1.20.3"

    @pytest.mark.parametrize(
        "manifest",
        [
            b"",
            b"{}",
            b"\xff",
            b"[" * 5000,
            b'{"version": 7}',
            b'{"version": "<b>1.0.0"}',
            b'{"version": "1.0.0", "x": "' + b"x" * MANIFEST_BYTES + b'"}',
        ],
    )
    def test_one_that_cannot_be_read_is_none(self, manifest: bytes) -> None:
        assert self.claimed(manifest) == ""

    def test_what_is_no_bundle_has_none(self) -> None:
        assert self.claimed(b'{"version": "1.0.0"}', "another.json") == ""
        assert claimed_version(io.BytesIO(b"x" * 5000)) == ""
        assert claimed_version(io.BytesIO()) == ""


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("sda", True), ("sda1", True), ("..", False), ("", False), ("SDA", False), ("a/b", False)],
)
def test_names_of_sticks(name: str, is_one: bool) -> None:
    assert verbs.is_stick(name) is is_one


def test_the_fullest_answer_fits_its_line(sticks: Sticks, place: Path, system: System) -> None:
    system.label = "x" * 100
    for stick in (place / f"sd{letter}1" for letter in "abcdef"):
        stick.mkdir(exist_ok=True)
        for number in range(FILES_MOST + 1):
            (stick / f"{number:0100}.achivx").touch()
            (stick / f"{number:0120}.achivx-backup").touch()
    found = sticks.found()
    assert len(found) == STICKS_MOST
    assert len(msgspec.json.encode(Reply(sticks=found))) < 40_000
