"""Wi-Fi and the set-up access point, through NetworkManager.

Secrets go into keyfiles that only root reads, never onto a command line, which every process of
the box could read.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.grants import crockford
from gateway.host.keyfiles import ACCESS_POINT, SHOP, access_point_profile, shop_profile

JOIN_S: Final = 45.0
COMMAND_S: Final = 15.0
PASSWORD_SYMBOLS: Final = 12
"""60 bits: what a set-up access point's password is worth to somebody outside the shop."""
Run = Callable[[Sequence[str | Path], float], tuple[int, str]]
_WPA: Final = "fi.w1.wpa_supplicant1"


class Links(msgspec.Struct, frozen=True):
    """What is up: the box's own access point, and any other network."""

    own: bool
    other: bool


class _Paths(msgspec.Struct):
    """A list of D-Bus objects as `busctl --json=short` prints one."""

    data: tuple[str, ...]


class Network:
    """The box's radio. Whoever changes something of it is `alone` meanwhile.

    Args:
        profiles: `/etc/NetworkManager/system-connections`, which lasts.
        secret: The file that keeps the access point's password, for root alone.
        run: Runs a command: its exit code and what it said.
    """

    def __init__(self, profiles: Path, secret: Path, run: Run) -> None:
        self._profiles: Final = profiles
        self._secret: Final = secret
        self._run: Final = run

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the others away: the host's one request, and the access point's service.

        Raises:
            Refused: `no_network_manager`.
            OSError: There is no directory for profiles.
        """
        self._need_manager()
        handle = os.open(self._profiles, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def join(self, ssid: str, password: str) -> None:
        """Join a Wi-Fi; where that fails, all is as before: profile, and access point.

        Raises:
            Refused: `not_joined`, or `no_network_manager`.
            OSError: The profile cannot be written.
        """
        place = self._shop
        before = place.read_bytes() if place.exists() else None
        was_open = self.links().own
        self._write(place, shop_profile(ssid, password or None))
        code, said = self._up(SHOP, place)
        if code == 0:
            return
        if before is None:
            place.unlink()
            self._nmcli("connection", "reload")
        else:
            write_atomic(place, before)
        if was_open:  # the phone that asked for it is there
            self._up(ACCESS_POINT, self._own)
        elif before is not None:
            self._up(SHOP, place)
        raise Refused("not_joined", f"the box could not join that Wi-Fi: {_words(said)}")

    def open_access_point(self, name: str) -> None:
        """Open the set-up access point, named after the box.

        Raises:
            Refused: `no_access_point`: there is no radio that can.
            OSError: The profile cannot be written.
        """
        self._write(self._own, access_point_profile(access_point_ssid(name), self.password()))
        code, said = self._up(ACCESS_POINT, self._own)
        if code:
            raise Refused("no_access_point", f"no access point can be opened: {_words(said)}")

    def close_access_point(self) -> None:
        """Close it, if it is open."""
        self._nmcli("connection", "down", "id", ACCESS_POINT)

    def rejoin(self, name: str) -> bool:
        """Try the shop's Wi-Fi in place of the access point; whether it is joined.

        Raises:
            Refused: `no_access_point`: it is not, and the access point does not open again.
            OSError: The access point's profile cannot be written.
        """
        code, _ = self._up(SHOP, self._shop)
        if code:
            self.open_access_point(name)
        return code == 0

    @property
    def knows_wifi(self) -> bool:
        """Whether there is a Wi-Fi of the shop to try."""
        return self._shop.exists()

    def links(self) -> Links:
        """Look what is up.

        Raises:
            Refused: `no_network_manager`.
        """
        fields = ("--terse", "--fields", "TYPE,STATE,NAME")
        code, said = self._nmcli(*fields, "connection", "show", "--active")
        if code:
            raise _no_manager()
        own = other = False
        for line in said.splitlines():
            kind, state, name = [*line.split(":", 2), "", ""][:3]
            if name == ACCESS_POINT:
                own = own or state.startswith("activat")  # activating, or activated
            elif kind != "loopback":
                other = other or state == "activated"
        return Links(own, other)

    def has_phone(self) -> bool:
        """Whether a phone is at the access point; also where nobody can tell.

        wpa_supplicant knows, which NetworkManager opens the access point with: its interfaces'
        `Stations` (https://w1.fi/wpa_supplicant/devel/dbus.html).
        """
        interfaces = self._paths("/fi/w1/wpa_supplicant1", _WPA, "Interfaces") or ()
        stations = [self._paths(each, f"{_WPA}.Interface", "Stations") for each in interfaces]
        known = [each for each in stations if each is not None]
        return any(known) if known else True

    def _paths(self, path: str, interface: str, name: str) -> tuple[str, ...] | None:
        words = ["busctl", "--json=short", "get-property", _WPA, path, interface, name]
        code, said = self._run(words, COMMAND_S)
        try:
            return None if code else msgspec.json.decode(said, type=_Paths).data
        except ValueError:  # msgspec's own are ValueErrors
            return None

    def password(self) -> str:
        """The access point's password: the label's, or one that is made once and kept.

        Raises:
            OSError: It can neither be read nor kept.
        """
        if self._secret.exists():
            return self._secret.read_text("ascii").strip()
        password = crockford.random(PASSWORD_SYMBOLS)
        write_atomic(self._secret, f"{password}\n".encode())
        return password

    @property
    def _shop(self) -> Path:
        return self._profiles / f"{SHOP}.nmconnection"

    @property
    def _own(self) -> Path:
        return self._profiles / f"{ACCESS_POINT}.nmconnection"

    def _write(self, place: Path, text: str) -> None:
        if place.exists() and place.read_bytes() == text.encode():
            return  # cards wear out, and the access point may be opened often
        write_atomic(place, text.encode())  # 0600, else NetworkManager ignores it

    def _up(self, name: str, place: Path) -> tuple[int, str]:
        self._nmcli("connection", "load", str(place))
        wait = f"--wait={JOIN_S:.0f}"
        return self._run(["nmcli", wait, "connection", "up", "id", name], JOIN_S + COMMAND_S)

    def _nmcli(self, *words: str) -> tuple[int, str]:
        return self._run(["nmcli", *words], COMMAND_S)

    def _need_manager(self) -> None:
        code, _ = self._nmcli("--terse", "--fields", "RUNNING", "general")
        if code:
            raise _no_manager()


def access_point_ssid(name: str) -> str:
    """What the access point of a box is called on the air, and so on its label.

    An SSID has 32 bytes at most (IEEE 802.11), a name may have 63.
    """
    return f"ACHIVX-{name}"[:32]


def _no_manager() -> Refused:
    return Refused(
        "no_network_manager",
        "NetworkManager does not run here: set the network up as this system does it",
    )


def _words(said: str) -> str:
    return " ".join(said.split())[-200:]
