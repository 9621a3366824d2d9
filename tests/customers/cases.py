"""Cases on the real daemon, and what is on its disk."""

from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.messages import Acknowledge, Contact, GetAlerts, SimulatePress
from gateway.simulator.shop import SimulatedShop

RED = "exit-very-unhappy"
CARD = "29123456"
ACCOUNT = f"card:{CARD}"
NOTE = "cold soup, sat by the window"


async def pressed(shop: SimulatedShop, button: str = RED) -> str:
    """A new alert; a second press of one button would be a repeat."""
    await shop.ask(SimulatePress(button=button))
    return (await shop.ask(GetAlerts()))[-1].alert.id


async def met(shop: SimulatedShop, button: str = RED) -> str:
    """A case whose customer somebody is with."""
    alert = await pressed(shop, button)
    await shop.ask(Acknowledge(alert=alert))
    await shop.ask(Contact(alert=alert))
    return alert


async def why_not(shop: SimulatedShop, request: object, token: str | None = None) -> str:
    with pytest.raises(Refused) as refused:
        await shop.ask(request, token)  # type: ignore[arg-type]
    return refused.value.code


def state(shop: SimulatedShop) -> Path:
    return shop.directory / "state"


def bytes_of(shop: SimulatedShop, *names: str) -> bytes:
    """What is on the disk under these names, write-ahead logs with them."""
    parts = [part for name in names for part in sorted(state(shop).glob(f"{name}*"))]
    return b"".join(part.read_bytes() for part in parts)
