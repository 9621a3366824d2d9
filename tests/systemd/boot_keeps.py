"""What a booted system keeps: secrets, backups, and after a factory reset nothing of its shop."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from gateway.client import Client
from gateway.messages import SetPin
from tests.systemd.boot import COMMAND, GATEWAY, SOCKET, WAIT_S, run, shown, until

SECRETS: Final = ("achivx-token", "client-key", "mqtt-password", "tap-password")
"""Of those in /etc/credstore that the gateway loads."""
MARK: Final = Path("/proof/forgetting")
"""There while the box forgets and restarts; holds its claim code."""
CREDENTIALS: Final = Path("/etc/credstore")
STATE: Final = Path("/var/lib/achivx-gateway")
BACKUPS: Final = Path("/var/lib/private/achivx-backup")
CARD: Final = Path("/data")
KEPT_BACKUPS: Final = CARD / "lib/achivx-backup"
"""A directory of the data partition, as on a card."""
BACKUP: Final = "achivx-backup.service"
BRIDGE: Final = "achivx-gateway-bridge.service"
WORD: Final = "of-the-shop-alone"


def leave_secrets() -> None:
    """Put all that the gateway loads where it loads it from."""
    assert CREDENTIALS.stat().st_mode & 0o777 == 0o700
    for name in SECRETS:
        leave(name, f"secret-{name}")


def leave(name: str, text: str) -> None:
    """Put a secret into /etc/credstore."""
    path = CREDENTIALS / name
    path.write_text(text)
    path.chmod(0o600)


def a_passphrase_makes_backups() -> str:
    """On a card the directory is a mount of the data partition: so it is here."""
    for place in (KEPT_BACKUPS, BACKUPS):
        place.mkdir(parents=True)
    run("mount", "--bind", str(KEPT_BACKUPS), str(BACKUPS))
    assert shown("achivx-backup.timer", "ActiveState") == "active"
    run("systemctl", "start", BACKUP)
    assert (shown(BACKUP, "ConditionResult"), list(KEPT_BACKUPS.iterdir())) == ("no", [])
    with Client(SOCKET) as client:  # a box that nobody owns yet has nothing to back up
        client.call(SetPin(staff="owner", pin="2580"))
    leave("backup-passphrase", "short")
    assert run("systemctl", "start", BACKUP).returncode
    assert "backup: a passphrase has at least" in run(COMMAND, "status").stdout
    leave("backup-passphrase", "correct horse")
    done = run("systemctl", "start", BACKUP)
    assert done.returncode == 0, done.stderr
    assert "backup: " not in run(COMMAND, "status").stdout
    # Within the same second it would have the first one's name, and is refused.
    found = until(_two_backups, "a second one, by another user of systemd's making")
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in found)
    bare = run(COMMAND, "restore", "--check", str(found[0]))
    assert "encrypted" in bare.stderr, bare.stderr
    return f"none without one, a fault with a short one; {found[0].name} with a good one"


def _two_backups() -> list[Path]:
    run("systemctl", "restart", BACKUP)
    found = sorted(KEPT_BACKUPS.glob("*.achivx-backup"))
    return found if len(found) > 1 else []


def the_bridge_runs_shut_in() -> str:
    """With the example's settings, whose broker is not to be found from here."""
    release = Path("/opt/achivx-gateway/current")
    unit = Path("/run/systemd/system") / BRIDGE
    unit.write_bytes((release / "systemd" / BRIDGE).read_bytes())
    settings = Path("/etc/achivx-gateway/bridge.toml")
    settings.write_bytes((release / "docs/bridge.example.toml").read_bytes())
    settings.chmod(0o600)
    run("systemctl", "daemon-reload")
    done = run("systemctl", "start", BRIDGE)
    assert done.returncode == 0, done.stderr
    loaded = {path.name for path in Path(f"/run/credentials/{BRIDGE}").iterdir()}
    assert loaded == {"bridge.toml", "achivx-token", "client-key", "mqtt-password"}
    words = until(_health, "the bridge's own account of itself")
    assert "broker: " in words, words
    run("systemctl", "stop", BRIDGE)
    assert shown(BRIDGE, "Result") == "success"
    settings.unlink()
    return f"with its secrets; says {words.splitlines()[0]!r}"


def _health() -> str:
    """What /healthz says while something does not work."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:9108/healthz", timeout=WAIT_S) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return error.read().decode()
    except OSError:
        return ""


def it_is_told_to_forget() -> str:
    """By the command; comes to an end only where nothing is forgotten."""
    for name, text in (("hostname", WORD), ("label-name", "pager-1"), ("device-id", WORD)):
        (CARD / name).write_text(f"{text}\n")
    leave("achivx-setup-wifi", "of the label")
    networks = Path("/var/lib/NetworkManager")
    networks.mkdir(parents=True)
    (networks / "seen-bssids").write_text(WORD)
    additions = Path("/etc/achivx-host/etc/default/achivx-webui")
    additions.parent.mkdir(parents=True)
    additions.touch()
    run("systemd-cat", "--identifier=shop", "echo", WORD)
    assert until(_log_has_the_word, "the word in the system's log")
    MARK.write_text((STATE / "claim.code").read_text())
    done = run(COMMAND, "factory-reset", "boot-test")
    assert done.returncode == 0, done.stderr
    try:
        return until(lambda: "", "its restart, which ends this program")
    finally:
        MARK.unlink()


def _log_has_the_word() -> bool:
    return WORD in run("journalctl", "--no-pager", "--output=cat", "--identifier=shop").stdout


def all_of_the_shop_is_gone() -> str:
    """And all that the label says is there."""
    claim = MARK.read_text()
    MARK.unlink()
    assert (STATE / "claim.code").read_text() == claim
    assert not (STATE / "factory-reset-requested").exists()
    assert (CARD / "hostname").read_text() == "pager-1\n"
    assert not (CARD / "device-id").exists()
    assert [path.name for path in CREDENTIALS.iterdir()] == ["achivx-setup-wifi"]
    settings, networks = Path("/etc/achivx-gateway"), Path("/var/lib/NetworkManager")
    for emptied in (settings, networks, KEPT_BACKUPS, Path("/etc/achivx-host")):
        assert list(emptied.iterdir()) == [], emptied
    for file in (path for path in STATE.rglob("*") if path.is_file()):
        assert b"boot-test" not in file.read_bytes(), file
    assert not _log_has_the_word()
    assert not run("grep", "-rl", WORD, "/var", "/etc", "/data").stdout
    assert shown(GATEWAY, "LoadState") == "loaded"
    return "nothing of the shop is left, and the label is still right"
