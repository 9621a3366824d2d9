"""Some boxes of the fleet in one process: each with a journal, an uplink and MQTT of its own.

python -m bench.fleet_box: takes an `Order` on stdin and tells `Ready` once half of every box's
events are on disk, as after hours without a network. After one more line it lets them all at the
broker while the other half happens, and tells how far it is until everything is acknowledged.
"""

import asyncio
import contextlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from bench.common import tell
from bench.proc import resident_mb
from gateway.clock import Stamp, SystemClock
from gateway.config import MqttUplink
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertRaised,
    AlertResolved,
    AnyEvent,
    GrantIssued,
    GrantRedeemed,
    Pressed,
)
from gateway.journal.store import Identity, Journal
from gateway.model import AlertCause, ButtonKind, OfferKind, Outcome
from gateway.sync.mapping import CURRENT
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Uplink

KINDS: Final = (ButtonKind.VERY_HAPPY, ButtonKind.HAPPY, ButtonKind.NEUTRAL, ButtonKind.UNHAPPY)
CARDS: Final = 40
"""Customers of the whole chain: any box may credit any of them."""
TOKENS: Final = 2.5
GROUP: Final = 8
PAUSE_S: Final = (0.0, 0.2)
TELL_EVERY_S: Final = 0.25
LATER: Final = Stamp("another-boot", 1, 4_000_000_000 * 10**9, synced=True)


class Place(msgspec.Struct, frozen=True):
    """A box, and the port on this machine at which it finds the broker."""

    device: str
    port: int


class Order(msgspec.Struct, frozen=True):
    """What one process is to do. `events`: of each box; `secret`: the file of their password."""

    directory: str
    places: list[Place]
    events: int
    secret: str
    resend_s: float


class Ready(msgspec.Struct, frozen=True):
    """Memory of the process before the boxes were made; `tell`ed with half of the events kept."""

    before_mb: float


class Progress(msgspec.Struct, frozen=True):
    """How far the boxes of a process are.

    Attributes:
        acknowledged: Events that their boxes know to be on the server.
        quarantined: Events that the server will never take: none should be.
        states: How many uplinks say what.
        resident_mb: Memory of the process.
        over: Whether everything is acknowledged, and every journal closed.
    """

    acknowledged: int
    quarantined: int
    states: dict[str, int]
    resident_mb: float
    over: bool


def shop_account(device: str) -> str:
    """The account of a box's shop; those of its staff begin so too."""
    return f"shop-{device}"


def journal_path(directory: Path, device: str) -> Path:
    """Where a box keeps its journal."""
    return directory / f"{device}.db"


def events_of(device: str, count: int) -> list[AnyEvent]:
    """So many events of a shop's day, the same in every run."""
    return list(islice(_day(device, random.Random(device)), count))  # noqa: S311 - see above


def _day(device: str, chance: random.Random) -> Iterator[AnyEvent]:
    """For ever: eight to twelve presses, then a red one, answered and made good with tokens."""
    number = 0
    while True:
        number += 1
        for _ in range(chance.randrange(8, 13)):
            kind = chance.choice(KINDS)
            yield Pressed(button=f"exit-{kind.value}", kind=kind, zone="exit")
        alert, button = f"alert-{number}", "exit-red"
        who, person = "barista", f"{shop_account(device)}.barista"
        yield AlertRaised(alert=alert, cause=AlertCause.RED, zone="exit", button=button, level=0)
        yield Pressed(button=button, kind=ButtonKind.VERY_UNHAPPY, zone="exit")
        after_s = chance.uniform(5.0, 80.0)
        yield AlertAcknowledged(alert=alert, by=who, via="page", account=person, after_s=after_s)
        yield AlertContacted(alert=alert, by=who, account=person)
        yield AlertResolved(alert=alert, by=who, outcome=Outcome.RECOVERED, account=person)
        card, code = f"card-{chance.randrange(CARDS)}", f"{number:012}"
        yield GrantIssued(
            code=code,
            request=code,
            offer="sorry",
            kind=OfferKind.TOKENS,
            by=who,
            expires=LATER,
            alert=alert,
            account=card,
            tokens=TOKENS,
        )
        yield GrantRedeemed(code=code, by=who, kind=OfferKind.TOKENS, account=card, tokens=TOKENS)


class Box:
    """One box: the journal and the uplink are the real ones."""

    def __init__(self, order: Order, place: Place) -> None:
        path = journal_path(Path(order.directory), place.device)
        account = shop_account(place.device)
        identity = Identity(place.device, account, CURRENT)
        self.journal: Final = Journal(path, identity, on_change=lambda: None)
        broker = MqttUplink(
            host="127.0.0.1",
            port=place.port,
            username=place.device,
            password_file=order.secret,
            plaintext="loopback",
        )
        transport = MqttTransport(broker, place.device, resend_s=order.resend_s)
        self.uplink: Final = Uplink(
            self.journal,
            transport,
            device=place.device,
            account=account,
            on_change=lambda: None,
        )
        transport.on_link_up = self.uplink.link_up
        events = events_of(place.device, order.events)
        self._kept: Final = events[: order.events // 2]
        self._to_come: Final = events[order.events // 2 :]
        self._most: Final = order.events
        self._clock: Final = SystemClock(trusted=True)
        self._pauses: Final = random.Random(place.device)  # noqa: S311 - the same in every run

    async def begin(self) -> None:
        """Open the journal, with what happened while there was no network."""
        await asyncio.to_thread(self.journal.start)
        await self._keep(self._kept)

    async def go_on(self) -> None:
        """Let the other half happen."""
        for first in range(0, len(self._to_come), GROUP):
            await asyncio.sleep(self._pauses.uniform(*PAUSE_S))
            await self._keep(self._to_come[first : first + GROUP])
            self.uplink.notify()

    @property
    def is_done(self) -> bool:
        """Whether everything has happened and is on the server."""
        return self.uplink.cursor == self._most

    async def _keep(self, events: list[AnyEvent]) -> None:
        await asyncio.wrap_future(self.journal.append_all(tuple(events), self._clock.now()))


async def _main() -> None:
    order = msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline), type=Order)
    before_mb = resident_mb("self")
    boxes = [Box(order, place) for place in order.places]
    await asyncio.gather(*(box.begin() for box in boxes))
    tell(Ready(before_mb))
    await asyncio.to_thread(sys.stdin.readline)
    async with asyncio.TaskGroup() as group:
        uplinks = [group.create_task(box.uplink.run()) for box in boxes]
        for box in boxes:
            group.create_task(box.go_on())
        while not all(box.is_done for box in boxes):
            await asyncio.sleep(TELL_EVERY_S)
            tell(_progress(boxes, over=False))
        for task in uplinks:
            task.cancel()
    for box in boxes:
        box.journal.close()
    tell(_progress(boxes, over=True))


def _progress(boxes: list[Box], *, over: bool) -> Progress:
    return Progress(
        acknowledged=sum(box.uplink.cursor for box in boxes),
        quarantined=sum(box.uplink.quarantined for box in boxes),
        states=Counter(box.uplink.state for box in boxes),
        resident_mb=resident_mb("self"),
        over=over,
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
