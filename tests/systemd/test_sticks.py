"""How USB sticks are mounted: read-only by udev, and for a while otherwise by a unit."""

import re
import shutil
from pathlib import Path

import pytest

from gateway.host import verbs
from gateway.host.sticks import MOUNT_S, WRITING
from gateway.host.work import Places
from tests.systemd.test_units import HOST, SYSTEMD, analyze, run, values

UNIT = SYSTEMD / WRITING.format("")
RULES = SYSTEMD / "appliance/sticks.rules"
PLACE = f"/{Places().sticks.relative_to('/')}"


def options(words: str) -> set[str]:
    """What a mount is made with."""
    (found,) = re.findall(r"(?:-o |--options=)(\S+)", words)
    return set(found.split(","))


def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    places = tmp_path / "etc/systemd/system"
    places.mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    shutil.copy(UNIT, places)
    for command in ("umount", "mount", "sleep"):
        (tmp_path / "usr/bin").mkdir(exist_ok=True)
        shutil.copy("/bin/true", tmp_path / "usr/bin" / command)
    done = run(analyze(), "verify", "--man=no", f"--root={tmp_path}", WRITING.format("sda1"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_may_mount_and_little_else() -> None:
    words = ("security", "--offline=true", "--no-pager", "--threshold=37")
    done = run(analyze(), *words, UNIT)
    assert done.returncode == 0, done.stdout
    assert values(UNIT, "CapabilityBoundingSet") == ["CAP_SYS_ADMIN"]
    assert values(UNIT, "DeviceAllow") == ["block-sd rw"]


@pytest.mark.parametrize("key", ["ProtectSystem", "PrivateTmp", "PrivateMounts", "PrivateDevices"])
def test_the_whole_system_sees_what_it_mounts(key: str) -> None:
    assert values(UNIT, key) == []


def test_a_stick_is_read_only_but_while_it_is_written_to() -> None:
    (plugged,) = re.findall(r'RUN\+="(.*)"', RULES.read_text())
    _, opened = values(UNIT, "ExecStartPre")
    _, closed = values(UNIT, "ExecStopPost")
    safe = {"nosuid", "nodev", "noexec", "umask=0077"}
    assert options(plugged) == options(closed) == safe | {"ro"}
    assert options(opened) == safe | {"rw"}
    assert plugged.endswith(f"$devnode {PLACE}/$name")
    for words in (opened, closed):
        assert words.endswith(f"/dev/%i {PLACE}/%i")
    for words in (values(UNIT, "ExecStartPre")[0], values(UNIT, "ExecStopPost")[0]):
        assert words.lstrip("-") == f"/usr/bin/umount {PLACE}/%i"
    assert verbs.is_stick("sda1")


def test_it_is_closed_by_itself_after_the_longest_writing_and_not_before() -> None:
    (command,) = values(UNIT, "ExecStart")
    (longest,) = values(HOST, "RuntimeMaxSec")
    assert command == f"/usr/bin/sleep {longest}"
    for key in ("TimeoutStartSec", "TimeoutStopSec"):
        (timeout,) = values(UNIT, key)
        assert int(timeout) < MOUNT_S


def test_one_that_is_pulled_out_is_unmounted() -> None:
    assert 'ENV{SYSTEMD_MOUNT_DEVICE_BOUND}="1"' in RULES.read_text().splitlines()
