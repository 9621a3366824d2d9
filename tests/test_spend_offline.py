"""Paying with tokens at a real box whose server is killed, and comes back."""

from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.grants.messages import SpendTokens
from gateway.messages import GetStatus, IssueGrant, Redeem
from gateway.simulator.shop import SimulatedShop

TRIES = 2000


async def given_tokens(shop: SimulatedShop) -> None:
    """Two grants of five tokens, handed over and on the server."""
    for request in ("g-1", "g-2"):
        issued = await shop.ask(IssueGrant(request=request, offer="tokens", account="zoe"))
        await shop.ask(Redeem(code=issued.grant.code))
    await balance(shop, 10.0)


async def balance(shop: SimulatedShop, expected: float) -> None:
    """Wait until the server's books say so; each look takes its time."""
    found = 0.0
    for _ in range(TRIES):
        await shop.ask(GetStatus())
        found = {each.id: float(each.balance) for each in shop.look().accounts}.get("zoe", 0.0)
        if found == expected:
            return
    pytest.fail(f"the server has {found:g}")


async def spend(shop: SimulatedShop, request: str, tokens: float) -> float:
    return (await shop.ask(SpendTokens(request=request, account="zoe", tokens=tokens))).left


async def test_a_server_that_is_away_stops_no_customer_and_is_told_once(tmp_path: Path) -> None:
    async with SimulatedShop(tmp_path) as shop:
        await given_tokens(shop)
        assert await spend(shop, "s-1", 2.0) == 8.0
        await balance(shop, 8.0)
        await shop.server.kill()
        left = await spend(shop, "s-2", 3.0)
        assert left == 5.0
        assert await spend(shop, "s-2", 3.0) == 5.0
        with pytest.raises(Refused, match="zoe has 5 tokens") as refused:
            await spend(shop, "s-3", 6.0)
        assert refused.value.code == "over_balance"
        at_stake = (await shop.ask(GetStatus())).grants
        assert (at_stake.spent, at_stake.spendable) == (3.0, 97.0)
        await shop.stop_gateway()
        await shop.start_gateway()
        assert await spend(shop, "s-2", 3.0) == 5.0
        await shop.server.start()
        await balance(shop, 5.0)
        booked = [each for each in shop.look().ledger if each.action == "TokensSpent"]
        assert sorted(each.reward for each in booked) == [-3.0, -2.0]
