"""The set-up access point: open while no network wants the box, and no longer.

Run by achivx-access-point.service for as long as the box runs. A radio cannot be an access point
and look for the shop's Wi-Fi at once, and a router may start more slowly than the box: so the
access point gives way to the shop's Wi-Fi every few minutes in which no phone is there. When set-up
is over it closes, but where nothing else leads to the page. Paging waits for none of this.
"""

import enum
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from gateway import logs
from gateway.errors import Refused
from gateway.host import plain_file
from gateway.host.network import Network
from gateway.host.trial import run
from gateway.host.work import Places

LOOK_S: Final = 15.0
START_S: Final = 45.0
"""How long a cable or a known Wi-Fi is waited for after a start."""
LOST_S: Final = 300.0
"""And where there was a network before: NetworkManager looks for it by itself meanwhile."""
RETRY_S: Final = 180.0
"""How long a phone may be away before the shop's Wi-Fi is tried in its place."""
STAY_S: Final = 1800.0
"""How long a phone that stays can hold that up after set-up: some join what they once knew."""
GRACE_S: Final = 30.0
"""Whoever finishes set-up has seen the next screen by then."""
_SETUP_BYTES: Final = 1024 * 1024


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one look finds.

    Attributes:
        is_open: Whether the access point is.
        is_online: Whether the box is in any other network.
        knows_wifi: Whether there is a Wi-Fi of the shop to try.
        has_phone: Whether a phone is at the access point.
        is_set_up: Whether set-up is over.
    """

    is_open: bool
    is_online: bool
    knows_wifi: bool
    has_phone: bool
    is_set_up: bool


class Move(enum.Enum):
    """What to do with the access point. `TRY`: the shop's Wi-Fi in its place."""

    OPEN = enum.auto()
    CLOSE = enum.auto()
    TRY = enum.auto()


class Watch:
    """Decides, from what each look finds, about the access point. Pure."""

    def __init__(self) -> None:
        self._patience_s = START_S
        self._opens_s: float | None = None
        self._opened_s: float | None = None
        self._phone_s = 0.0
        self._was_set_up = True
        self._over_s: float | None = None
        self._stays_closed = False

    def decide(self, seen: Seen, now_s: float) -> Move | None:
        """What to do now, if anything.

        Args:
            seen: What was found.
            now_s: When, on a clock that only goes on.
        """
        if seen.is_set_up and not self._was_set_up:
            self._over_s = now_s
        self._was_set_up = seen.is_set_up
        return self._while_open(seen, now_s) if seen.is_open else self._while_closed(seen, now_s)

    def _while_open(self, seen: Seen, now_s: float) -> Move | None:
        self._opens_s = None
        if self._opened_s is None:
            self._opened_s = self._phone_s = now_s
        if seen.has_phone:
            self._phone_s = now_s
        if self._over_s is not None and now_s - self._over_s < GRACE_S:
            return None
        is_left = now_s - self._phone_s >= RETRY_S
        is_held = seen.is_set_up and now_s - self._opened_s >= STAY_S
        move = None
        if seen.is_online:
            if self._over_s is not None or is_left or is_held:
                move = Move.CLOSE
        else:
            self._over_s = None  # closed, it would leave the owner without the page
            if seen.knows_wifi and (is_left or is_held):
                move = Move.TRY
        if move is not None:
            self._opened_s = None  # by this, and by nobody who means it to stay closed
        return move

    def _while_closed(self, seen: Seen, now_s: float) -> Move | None:
        if self._opened_s is not None:
            # After set-up, whoever closed it meant it, until a network was there in between.
            self._stays_closed = seen.is_set_up
        self._opened_s = self._over_s = None
        if seen.is_online:
            self._patience_s, self._opens_s, self._stays_closed = LOST_S, None, False
            return None
        if self._opens_s is None:
            self._opens_s = now_s + self._patience_s
        if now_s < self._opens_s or (self._stays_closed and not seen.knows_wifi):
            return None
        self._opens_s = now_s + RETRY_S  # where no radio can
        return Move.OPEN


class Keeper:
    """Looks, and does what `Watch` decides.

    Args:
        network: The box's radio.
        setup: Where the gateway keeps how far set-up has come.
        clock: The time, in seconds.
    """

    def __init__(self, network: Network, setup: Path, clock: Callable[[], float]) -> None:
        self._network: Final = network
        self._setup: Final = setup
        self._clock: Final = clock
        self._watch: Final = Watch()
        self._trouble = ""

    def look(self) -> None:
        """Look once; what cannot be done is said once, and tried again."""
        try:
            with self._network.alone():
                self._act()
        except (Refused, OSError) as error:
            if str(error) != self._trouble:
                logs.log.warning("the set-up access point: %s", error)
            self._trouble = str(error)

    def _act(self) -> None:
        links = self._network.links()
        seen = Seen(
            is_open=links.own,
            is_online=links.other,
            knows_wifi=self._network.knows_wifi,
            has_phone=links.own and self._network.has_phone(),
            is_set_up=is_set_up(self._setup),
        )
        move = self._watch.decide(seen, self._clock())
        if move is not None:
            logs.log.info("the set-up access point %s", self._do(move))
            self._trouble = ""

    def _do(self, move: Move) -> str:
        name = os.uname().nodename
        match move:
            case Move.OPEN:
                self._network.open_access_point(name)
                return "is open"
            case Move.CLOSE:
                self._network.close_access_point()
                return "is closed"
            case Move.TRY if self._network.rejoin(name):
                return "has given way to the shop's Wi-Fi"
            case Move.TRY:
                return "is open again: the shop's Wi-Fi is not there"


class _Setup(msgspec.Struct):
    """Of the gateway's setup.json, which is on the disk before anybody is told."""

    finished: bool = False


def is_set_up(path: Path) -> bool:
    """Whether the gateway has kept that set-up is over; no where there is nothing to read."""
    try:
        with plain_file.opened(path) as file:
            return msgspec.json.decode(file.read(_SETUP_BYTES), type=_Setup).finished
    except (Refused, OSError, ValueError, RecursionError):  # msgspec's own are ValueErrors
        return False


def main() -> None:
    """Look again and again."""
    logs.set_up()
    places = Places(Path("/"))
    network = Network(places.profiles, places.access_point_secret, run)
    keeper = Keeper(network, places.setup, time.monotonic)
    while True:
        keeper.look()
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
