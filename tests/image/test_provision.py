"""What the first boot makes of a card, in a directory that stands for the box."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.host.reset import LABEL_NAME

SHOP = (
    (Path(__file__).parents[1] / "systemd/boot_shop.toml")
    .read_text("utf-8")
    .replace('id = "boot-test"', 'id = "unprovisioned"  # the box puts its own here')
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9l it@shop"


@pytest.fixture
def provision(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("overlay/usr/local/lib/achivx/provision.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (
        "boot/firmware",
        "data",
        "etc/achivx-gateway",
        "etc/achivx-firewall.d",
        "etc/credstore",
        "etc/NetworkManager/system-connections",
        "usr/local/lib/achivx",
        "var/lib/achivx-gateway",
    ):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "etc/achivx-gateway/gateway.toml").write_text(SHOP, "utf-8")
    return tmp_path


def settings(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "etc/achivx-gateway/gateway.toml").read_text("utf-8"))


def put(root: Path, name: str, text: str) -> Path:
    path = root / "boot/firmware" / name
    path.write_text(text, "utf-8")
    return path


class TestIdentity:
    def test_is_made_once_and_never_again(self, provision: ModuleType, root: Path) -> None:
        provision.Box(root).provision()
        first = settings(root)["device"]["id"]
        assert first.startswith("box-")
        assert len(first) == len("box-") + 8
        provision.Box(root).provision()
        assert settings(root)["device"]["id"] == first

    def test_is_another_for_another_box(self, provision: ModuleType, root: Path) -> None:
        provision.Box(root).provision()
        first = settings(root)["device"]["id"]
        (root / "data/device-id").unlink()
        (root / "etc/achivx-gateway/gateway.toml").write_text(SHOP, "utf-8")
        provision.Box(root).provision()
        assert settings(root)["device"]["id"] != first

    def test_settings_that_are_missing_are_those_of_the_image(
        self, provision: ModuleType, root: Path
    ) -> None:
        (root / "etc/achivx-gateway/gateway.toml").rename(
            root / "usr/local/lib/achivx/gateway.toml"
        )
        said = provision.Box(root).provision()
        assert settings(root)["shop"]["name"] == "Boot test"
        assert said == [f"This is the box {settings(root)['device']['id']}."]


class TestSettingsFile:
    def test_is_used_with_the_box_own_id_and_taken_away(
        self, provision: ModuleType, root: Path
    ) -> None:
        path = put(root, "achivx-gateway.toml", SHOP.replace("Boot test", "Кафе"))
        said = provision.Box(root).provision()
        assert settings(root)["shop"]["name"] == "Кафе"
        assert settings(root)["device"]["id"] == (root / "data/device-id").read_text().strip()
        assert not path.exists()
        assert "taken away" in said[1]
        kept = (root / "etc/achivx-gateway/gateway.toml").read_text("utf-8")
        assert "# the box puts its own here" in kept

    def test_may_name_an_id(self, provision: ModuleType, root: Path) -> None:
        put(root, "achivx-gateway.toml", SHOP.replace('"unprovisioned"', '"shop-7"'))
        provision.Box(root).provision()
        assert settings(root)["device"]["id"] == "shop-7"

    def test_that_windows_has_written_is_read(self, provision: ModuleType, root: Path) -> None:
        put(root, "achivx-gateway.toml", "\ufeff" + SHOP.replace("\n", "\r\n"))
        provision.Box(root).provision()
        assert settings(root)["shop"]["name"] == "Boot test"

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            (SHOP.replace("pin = 13", "pin = 99"), "buttons[0].pin"),
            ("[shop", "line 1"),
            (SHOP + "#" * 300_000, "longer than"),
        ],
    )
    def test_that_is_wrong_changes_nothing_and_stays(
        self, text: str, word: str, provision: ModuleType, root: Path
    ) -> None:
        path = put(root, "achivx-gateway.toml", text)
        box_file = put(root, "achivx-box.toml", 'name = "pager-1"\n')
        said = provision.Box(root).provision()
        assert "Nothing was changed" in said[0]
        assert word in said[1]
        assert settings(root)["shop"]["name"] == "Boot test"
        assert path.exists()
        assert box_file.exists()
        assert not (root / "data/hostname").exists()

    def test_that_is_no_text_is_refused(self, provision: ModuleType, root: Path) -> None:
        (root / "boot/firmware/achivx-gateway.toml").write_bytes(b"\xff\xfe[\0")
        assert "UTF-8" in provision.Box(root).provision()[1]


BOX = f"""
name = "pager-1"
claim_code = "abcd-efg1"
setup_password = "QK7M-2WD9-0TXA"
update_key = '''
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
'''
achivx_token = "t0ken"
mqtt_password = "пароль"
tap_password = "000 000"
backup_passphrase = "correct horse"
ssh_keys = ["{KEY}"]

