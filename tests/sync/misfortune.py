"""A box whose journal goes to the server, a hand that breaks things, and the books at the end."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.events import AlertAcknowledged, AlertResolved, AnyEvent, Pressed, Record, Started
from gateway.journal import reading
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind, Outcome, PressFlag
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync.mapping import CANARY, actions_of
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Transport, Uplink
from tests.sync.batches import AT, PRESS, tokens

FAULTS = (
    faults.CUT_OFF,
    faults.UNKNOWN_AFTER_COMMIT,
    faults.UNREACHABLE,
    faults.WRITE_CONFLICT,
    *faults.LEAKED,
)
POISON = 0.1  # tokens that a 32-bit float cannot hold


class Shop:
    """A box with a journal, and its way to the server; `way` makes it anew for each uplink."""

    def __init__(self, path: Path, way: Callable[[], Transport]) -> None:
        self._path = path
        self.way = way
        self._changed = asyncio.Event()
        self.start()

    def start(self) -> None:
        self.journal = Journal(self._path, Identity("box-1", "shop", 1), on_change=lambda: None)
        self.journal.start()
        self.start_uplink()

    def start_uplink(self) -> None:
        transport = self.way()
        self.uplink = Uplink(
            self.journal,
            transport,
            device="box-1",
            account="shop",
            on_change=self._changed.set,
        )
        if isinstance(transport, MqttTransport):
            transport.on_link_up = self.uplink.link_up
        self._task = asyncio.create_task(self.uplink.run())

    async def stop_uplink(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def stop(self) -> None:
        await self.stop_uplink()
        self.journal.close()

    async def record(self, *events: AnyEvent) -> None:
        kept = [self.journal.append(event, AT) for event in events]
        for each in kept:
            await asyncio.wrap_future(each)
        self.uplink.notify()

    async def drained(self) -> None:
        """Wait until all is on the server, in the uplink's own words."""
        async with asyncio.timeout(30):
            while self.uplink.cursor < self.journal.last_seq:
                await self.a_change(0.1)

    async def a_change(self, most_s: float) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), most_s)

    async def records(self) -> list[Record]:
        return await asyncio.wrap_future(
            self.journal.read(lambda db: reading.records_after(db, 0, 10_000))
        )

    async def check(self, server: AchivxServer) -> set[int]:
        """The books hold what was due, once and in order; returns what no server could take."""
        records = await self.records()
        assert len(records) == self.journal.last_seq
        poison = {each.seq for each in records if getattr(each.event, "tokens", 0.0) == POISON}
        due = Counter(
            (action.account, action.action, action.key)
            for each in records
            if each.seq not in poison
            for action in actions_of(each)
        )
        _, actions = server.ledger.snapshot()
        booked = [
            each
            for each in actions
            if each.action != CANARY and not each.action.startswith("achivx.")
        ]
        assert Counter((each.account, each.action, each.key) for each in booked) == due
        for account in {each.account for each in booked}:
            order = [int(each.key.rpartition(".")[2]) for each in booked if each.account == account]
            assert order == sorted(order)
        assert self.uplink.quarantined == len(poison)
        return poison


def some_event(chance: random.Random) -> AnyEvent:
    person = chance.choice(["anna", "boris", "clara"])
    events: list[AnyEvent] = [
        Started(version="1"),
        PRESS,
        Pressed(button="b", kind=ButtonKind.HAPPY, zone="z", flag=PressFlag.REPEAT),
        AlertAcknowledged(alert="a", by="x", via="page", account=person, after_s=1.0),
        AlertResolved(alert="a", by="x", outcome=Outcome.RECOVERED, account=person),
        tokens(chance.choice([0.25, 5.0, 2.75, POISON])),
    ]
    return chance.choice(events)


class Misfortune:
    """A hand that breaks the server and the box; others break what is between them, too."""

    def __init__(self, shop: Shop, server: AchivxServer, chance: random.Random) -> None:
        self.shop = shop
        self.server = server
        self.chance = chance

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.lose_answers,
            self.kill_the_server,
            self.freeze_the_server,
            self.restart_the_box,
            self.unplug_the_uplink,
        ]

    async def befall(self, steps: int) -> None:
        """So many times something is recorded and something goes wrong; then all is well."""
        misfortunes = self.all()
        for _ in range(steps):
            await self.happen()
            await self.chance.choice(misfortunes)()
            if self.chance.random() < 0.2:
                await self.shop.drained()
            else:
                await self.shop.a_change(0.2)
        self.server.faults.clear()
        await self.shop.drained()

    async def happen(self) -> None:
        some = self.chance.randrange(1, 20)
        await self.shop.record(*(some_event(self.chance) for _ in range(some)))

    async def lose_answers(self) -> None:
        self.server.faults.extend(self.chance.choices(FAULTS, k=self.chance.randrange(1, 6)))

    async def kill_the_server(self) -> None:
        await self.busy()
        await self.server.kill()
        await self.server.start()

    async def freeze_the_server(self) -> None:
        self.server.freeze()
        await self.busy()
        if self.chance.random() < 0.5:
            await self.shop.a_change(0.4)  # until a deadline has passed
        self.server.thaw()

    async def restart_the_box(self) -> None:
        await self.busy()
        await self.shop.stop()
        self.shop.start()

    async def unplug_the_uplink(self) -> None:
        await self.busy()
        await self.shop.stop_uplink()
        self.shop.start_uplink()

    async def busy(self) -> None:
        """Best in the middle of something, if there is anything."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.server.until_busy(), 0.05)
