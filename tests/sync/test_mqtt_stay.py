"""Coming back to a real mosquitto after it was away, frozen, or did not want us."""

import asyncio
import contextlib
import time
from typing import Self

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.config import MqttUplink
from gateway.errors import GatewayError
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync.mqtt import Denied, Link, Session, Timers, open_link
from gateway.sync.mqtt_stay import stay_linked
from tests.sync.bridges import Who

TIMERS = Timers(connect_s=2.0, answer_s=2.0, retry_s=0.2, refused_s=0.5)


class Keeper:
    """`stay_linked` in a task."""

    def __init__(self, settings: MqttUplink, timers: Timers = TIMERS) -> None:
        self.ups: asyncio.Queue[float] = asyncio.Queue()
        self.downs: asyncio.Queue[GatewayError] = asyncio.Queue()
        self._settings = settings
        self._timers = timers

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(
            stay_linked(
                lambda timers: open_link(self._settings, Session(client="box"), timers),
                self._use,
                self.downs.put_nowait,
                self._timers,
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _use(self, up: Link) -> None:
        self.ups.put_nowait(time.monotonic())
        async for _ in up.messages():
            pass

    async def up(self) -> float:
        async with asyncio.timeout(5):
            return await self.ups.get()

    async def down(self) -> GatewayError:
        async with asyncio.timeout(5):
            return await self.downs.get()


async def test_it_is_back_within_a_second_of_the_broker(who: Who, broker: Mosquitto) -> None:
    async with Keeper(who("box-1"), Timers()) as keeper:
        await keeper.up()
        await broker.stop()
        for _ in range(8):  # it has tried for a while
            await keeper.down()
        await broker.start()
        began = time.monotonic()
        assert await keeper.up() - began < 1.0


async def test_it_is_back_when_the_broker_goes_on(who: Who, broker: Mosquitto) -> None:
    async with Keeper(who("box-1"), Timers(shake_s=0.3, answer_s=0.3, retry_s=0.1)) as keeper:
        await keeper.up()
        await broker.kill()
        await keeper.down()
        await broker.start()
        broker.freeze()
        while "greeting" not in str(await keeper.down()):
            pass
        while not keeper.ups.empty():
            keeper.ups.get_nowait()
        broker.thaw()
        await keeper.up()


async def test_a_refusal_slows_it_down_more_each_time(
    who: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def most(low: float, high: float) -> float:
        waits.append(high)
        return low

    monkeypatch.setattr("gateway.sync.mqtt_stay.random.uniform", most)
    async with Keeper(who("box-1", password="guessed")) as keeper:
        for _ in range(4):
            assert isinstance(await keeper.down(), Denied)
    assert waits[:4] == [0.2, 0.4, 0.5, 0.5]


async def test_a_broker_that_is_not_ready_yet_is_soon_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def most(low: float, high: float) -> float:
        waits.append(high)
        return low

    async def nobody(_: Link) -> None:
        raise AssertionError("nobody has connected")

    downs: asyncio.Queue[GatewayError] = asyncio.Queue()
    monkeypatch.setattr("gateway.sync.mqtt_stay.random.uniform", most)
    starting = ReasonCode(PacketTypes.CONNACK, identifier=0x88)

    def connect(_: Timers) -> contextlib.AbstractAsyncContextManager[Link]:
        raise Denied("the connection", starting)

    task = asyncio.create_task(stay_linked(connect, nobody, downs.put_nowait, TIMERS))
    async with asyncio.timeout(5):
        for _ in range(6):
            await downs.get()
    task.cancel()
    assert set(waits) == {TIMERS.retry_s}


async def test_a_silent_broker_is_listened_to_for_longer_each_time(
    who: Who, broker: Mosquitto
) -> None:
    """Who gives up and comes again begins at the end of a line that is then longer still."""
    timers = Timers(shake_s=0.1, shake_most_s=0.4, retry_s=0.01)
    broker.freeze()
    async with Keeper(who("box-1"), timers) as keeper:
        said = [str(await keeper.down()) for _ in range(4)]
        broker.thaw()
        await keeper.up()
        await broker.kill()
        while "cannot be reached" not in str(await keeper.down()):
            pass
        await broker.start()
        broker.freeze()
        while "greeting" not in (again := str(await keeper.down())):
            pass
        broker.thaw()
    assert [each.rpartition(" in ")[2] for each in said] == ["0.1 s", "0.2 s", "0.4 s", "0.4 s"]
    assert again.endswith("in 0.1 s")
