"""Wi-Fi and the set-up access point, through NetworkManager.

Secrets go into keyfiles that only root reads, never onto a command line, which every process of
the box could read.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.grants import crockford
from gateway.host.keyfiles import ACCESS_POINT, SHOP, access_point_profile, shop_profile

JOIN_S: Final = 45.0
COMMAND_S: Final = 15.0
PASSWORD_SYMBOLS: Final = 12
"""60 bits: what a set-up access point's password is worth to somebody outside the shop."""
Run = Callable[[Sequence[str | Path], float], tuple[int, str]]


class Network:
    """The box's radio.

    Args:
        profiles: `/etc/NetworkManager/system-connections`, which lasts.
        secret: The file that keeps the access point's password, for root alone.
        run: Runs a command: its exit code and what it said.
    """

    def __init__(self, profiles: Path, secret: Path, run: Run) -> None:
        self._profiles: Final = profiles
        self._secret: Final = secret
        self._run: Final = run

    def join(self, ssid: str, password: str) -> None:
        """Join a Wi-Fi; where that fails, the profile before is put back.

        Raises:
            Refused: `no_network_manager` or `not_joined`.
            OSError: The profile cannot be written.
        """
        self._need_manager()
        place = self._profiles / f"{SHOP}.nmconnection"
        before = place.read_bytes() if place.exists() else None
        self._write(place, shop_profile(ssid, password or None))
        code, said = self._up(SHOP, place)
        if code == 0:
            return
        if before is None:
            place.unlink()
            self._nmcli("connection", "reload")
        else:
            write_atomic(place, before)
            self._up(SHOP, place)
        raise Refused("not_joined", f"the box could not join that Wi-Fi: {_words(said)}")

    def open_access_point(self, name: str) -> None:
        """Open the set-up access point, named after the box.

        Raises:
            Refused: `no_network_manager`, or `no_access_point`: there is no radio that can.
            OSError: The profile cannot be written.
        """
        self._need_manager()
        place = self._profiles / f"{ACCESS_POINT}.nmconnection"
        self._write(place, access_point_profile(f"ACHIVX-{name}"[:32], self.password()))
        code, said = self._up(ACCESS_POINT, place)
        if code:
            raise Refused("no_access_point", f"no access point can be opened: {_words(said)}")

    def close_access_point(self) -> None:
        """Close it, if it is open.

        Raises:
            Refused: `no_network_manager`.
        """
        self._need_manager()
        self._nmcli("connection", "down", "id", ACCESS_POINT)

    def is_online(self, wait_s: int) -> bool:
        """Whether the box comes into a network within that time."""
        code, _ = self._run(["nm-online", "--quiet", f"--timeout={wait_s}"], wait_s + COMMAND_S)
        return code == 0

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

    def _write(self, place: Path, text: str) -> None:
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
            raise Refused(
                "no_network_manager",
                "NetworkManager does not run here: set the network up as this system does it",
            )


def _words(said: str) -> str:
    return " ".join(said.split())[-200:]
