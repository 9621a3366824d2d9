"""A simulated shop's gateway, started anew on its settings."""

from gateway.messages import Hello
from gateway.setup.messages import ApplySettings
from gateway.simulator.shop import SimulatedShop
from tests.anew import anew


async def applied(shop: SimulatedShop) -> None:
    life = (await shop.ask(Hello())).life
    await shop.ask(ApplySettings())
    await anew(shop, life)
