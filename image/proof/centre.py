"""The shop's ACHIVX server on this computer, for a box that is emulated on it."""

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import read

TOKEN: Final = "of-the-emulated-shop-alone"  # noqa: S105 - it opens nothing
HOST: Final = "10.0.2.2"
"""This computer, as an emulated machine sees it."""
_SHIPPED: Final = Path(__file__).parents[2] / "docs/achivx/gamification.json"


class Centre:
    """The server with a thread of its own; use it as a context manager.

    Attributes:
        server: Its ledger is what counts.
    """

    def __init__(self) -> None:
        self.server: Final = AchivxServer(TOKEN, read(_SHIPPED.read_bytes()))
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),), name="centre")

    @property
    def port(self) -> int:
        """Where it listens, on the loopback interface."""
        return int(self.server.address.rpartition(":")[2])

    async def _run(self) -> None:
        async with self.server:
            self._started.set_result(asyncio.get_running_loop())
            await self._over.wait()

    def booked(self) -> list[tuple[str, str, str]]:
        """Account, action and key of everything in the ledger, less what is the server's own."""
        _, actions = self.server.ledger.snapshot()
        return [
            (each.account, each.action, str(each.key))
            for each in actions
            if not each.action.startswith("achivx.")
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._started.result().call_soon_threadsafe(self._over.set)
        self._thread.join()
