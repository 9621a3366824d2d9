"""One simulated shop for a whole module of commands."""

from collections.abc import Iterator

import pytest

from gateway.simulator.shop import SimulatedShop
from tests.webui.live_shop import LiveShop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedShop]:
    live = LiveShop(tmp_path_factory.mktemp("shop"), fresh=False)
    yield live.shop
    live.close()


@pytest.fixture
def config(shop: SimulatedShop) -> list[str]:
    return ["--config", str(shop.config_file)]
