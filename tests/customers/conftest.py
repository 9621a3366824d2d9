"""A simulated shop with the real gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.simulator.shop import SimulatedShop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened
