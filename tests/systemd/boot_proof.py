"""Runs as root inside the system that `systemd/test-boot` has booted, and says what it came to.

Each check prints one line; the file /proof/good appears only when all of them held. The last one
makes the box forget everything, and what is left is looked at when it has started again.
"""

import os
import pwd
import shutil
import signal
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.client import Client
from gateway.host.client import SOCKET as HOST
from gateway.host.releases import Outcome, Releases, Trial
from gateway.host.trial import HOME
from gateway.messages import GetSettings, GetStatus, PutSettings, SetPin
from gateway.simulator.tap_terminal import TapTerminal
from tests.systemd import boot_keeps
from tests.systemd.boot import (
    COMMAND,
    GATEWAY,
    PAGE,
    SOCKET,
    WAIT_S,
    as_user,
    inside,
    main_pid,
    run,
    shown,
    until,
)

SETTINGS: Final = Path("/etc/achivx-gateway/gateway.toml")
RELEASES: Final = Releases(HOME)


def facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def press(terminal: TapTerminal) -> str:
    """Press as an admin does; the text that the wrist pager shows."""
    done = as_user("itsupport", COMMAND, "press", "exit-unhappy")
    assert done.returncode == 0, done.stderr
    page = terminal.wait_for_page(WAIT_S)
    assert page is not None, "no page after the press"
    return page.text


# --- the checks, in their order ------------------------------------------------------------------


def it_booted() -> str:
    state = run("systemctl", "is-system-running", "--wait").stdout.strip()
    failed = run("systemctl", "--failed", "--no-legend", "--plain").stdout.split("\n")
    units = [line.split()[0] for line in failed if line]
    ours = [unit for unit in units if "achivx" in unit or "nftables" in unit or "journald" in unit]
    assert not ours, f"failed: {ours}"
    for unit in (GATEWAY, PAGE):
        assert shown(unit, "ActiveState") == "active", f"{unit} is {shown(unit, 'ActiveState')}"
        assert shown(unit, "NRestarts") == "0", f"{unit} was restarted"
    return f"{state}; both units active at the first go; other failed units: {units or 'none'}"


def it_is_shut_in() -> str:
    wanted = {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    for unit in (GATEWAY, PAGE):
        status = facts(main_pid(unit))
        found = {name: status[name] for name in wanted}
        assert found == wanted, f"{unit}: {found}"
        user = pwd.getpwuid(int(status["Uid"].split()[0])).pw_name
        assert f"{user}.service" == unit, f"{unit} runs as {user}"
        for place in ("/usr", "/etc", "/opt/achivx-gateway"):
            assert inside(unit, "touch", f"{place}/x").returncode, f"{unit} can write in {place}"
        assert not inside(unit, "ls", "/root").stdout, f"{unit} sees /root"
    return "no capability, no new privilege, seccomp on, the system read-only"


def the_page_sees_no_data() -> str:
    for place in ("/etc/achivx-gateway", "/var/lib/achivx-gateway"):
        seen = inside(PAGE, "ls", "-A", place).stdout
        assert not seen, f"the page sees {place}: {seen}"
    return "neither settings nor journal"


def who_may_connect() -> str:
    until(SOCKET.exists, "the control socket")
    run("useradd", "--no-create-home", "--groups", "achivx-admin", "itsupport")
    run("useradd", "--no-create-home", "stranger")
    status = SOCKET.stat()
    assert (status.st_mode & 0o777, SOCKET.group()) == (0o660, "achivx-control")
    admin = as_user("itsupport", COMMAND, "status")
    assert admin.returncode == 0, f"achivx-admin cannot: {admin.stderr}"
    assert as_user("stranger", COMMAND, "status").returncode == 1
    probe = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(SOCKET)!r});"
        's.sendall(b\'{"id":1,"request":{"op":"status"}}\\n\'); print(s.recv(9999).decode())'
    )
    assert as_user("stranger", sys.executable, "-c", probe).returncode == 1
    page = as_user("achivx-webui", sys.executable, "-c", probe)
    assert page.returncode == 0, f"the page cannot: {page.stderr}"
    assert "not_signed_in" in page.stdout, f"the page has authority of its own: {page.stdout}"
    return "achivx-admin may, achivx-webui may and must sign in, a stranger may not"


def it_starts_without_secrets() -> str:
    place = Path(f"/run/credentials/{GATEWAY}")
    assert not list(place.glob("*"))
    boot_keeps.leave_secrets()
    run("systemctl", "restart", GATEWAY)
    for name in boot_keeps.SECRETS:
        assert as_user("achivx-gateway", "cat", str(place / name)).stdout == f"secret-{name}"
        assert as_user("achivx-webui", "cat", str(place / name)).returncode == 1
    return f"and takes {', '.join(boot_keeps.SECRETS)} from /etc/credstore, for its eyes only"


def a_press_is_paged(terminal: TapTerminal) -> str:
    text = SETTINGS.read_text().replace("socket://127.0.0.1:9", terminal.port)
    with Client(SOCKET) as client:
        replaces = client.call(GetSettings()).sha256
        client.call(PutSettings(text=text, replaces_sha256=replaces))
    kept = SETTINGS.stat()
    assert (SETTINGS.owner(), SETTINGS.group()) == ("achivx-gateway", "achivx-admin")
    assert kept.st_mode & 0o777 == 0o640
    run("systemctl", "restart", GATEWAY)
    return f"settings written by the gateway itself; the pager shows {press(terminal)!r}"


def the_page_answers() -> str:
    # An address of the shop's network: the page binds to it to see that it is its own.
    run("ip", "address", "add", "192.168.77.1/24", "dev", "lo")
    with urllib.request.urlopen("http://192.168.77.1:8080/", timeout=WAIT_S) as answer:
        words = answer.read().decode()
        assert answer.status == 200
    assert "<html" in words
    return f"on the shop's network: {answer.url}, {len(words)} bytes"


def the_gateway_listens_nowhere() -> str:
    heard = run("ss", "--tcp", "--udp", "--listening", "--processes", "--no-header").stdout
    ours = [line for line in heard.splitlines() if f"pid={main_pid(GATEWAY)}," in line]
    assert not ours, ours
    assert f"pid={main_pid(PAGE)}," in heard, f"the page is not in the list: {heard}"
    return "no port of its own"


def it_comes_back(terminal: TapTerminal) -> str:
    before, began = main_pid(GATEWAY), time.monotonic()
    os.kill(before, signal.SIGKILL)
    until(lambda: main_pid(GATEWAY) not in (0, before), "a new process")
    until(lambda: shown(GATEWAY, "ActiveState") == "active", "active after SIGKILL")
    took_s = time.monotonic() - began
    return f"after SIGKILL active again in {took_s:.1f} s; pages {press(terminal)!r}"


def a_frozen_one_is_replaced(terminal: TapTerminal) -> str:
    drop_in = Path(f"/run/systemd/system/{GATEWAY}.d/quick.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", GATEWAY)
    before = main_pid(GATEWAY)
    os.kill(before, signal.SIGSTOP)
    until(lambda: main_pid(GATEWAY) not in (0, before), "a new process")
    until(lambda: shown(GATEWAY, "ActiveState") == "active", "active after the watchdog")
    log = run("journalctl", "--unit", GATEWAY, "--output=cat").stdout
    assert "Watchdog timeout" in log, log
    counted = ("journalctl", "--unit", "achivx-hung", "--output=cat")
    until(lambda: "Finished" in run(*counted).stdout, "that is counted for the last resort")
    return f"by the watchdog, which is counted; pages {press(terminal)!r}"


def nothing_was_lost() -> str:
    with Client(SOCKET) as client:
        status = client.call(GetStatus())
    (button,) = status.buttons
    assert (button.presses, status.journal.state) == (3, "ok"), status
    return f"{button.presses} presses in the journal, {status.journal.last_seq} records"


