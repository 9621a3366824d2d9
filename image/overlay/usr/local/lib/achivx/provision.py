#!/usr/bin/env python3
"""What makes a box one of its kind: its identity, and two files that somebody put onto the card.

    achivx-gateway.toml   the settings, as docs/configuration.md has them
    achivx-box.toml       name, claim code, Wi-Fi, SSH keys and token (see image/README.md)

Both are read once: used, overwritten and taken away. With anything wrong neither is used nor taken
away, and `achivx-result.txt` beside them says all of it. Run by achivx-provision.service, as root,
before the gateway; nothing that goes wrong here keeps the gateway from starting. The unit mounts
the boot partition for writing meanwhile, and gives the running system its name afterwards.
"""

import os
import pwd
import re
import secrets
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gateway.backup.seal import PASSPHRASE_LEAST
from gateway.config import check
from gateway.config.check import format_problem
from gateway.config.edit import Edit, edited
from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.grants import crockford
from gateway.host.keyfiles import shop_profile
from gateway.host.reset import LABEL_NAME
from gateway.host.verbs import is_hostname, is_passphrase, is_ssid
from gateway.setup import claim

UNMADE: Final = "unprovisioned"
"""The device id of an image: image/build puts it there, and no box keeps it."""
GATEWAY_FILE: Final = "achivx-gateway.toml"
BOX_FILE: Final = "achivx-box.toml"
RESULT_FILE: Final = "achivx-result.txt"
USER: Final = "achivx-gateway"
_MAX_BYTES: Final = 256 * 1024
_EXAMPLE_IDS: Final = {UNMADE, "cafe-1"}
_PUBLIC_KEY: Final = re.compile(
    r"-----BEGIN PUBLIC KEY-----\n[\w+/=]{40,200}\n-----END PUBLIC KEY-----\n", re.ASCII
)
_SECRETS: Final = {
    "achivx_token": "achivx-token",
    "mqtt_password": "mqtt-password",
    "tap_password": "tap-password",
    "backup_passphrase": "backup-passphrase",
    "setup_password": "achivx-setup-wifi",
}
"""What lies in /etc/credstore for root alone, and under which name units load it."""
_SSH_OPEN: Final = "add element inet achivx services { 22 }\n"


class CannotUse(Exception):
    """A file of the boot partition cannot be used.

    Attributes:
        problems: All that is wrong with it, a line each.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems: Final = problems


# --- achivx-box.toml, pure -----------------------------------------------------------------------


def _is_claim_code(value: str) -> bool:
    code = crockford.normalise(value)
    return len(code) == claim.SYMBOLS and set(code) <= set(crockford.ALPHABET)


def _is_token(value: str) -> bool:
    # As the uplink wants it (RFC 6750, 2.1); the gateway would not start with another.
    return _is_line(value) and value.isascii() and " " not in value


def _is_line(value: str) -> bool:
    return bool(value.strip()) and value.isprintable()


def _is_backup_passphrase(value: str) -> bool:
    return _is_line(value) and len(value) >= PASSPHRASE_LEAST


_CHECKS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    # RFC 1123, 2.1: it becomes NAME.local.
    "name": (
        is_hostname,
        "1 to 63 of a-z, 0-9 and -, with no - at either end",
    ),
    "claim_code": (_is_claim_code, "8 symbols, as image/label makes them"),
    "achivx_token": (_is_token, "printable ASCII without blanks"),
    "mqtt_password": (_is_line, "a line of printable text"),
    "tap_password": (lambda value: _is_line(value) and value.isascii(), "a line of ASCII"),
    "backup_passphrase": (_is_backup_passphrase, f"at least {PASSPHRASE_LEAST} characters"),
    "update_key": (
        lambda value: _PUBLIC_KEY.fullmatch(value) is not None,
        "a public key, as `openssl pkey -pubout` writes it",
    ),
    "setup_password": (is_passphrase, "8 to 63 characters"),
    "wifi.ssid": (is_ssid, "1 to 32 bytes"),
    "wifi.password": (is_passphrase, "8 to 63 characters"),
    "ssh_keys": (
        lambda value: re.fullmatch(r"(ssh-|ecdsa-|sk-)\S+ [\w+/=]+( [^\n]*)?", value) is not None,
        "a line of an id_….pub",
    ),
}


def read_box(text: str) -> dict[str, Any]:
    """What achivx-box.toml says, flat: `wifi.ssid` and so on, and `ssh_keys` as a list.

    Raises:
        CannotUse: Anything is wrong with it. No value is repeated: most are secrets.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotUse([str(error)]) from error
    wifi = data.pop("wifi", {})
    if not isinstance(wifi, dict):
        raise CannotUse(["wifi: must be a table"])
    flat = data | {f"wifi.{key}": value for key, value in wifi.items()}
    problems = [problem for key, value in flat.items() for problem in _problems(key, value)]
    if "wifi.password" in flat and "wifi.ssid" not in flat:
        problems.append("wifi.ssid: must be there, since there is a password")
    if problems:
        raise CannotUse(problems)
    return flat


