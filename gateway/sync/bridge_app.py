"""The bridge's composition root: from its settings to a process that systemd looks after."""

import asyncio
import logging
import secrets
import signal
import socket
from typing import Final

from gateway import sdnotify
from gateway.errors import CannotStart
from gateway.sync import bridge_health
from gateway.sync.achivx import AchivxClient
from gateway.sync.bridge import Bridge
from gateway.sync.bridge_config import BridgeConfig
from gateway.sync.recorder import Recorder

_log: Final = logging.getLogger(__name__)


async def run(config: BridgeConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        CannotStart: The token cannot be read, or the health endpoint's port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    name = f"achivx-bridge-{socket.gethostname()}-{secrets.token_hex(4)}"
    async with AchivxClient.from_config(config.achivx) as client:
        bridge = Bridge(config, Recorder(client), name=name)
        endpoint = await _endpoint(config, bridge.health)
        watchdog = asyncio.create_task(_watchdog())
        sdnotify.notify("READY=1")
        try:
            await bridge.run(stop)
        finally:
            sdnotify.notify("STOPPING=1")
            watchdog.cancel()
            endpoint.close()


async def _endpoint(config: BridgeConfig, health: bridge_health.Health) -> asyncio.Server:
    where = f"{config.health.host} port {config.health.port}"
    try:
        server = await bridge_health.serve(health, config.health.host, config.health.port)
    except OSError as error:
        raise CannotStart(f"health: cannot listen on {where}: {error.strerror}") from error
    _log.info("health and metrics on port %d", server.sockets[0].getsockname()[1])
    return server


async def _watchdog() -> None:
    """As long as the loop runs, systemd hears of it."""
    every_s = sdnotify.watchdog_s()
    while every_s is not None:
        sdnotify.notify("WATCHDOG=1")
        await asyncio.sleep(every_s / 3)
