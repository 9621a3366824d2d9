"""A whole shop whose disk is short, or whose journal is spoilt: it pages and knows its promises."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.client import Client
from gateway.errors import Refused
from gateway.messages import GetGrants, GetStatus, IssueGrant, Redeem, SimulatePress
from gateway.simulator.shop import SimulatedShop
from gateway.status import Status

RED = "exit-very-unhappy"
GRANT = IssueGrant(request="r", offer="souvenir")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened


async def status_once(shop: SimulatedShop, is_so: Callable[[Status], bool]) -> Status:
    """The first status of which it is so: looked at whenever the gateway rings."""

    def wait() -> Status:
        with (
            Client(shop.control_socket, timeout_s=10.0) as rings,
            Client(shop.control_socket, timeout_s=10.0) as client,
        ):
            for _ in itertools.islice(rings.changes(), 50):
                status = client.call(GetStatus())
                if is_so(status):
                    return status
        raise AssertionError(status)

    return await asyncio.to_thread(wait)


async def pages(shop: SimulatedShop) -> bool:
    await shop.ask(SimulatePress(button=RED))
    return await asyncio.to_thread(shop.terminal.wait_for_page, 5.0) is not None


async def test_a_short_disk_refuses_grants_and_nothing_else(shop: SimulatedShop) -> None:
    code = (await shop.ask(GRANT)).grant.code
    await shop.stop_gateway()
    with shop.config_file.open("a") as file:
        file.write("\n[journal]\nmin_free_bytes = 1099511627776\n")
    await shop.start_gateway()
    status = await status_once(shop, lambda each: each.journal.is_full)
    assert any("too little is free" in fault for fault in status.faults)
    assert status.journal.limit_bytes > 0
    with pytest.raises(Refused, match="no grant can be issued"):
        await shop.ask(IssueGrant(request="another", offer="souvenir"))
    assert (await shop.ask(GRANT)).grant.code == code  # a repeat promises nothing new
    assert await pages(shop)
    assert (await shop.ask(Redeem(code=code))).grant.code == code


async def test_a_spoilt_journal_pages_and_knows_its_promises(shop: SimulatedShop) -> None:
    code = (await shop.ask(GRANT)).grant.code
    presses = 20
    await shop.ask(SimulatePress(button="exit-happy", count=presses))
    before = await status_once(shop, lambda each: _pressed(each) > 0 and not each.journal.waiting)
    await shop.stop_gateway()
    path = shop.config.paths.journal
    with path.open("r+b") as file:  # found damaged and set aside, and then the power failed
        file.seek(path.stat().st_size - 4096)
        file.write(os.urandom(4096))
    spoilt = path.with_name(path.name + ".damaged-20260101T000000.000000-1")
    path.rename(spoilt)
    await shop.start_gateway()
    status = await status_once(shop, lambda each: each.journal.state == "ok")
    assert status.journal.epoch != before.journal.epoch
    assert _pressed(status) == _pressed(before)
    assert [view.grant.code for view in await shop.ask(GetGrants())] == [code]
    assert await pages(shop)
    assert (await shop.ask(Redeem(code=code))).grant.code == code
    assert spoilt.exists()


def _pressed(status: Status) -> int:
    (button,) = (each for each in status.buttons if each.name == "exit-happy")
    return button.presses + button.flagged