def the_host_hears_the_gateway_alone() -> str:
    assert (HOST.stat().st_mode & 0o777, HOST.owner()) == (0o600, "achivx-gateway")
    probe = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(HOST)!r});"
        's.sendall(b\'{"verb":"list_sticks"}\\n\'); print(s.recv(9999).decode())'
    )
    assert as_user("achivx-webui", sys.executable, "-c", probe).returncode == 1
    assert "forbidden" in run(sys.executable, "-c", probe).stdout, "root may ask by itself"
    assert run(COMMAND, "host").stdout.startswith("no update"), run(COMMAND, "host").stderr
    named = run(COMMAND, "box-name", "proof-box")
    assert named.returncode == 0, named.stderr
    assert run("hostname").stdout.strip() == "proof-box"
    refused = run(COMMAND, "wifi", "Shop").stderr
    assert "NetworkManager does not run here" in refused, refused
    return "names the box; says what it cannot do"


STICK_WRITE: Final = """[Service]
ExecStartPre=
ExecStartPre=/usr/bin/umount /run/achivx-sticks/%i
ExecStartPre=/usr/bin/mount --bind /srv/%i /run/achivx-sticks/%i
ExecStopPost=
ExecStopPost=-/usr/bin/umount /run/achivx-sticks/%i
ExecStopPost=-/usr/bin/mount --bind /srv/%i-closed /run/achivx-sticks/%i
"""
"""A container has no sticks: a directory is mounted in the place of one."""


def a_backup_goes_onto_a_stick_and_comes_back() -> str:
    unit, there = "achivx-stick-write@sda1.service", Path("/run/achivx-sticks/sda1")
    drop_in = Path("/etc/systemd/system/achivx-stick-write@.service.d/proof.conf")
    for place in (drop_in.parent, Path("/srv/sda1"), Path("/srv/sda1-closed"), there):
        place.mkdir(parents=True)
    drop_in.write_text(STICK_WRITE)
    # Read-only before it comes to its place: others would see it as it was first.
    for words in (
        "systemctl daemon-reload",
        "mount --bind /srv/sda1 /srv/sda1-closed",
        "mount -o remount,bind,ro /srv/sda1-closed",
        f"mount --bind /srv/sda1-closed {there}",
    ):
        assert run(*words.split()).returncode == 0, words
    with Client(SOCKET) as client:
        client.call(SetPin(staff="owner", pin="739164"))
    made = run(COMMAND, "backup", "--stick")
    assert made.returncode == 0, made.stderr
    assert shown(unit, "ActiveState") == "inactive"
    assert os.statvfs(there).f_flag & os.ST_RDONLY
    (backup,) = there.iterdir()
    looked = run(COMMAND, "restore", "--check", "--stick", f"sda1/{backup.name}")
    assert "it is good" in looked.stdout, looked.stderr
    _need_words_without(unit)
    return f"{backup.stat().st_size} bytes, read back; read-only before and after"


def _need_words_without(unit: str) -> None:
    """A box that was updated from before there was this unit says so."""
    installed = Path(shown(unit, "FragmentPath"))
    aside = installed.rename(installed.with_suffix(".aside"))
    run("systemctl", "daemon-reload")
    refused = run(COMMAND, "backup", "--stick")
    assert refused.returncode == 1, refused.stdout
    assert "an update does not change that" in refused.stderr, refused.stderr
    aside.rename(installed)
    run("systemctl", "daemon-reload")


def an_update_is_tried_and_kept(terminal: TapTerminal) -> str:
    release = _put_on_trial("a")
    page = terminal.wait_for_page(WAIT_S)
    assert page is not None, "no test page"
    outcome = until(RELEASES.outcome, "the trial's end")
    assert outcome is not None
    assert outcome.kept, outcome.words
    assert RELEASES.target("current") == release
    assert shown(GATEWAY, "ActiveState") == "active"
    return f"after {page.text!r}"


def one_that_fails_is_put_back() -> str:
    before = RELEASES.target("current")
    release = _put_on_trial("b", broken=True)
    outcome = until(lambda: _outcome_of(release), "the trial's end")
    assert outcome is not None
    assert not outcome.kept
    assert RELEASES.target("current") == before
    until(lambda: shown(GATEWAY, "ActiveState") == "active", "active again")
    return outcome.words


