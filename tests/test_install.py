"""scripts/install on a tree of its own; building a release is make_release.py's and cut short."""

import fcntl
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from gateway.config import check

ROOT = Path(__file__).parent.parent

# Takes the place of make_release.py: a release in no time, by the name in FAKE_RELEASE.
FAKE_BUILD = """
import os, pathlib, shutil, sys
if said := os.environ.get("FAKE_FAILURE"):
    sys.exit(said)
root = pathlib.Path(sys.argv[sys.argv.index("--root") + 1])
source = pathlib.Path(__file__).parent.parent
name = os.environ.get("FAKE_RELEASE", "1")
release = root / "opt/achivx-gateway/releases" / name
if "--name-only" not in sys.argv and not (release / "complete").exists():
    site = release / "lib/python3.11/site-packages"
    site.mkdir(parents=True)
    if not os.environ.get("FAKE_NO_LGPIO"):
        (site / "lgpio.py").touch()
    for part in ("systemd", "docs"):
        shutil.copytree(source / part, release / part)
    unit = release / "systemd/achivx-gateway.service"
    unit.write_text(unit.read_text() + f"# of release {name}\\n")
    (release / "complete").touch()
print(name)
"""


class Box:
    """A source tree with a short build, and the tree of a system to install into."""

    def __init__(self, place: Path) -> None:
        self.source = place / "the source"
        for part in ("systemd", "docs", "scripts"):
            shutil.copytree(ROOT / part, self.source / part)
        (self.source / "scripts/make_release.py").write_text(FAKE_BUILD)
        self.tree = place / "a tree"
        (self.tree / "etc").mkdir(parents=True)
        self.home = self.tree / "opt/achivx-gateway"
        self.settings = self.tree / "etc/achivx-gateway/gateway.toml"
        self.tools = place / "tools"
        self.tools.mkdir()

    def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.source / "scripts/install", *words],
            env={"PATH": f"{self.tools}:{os.environ['PATH']}:/usr/sbin:/sbin", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def install(self, *words: str, **environment: str) -> str:
        """What was said of a run that went well."""
        status, out, err = self.run("--root", str(self.tree), *words, **environment)
        assert status == 0, err
        return out

    def current(self) -> str:
        return (self.home / "current").readlink().name

    def unit(self) -> str:
        return (self.tree / "usr/local/lib/systemd/system/achivx-gateway.service").read_text()

    def state(self) -> dict[str, tuple[int, str]]:
        """Every file, when it was changed, and what it holds or where it leads."""
        found: dict[str, tuple[int, str]] = {}
        for path in self.tree.rglob("*"):
            if path.is_symlink():
                found[str(path)] = (path.lstat().st_mtime_ns, str(path.readlink()))
            elif path.is_file():
                found[str(path)] = (path.stat().st_mtime_ns, path.read_bytes().hex())
        return found


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


class TestInstall:
    def test_puts_everything_in_its_place(self, box: Box) -> None:
        said = box.install()
        assert box.current() == "1"
        assert "# of release 1" in box.unit()
        wants = box.tree / "etc/systemd/system/multi-user.target.wants"
        for name in ("achivx-gateway.service", "achivx-webui.service", "achivx-backup.timer"):
            target = (wants / name).readlink()
            assert (box.tree / target.relative_to("/")).exists()
        command = (box.tree / "usr/local/bin/achivx-gateway").readlink()
        assert str(command) == "/opt/achivx-gateway/current/bin/achivx-gateway"
        assert "achivx-webui:" in (box.tree / "etc/passwd").read_text()
        assert "systemd does not run here" in said
        assert "Next:" in said

    def test_the_daemons_can_read_it_whoever_installs(self, box: Box) -> None:
        before = os.umask(0o077)
        try:
            box.install("--appliance")
        finally:
            os.umask(before)
        places = [box.home, box.tree / "usr", box.tree / "etc/systemd"]
        there = [path for place in places for path in (place, *place.rglob("*"))]
        assert len(there) > 50
        shut = [path for path in there if not path.is_symlink() and ~path.stat().st_mode & 0o044]
        assert shut == []

    def test_a_second_time_changes_nothing(self, box: Box) -> None:
        box.install()
        before = box.state()
        box.install()
        assert box.state() == before

    def test_settings_are_good_and_have_an_id_of_their_own(self, box: Box) -> None:
        box.install()
        text = box.settings.read_text()
        config, problems, _ = check.check(text)
        assert (problems, box.settings.stat().st_mode & 0o777) == ([], 0o640)
        assert config is not None
        assert re.fullmatch(r"box-[0-9a-f]{8}", config.device.id)
        box.settings.unlink()
        box.install()
        assert tomllib.loads(box.settings.read_text())["device"]["id"] != config.device.id

    def test_settings_that_are_there_stay(self, box: Box) -> None:
        box.settings.parent.mkdir()
        box.settings.write_text("# mine\n")
        box.install()
        assert box.settings.read_text() == "# mine\n"

    def test_firewall_and_reboot_are_for_the_appliance_only(self, box: Box) -> None:
        box.install()
        firewall = box.tree / "etc/achivx-firewall.nft"
        last_resort = box.tree / "etc/systemd/system/achivx-gateway.service.d/last-resort.conf"
        assert not firewall.exists()
        assert not last_resort.exists()
        box.install("--appliance")
        read = ["systemd-analyze", f"--root={box.tree}", "cat-config", "systemd/journald.conf"]
        assert "\nSyncIntervalSec=" in subprocess.check_output(read, text=True)
        assert "policy drop" in firewall.read_text()
        assert "reboot" in last_resort.read_text()

    def test_an_appliance_stays_one(self, box: Box) -> None:
        box.install("--appliance")
        (box.tree / "etc/achivx-firewall.nft").write_text("# of an older release\n")
        box.install(FAKE_RELEASE="2")
        assert "policy drop" in (box.tree / "etc/achivx-firewall.nft").read_text()

    def test_missing_lgpio_is_told_with_what_to_do(self, box: Box) -> None:
        assert "apt install python3-lgpio" in box.install(FAKE_NO_LGPIO="yes")
        system = box.tree / "usr/lib/python3/dist-packages/lgpio.py"
        system.parent.mkdir(parents=True)
        system.touch()
        assert "python3-lgpio" not in box.install(FAKE_NO_LGPIO="yes")

    def test_a_dry_run_touches_nothing_and_tells(self, box: Box) -> None:
        said = box.install("--appliance", "--dry-run")
        assert box.state() == {}
        assert "would: build the release 1" in said
        assert "achivx-firewall.nft" in said
        assert "Installed:" not in said


class TestUpgrade:
    def test_keeps_the_one_before_and_no_older(self, box: Box) -> None:
        for name in ("1", "2", "3"):
            box.install(FAKE_RELEASE=name)
        assert box.current() == "3"
        assert {path.name for path in (box.home / "releases").iterdir()} == {"2", "3"}
        assert "# of release 3" in box.unit()

    def test_a_build_that_fails_leaves_all_as_it_was(self, box: Box) -> None:
        box.install()
        before = box.state()
        status, _, err = box.run(
            "--root", str(box.tree), FAKE_RELEASE="2", FAKE_FAILURE="The disk is full."
        )
        assert (status, err) == (1, "The disk is full.\n")
        assert box.state() == before

    def test_rollback_takes_the_units_along_and_can_be_undone(self, box: Box) -> None:
        box.install(FAKE_RELEASE="1")
        box.install(FAKE_RELEASE="2")
        assert "Back at 1; 2 is kept" in box.install("--rollback")
        assert (box.current(), "# of release 1" in box.unit()) == ("1", True)
        box.install("--rollback")
        assert (box.current(), "# of release 2" in box.unit()) == ("2", True)

    def test_rollback_goes_to_before_there_was_a_unit(self, box: Box) -> None:
        box.install("--appliance", FAKE_RELEASE="1")
        for name in ("achivx-gateway.sysusers", "achivx-stick-write@.service"):
            (box.home / "releases/1/systemd" / name).unlink()
        box.install(FAKE_RELEASE="2")
        before = box.state()
        box.install("--rollback")
        assert (box.current(), "# of release 1" in box.unit()) == ("1", True)
        assert box.state().keys() == before.keys()

    def test_after_a_rollback_the_next_upgrade_starts_from_there(self, box: Box) -> None:
        for name in ("1", "2"):
            box.install(FAKE_RELEASE=name)
        box.install("--rollback")
        box.install(FAKE_RELEASE="3")
        box.install("--rollback")
        assert box.current() == "1"

    def test_rollback_without_a_past_says_so(self, box: Box) -> None:
        box.install()
        status, _, err = box.run("--root", str(box.tree), "--rollback")
        assert status == 1
        assert err == "There is no release to go back to: only one was ever installed.\n"

    def test_a_release_that_is_not_whole_is_not_gone_back_to(self, box: Box) -> None:
        for name in ("1", "2"):
            box.install(FAKE_RELEASE=name)
        (box.home / "releases/1/complete").unlink()
        status, _, err = box.run("--root", str(box.tree), "--rollback")
        assert (status, box.current()) == (1, "2")
        assert "not whole" in err


class TestUninstall:
    def test_keeps_the_data(self, box: Box) -> None:
        box.install("--appliance")
        journal = box.tree / "var/lib/achivx-gateway/journal.db"
        profiles = box.tree / "etc/NetworkManager/system-connections"
        own, shops = profiles / "achivx-setup.nmconnection", profiles / "shop.nmconnection"
        socket = box.tree / "run/achivx-host.sock"
        for place in (journal, own, shops, socket):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        said = box.install("--uninstall")
        assert shops.exists()
        left = {name for name in box.state() if "achivx" in name.removeprefix(str(box.tree))}
        assert left == {str(journal), str(box.settings)}
        assert "are kept" in said

    def test_leaves_what_others_put_beside(self, box: Box) -> None:
        box.install("--appliance")
        mine = box.tree / "etc/systemd/system/achivx-gateway.service.d/mine.conf"
        mine.touch()
        box.install("--uninstall")
        assert mine.exists()

    def test_purge_leaves_nothing(self, box: Box) -> None:
        box.install("--appliance")
        box.install("--uninstall", "--purge")
        left = [name for name in box.state() if "achivx" in name.removeprefix(str(box.tree))]
        assert left == []

    def test_twice_does_no_harm(self, box: Box) -> None:
        box.install()
        box.install("--uninstall", "--purge")
        box.install("--uninstall", "--purge")


class TestRefusals:
    def test_not_root(self, box: Box) -> None:
        stub = box.tools / "id"
        stub.write_text("#!/bin/sh\necho 1000\n")
        stub.chmod(0o755)
        status, out, err = box.run()
        assert (status, out) == (1, "")
        assert err.startswith("Please run this as root: sudo ")

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--instal"], "--instal is no option of scripts/install."),
            (["--wheels"], "--wheels needs a directory."),
            (["--root", "/no/such"], "There is no directory /no/such: --root needs one."),
        ],
    )
    def test_a_wrong_word(self, box: Box, words: list[str], sentence: str) -> None:
        status, _, err = box.run(*words)
        assert status == 1
        assert err.splitlines()[-1] == sentence

    def test_two_at_once(self, box: Box) -> None:
        box.home.mkdir(parents=True)
        lock = os.open(box.home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            status, _, err = box.run("--root", str(box.tree))
        finally:
            os.close(lock)
        assert (status, err) == (1, "Another scripts/install is at work here.\n")

    def test_help_is_no_failure(self, box: Box) -> None:
        status, out, _ = box.run("--help")
        assert status == 0
        assert "--rollback" in out
