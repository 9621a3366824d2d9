"""Journal, uplink, broker, two bridges and the server together, with everything going wrong.

Whatever happens in between, at the end the server's books hold exactly one action for each that
was due, in order within each account, and the journal knows it.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.config import MqttUplink
from gateway.events import (
    AlertAcknowledged,
    AlertResolved,
    AnyEvent,
    Pressed,
    Record,
    Started,
)
from gateway.journal import reading
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind, Outcome, PressFlag
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import mqtt_uplink as transport_module
from gateway.sync import uplink as module
from gateway.sync.mapping import CANARY, actions_of
from gateway.sync.mqtt import Timers
from gateway.sync.uplink import Uplink
from tests.sync.conftest import AT, PRESS, TOKEN, Bridges, Who, tokens, until

FAULTS = (
    faults.CUT_OFF,
    faults.UNKNOWN_AFTER_COMMIT,
    faults.UNREACHABLE,
    faults.WRITE_CONFLICT,
    *faults.LEAKED,
)
POISON = 0.1  # tokens that a 32-bit float cannot hold
HASTY = Timers(
    connect_s=1.0, shake_s=0.4, shake_most_s=0.4, answer_s=0.4, retry_s=0.1, refused_s=0.2
)
RESEND_S = 1.0
STEPS = 16


class Shop:
    """A box with a journal, and its way to the broker."""

    def __init__(self, path: Path, settings: Callable[[], MqttUplink]) -> None:
        self._path = path
        self.settings = settings
        self._changed = asyncio.Event()
        self.start()

    def start(self) -> None:
        self.journal = Journal(self._path, Identity("box-1", "shop", 1), on_change=lambda: None)
        self.journal.start()
        self.start_uplink()

    def start_uplink(self) -> None:
        transport = transport_module.MqttTransport(
            self.settings(),
            "box-1",
            timers=HASTY,
            resend_s=RESEND_S,
        )
        self.uplink = Uplink(
            self.journal,
            transport,
            device="box-1",
            account="shop",
            on_change=self._changed.set,
        )
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

    async def drained(self, most_s: float = 20.0) -> None:
        """Wait until all is on the server, in the uplink's own words."""
        async with asyncio.timeout(most_s):
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

    async def check(self, server: AchivxServer) -> None:
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


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.05)
    monkeypatch.setattr(module, "BACKOFF_MOST_S", 0.3)


@pytest.fixture
async def proxy(broker: Mosquitto) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(broker.port) as between:
        yield between


@pytest.fixture
async def shop(tmp_path: Path, who: Who, proxy: TcpProxy) -> AsyncIterator[Shop]:
    made = Shop(tmp_path / "journal.db", lambda: who("box-1", port=proxy.port))
    yield made
    await made.stop()


