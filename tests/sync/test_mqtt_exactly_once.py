"""Journal, uplink, broker, two bridges and the server together, with everything going wrong.

Whatever happens in between, at the end the server's books hold exactly one action for each that
was due, in order within each account, and the journal knows it.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.config import MqttUplink
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import uplink as module
from gateway.sync.mqtt import Timers
from gateway.sync.mqtt_uplink import MqttTransport
from tests.sync.batches import PRESS, tokens, until
from tests.sync.bridges import Bridges, Who, settings_of
from tests.sync.misfortune import Misfortune, Shop, some_event

HASTY = Timers(
    connect_s=1.0, shake_s=0.4, shake_most_s=0.4, answer_s=0.4, retry_s=0.1, refused_s=0.2
)
RESEND_S = 1.0
STEPS = 16


def by_broker(settings: MqttUplink) -> MqttTransport:
    return MqttTransport(settings, "box-1", timers=HASTY, resend_s=RESEND_S)


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
    made = Shop(tmp_path / "journal.db", lambda: by_broker(who("box-1", port=proxy.port)))
    yield made
    await made.stop()


class OnTheWay(Misfortune):
    """Breaks the line and the broker, too."""

    def __init__(
        self,
        shop: Shop,
        server: AchivxServer,
        chance: random.Random,
        *,
        proxy: TcpProxy,
        broker: Mosquitto,
    ) -> None:
        super().__init__(shop, server, chance)
        self._proxy = proxy
        self._broker = broker

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            *super().all(),
            self.cut_the_line,
            self.cut_in_the_middle,
            self.fall_into_a_hole,
            self.restart_the_broker,
            self.kill_the_broker,
            self.freeze_the_broker,
        ]

    async def cut_the_line(self) -> None:
        await self.busy()
        self._proxy.cut()

    async def cut_in_the_middle(self) -> None:
        self._proxy.cut_after = self.chance.randrange(1, 4000)
        await self.busy()

    async def fall_into_a_hole(self) -> None:
        self._proxy.hole = True
        await self.shop.a_change(0.3)
        self._proxy.hole = False

    async def restart_the_broker(self) -> None:
        await self._broker.stop()
        await self._broker.start()

    async def kill_the_broker(self) -> None:
        await self.busy()
        await self._broker.kill()
        self._broker.forget()
        await self._broker.start()

    async def freeze_the_broker(self) -> None:
        self._broker.freeze()
        await self.shop.a_change(0.5)
        self._broker.thaw()


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
    await OnTheWay(shop, server, chance, proxy=proxy, broker=broker).befall(STEPS)
    await shop.check(server)
    assert server.peak_calls <= 16 * 4  # two bridges, and calls that nobody waits for any more


async def test_a_backlog_over_a_long_line(
    shop: Shop, who: Who, broker: Mosquitto, server: AchivxServer, bridges: Bridges
) -> None:
    """50 ms there and back: what a batch saves over single events."""
    await shop.stop_uplink()
    async with TcpProxy(broker.port, delay_s=0.025) as far:
        shop.way = lambda: by_broker(who("box-1", port=far.port))
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
    shop.way = lambda: by_broker(who("box-1"))
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
    await shop.drained()
    assert time.monotonic() - began < 10  # well under a second on a quiet machine
    await shop.check(server)


DEVICES = """\
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
    config = settings_of(tmp_path, who, broker, server, DEVICES)

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
