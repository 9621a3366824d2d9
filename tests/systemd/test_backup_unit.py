"""The nightly backup's unit, as systemd's own tools see it."""

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
SERVICE = SYSTEMD / "achivx-backup.service"
TIMER = SYSTEMD / "achivx-backup.timer"


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("systemd-analyze")
    assert found, "systemd-analyze is missing: scripts/apt-install systemd"
    return subprocess.run((found, *words), capture_output=True, text=True, check=False, timeout=60)


def exposure(unit: Path) -> subprocess.CompletedProcess[str]:
    return analyze("security", "--offline=true", "--no-pager", "--threshold=5", unit)


def test_its_exposure_is_low() -> None:
    done = exposure(SERVICE)
    assert done.returncode == 0, done.stdout


def test_a_hole_would_be_found(tmp_path: Path) -> None:
    holed = tmp_path / SERVICE.name
    holed.write_text(SERVICE.read_text().replace("PrivateNetwork=yes\n", ""))
    assert exposure(holed).returncode != 0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A system with the units, in which their command is there."""
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    places = tmp_path / "etc/systemd/system"
    places.mkdir(parents=True)
    commands = tmp_path / "opt/achivx-gateway/current/bin"
    commands.mkdir(parents=True)
    shutil.copy("/bin/true", commands / "achivx-gateway")
    for unit in (SERVICE, TIMER):
        shutil.copy(unit, places)
    return tmp_path


def test_both_are_clean(tree: Path) -> None:
    done = analyze("verify", "--man=no", f"--root={tree}", SERVICE.name, TIMER.name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_passphrase_is_on_no_command_line() -> None:
    lines = SERVICE.read_text().splitlines()
    assert "LoadCredential=backup-passphrase" in lines
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert "--passphrase-file %d/backup-passphrase " in start


def test_a_passphrase_is_what_switches_it_on() -> None:
    """Not the enabling of a unit, which a card forgets at the next start."""
    assert "ConditionFileNotEmpty=/etc/credstore/backup-passphrase\n" in SERVICE.read_text()
