"""A simulated shop's gateway, started anew on its settings."""

import asyncio

from gateway.client import Unreachable
from gateway.messages import Hello
from gateway.setup.messages import ApplySettings
from gateway.simulator.shop import SimulatedShop


async def anew(shop: SimulatedShop) -> None:
    life = (await shop.ask(Hello())).life
    await shop.ask(ApplySettings())
    async with asyncio.timeout(20):
        while True:
            try:
                if (await shop.ask(Hello())).life != life:
                    return
            except Unreachable:
                await asyncio.sleep(0)
