"""Wi-Fi and access point: what NetworkManager is asked, and the profiles it is given."""

import configparser
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import keyfiles
from gateway.host.network import Links, Network


class Manager:
    """Answers nmcli."""

    def __init__(self, profiles: Path) -> None:
        self.profiles = profiles
        self.said: list[str] = []
        self.fails: set[str] = set()
        self.profile_when_up: list[str] = []
        self.answers: dict[str, str] = {}

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        line = " ".join(map(str, words))
        self.said.append(line)
        if " up id " in line:
            place = self.profiles / f"{words[-1]}.nmconnection"
            self.profile_when_up.append(place.read_text())
        if any(part in line for part in self.fails):
            return 4, "Error: Secrets were required.\n"
        return 0, next((self.answers[part] for part in self.answers if part in line), "")


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path)


@pytest.fixture
def network(manager: Manager, tmp_path: Path) -> Network:
    return Network(tmp_path, tmp_path / "secret", manager.run)


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(text)
    return parser


class TestKeyfiles:
    def test_the_access_point_is_wpa2_in_a_network_of_its_own(self) -> None:
        profile = parsed(keyfiles.access_point_profile("ACHIVX-x", "secret12"))
        assert profile["connection"]["autoconnect"] == "false"
        assert profile["wifi"]["mode"] == "ap"
        octets = [int(each) for each in profile["wifi"]["ssid"].rstrip(";").split(";")]
        assert bytes(octets).decode() == "ACHIVX-x"
        security = profile["wifi-security"]
        assert (security["key-mgmt"], security["proto"]) == ("wpa-psk", "rsn;")
        assert profile["ipv4"]["method"] == "shared"
        assert profile["ipv4"]["address1"] == f"{keyfiles.ADDRESS}/24"
        assert profile["ipv6"]["method"] == "disabled"

    def test_no_value_can_add_a_line_or_a_section(self) -> None:
        profile = parsed(keyfiles.shop_profile("a;[b]=c", "p\\w d;#=1"))
        assert set(profile) == {"DEFAULT", "connection", "wifi", "wifi-security", "ipv4", "ipv6"}
        assert profile["wifi-security"]["psk"] == "p\\\\w\\sd;#=1"

    def test_an_open_network_has_no_password(self) -> None:
        assert "wifi-security" not in parsed(keyfiles.shop_profile("guests", None))


class TestJoin:
    def test_the_password_is_on_no_command_line(
        self, network: Network, manager: Manager, tmp_path: Path
    ) -> None:
        network.join("Shop", "coffee and cake")
        assert not any("coffee" in line for line in manager.said)
        profile = tmp_path / "shop.nmconnection"
        assert "psk=coffee\\sand\\scake" in profile.read_text()
        assert profile.stat().st_mode & 0o777 == 0o600

    def test_one_that_fails_leaves_the_one_before(
        self, network: Network, manager: Manager, tmp_path: Path
    ) -> None:
        network.join("Shop", "coffee and cake")
        before = (tmp_path / "shop.nmconnection").read_text()
        manager.fails.add("up id shop")
        with pytest.raises(Refused, match="could not join that Wi-Fi: Error: Secrets") as caught:
            network.join("Shop", "wrong and cake")
        assert caught.value.code == "not_joined"
        assert (tmp_path / "shop.nmconnection").read_text() == before
        assert manager.profile_when_up[-1] == before  # and it is brought up again

    def test_the_first_one_that_fails_leaves_none(
        self, network: Network, manager: Manager, tmp_path: Path
    ) -> None:
        manager.fails.add("up id shop")
        with pytest.raises(Refused):
            network.join("Shop", "wrong and cake")
        assert not (tmp_path / "shop.nmconnection").exists()
        assert manager.said[-1] == "nmcli connection reload"

    def test_without_a_network_manager(
        self, network: Network, manager: Manager, tmp_path: Path
    ) -> None:
        manager.fails |= {"general", "--active"}
        with pytest.raises(Refused) as caught, network.alone():
            network.open_access_point("pager-1")
        assert caught.value.code == "no_network_manager"
        with pytest.raises(Refused) as caught:
            network.links()
        assert caught.value.code == "no_network_manager"
        assert list(tmp_path.iterdir()) == []

    def test_one_that_fails_opens_the_access_point_again(
        self, network: Network, manager: Manager
    ) -> None:
        network.open_access_point("pager-1")
        manager.answers["--active"] = "802-11-wireless:activated:achivx-setup\n"
        manager.fails.add("up id shop")
        with pytest.raises(Refused):
            network.join("Shop", "wrong and cake")
        assert manager.said[-1] == "nmcli --wait=45 connection up id achivx-setup"

    def test_one_at_a_time(self, network: Network, tmp_path: Path) -> None:
        with network.alone():
            handle = os.open(tmp_path, os.O_RDONLY)
            with pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


