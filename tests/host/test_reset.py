"""A factory reset forgets everything, also when it is interrupted."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.config import check
from gateway.host import reset

STATE = "var/lib/achivx-gateway"


class Cut(BaseException):
    pass


class Commands:
    def __init__(self) -> None:
        self.said: list[str] = []

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        self.said.append(" ".join(map(str, words)))
        return 0, ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "etc/achivx-gateway/gateway.toml",
        "etc/achivx-gateway/history/1.toml",
        "etc/credstore/achivx-token",
        "etc/credstore/achivx-setup-wifi",
        "etc/credstore/backup-passphrase",
        "etc/achivx-firewall.d/ssh.nft",
        "etc/achivx-host/update.pem",
        "etc/achivx-host/etc/default/achivx-webui",
        "etc/NetworkManager/system-connections/shop.nmconnection",
        "etc/hostname",
        f"{STATE}/journal.db",
        f"{STATE}/{reset.RESET_MARK}",
        "var/lib/achivx-webui/secret",
        "var/lib/private/achivx-backup/cafe-1-backup-20270314-033000.achivx-backup",
        "var/lib/NetworkManager/seen-bssids",
        "var/lib/systemd/timesync/clock",
        "var/log/journal/0123/system.journal",
        "data/device-id",
        "data/hostname",
        "data/label-name",
        "data/ssh/authorized_keys",
        f"{STATE}/claim.code",
        reset.EXAMPLE,
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / STATE / "link").symlink_to("/etc")
    return tmp_path


def left(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_everything_of_the_shop_goes_and_the_system_stays(root: Path) -> None:
    commands = Commands()
    reset.forget(root, commands.run)
    label = {"etc/credstore/achivx-setup-wifi", f"{STATE}/claim.code", "data/label-name"}
    boxes = {"etc/achivx-host/update.pem", "var/lib/systemd/timesync/clock", "data/hostname"}
    assert left(root) == {"etc/hostname", reset.EXAMPLE} | label | boxes
    assert all((root / place).is_dir() for place in reset.SHOPS)
    first, stop, log, reboot = commands.said
    assert first.split()[:2] == stop.split()[:2] == ["systemctl", "stop"]
    # A release on trial starts the gateway; a Wi-Fi that is not joined gets its old profile back.
    assert {"achivx-trial.service", "achivx-host@*.service"} <= {*first.split()}
    assert stop.split()[2] == "achivx-gateway.service"
    assert (log, reboot) == ("journalctl --relinquish-var", "systemctl --no-block reboot")


def test_the_box_has_its_labels_name_again(root: Path) -> None:
    (root / "data/label-name").write_text("pager-1\n")
    (root / "data/hostname").write_text("the-shops-own\n")
    reset.forget(root, Commands().run)
    assert (root / "data/hostname").read_text() == "pager-1\n"


def test_without_a_label_the_shops_name_goes(root: Path) -> None:
    (root / "data/label-name").unlink()
    reset.forget(root, Commands().run)
    assert not (root / "data/hostname").exists()


def test_without_a_card_it_begins_on_the_example_with_an_id_of_its_own(root: Path) -> None:
    shutil.rmtree(root / "data")
    text = (Path(__file__).parents[2] / "docs/gateway.example.toml").read_text()
    (root / reset.EXAMPLE).write_text(text)
    reset.forget(root, Commands().run)
    settings = root / "etc/achivx-gateway/gateway.toml"
    config, problems, _ = check.check(settings.read_text())
    assert (problems, settings.stat().st_mode & 0o777) == ([], 0o640)
    assert config is not None
    assert re.fullmatch(r"box-[0-9a-f]{8}", config.device.id)


def test_without_the_mark_nothing_happens(root: Path) -> None:
    (root / STATE / reset.RESET_MARK).unlink()
    before, commands = left(root), Commands()
    reset.forget(root, commands.run)
    assert (left(root), commands.said) == (before, [])


def test_cut_off_anywhere_it_is_done_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark goes last: as long as it is there, the reset is asked for."""
    remove = Path.unlink
    removed: list[Path] = []

    def cut(path: Path, missing_ok: bool = False) -> None:
        if len(removed) == 3:
            raise Cut
        removed.append(path)
        remove(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", cut)
        with pytest.raises(Cut):
            reset.forget(root, Commands().run)
    assert (root / STATE / reset.RESET_MARK).exists()
    reset.forget(root, Commands().run)
    assert f"{STATE}/journal.db" not in left(root)
    assert not (root / STATE / reset.RESET_MARK).exists()
