"""scripts/install --bridge: the central half of a chain, on a machine that is no box."""

import subprocess
from pathlib import Path

import pytest

from gateway.sync import bridge_config
from tests.test_install import Box

UNIT = "achivx-gateway-bridge.service"


@pytest.fixture
def machine(tmp_path: Path) -> Box:
    return Box(tmp_path)


def settings(machine: Box) -> Path:
    return machine.tree / "etc/achivx-gateway/bridge.toml"


def test_puts_the_bridge_in_its_place_and_nothing_of_a_box(machine: Box) -> None:
    said = machine.install("--bridge")
    units = machine.tree / "usr/local/lib/systemd/system"
    assert [path.name for path in units.iterdir()] == [UNIT]
    wants = machine.tree / "etc/systemd/system/multi-user.target.wants"
    (link,) = wants.iterdir()
    assert (link.name, str(link.readlink())) == (UNIT, f"/usr/local/lib/systemd/system/{UNIT}")
    assert (machine.tree / "usr/local/bin/achivx-gateway").is_symlink()
    assert (machine.tree / "etc/credstore").stat().st_mode & 0o777 == 0o700
    for of_a_box in ("etc/passwd", "etc/udev", "etc/avahi", "etc/achivx-gateway/gateway.toml"):
        assert not (machine.tree / of_a_box).exists()
    assert "achivx-gateway bridge --check" in said


def test_settings_to_begin_with_are_good_and_for_root_alone(machine: Box) -> None:
    machine.install("--bridge")
    assert settings(machine).stat().st_mode & 0o777 == 0o600
    assert bridge_config.load(settings(machine)).devices


def test_a_second_time_changes_nothing_and_needs_no_word(machine: Box) -> None:
    machine.install("--bridge")
    settings(machine).write_text("# mine\n")
    before = machine.state()
    said = machine.install()
    assert machine.state() == before
    assert "Next:" not in said


def test_an_upgrade_brings_the_unit_and_a_rollback_takes_it_back(machine: Box) -> None:
    unit = machine.tree / "usr/local/lib/systemd/system" / UNIT
    machine.install("--bridge")
    source = machine.source / "systemd" / UNIT
    source.write_text(f"{source.read_text()}# newer\n")
    machine.install(FAKE_RELEASE="2")
    assert (machine.current(), unit.read_text().endswith("# newer\n")) == ("2", True)
    machine.install("--rollback")
    assert (machine.current(), unit.read_text().endswith("# newer\n")) == ("1", False)


def test_uninstall_keeps_the_settings_and_purge_does_not(machine: Box) -> None:
    machine.install("--bridge")
    secret = machine.tree / "etc/credstore/mqtt-password"
    secret.touch()
    machine.install("--uninstall")
    assert {Path(name) for name in machine.state()} == {settings(machine), secret}
    machine.install("--uninstall", "--purge")
    assert machine.state() == {}


def test_a_dry_run_touches_nothing(machine: Box) -> None:
    said = machine.install("--bridge", "--dry-run")
    assert machine.state() == {}
    assert f"system/{UNIT}" in said
    assert "achivx-webui" not in said


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ([], ["--bridge"], "This machine is a box."),
        (["--bridge"], ["--appliance"], "This machine is a bridge, or is to be one:"),
    ],
)
def test_a_machine_is_a_box_or_a_bridge(
    machine: Box, first: list[str], second: list[str], sentence: str
) -> None:
    machine.install(*first)
    before = machine.state()
    status, _, err = machine.run("--root", str(machine.tree), *second)
    assert status == 1
    assert err.startswith(sentence)
    assert machine.state() == before


def test_settings_that_somebody_filled_in_are_started_and_an_example_is_not(machine: Box) -> None:
    """Where systemd runs: start_units alone, with a systemctl that writes down what it is told."""
    heard = machine.tools / "heard"
    script = f"""
        is_live() {{ true; }}; is_bridge() {{ true; }}; say() {{ echo "$@"; }}
        run() {{ echo "$@" >>'{heard}'; }}
        home=/nowhere changed=yes bridge_unit={UNIT} unfilled=$1
        {_function(machine.source / "scripts/install", "start_units")}
        start_units
    """
    for unfilled, started in (("yes", False), ("", True)):
        heard.write_text("")
        subprocess.run(["bash", "-euc", script, "bash", unfilled], check=True, timeout=20)
        assert (f"systemctl restart {UNIT}" in heard.read_text()) is started
        assert "achivx-webui" not in heard.read_text()


def _function(script: Path, name: str) -> str:
    text = script.read_text()
    begin = text.index(f"{name}() {{\n")
    return text[begin : text.index("\n}\n", begin) + 3]
