"""What the host does with the verbs of the box itself."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.work import ROOM_BYTES, Host, Places
from tests.host.conftest import OLD, Keys, MakeBundle


class Commands:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.code = 0

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        self.said.append(" ".join(map(str, words)))
        return self.code, "Failed to connect\n"


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def clock() -> list[float]:
    return []


@pytest.fixture
def host(tmp_path: Path, commands: Commands, clock: list[float]) -> Host:
    return Host(Places(tmp_path), commands.run, set_clock=clock.append)


def test_the_clock(host: Host, clock: list[float]) -> None:
    host.do(verbs.SetClock(1.8e9))
    assert clock == [1.8e9]


def test_the_name_lasts_on_a_card_and_the_page_learns_it(
    host: Host, commands: Commands, tmp_path: Path
) -> None:
    host.do(verbs.SetHostname("pager-1"))
    assert commands.said == [
        "hostnamectl hostname pager-1",
        "systemctl --no-block try-restart achivx-webui.service",
    ]
    assert not (tmp_path / "data").exists()  # no card: the system keeps its name itself
    (tmp_path / "data").mkdir()
    host.do(verbs.SetHostname("pager-2"))
    assert (tmp_path / "data/hostname").read_text() == "pager-2\n"


def test_a_restart(host: Host, commands: Commands) -> None:
    host.do(verbs.RestartBox())
    assert commands.said == ["systemctl --no-block reboot"]


def test_what_the_system_will_not_do_is_told(host: Host, commands: Commands) -> None:
    commands.code = 1
    with pytest.raises(Refused, match="systemctl did not do it: Failed to connect"):
        host.do(verbs.RestartBox())


@pytest.mark.parametrize("free", [[1.0], [1e9, 1.0]])
def test_an_update_never_fills_the_card(
    root: Path,
    home: Path,
    keys: Keys,
    make_bundle: MakeBundle,
    monkeypatch: pytest.MonkeyPatch,
    free: list[float],
) -> None:
    """Neither with what comes from a stick, which nobody has announced, nor with its tree."""
    stick = root / "run/achivx-sticks/sda1"
    stick.mkdir(parents=True)
    shutil.copy(make_bundle(), stick / "new.achivx")
    places = Places(root)
    places.key.parent.mkdir(parents=True)
    shutil.copy(keys.public, places.key)
    fields = list(os.statvfs(home))

    def look(_: Path) -> os.statvfs_result:
        fields[1], fields[4] = 1, ROOM_BYTES + int(free.pop(0))  # f_frsize, f_bavail
        return os.statvfs_result(fields)

    monkeypatch.setattr(os, "statvfs", look)
    with pytest.raises(Refused, match="needs 50 MiB of room on the card") as caught:
        Host(places, Commands().run).do(verbs.ApplyUpdate(stick="sda1/new.achivx"))
    assert (caught.value.code, free) == ("no_room", [])
    assert {path.name for path in home.iterdir()} == {"current", "releases"}
    assert [path.name for path in (home / "releases").iterdir()] == [OLD]
