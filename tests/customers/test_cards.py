"""What a scanner reads at the counter of the real daemon: codes and cards."""

import asyncio

from gateway.customers.messages import RedeemScanned, RotateKey
from gateway.errors import Refused
from gateway.messages import IssueGrant, Redeem
from gateway.model import GrantState
from gateway.simulator.shop import SimulatedShop
from tests.customers.cases import CARD, state, why_not
from tests.grants.test_personal import central_code


async def test_a_scanner_reads_codes_and_cards(shop: SimulatedShop) -> None:
    assert await why_not(shop, RedeemScanned(text=CARD)) == "no_grants"
    assert await why_not(shop, RedeemScanned(text="0000")) == "mistyped"
    issued = [
        await shop.ask(IssueGrant(request=f"r{n}", offer="apology", customer=CARD))
        for n in range(3)
    ]
    codes = [each.grant.code for each in issued]
    several = await shop.ask(RedeemScanned(text=CARD))
    assert several.redeemed is None
    assert {each.grant.code for each in several.choose} == set(codes)
    by_code = await shop.ask(RedeemScanned(text=codes[0].lower().replace("-", " ")))
    assert by_code.redeemed is not None
    await shop.ask(Redeem(code=codes[1]))
    by_card = await shop.ask(RedeemScanned(text=f"{CARD}\n"))
    assert by_card.redeemed is not None
    assert by_card.redeemed.grant.code == codes[2]
    assert by_card.redeemed.grant.state is GrantState.REDEEMED
    assert await why_not(shop, RedeemScanned(text=CARD)) == "no_grants"


async def test_a_card_that_looks_like_a_code_is_a_card(shop: SimulatedShop) -> None:
    await shop.stop_gateway()
    text = shop.config_file.read_text()
    longer = text.replace("'29[0-9]{6}'", "'29[0-9]{6}|[0-9A-Z]{16}'")
    assert longer != text
    shop.config_file.write_text(longer)
    await shop.start_gateway()
    card = central_code("demo-cafe")
    assert await why_not(shop, RedeemScanned(text=card)) == "no_grants"
    issued = await shop.ask(IssueGrant(request="r", offer="apology", customer=card))
    by_card = (await shop.ask(RedeemScanned(text=card))).redeemed
    assert by_card is not None
    assert by_card.grant.code == issued.grant.code


async def test_one_card_at_many_tills_is_redeemed_once(shop: SimulatedShop) -> None:
    await shop.ask(IssueGrant(request="r", offer="apology", customer=CARD))

    async def till() -> bool:
        try:
            return (await shop.ask(RedeemScanned(text=CARD))).redeemed is not None
        except Refused:
            return False

    assert sum(await asyncio.gather(*(till() for _ in range(8)))) == 1


async def test_a_new_key_leaves_live_codes_alive(shop: SimulatedShop) -> None:
    before = await shop.ask(IssueGrant(request="r1", offer="apology"))
    undone = await shop.ask(IssueGrant(request="r2", offer="apology"))
    await shop.ask(Redeem(code=undone.grant.code))
    manager = await shop.sign_in("manager")
    assert await why_not(shop, RotateKey(), manager.token) == "forbidden"
    assert (await shop.ask(RotateKey())).old == 1
    assert await why_not(shop, Redeem(code=undone.grant.code)) == "already_redeemed"
    after = await shop.ask(IssueGrant(request="r3", offer="apology"))
    await shop.stop_gateway()
    await shop.start_gateway()
    assert len((state(shop) / "grant.key").read_bytes()) == 64
    for issued in (before, after):
        view = await shop.ask(Redeem(code=issued.grant.code))
        assert view.grant.state is GrantState.REDEEMED
