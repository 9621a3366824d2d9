"""The bridge's unit, as systemd's own tools see it."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "achivx-gateway-bridge.service"
MOST = 12  # exposure 1.2


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def exposure(unit: Path) -> subprocess.CompletedProcess[str]:
    return analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST}", unit)


def test_exposure_is_low() -> None:
    done = exposure(UNIT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_hole_would_be_found(tmp_path: Path) -> None:
    holed = tmp_path / UNIT.name
    text = UNIT.read_text()
    for key in ("SystemCallFilter", "RestrictNamespaces", "PrivateUsers"):
        text = re.sub(rf"^{key}=.*\n", "", text, flags=re.MULTILINE)
    holed.write_text(text)
    assert exposure(holed).returncode != 0


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree("/usr/lib/systemd/system", tree / "usr/lib/systemd/system", symlinks=True)
    units = tree / "etc/systemd/system"
    commands = tree / "opt/achivx-gateway/current/bin"
    for directory in (units, commands):
        directory.mkdir(parents=True)
    shutil.copy(UNIT, units)
    shutil.copy("/bin/true", commands / "achivx-gateway")
    done = analyze("verify", "--man=no", f"--root={tree}", UNIT.name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_gives_the_bridge_the_time_that_it_asks_for() -> None:
    text = UNIT.read_text()
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    (drain_s,) = re.findall(
        r"^drain_s = (\d+)$", (ROOT / "docs" / "bridge.example.toml").read_text(), re.MULTILINE
    )
    assert int(stop_s) > int(drain_s)
