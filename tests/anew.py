"""The moment between two lives of a simulated shop's gateway."""

import asyncio
import contextlib

from gateway.client import Unreachable
from gateway.messages import Hello
from gateway.simulator.shop import SimulatedShop

WAIT_S = 60.0


async def anew(shop: SimulatedShop, life: str) -> None:
    """Return once a gateway of another life answers."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with contextlib.suppress(Unreachable):
                if (await shop.ask(Hello())).life != life:
                    return
