"""The first boot within its unit: all that it writes is open to it, and nothing else is."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.image.test_provision import BOX

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = ROOT / "image/overlay/etc/systemd/system/achivx-provision.service"


@pytest.fixture
def writable() -> list[str]:
    values = re.findall(r"^ReadWritePaths=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    return [path.removeprefix("-/") for value in values for path in value.split()]


@pytest.fixture
def box(tmp_path: Path, writable: list[str]) -> Path:
    """The system before a first boot, with both files on its boot partition."""
    for path in writable:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if path in {"etc/hosts", "etc/hostname"}:
            (tmp_path / path).write_text("as the card was written\n")
        else:
            (tmp_path / path).mkdir()
    settings = (ROOT / "tests/systemd/boot_shop.toml").read_text("utf-8")
    template = tmp_path / "usr/local/lib/achivx/gateway.toml"
    template.parent.mkdir(parents=True)
    template.write_text(settings.replace("boot-test", "unprovisioned"), "utf-8")
    (tmp_path / "boot/firmware/achivx-gateway.toml").write_text(settings, "utf-8")
    (tmp_path / "boot/firmware/achivx-box.toml").write_text(BOX, "utf-8")
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_what_it_writes_is_open_to_it_and_no_more(
    load: Callable[[str], ModuleType],
    box: Path,
    writable: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # ssh-keygen, which writes beside the keys that are let in.
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    before = contents(box)
    provision = load("overlay/usr/local/lib/achivx/provision.py").Box(box)
    provision.write_result(provision.provision())
    after = contents(box)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    homes = {
        path: [place for place in writable if f"{path}/".startswith(f"{place}/")]
        for path in changed
    }
    assert not [path for path, places in homes.items() if not places]
    assert {place for places in homes.values() for place in places} == set(writable)


def test_what_reads_the_files_can_neither_mount_nor_name() -> None:
    text = UNIT.read_text("utf-8")
    assert re.findall(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE) == [
        "CAP_CHOWN CAP_DAC_OVERRIDE"
    ]
    (reads,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert reads.startswith("/opt/achivx-gateway/current/bin/python3 -I ")
    others = re.findall(r"^Exec(?:StartPre|StartPost|StopPost)=(\S+)", text, re.MULTILINE)
    assert {each[:2] for each in others} == {"-+"}
