"""The control socket at a place of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.control import ControlServer, Doorbell
from tests.control.lines import Service, serving


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gw") as folder:  # a socket's path is short
        yield Path(folder) / "run" / "control.sock"


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def doorbell() -> Doorbell:
    return Doorbell()


@pytest.fixture
async def server(path: Path, service: Service, doorbell: Doorbell) -> AsyncIterator[ControlServer]:
    async with serving(path, service, doorbell) as server:
        yield server
