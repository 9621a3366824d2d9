"""A box that starts without its disk, and gets it back: what it could not keep is kept at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.customers.messages import LookUpCustomer, NameCustomer
from gateway.messages import (
    GetAlerts,
    GetStatus,
    IssueGrant,
    Redeem,
    SimulatePress,
)
from gateway.model import GrantState
from gateway.setup.ports import SIMULATED
from gateway.simulator.shop import SimulatedShop
from tests.test_daemon import RED, until

PARTS = {"disk", "grants", "journal", "personal", "personal/key"}
KEYS = ("grant.key", "customer.key")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened


def ill(shop: SimulatedShop) -> set[str]:
    """The parts with a fault, of those that need the disk."""
    faults = shop._ask(GetStatus(), None).faults
    return {each.partition(": ")[0] for each in faults} & PARTS


def take_away(state: Path, away: Path) -> None:
    state.rename(away)
    state.touch()


def give_back(state: Path, away: Path, *, empty: bool = False) -> None:
    """The same directory again, or one that has nothing but the terminal's port in it."""
    state.unlink()
    if empty:
        state.mkdir()
        away, state = away / SIMULATED, state / SIMULATED
    away.rename(state)


async def without_disk(shop: SimulatedShop) -> Path:
    """Start the daemon with a file in the place of its directory; where that has gone."""
    state = Path(shop.config.paths.state)
    away = state.with_name("away")
    await shop.stop_gateway()
    take_away(state, away)
    await shop.start_gateway()
    await until(shop, lambda: ill(shop) == PARTS)
    return away


async def until_healed(shop: SimulatedShop) -> None:
    """No press, no page, nothing: the daemon finds out by itself."""
    await until(shop, lambda: not ill(shop))


async def grant(shop: SimulatedShop, request: str) -> str:
    return (await shop.ask(IssueGrant(request=request, offer="souvenir"))).grant.code


async def redeemed(shop: SimulatedShop, code: str) -> bool:
    return (await shop.ask(Redeem(code=code))).grant.state is GrantState.REDEEMED


async def test_what_was_there_before_counts_again(shop: SimulatedShop) -> None:
    state = Path(shop.config.paths.state)
    before = await grant(shop, "before")
    away = await without_disk(shop)
    kept = [(away / name).read_bytes() for name in KEYS]
    give_back(state, away)
    await until_healed(shop)
    after = await grant(shop, "after")
    assert await redeemed(shop, before)
    await shop.sign_in("manager")  # by the PIN of before
    # What signs first is what was kept; the key of the time between goes in its time.
    assert [(state / name).read_bytes()[:32] for name in KEYS] == kept
    await shop.stop_gateway()
    await shop.start_gateway()
    assert await redeemed(shop, after)
    await shop.sign_in("owner")


async def test_keys_made_without_a_disk_are_kept_on_it(shop: SimulatedShop) -> None:
    state = Path(shop.config.paths.state)
    give_back(state, await without_disk(shop), empty=True)
    await until_healed(shop)
    code = await grant(shop, "after")
    await shop.ask(SimulatePress(button=RED))
    (view,) = await shop.ask(GetAlerts())
    await shop.ask(NameCustomer(alert=view.alert.id, customer="+79991234567"))
    await shop.stop_gateway()
    await shop.start_gateway()
    assert await redeemed(shop, code)
    found = await shop.ask(LookUpCustomer(customer="+79991234567"))
    assert [each.alert.id for each in found.cases] == [view.alert.id]