[wifi]
ssid = "Кафе; guests"
password = "se cr\\\\et1"
"""


class TestBoxFile:
    @pytest.fixture
    def used(
        self, provision: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> list[list[str]]:
        calls: list[list[str]] = []

        def run(words: list[str], **_: object) -> None:
            calls.append(words)

        monkeypatch.setattr(subprocess, "run", run)
        put(root, "achivx-box.toml", BOX)
        provision.Box(root).provision()
        return calls

    def test_puts_everything_in_its_place(self, used: list[list[str]], root: Path) -> None:
        assert (root / "data/hostname").read_text() == "pager-1\n"
        assert (root / "data" / LABEL_NAME).read_text() == "pager-1\n"
        assert (root / "etc/hostname").read_text() == "pager-1\n"
        assert "pager-1" in (root / "etc/hosts").read_text()
        assert (root / "var/lib/achivx-gateway/claim.code").read_text() == "ABCDEFG1\n"
        assert (root / "data/ssh/authorized_keys").read_text() == f"{KEY}\n"
        assert "22" in (root / "etc/achivx-firewall.d/ssh.nft").read_text()
        assert [words[0] for words in used] == ["ssh-keygen"]
        assert not (root / "boot/firmware/achivx-box.toml").exists()

    @pytest.mark.usefixtures("used")
    def test_secrets_are_for_root_alone(self, root: Path) -> None:
        secrets = {path.name: path.read_text() for path in (root / "etc/credstore").iterdir()}
        assert secrets == {
            "achivx-token": "t0ken\n",
            "mqtt-password": "пароль\n",
            "tap-password": "000 000\n",
            "backup-passphrase": "correct horse\n",
            "achivx-setup-wifi": "QK7M-2WD9-0TXA\n",
        }
        wifi = root / "etc/NetworkManager/system-connections/shop.nmconnection"
        key = root / "etc/achivx-host/update.pem"
        assert key.read_text().startswith("-----BEGIN PUBLIC KEY-----\nMCow")
        paths = (wifi, *(root / "etc/credstore").iterdir())
        assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}

    @pytest.mark.usefixtures("used")
    def test_a_network_name_needs_no_escapes(self, root: Path) -> None:
        wifi = (root / "etc/NetworkManager/system-connections/shop.nmconnection").read_text()
        (ssid,) = (line for line in wifi.splitlines() if line.startswith("ssid="))
        octets = bytes(int(each) for each in ssid.removeprefix("ssid=").split(";") if each)
        assert octets.decode() == "Кафе; guests"
        assert "psk=se\\scr\\\\et1" in wifi

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ('name = "Pager 1"', "name"),
            ('claim_code = "1234"', "claim_code"),
            ('update_key = "MCow"', "update_key"),
            ('setup_password = "short"', "setup_password"),
            ('mqtt_password = " "', "mqtt_password"),
            ('tap_password = "пароль"', "tap_password"),
            ('backup_passphrase = "7 chars"', "backup_passphrase"),
            ('ssh_keys = ["no key"]', "ssh_keys"),
            ('ssh_keys = "ssh-ed25519"', "ssh_keys"),
            ('[wifi]\npassword = "12345678"', "wifi.ssid"),
            ('[wifi]\nssid = "s"\npassword = "short"', "wifi.password"),
            ('[wifi]\nssid = "s"\npasswort = "12345678"', "wifi.passwort"),
            ("wifi = 1", "wifi"),
            ("name = 1", "name"),
            ("name =", "Invalid value"),
        ],
    )
    def test_what_is_wrong_is_named(self, text: str, word: str, provision: ModuleType) -> None:
        with pytest.raises(provision.CannotUse) as caught:
            provision.read_box(text)
        assert word in str(caught.value)

    def test_no_secret_is_repeated(self, provision: ModuleType, root: Path) -> None:
        put(root, "achivx-box.toml", 'claim_code = "s3cret"\nachivx_token = "tok en"\n')
        said = "\n".join(provision.Box(root).provision())
        assert "claim_code" in said
        assert "achivx_token" in said
        assert "s3cret" not in said


class TestWipe:
    def test_overwrites_before_it_takes_away(self, provision: ModuleType, tmp_path: Path) -> None:
        path, other = tmp_path / "secret", tmp_path / "link"
        path.write_text("secret")
        other.hardlink_to(path)
        provision.wipe(path)
        assert not path.exists()
        assert other.read_bytes() == bytes(6)


class TestResult:
    def test_is_written_for_windows_and_only_when_it_changes(
        self, provision: ModuleType, root: Path
    ) -> None:
        path = root / "boot/firmware/achivx-result.txt"
        box = provision.Box(root)
        box.write_result(["one", "two"])
        assert path.read_bytes() == b"one\r\ntwo\r\n"
        inode = path.stat().st_ino
        box.write_result(["one", "two"])
        assert path.stat().st_ino == inode
        box.write_result(["three"])
        assert path.read_bytes() == b"three\r\n"
