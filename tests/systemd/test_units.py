"""The units and what stands beside them, as systemd's own tools and nft see them."""

import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.host.__main__ import USER
from gateway.host.client import SOCKET
from gateway.host.keyfiles import ADDRESS
from gateway.host.releases import TRIAL as TRIAL_FILE
from gateway.host.reset import DATA, RESET_MARK, SHOPS, STATE
from gateway.host.trial import HOME
from gateway.inputs.gpio import DEAF_S
from gateway.journal import store
from gateway.paging import transmitter

ROOT = Path(__file__).parent.parent.parent
SYSTEMD = ROOT / "systemd"
GATEWAY = SYSTEMD / "achivx-gateway.service"
PAGE = SYSTEMD / "achivx-webui.service"
UNITS = (GATEWAY, PAGE)
HOST = SYSTEMD / "achivx-host@.service"
TRIAL = SYSTEMD / "achivx-trial.service"
RESET = SYSTEMD / "achivx-reset.service"
ACCESS_POINT = SYSTEMD / "achivx-access-point.service"
HUNG = SYSTEMD / "achivx-hung.service"
ROOTS = (HOST, TRIAL, RESET, ACCESS_POINT)
OVERLAY = ROOT / "image/overlay/etc/systemd/system"
PROVISION, GROW = CARD = tuple(OVERLAY / f"achivx-{name}.service" for name in ("provision", "grow"))
STARTERS = tuple(SYSTEMD / f"achivx-{name}" for name in ("host.socket", "trial.path", "reset.path"))
DROP_INS = sorted({*SYSTEMD.glob("appliance/*.conf")} - {SYSTEMD / "appliance/dnsmasq-shared.conf"})
EXPOSURE = (
    *((GATEWAY, 16), (PAGE, 12), (HOST, 16), (TRIAL, 12), (RESET, 12), (ACCESS_POINT, 11)),
    *((PROVISION, 14), (GROW, 15), (HUNG, 5)),
)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def values(unit: Path, key: str) -> list[str]:
    """All values of a key, in the order of the file."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def analyze() -> str:
    """Not a skip: units that nobody has checked must not look as if they were good."""
    found = shutil.which("systemd-analyze")
    assert found, "systemd-analyze is missing: scripts/apt-install systemd"
    return found


class TestExposure:
    @pytest.mark.parametrize(("unit", "most"), EXPOSURE)
    def test_is_low(self, unit: Path, most: int) -> None:
        words = ("security", "--offline=true", "--no-pager", f"--threshold={most}")
        done = run(analyze(), *words, unit)
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize(("unit", "most"), EXPOSURE)
    def test_a_hole_would_be_found(self, tmp_path: Path, unit: Path, most: int) -> None:
        holed = tmp_path / unit.name
        text = unit.read_text()
        for key in ("SystemCallFilter", "RestrictNamespaces", "CapabilityBoundingSet"):
            text = re.sub(rf"^{key}=.*\n", "", text, flags=re.MULTILINE)
        holed.write_text(text)
        words = ("security", "--offline=true", "--no-pager", f"--threshold={most}")
        assert run(analyze(), *words, holed).returncode != 0


class TestVerify:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        """A system with our units, in which their commands are there."""
        shutil.copytree(
            "/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True
        )
        places = tmp_path / "etc/systemd/system"
        (places / "achivx-gateway.service.d").mkdir(parents=True)
        shutil.copy(SYSTEMD / "appliance/last-resort.conf", places / "achivx-gateway.service.d")
        commands = tmp_path / "opt/achivx-gateway/current/bin"
        commands.mkdir(parents=True)
        for unit in (*UNITS, *ROOTS, *STARTERS, HUNG, *CARD):
            shutil.copy(unit, places)
        for unit in UNITS:
            shutil.copy("/bin/true", commands / unit.stem)
        (tmp_path / "bin").mkdir()
        for command in ("sh", "true"):
            shutil.copy(f"/bin/{command}", tmp_path / "bin")
        for release in ("current", "judge"):
            (tmp_path / "opt/achivx-gateway" / release / "bin").mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/true", tmp_path / "opt/achivx-gateway" / release / "bin/python3")
        for command in ("bin/nsenter", "bin/hostname", "local/lib/achivx/grow"):
            (tmp_path / "usr" / command).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/true", tmp_path / "usr" / command)
        return tmp_path

    def verify(self, tree: Path) -> subprocess.CompletedProcess[str]:
        plain = (*UNITS, *STARTERS, HUNG, TRIAL, RESET, ACCESS_POINT, *CARD)
        names = (unit.name for unit in plain)
        return run(analyze(), "verify", "--man=no", f"--root={tree}", *names)

    def test_is_clean(self, tree: Path) -> None:
        done = self.verify(tree)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_a_typing_mistake_would_be_found(self, tree: Path) -> None:
        with (tree / "etc/systemd/system" / GATEWAY.name).open("a") as file:
            file.write("\n[Service]\nRestartSecs=3\n")
        assert "RestartSecs" in self.verify(tree).stderr

    def test_a_missing_command_would_be_found(self, tree: Path) -> None:
        (tree / "opt/achivx-gateway/current/bin/achivx-webui").unlink()
        done = self.verify(tree)
        assert done.returncode != 0
        assert "achivx-webui" in done.stderr


def pause_s() -> int:
    (text,) = values(GATEWAY, "RestartSec")
    return int(text)


def window_s(unit: Path) -> int:
    (text,) = values(unit, "StartLimitIntervalSec")
    return int(text[:-3]) * 60 if text.endswith("min") else int(text.removesuffix("h")) * 3600


class TestPromises:
    """What the score does not see."""

    def test_the_gateway_is_tried_for_ever_and_watched(self) -> None:
        assert values(GATEWAY, "Restart") == ["always"]
        assert values(GATEWAY, "StartLimitIntervalSec") == ["0"]
        assert values(GATEWAY, "Type") == ["notify"]
        (watchdog,) = values(GATEWAY, "WatchdogSec")
        assert int(watchdog) <= 30

    def test_the_last_resort_comes_after_minutes_not_seconds(self) -> None:
        """A limit that is reached at once would reboot for a typing mistake; one that never is …"""
        drop_in = SYSTEMD / "appliance/last-resort.conf"
        (burst,) = map(int, values(drop_in, "StartLimitBurst"))
        quickest_start_s, slowest_start_s = 0.5, 9
        assert burst * (pause_s() + quickest_start_s) >= 4 * 60
        assert burst * (pause_s() + slowest_start_s) < window_s(drop_in)

    def test_the_last_resort_comes_too_for_what_hangs(self) -> None:
        """Each way to hang, as long as one time takes: nothing of it may go on for ever."""
        (command,) = values(SYSTEMD / "appliance/last-resort.conf", "ExecStopPost")
        assert "watchdog|timeout" in command
        assert HUNG.name in command
        (burst,) = map(int, values(HUNG, "StartLimitBurst"))
        (watchdog_s,) = map(int, values(GATEWAY, "WatchdogSec"))
        (start_s,) = map(int, values(GATEWAY, "TimeoutStartSec"))
        (stop_s,) = map(int, values(GATEWAY, "TimeoutStopSec"))
        stuck_s = (transmitter.STUCK_S, DEAF_S, store.STUCK_S)
        for hang_s in (0, start_s, *(each + watchdog_s for each in stuck_s)):
            once_s = hang_s + max(watchdog_s, stop_s) + pause_s()
            assert 60 < (burst + 1) * once_s < window_s(HUNG), hang_s

    def test_the_gateway_waits_for_no_network_and_no_clock(self) -> None:
        for key in ("After", "Requires", "Wants", "BindsTo"):
            assert values(GATEWAY, key) == []

    def test_the_gateway_never_listens(self) -> None:
        assert values(GATEWAY, "SocketBindDeny") == ["any"]
        assert values(GATEWAY, "SocketBindAllow") == []

    def test_devices_are_pins_and_serial_lines(self) -> None:
        allowed = {value.split()[0] for value in values(GATEWAY, "DeviceAllow")}
        kinds = {"gpiochip", "ttyUSB", "ttyACM", "ttyAMA", "ttyS"}
        assert allowed == {f"char-{kind}" for kind in kinds}
        assert values(PAGE, "PrivateDevices") == ["yes"]

    def test_the_page_has_no_way_to_the_data(self) -> None:
        (hidden,) = values(PAGE, "InaccessiblePaths")
        assert hidden.split() == ["-/etc/achivx-gateway", "-/var/lib/achivx-gateway"]
        for key in ("LoadCredential", "ReadWritePaths", "SupplementaryGroups"):
            assert values(PAGE, key) == []

    def test_the_socket_is_the_control_groups(self) -> None:
        assert values(GATEWAY, "Group") == ["achivx-control"]
        assert values(PAGE, "Group") == ["achivx-webui"]

    def test_one_port_in_unit_firewall_and_announcement(self) -> None:
        (listen,) = re.findall(r"^Environment=LISTEN=.*:(\d+)$", PAGE.read_text(), re.MULTILINE)
        allowed = {v.removeprefix("tcp:") for v in values(PAGE, "SocketBindAllow") if "tcp" in v}
        firewall = (SYSTEMD / "appliance/firewall.nft").read_text()
        (elements,) = re.findall(r"inet_service\n\s+elements = {([^}]*)}", firewall)
        announcement = (SYSTEMD / "achivx-gateway.avahi.xml").read_text()
        (announced,) = re.findall(r"<port>(\d+)</port>", announcement)
        assert listen == announced
        assert listen in allowed
        assert set(elements.replace(" ", "").split(",")) == allowed

    def test_page_and_firewall_mean_the_same_network(self) -> None:
        firewall = (SYSTEMD / "appliance/firewall.nft").read_text()
        filtered = set(re.findall(r"[\da-f.:]+/\d+", firewall.partition("chain input")[0]))
        (allowed,) = (value.split() for value in values(PAGE, "IPAddressAllow"))
        spelled = {"localhost": set(), "link-local": {"169.254.0.0/16", "fe80::/10"}}
        assert filtered == set().union(*(spelled.get(word, {word}) for word in allowed))


class TestRoots:
    """The units that run as root: each with what it does and no more."""

    @pytest.mark.parametrize(
        ("unit", "capabilities"),
        [
            (HOST, {"CAP_SYS_TIME", "CAP_DAC_READ_SEARCH"}),
            (TRIAL, {"CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"}),
            (RESET, {"CAP_DAC_OVERRIDE"}),
            (ACCESS_POINT, {"CAP_DAC_READ_SEARCH"}),
            (PROVISION, {"CAP_CHOWN", "CAP_DAC_OVERRIDE"}),
            (GROW, {"CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"}),
        ],
    )
    def test_capabilities_are_the_ones_it_explains(
        self, unit: Path, capabilities: set[str]
    ) -> None:
        (words,) = values(unit, "CapabilityBoundingSet")
        assert set(words.split()) == capabilities
        assert values(unit, "NoNewPrivileges") == ["yes"]

    @pytest.mark.parametrize("unit", ROOTS, ids=lambda unit: unit.name)
    def test_none_reaches_a_network_or_a_device(self, unit: Path) -> None:
        assert values(unit, "PrivateNetwork") == ["yes"]
        assert values(unit, "RestrictAddressFamilies") == ["AF_UNIX"]
        assert values(unit, "PrivateDevices") == ["yes"]

    def test_the_socket_is_the_gateways_alone(self) -> None:
        socket = SYSTEMD / "achivx-host.socket"
        assert values(socket, "SocketUser") == values(GATEWAY, "User") == [USER]
        assert values(socket, "SocketMode") == ["0600"]
        assert values(socket, "ListenStream") == [str(SOCKET)]
        assert values(socket, "Accept") == ["yes"]
        assert values(HOST, "StandardInput") == ["socket"]

    def test_what_starts_them_is_what_the_programs_leave(self) -> None:
        (trial,) = values(SYSTEMD / "achivx-trial.path", "PathExists")
        (reset,) = values(SYSTEMD / "achivx-reset.path", "PathExists")
        assert trial == str(HOME / TRIAL_FILE)
        assert reset == f"/{STATE}/{RESET_MARK}"

    def test_every_place_that_is_emptied_may_be_written(self) -> None:
        writable = " ".join(values(RESET, "ReadWritePaths")).replace("-/", "/").split()
        for place in (*SHOPS, DATA):
            assert any(f"/{place}/".startswith(f"{path}/") for path in writable), place

    def test_a_release_judges_no_release_but_another(self) -> None:
        (command,) = values(TRIAL, "ExecStart")
        assert command.startswith("/opt/achivx-gateway/judge/bin/python3 -I -m ")

    def test_programs_are_there(self) -> None:
        for unit in ROOTS:
            (command,) = values(unit, "ExecStart")
            assert find_spec(command.rpartition(" ")[2]) is not None

    def test_nothing_waits_for_the_access_point(self) -> None:
        for unit in UNITS:
            assert "access-point" not in unit.read_text()

    def test_one_address_in_profile_names_and_firewall(self) -> None:
        assert f"address=/#/{ADDRESS}\n" in (SYSTEMD / "appliance/dnsmasq-shared.conf").read_text()
        firewall = (SYSTEMD / "appliance/firewall.nft").read_text()
        (port,) = re.findall(rf"ip daddr {ADDRESS} tcp dport 80 redirect to :(\d+)", firewall)
        assert f"LISTEN=0.0.0.0:{port}\n" in PAGE.read_text()


class TestUsers:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        (tmp_path / "etc").mkdir()
        done = run("systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "achivx-gateway.sysusers")
        assert done.returncode == 0, done.stderr
        return tmp_path

    def groups(self, tree: Path) -> dict[str, set[str]]:
        lines = (line.split(":") for line in (tree / "etc/group").read_text().splitlines())
        return {name: set(members.split(",")) - {""} for name, _, _, members in lines}

    def test_each_is_in_its_groups_and_no_other(self, tree: Path) -> None:
        groups = self.groups(tree)
        assert groups["gpio"] == groups["dialout"] == groups["achivx-admin"] == {"achivx-gateway"}
        assert groups["achivx-control"] == {"achivx-webui"}
        assert groups["achivx-gateway"] == groups["achivx-webui"] == set()

    def test_nobody_can_log_in(self, tree: Path) -> None:
        for line in (tree / "etc/passwd").read_text().splitlines():
            if line.startswith("achivx-"):
                assert line.endswith("/nologin")

    def test_whoever_is_named_elsewhere_is_made_here(self, tree: Path) -> None:
        made = self.groups(tree).keys() | {"root"}
        named = {name for unit in UNITS for key in ("User", "Group") for name in values(unit, key)}
        for line in (SYSTEMD / "achivx-gateway.tmpfiles").read_text().splitlines():
            fields = line.split()
            if fields and not line.startswith("#"):
                named |= {*fields[3:5], *re.findall(r"group:([\w-]+)", fields[-1])} - {"-"}
        named |= set(re.findall(r'GROUP="(\w+)"', (SYSTEMD / "achivx-gateway.rules").read_text()))
        assert named <= made


def settings(text: str) -> dict[str, str]:
    """The keys of journald.conf's one section."""
    lines = (line.partition("=") for line in text.splitlines() if re.match(r"\w+=", line))
    return {key: value for key, _, value in lines}


