"""What the initramfs does before systemd: run by a shell, with a stand-in for `mount`."""

import subprocess
from pathlib import Path

import pytest

EARLY = Path(__file__).parents[2] / "image/overlay/usr/local/lib/achivx/early"
HOME = "opt/achivx-gateway"
UNITS = "usr/local/lib/systemd/system"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of a card, with its own release and the units of it."""
    for name, text in {
        f"{HOME}/releases/1/systemd/achivx-gateway.service": "# of 1\n",
        f"{HOME}/releases/2/systemd/achivx-gateway.service": "# of 2\n",
        f"{HOME}/releases/2/systemd/achivx-new.service": "# of 2\n",
        f"{UNITS}/achivx-gateway.service": "# of 1\n",
        "usr/local/lib/achivx/lasting": "# list\n/etc/credstore etc/credstore\n",
        "etc/machine-id": "",
        "data/machine-id": "0123\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / HOME / "current").symlink_to("releases/1")
    return tmp_path


def start(root: Path, *, mount: int = 0) -> list[str]:
    """What was mounted, without the root's name."""
    words = f'mount() {{ echo "$@" >>"$rootmnt/mounted"; return {mount}; }}; . {EARLY}; echo alive'
    done = subprocess.run(
        ["sh", "-c", words],
        env={"PATH": "/usr/bin:/bin", "rootmnt": str(root), "card": "/run/card"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == ("alive\n", "")
    return (root / "mounted").read_text().replace(str(root), "").splitlines()


def unit(root: Path) -> str:
    return (root / UNITS / "achivx-gateway.service").read_text()


def test_what_lasts_and_what_came_later_is_put_over_the_card(root: Path) -> None:
    bind, overlay = start(root)
    assert bind == "-o bind /data/etc/credstore /etc/credstore"
    assert overlay == (
        "-t overlay -o lowerdir=/run/card/opt/achivx-gateway,"
        "upperdir=/data/releases/upper,workdir=/data/releases/work releases /opt/achivx-gateway"
    )
    assert (root / "etc/machine-id").read_text() == "0123\n"


def test_what_it_has_changed_in_etc_is_laid_over_the_cards_own(root: Path) -> None:
    laid = root / "etc/achivx-host/etc"
    for place, text in ((laid, "LISTEN=0.0.0.0:8081\n"), (root / "etc", "# the card's\n")):
        (place / "default").mkdir(parents=True)
        (place / "default/achivx-webui").write_text(text)
    (root / "etc/default/other").touch()
    wants = laid / "systemd/system/timers.target.wants"
    wants.mkdir(parents=True)
    (wants / "own.timer").symlink_to("/etc/systemd/system/own.timer")
    laid.chmod(0o700)
    start(root)
    etc = root / "etc"
    assert (etc / "default/achivx-webui").read_text() == "LISTEN=0.0.0.0:8081\n"
    assert (etc / "default/other").exists()
    link = etc / "systemd/system/timers.target.wants/own.timer"
    assert str(link.readlink()) == "/etc/systemd/system/own.timer"
    assert etc.stat().st_mode & 0o777 == 0o755


def test_the_box_answers_to_its_name(root: Path) -> None:
    (root / "data/hostname").write_text("pager-1\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 achivx\n")
    start(root)
    assert (root / "etc/hostname").read_text() == "pager-1\n"
    assert (root / "etc/hosts").read_text() == "127.0.0.1 localhost\n127.0.1.1 pager-1\n"


def test_units_go_with_the_release_that_runs(root: Path) -> None:
    (root / HOME / "current").unlink()
    (root / HOME / "current").symlink_to("releases/2")
    start(root)
    assert unit(root) == "# of 2\n"
    assert not (root / UNITS / "achivx-new.service").exists()


def test_without_the_layer_the_cards_own_release_runs(root: Path) -> None:
    start(root, mount=1)
    assert unit(root) == "# of 1\n"
