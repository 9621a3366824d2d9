"""The real gateway, in this process: while staff are called, the backlog rests between batches."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.clock import SystemClock
from gateway.config.settings import Settings
from gateway.inputs.pins import open_pins
from gateway.messages import GetAlerts, Resolve, SendPage, SimulatePress
from gateway.model import Outcome
from gateway.simulator.shop import SimulatedShop
from gateway.sync import uplink
from gateway.sync.uplink import Acknowledged, Batch
from tests.sync.batches import until

MARK_S = 0.000123
GREEN = SimulatePress(button="exit-happy", count=8)


class Rests:
    """Counts the uplink's rests; every other sleep is as it was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._sleep = asyncio.sleep
        monkeypatch.setattr(uplink, "BATCH", 2)
        monkeypatch.setattr(uplink, "REST_S", MARK_S)
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, delay: float, result: object = None) -> object:
        self.count += delay == MARK_S
        return await self._sleep(delay, result)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        await opened.stop_gateway()
        yield opened


@contextlib.asynccontextmanager
async def running(shop: SimulatedShop) -> AsyncIterator[Gateway]:
    settings = Settings(shop.config_file)
    loaded = settings.load_or_last_good()
    pins = open_pins(loaded.config.inputs, Path(loaded.config.paths.state))
    gateway = Gateway(loaded, settings, SystemClock(trusted=True), pins)
    task = asyncio.create_task(gateway.run())
    try:
        await until(lambda: gateway._is_ready)
        yield gateway
    finally:
        gateway._life.stop()
        await task


async def rests_in_a_backlog(shop: SimulatedShop, gateway: Gateway, rests: Rests) -> int:
    """Eight presses while the line stands: how often their way up was interrupted."""
    line = gateway._uplink
    assert line is not None
    await until(lambda: line.cursor == gateway._journal.last_seq)
    goes_on, deliver = asyncio.Event(), line.transport.deliver

    async def wait_and_deliver(batch: Batch) -> Acknowledged:
        await goes_on.wait()
        return await deliver(batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.transport, "deliver", wait_and_deliver)
        before = rests.count
        await shop.ask(GREEN)
        wanted = gateway._journal.last_seq
        goes_on.set()
        await until(lambda: line.cursor >= wanted)
        return rests.count - before


async def test_an_open_alert_and_a_waiting_page_make_it_rest(
    shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = Rests(monkeypatch)
    async with running(shop) as gateway:
        assert await rests_in_a_backlog(shop, gateway, rests) == 0
        await shop.ask(SimulatePress(button="exit-unhappy"))
        (view,) = await shop.ask(GetAlerts())
        assert await rests_in_a_backlog(shop, gateway, rests) > 0
        await shop.ask(Resolve(alert=view.alert.id, outcome=Outcome.FALSE_ALARM))
        assert await rests_in_a_backlog(shop, gateway, rests) == 0
        gate = threading.Event()  # the terminal thinks about the first page
        monkeypatch.setattr(shop.terminal, "_on_page", lambda _: gate.wait(10))
        pages = [asyncio.create_task(shop.ask(SendPage(to="watch-1", text=t))) for t in "ab"]
        await until(lambda: gateway._lane.transmitters[0].queued == 1)
        assert await rests_in_a_backlog(shop, gateway, rests) > 0
        gate.set()
        await asyncio.gather(*pages)
