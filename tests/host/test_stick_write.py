"""A backup onto a USB stick, as the host writes it: a directory in the place of a mounted one."""

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import sticks as room
from gateway.host.sticks import NO_UNIT, Mounted, Sticks, how_mounted

NAME = "cafe-1-backup-20270314-033000.achivx-backup"
UNIT = "achivx-stick-write@sda1.service"
START, STOP = f"systemctl start {UNIT}", f"systemctl stop {UNIT}"
DATA = os.urandom(3 << 20)


class System:
    """systemctl, and what mounting does to the directory.

    Attributes:
        opened: How a stick is mounted once it was opened for writing.
        on_stop: What happens to it when it is closed again.
    """

    def __init__(self, place: Path) -> None:
        self.asked: list[str] = []
        self.code = 0
        self.mounted = {place / "sda1": Mounted.READ_ONLY}
        self.opened = Mounted.WRITABLE
        self.on_stop: Callable[[], object] = lambda: self.mount(Mounted.READ_ONLY)

    def mount(self, how: Mounted) -> None:
        self.mounted = dict.fromkeys(self.mounted, how)

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        said = " ".join(map(str, words))
        self.asked.append(said)
        if said == STOP:
            self.on_stop()
        elif self.code == 0:
            self.mount(self.opened)
        return (self.code, "mount: no medium\n") if said == START else (0, "")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "sticks"
    (place / "sda1").mkdir(parents=True)
    return place


@pytest.fixture
def system(place: Path) -> System:
    return System(place)


@pytest.fixture
def sticks(place: Path, system: System) -> Sticks:
    return Sticks(place, system.run, lambda path: system.mounted.get(path, Mounted.NOT))


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "transfer" / ("0" * 32)
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


def refused(sticks: Sticks, backup: Path, stick: str = "sda1") -> str:
    with pytest.raises(Refused) as caught:
        sticks.write(stick, backup, NAME)
    return caught.value.code


def test_it_is_there_whole_and_the_stick_is_open_for_no_longer(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    sticks.write("sda1", backup, NAME)
    assert [path.name for path in (place / "sda1").iterdir()] == [NAME]
    assert (place / "sda1" / NAME).read_bytes() == DATA
    assert system.asked == [START, STOP]
    (stick,) = sticks.found()
    assert [(each.name, each.bytes) for each in stick.backups] == [(f"sda1/{NAME}", len(DATA))]
    assert stick.free > 0
    with sticks.opened(f"sda1/{NAME}") as file:
        assert file.read() == DATA


def test_nobody_looks_at_a_stick_that_is_written_to(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    """A file that somebody has open would keep it from being unmounted."""
    seen: list[object] = []

    def stop() -> None:
        seen.append(Sticks(place, system.run).found())
        system.mount(Mounted.READ_ONLY)

    system.on_stop = stop
    sticks.write("sda1", backup, NAME)
    assert seen == [()]
    with sticks.held(fcntl.LOCK_SH):
        assert len(sticks.found()) == 1


def test_one_of_the_same_name_is_replaced_and_a_torn_one_goes(
    sticks: Sticks, place: Path, backup: Path
) -> None:
    (place / "sda1" / NAME).write_bytes(b"older")
    (place / "sda1" / f"{NAME}.part").write_bytes(b"torn")
    (place / "sda1/homework.part").write_bytes(b"of somebody")
    sticks.write("sda1", backup, NAME)
    assert {path.name for path in (place / "sda1").iterdir()} == {NAME, "homework.part"}
    assert (place / "sda1" / NAME).read_bytes() == DATA


def test_a_stick_that_gives_back_another_thing_is_found_out(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    def worn_out() -> None:
        (place / "sda1" / NAME).write_bytes(DATA[:-1] + bytes((DATA[-1] ^ 1,)))
        system.mount(Mounted.READ_ONLY)

    system.on_stop = worn_out
    assert refused(sticks, backup) == "stick_failed"


def test_one_that_was_pulled_out_meanwhile(sticks: Sticks, system: System, backup: Path) -> None:
    system.on_stop = lambda: system.mount(Mounted.NOT)
    assert refused(sticks, backup) == "no_stick"
    assert refused(sticks, backup) == "no_stick"
    assert refused(sticks, backup, "sdb1") == "no_stick"
    assert system.asked == [START, STOP]


def test_one_that_is_still_open_is_not_said_to_be_done(
    sticks: Sticks, system: System, backup: Path
) -> None:
    system.on_stop = list
    with pytest.raises(Refused, match="do not pull it out yet"):
        sticks.write("sda1", backup, NAME)


def test_one_that_cannot_be_opened(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    system.code = 1
    assert refused(sticks, backup) == "stick_failed"
    assert list((place / "sda1").iterdir()) == []
    assert system.asked == [START, STOP]


def test_a_box_that_was_updated_from_before_there_was_such_a_unit(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    """The stick is good, so nobody is to look for another: tests/systemd has the real systemctl."""
    system.code = NO_UNIT
    with pytest.raises(Refused, match="a USB stick, and an update does not change that") as caught:
        sticks.write("sda1", backup, NAME)
    assert caught.value.code == "older_system"
    assert list((place / "sda1").iterdir()) == []


def test_a_write_protected_one(sticks: Sticks, system: System, place: Path, backup: Path) -> None:
    system.opened = Mounted.READ_ONLY
    with pytest.raises(Refused, match="write-protected"):
        sticks.write("sda1", backup, NAME)
    assert list((place / "sda1").iterdir()) == []


def test_how_one_is_mounted(tmp_path: Path) -> None:
    assert how_mounted(tmp_path) is Mounted.NOT
    assert how_mounted(Path("/proc")) is not Mounted.NOT


def test_one_without_room(
    sticks: Sticks, system: System, place: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = list(os.statvfs(backup))
    fields[1], fields[4] = 4096, len(DATA) // 4096  # f_frsize, f_bavail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert refused(sticks, backup) == "stick_full"
    assert list((place / "sda1").iterdir()) == []
    assert system.asked[-1] == STOP


def test_one_that_fails_half_way_keeps_what_was_there(
    sticks: Sticks, system: System, place: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "sda1" / NAME).write_bytes(b"older")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    assert refused(sticks, backup) == "stick_failed"
    assert [path.name for path in (place / "sda1").iterdir()] == [NAME]
    assert (place / "sda1" / NAME).read_bytes() == b"older"
    assert system.asked[-1] == STOP


def test_what_no_stick_can_hold_is_not_begun(
    sticks: Sticks, system: System, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BACKUP_BYTES", len(DATA) - 1)
    assert refused(sticks, backup) == "backup_too_large"
    assert system.asked == []


def test_nothing_is_read_through_a_link(
    sticks: Sticks, system: System, place: Path, backup: Path
) -> None:
    backup.unlink()
    assert refused(sticks, backup) == "no_backup"
    backup.symlink_to("/etc/shadow")
    assert refused(sticks, backup) == "no_backup"
    (place / "sda1" / NAME).symlink_to("/etc/shadow")
    with pytest.raises(Refused) as caught:
        sticks.opened(f"sda1/{NAME}")
    assert caught.value.code == "no_backup"
    assert system.asked == []