def _problems(key: str, value: object) -> list[str]:
    if key not in _CHECKS:
        return [f"{key}: there is no such key; there are {', '.join(_CHECKS)}"]
    fits, right = _CHECKS[key]
    values = value if key == "ssh_keys" and isinstance(value, list) else [value]
    good = all(isinstance(each, str) and fits(each) for each in values)
    return [] if good else [f"{key}: must be {right}"]


# --- settings, pure ------------------------------------------------------------------------------


def checked_settings(text: str) -> None:
    """Pass settings that the gateway could start on.

    Raises:
        CannotUse: It could not.
    """
    config, problems, _ = check.check(text)
    if config is None:
        raise CannotUse([format_problem(problem) for problem in problems])


def with_identity(text: str, device_id: str) -> str:
    """The settings with this box's id, unless they name one of their own.

    Raises:
        CannotUse: The text is laid out in a way that a single key cannot be changed in.
    """
    if tomllib.loads(text).get("device", {}).get("id") not in _EXAMPLE_IDS:
        return text
    try:
        return edited(text, [Edit(path=("device", "id"), value=device_id)])
    except Refused as error:
        raise CannotUse([str(error)]) from error


# --- the box -------------------------------------------------------------------------------------


class Box:
    """One box and the boot partition of its card.

    Args:
        root: Where its file system is; another than `/` in tests.
    """

    def __init__(self, root: Path) -> None:
        self._root: Final = root
        self._boot: Final = root / "boot/firmware"
        self._settings: Final = root / "etc/achivx-gateway/gateway.toml"

    def provision(self) -> list[str]:
        """Do all of it, and say what came of it: the lines of the result.

        Raises:
            OSError: The box's own disk cannot be written.
        """
        device_id = self._make_identity()
        files = [
            path for path in (self._boot / GATEWAY_FILE, self._boot / BOX_FILE) if path.exists()
        ]
        problems: list[str] = []
        uses: list[Callable[[], None]] = []
        for path in files:
            try:
                uses.append(self._plan(path, device_id))
            except CannotUse as error:
                problems += [f"{path.name}: {problem}" for problem in error.problems]
        if problems:
            return ["Nothing was changed. To be put right, then start the box again:", *problems]
        for use in uses:
            use()
        for path in files:
            wipe(path)
        said = [f"{path.name} is in use and was taken away from the card." for path in files]
        return [f"This is the box {self._present_id()}.", *said]

    def _present_id(self) -> str:
        return str(tomllib.loads(self._settings.read_text("utf-8"))["device"]["id"])

    def _make_identity(self) -> str:
        """The box's id, made at the first boot."""
        kept = self._root / "data/device-id"
        if not kept.exists():
            write_atomic(kept, f"box-{secrets.token_hex(4)}\n".encode(), mode=0o644)
        device_id = kept.read_text("ascii").strip()
        if not self._settings.exists():  # the data partition is new
            self._write_settings(
                (self._root / "usr/local/lib/achivx/gateway.toml").read_text("utf-8")
            )
        text = self._settings.read_text("utf-8")
        if UNMADE in text:
            self._write_settings(with_identity(text, device_id))
        return device_id

    def _plan(self, path: Path, device_id: str) -> Callable[[], None]:
        """Look a file through; what is returned uses it."""
        if path.stat().st_size > _MAX_BYTES:
            raise CannotUse([f"longer than {_MAX_BYTES} bytes"])
        try:
            text = path.read_text("utf-8-sig")  # Windows' editors begin with a mark
        except UnicodeDecodeError as error:
            raise CannotUse(["not UTF-8 text: save it as UTF-8"]) from error
        if path.name == GATEWAY_FILE:
            checked_settings(text)
            settings = with_identity(text, device_id)
            return lambda: self._write_settings(settings)
        box = read_box(text)
        return lambda: self._use_box(box)

    def _write_settings(self, text: str) -> None:
        """As the gateway keeps them: its own, and readable for those who administer it."""
        write_atomic(self._settings, text.encode(), mode=0o640)
        self._give(self._settings)

    def _use_box(self, box: dict[str, Any]) -> None:
        etc, data = self._root / "etc", self._root / "data"
        if "name" in box:
            for name in ("hostname", LABEL_NAME):
                write_atomic(data / name, f"{box['name']}\n".encode(), mode=0o644)
            (etc / "hostname").write_text(f"{box['name']}\n")  # of this boot, as is the next
            (etc / "hosts").write_text(
                f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {box['name']}\n"
            )
        if "claim_code" in box:
            code = self._root / "var/lib/achivx-gateway" / claim.NAME
            write_atomic(code, f"{crockford.normalise(box['claim_code'])}\n".encode())
            self._give(code)
        for key in _SECRETS.keys() & box.keys():
            write_atomic(etc / "credstore" / _SECRETS[key], f"{box[key]}\n".encode())
        if "update_key" in box:
            trusted = etc / "achivx-host/update.pem"
            trusted.parent.mkdir(exist_ok=True)
            write_atomic(trusted, box["update_key"].encode(), mode=0o644)
        if "wifi.ssid" in box:
            profile = shop_profile(box["wifi.ssid"], box.get("wifi.password"))
            write_atomic(
                etc / "NetworkManager/system-connections/shop.nmconnection", profile.encode()
            )
        if "ssh_keys" in box:
            self._let_in(box["ssh_keys"])

    def _let_in(self, keys: list[str]) -> None:
        """SSH for these keys: a host key of its own, the port, and the server that looks for it."""
        place = self._root / "data/ssh"
        place.mkdir(mode=0o700, exist_ok=True)
        host_key = place / "ssh_host_ed25519_key"
        if not host_key.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(host_key)],
                check=True,
                stdin=subprocess.DEVNULL,
            )
        port = self._root / "etc/achivx-firewall.d/ssh.nft"
        write_atomic(port, _SSH_OPEN.encode(), mode=0o644)
        write_atomic(place / "authorized_keys", "".join(f"{key}\n" for key in keys).encode())

    def _give(self, path: Path) -> None:
        """To the gateway's user, with the group that the directory gives."""
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            return  # no box, but a test
        os.chown(path, user.pw_uid, -1)

    def write_result(self, lines: list[str]) -> None:
        """Leave word on the card, only if it is another than before: cards wear out.

        Raises:
            OSError: It cannot be written.
        """
        text = "".join(f"{line}\r\n" for line in lines)  # read on people's computers
        path = self._boot / RESULT_FILE
        if path.exists() and path.read_bytes() == text.encode():
            return
        write_atomic(path, text.encode())


def wipe(path: Path) -> None:
    """Overwrite a file and take it away. A card may keep a copy all the same: it moves its blocks.

    Raises:
        OSError: It could not be done.
    """
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def main() -> int:
    """Provision this box."""
    box = Box(Path("/"))
    try:
        lines = box.provision()
        box.write_result(lines)
    except (OSError, subprocess.CalledProcessError, CannotUse) as error:
        print(f"The box could not be made ready: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