class Misfortune:
    """A hand that breaks things."""

    def __init__(
        self,
        shop: Shop,
        proxy: TcpProxy,
        broker: Mosquitto,
        server: AchivxServer,
        chance: random.Random,
    ) -> None:
        self._shop = shop
        self._proxy = proxy
        self._broker = broker
        self._server = server
        self._chance = chance

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.lose_answers,
            self.kill_the_server,
            self.freeze_the_server,
            self.cut_the_line,
            self.cut_in_the_middle,
            self.fall_into_a_hole,
            self.restart_the_broker,
            self.kill_the_broker,
            self.freeze_the_broker,
            self.restart_the_box,
            self.unplug_the_uplink,
        ]

    async def lose_answers(self) -> None:
        self._server.faults.extend(self._chance.choices(FAULTS, k=self._chance.randrange(1, 6)))

    async def kill_the_server(self) -> None:
        await self._busy()
        await self._server.kill()
        await self._server.start()

    async def freeze_the_server(self) -> None:
        self._server.freeze()
        await self._busy()
        if self._chance.random() < 0.5:
            await self._shop.a_change(0.4)  # until a deadline has passed
        self._server.thaw()

    async def cut_the_line(self) -> None:
        await self._busy()
        self._proxy.cut()

    async def cut_in_the_middle(self) -> None:
        self._proxy.cut_after = self._chance.randrange(1, 4000)
        await self._busy()

    async def fall_into_a_hole(self) -> None:
        self._proxy.hole = True
        await self._shop.a_change(0.3)
        self._proxy.hole = False

    async def restart_the_broker(self) -> None:
        await self._broker.stop()
        await self._broker.start()

    async def kill_the_broker(self) -> None:
        await self._busy()
        await self._broker.kill()
        self._broker.forget()
        await self._broker.start()

    async def freeze_the_broker(self) -> None:
        self._broker.freeze()
        await self._shop.a_change(0.5)
        self._broker.thaw()

    async def restart_the_box(self) -> None:
        await self._busy()
        await self._shop.stop()
        self._shop.start()

    async def unplug_the_uplink(self) -> None:
        await self._busy()
        await self._shop.stop_uplink()
        self._shop.start_uplink()

    async def _busy(self) -> None:
        """Best in the middle of something, if there is anything."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.until_busy(), 0.05)


@pytest.mark.parametrize("seed", range(3))
async def test_each_action_is_booked_once_and_in_order(
    shop: Shop,
    proxy: TcpProxy,
    broker: Mosquitto,
    server: AchivxServer,
    bridges: Bridges,
    seed: int,
) -> None:
    chance = random.Random(seed)
    server.delay_s = 0.003
    for _ in range(2):
        await bridges.start(deadline_s=0.3)
    misfortune = Misfortune(shop, proxy, broker, server, chance).all()
    for _ in range(STEPS):
        await shop.record(*(some_event(chance) for _ in range(chance.randrange(1, 20))))
        await chance.choice(misfortune)()
        if chance.random() < 0.2:
            await shop.drained()
        else:
            await shop.a_change(0.2)
    server.faults.clear()
    await shop.drained()
    await shop.check(server)
    assert server.peak_calls <= 16 * 4  # two bridges, and calls that nobody waits for any more


async def test_a_backlog_over_a_long_line(
    shop: Shop, who: Who, broker: Mosquitto, server: AchivxServer, bridges: Bridges
) -> None:
    """50 ms there and back: what a batch saves over single events."""
    await shop.stop_uplink()
    async with TcpProxy(broker.port, delay_s=0.025) as far:
        shop.settings = lambda: who("box-1", port=far.port)
        await bridges.start()
        await shop.record(*(PRESS for _ in range(500)), *(tokens(0.25) for _ in range(12)))
        began = time.monotonic()
        shop.start_uplink()
        await shop.drained()
        took_s = time.monotonic() - began
        await shop.check(server)
        await shop.stop_uplink()
        shop.start_uplink()
    assert 512 / took_s > 40  # one event a message goes at 19 a second at most


async def test_draining_starts_within_a_second_of_the_broker(
    shop: Shop,
    who: Who,
    broker: Mosquitto,
    server: AchivxServer,
    bridges: Bridges,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long it was away: the uplink's own back-off is at a minute by then."""
    await shop.stop_uplink()
    shop.settings = lambda: who("box-1")
    shop.start_uplink()
    await bridges.start()
    await shop.record(PRESS)
    await shop.drained()
    await broker.stop()
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.5)
    monkeypatch.setattr(module, "BACKOFF_MOST_S", 60.0)
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    shop.uplink._failures = 20
    await shop.record(PRESS, PRESS)
    await until(lambda: "broker" in shop.uplink.state or "refused" in shop.uplink.state)
    await shop.a_change(0.5)
    await broker.start()
    began = time.monotonic()
    await shop.drained(20)
    assert time.monotonic() - began < 10  # well under a second on a quiet machine
    await shop.check(server)


BRIDGE = """
account = "gateway-bridge"
{extra}
[broker]
host = "127.0.0.1"
port = {port}
username = "bridge"
password_file = "{password}"
plaintext = "loopback"
[achivx]
address = "{server}"
token_file = "{token}"
plaintext = "loopback"
deadline_s = 30
[health]
port = 0
[[devices]]
id = "box-1"
account = "shop"
staff = ["anna", "boris", "clara"]
customers = ["zoe"]
reward_most = 50
reward_day = 10000
"""


async def test_bridges_killed_in_the_middle(
    tmp_path: Path, shop: Shop, who: Who, broker: Mosquitto, server: AchivxServer
) -> None:
    """Two processes on one shared subscription; one after the other dies by SIGKILL."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    config = tmp_path / "bridge.toml"
    config.write_text(
        BRIDGE.format(
            extra="",
            port=broker.port,
            password=who("bridge").password_file,
            server=server.address,
            token=token,
        )
    )

    async def start() -> Child:
        words = ("gateway", "bridge", "--config", str(config))
        return await Child.start("a bridge", words, tmp_path / "bridge.log", ready=True)

    chance = random.Random(0)
    server.delay_s = 0.01
    running = [await start(), await start()]
    for turn in range(3):
        await shop.record(*(some_event(chance) for _ in range(100)))
        await asyncio.wait_for(server.until_busy(), 10)
        victim = running.pop(0)
        victim.process.kill()
        await victim.process.wait()
        if turn < 2:
            running.append(await start())
    await shop.drained()
    await shop.check(server)
    for child in running:
        await child.stop()
        assert child.process.returncode == 0