class TestBeside:
    def test_firewall_is_read_by_nft(self) -> None:
        nft = shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin")
        assert nft, "nft is missing: scripts/apt-install nftables"
        # In a network of its own, of which this user is root: nothing of this machine is touched.
        alone = ("unshare", "--user", "--map-root-user", "--net")
        done = run(*alone, nft, "--check", "--file", SYSTEMD / "appliance/firewall.nft")
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("name", ["achivx-gateway.rules", "appliance/sticks.rules"])
    def test_udev_rules_are_assignments_and_jumps_that_land(self, name: str) -> None:
        text = (SYSTEMD / name).read_text()
        key = r'[A-Z_]+(\{[\w.]+\})?(==|!=|=|\+=)"[^"]*"'
        for line in text.splitlines():
            assert re.fullmatch(rf"(#.*|{key}(, {key})*|)", line), line
        assert set(re.findall(r'GOTO="(\w+)"', text)) == set(re.findall(r'LABEL="(\w+)"', text))

    @pytest.mark.parametrize("path", DROP_INS, ids=lambda p: p.name)
    def test_drop_ins_are_sections_of_keys(self, path: Path) -> None:
        parser = ConfigParser(strict=False, interpolation=None)
        parser.read(path)
        assert parser.sections()
        for section in parser.sections():
            assert dict(parser[section])

    def test_journald_knows_what_it_is_told(self) -> None:
        told = settings((SYSTEMD / "appliance/journald.conf").read_text())
        # As its package brings it, with each key that it has as a comment.
        found = run("systemd-analyze", "cat-config", "systemd/journald.conf")
        assert found.returncode == 0, found.stderr
        known = settings(re.sub(r"^#(?=\w+=)", "", found.stdout, flags=re.MULTILINE))
        assert told.keys() <= known.keys()

    def test_a_line_of_the_system_journal_is_a_small_write(self) -> None:
        """A file that the kernel cannot write in its largest pieces, and not too many of them."""
        told = settings((SYSTEMD / "appliance/journald.conf").read_text())
        size = int(told["SystemMaxFileSize"].removesuffix("K")) << 10
        assert size == 512 << 10  # journald makes no smaller ones
        assert (int(told["SystemMaxUse"].removesuffix("M")) << 20) / size <= 100

    def test_every_file_is_installed(self) -> None:
        """What nobody installs is dead; what is installed and not there fails at the shop."""
        listed = set(
            re.findall(
                r"^(\S+\.\w+) +/(?:etc|usr)/\S+$",
                (ROOT / "scripts/install-files").read_text(),
                re.MULTILINE,
            )
        )
        there = {str(path.relative_to(SYSTEMD)) for path in SYSTEMD.rglob("*") if path.is_file()}
        assert listed == there - {"test-boot"}