def _put_on_trial(mark: str, *, broken: bool = False) -> str:
    """The present release under another name, as an update would bring it."""
    with RELEASES.locked(wait=True):  # a trial that ends takes away what it does not know
        present = RELEASES.target("current")
        release = f"{present.rpartition('-')[0]}-{mark * 12}"
        shutil.copytree(RELEASES.path(present), RELEASES.path(release), symlinks=True)
        if broken:
            command = RELEASES.path(release) / "bin/achivx-gateway"
            command.write_text("#!/bin/sh\necho no; exit 1\n")
        trial = Trial(release=release, back_to=present, working=("radio",), pager="wrist-1")
        RELEASES.begin(trial)
    return release


def _outcome_of(release: str) -> Outcome | None:
    found = RELEASES.outcome()
    return found if found is not None and found.release == release else None


def the_firewall_is_up() -> str:
    assert shown("nftables.service", "ActiveState") == "active"
    rules = run("nft", "list", "chain", "inet", "achivx", "input").stdout
    assert "policy drop" in rules, rules
    Path("/etc/achivx-firewall.d/ssh.nft").write_text("add element inet achivx services { 22 }\n")
    assert run("systemctl", "reload", "nftables").returncode == 0
    services = run("nft", "list", "set", "inet", "achivx", "services").stdout
    assert "22," in services, services
    return "drops by default; SSH after its one line"


def the_system_journal_is_on_the_disk_in_small_files() -> str:
    run("journalctl", "--flush")
    files = list(Path("/var/log/journal").glob("*/*.journal"))
    assert files, "the system's journal is in memory alone"
    largest = max(path.stat().st_size for path in files)
    assert largest <= 512 << 10, f"a file of the system's journal has {largest} bytes"
    said = run("journalctl", "--no-pager", "--output=cat", "--identifier=systemd-journald").stdout
    assert "journald.conf.d/achivx.conf" not in said, f"its settings are not understood: {said}"
    return f"{len(files)} files of {largest >> 10} KiB at most"


def udev_reads_its_rules() -> str:
    version = int(run("udevadm", "--version").stdout)
    if version < 254:
        return f"udev {version} cannot verify rules"
    rules = ("70-achivx-gateway.rules", "71-achivx-sticks.rules")
    done = run("udevadm", "verify", *(f"/etc/udev/rules.d/{name}" for name in rules))
    assert done.returncode == 0, done.stdout + done.stderr
    return "without complaint"


def main() -> None:
    checks: list[tuple[str, Callable[[], str]]] = [
        ("boot", it_booted),
        ("sandbox", it_is_shut_in),
        ("data", the_page_sees_no_data),
        ("access", who_may_connect),
        ("secrets", it_starts_without_secrets),
    ]
    with TapTerminal(tcp=True) as terminal:
        checks += [
            ("press", lambda: a_press_is_paged(terminal)),
            ("page", the_page_answers),
            ("ports", the_gateway_listens_nowhere),
            ("kill", lambda: it_comes_back(terminal)),
            ("watchdog", lambda: a_frozen_one_is_replaced(terminal)),
            ("journal", nothing_was_lost),
            ("host", the_host_hears_the_gateway_alone),
            ("stick", a_backup_goes_onto_a_stick_and_comes_back),
            ("update", lambda: an_update_is_tried_and_kept(terminal)),
            ("rollback", one_that_fails_is_put_back),
            ("firewall", the_firewall_is_up),
            ("journald", the_system_journal_is_on_the_disk_in_small_files),
            ("udev", udev_reads_its_rules),
            ("backup", boot_keeps.a_passphrase_makes_backups),
            ("bridge", boot_keeps.the_bridge_runs_shut_in),
            ("forget", boot_keeps.it_is_told_to_forget),
        ]
        if boot_keeps.MARK.exists():
            checks = [("reset", boot_keeps.all_of_the_shop_is_gone)]
        good = all(holds(name, check) for name, check in checks)  # later ones build on earlier ones
    if good:
        Path("/proof/good").touch()
    else:
        for unit in (GATEWAY, PAGE, "nftables", "achivx-*"):
            print(run("journalctl", "--unit", unit, "--output=cat", "--lines=40").stdout)


def holds(name: str, check: Callable[[], str]) -> bool:
    try:
        print(f"  {name:9} {check()}", flush=True)
    except Exception:  # noqa: BLE001 - whatever it is, it is told and the system goes down
        print(f"  {name:9} FAILED\n{traceback.format_exc()}", flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