class TestLooking:
    @pytest.mark.parametrize(
        ("said", "links"),
        [
            ("", Links(own=False, other=False)),
            ("loopback:activated:lo\n", Links(own=False, other=False)),
            ("802-11-wireless:activating:achivx-setup\n", Links(own=True, other=False)),
            ("802-11-wireless:deactivating:achivx-setup\n", Links(own=False, other=False)),
            ("802-11-wireless:activating:shop\n", Links(own=False, other=False)),
            ("802-3-ethernet:activated:Wired connection 1\n", Links(own=False, other=True)),
            ("802-3-ethernet:activated:a\\:achivx-setup\n", Links(own=False, other=True)),
            (
                "802-11-wireless:activated:achivx-setup\n802-3-ethernet:activated:x\n",
                Links(own=True, other=True),
            ),
            ("what no release prints\n", Links(own=False, other=False)),
        ],
    )
    def test_what_is_up(self, network: Network, manager: Manager, said: str, links: Links) -> None:
        manager.answers["TYPE,STATE,NAME connection show --active"] = said
        assert network.links() == links

    @pytest.mark.parametrize(
        ("interfaces", "stations", "has_phone"),
        [
            ('{"type":"ao","data":["/a/0"]}', '{"type":"ao","data":["/a/0/Stations/1"]}', True),
            ('{"type":"ao","data":["/a/0"]}', '{"type":"ao","data":[]}', False),
            ('{"type":"ao","data":["/a/0"]}', "", True),
            ('{"type":"ao","data":[]}', "", True),
            ("Failed to get property", "", True),
        ],
    )
    def test_whether_a_phone_is_there(
        self, network: Network, manager: Manager, interfaces: str, stations: str, *, has_phone: bool
    ) -> None:
        wpa = "get-property fi.w1.wpa_supplicant1"
        manager.answers[f"{wpa} /fi/w1/wpa_supplicant1 fi.w1.wpa_supplicant1 In"] = interfaces
        manager.answers[f"{wpa} /a/0 fi.w1.wpa_supplicant1.Interface Stations"] = stations
        assert network.has_phone() is has_phone

    def test_a_phone_may_be_where_nobody_can_tell(self, network: Network, manager: Manager) -> None:
        manager.fails.add("busctl")
        assert network.has_phone()


class TestAccessPoint:
    def test_opens_with_a_password_of_its_own(self, network: Network, tmp_path: Path) -> None:
        network.open_access_point("pager-1")
        profile = parsed((tmp_path / "achivx-setup.nmconnection").read_text())
        assert profile["wifi-security"]["psk"] == network.password()
        assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600

    def test_opened_again_it_writes_nothing(self, network: Network, tmp_path: Path) -> None:
        network.open_access_point("pager-1")
        before = (tmp_path / "achivx-setup.nmconnection").stat()
        network.open_access_point("pager-1")
        assert (tmp_path / "achivx-setup.nmconnection").stat().st_ino == before.st_ino

    def test_its_password_is_made_once_and_is_long(self, network: Network, tmp_path: Path) -> None:
        password = network.password()
        assert len(password) == 12
        assert network.password() == password
        (tmp_path / "secret").write_text("from-the-label\n")
        assert network.password() == "from-the-label"

    def test_a_box_without_a_radio_says_so(self, network: Network, manager: Manager) -> None:
        manager.fails.add("up id achivx-setup")
        with pytest.raises(Refused, match="no access point can be opened"):
            network.open_access_point("pager-1")

    def test_closes(self, network: Network, manager: Manager) -> None:
        network.close_access_point()
        assert manager.said[-1] == "nmcli connection down id achivx-setup"
