"""The bridge as it is, in front of a server that takes everything.

python -m bench.null_bridge PORT PASSWORD_FILE NAME: of a broker on this machine. Tells its name,
and when its stdin ends, how many actions it has taken.
"""

import asyncio
import sys
from typing import Any, Final, cast

from bench.common import tell
from gateway.config import AchivxUplink, MqttUplink
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import ActionRule
from gateway.sync.bridge import Bridge
from gateway.sync.bridge_config import BridgeConfig, Device
from gateway.sync.mapping import REQUIRED
from gateway.sync.recorder import Recorder


class NullClient:
    """A client whose server is at once done with every action."""

    def __init__(self) -> None:
        self.actions = 0

    async def check_token(self) -> dict[str, ActionRule]:
        """All that is wanted is configured."""
        return {name: ActionRule(1, 0.0, repeatable=True) for name in REQUIRED}

    async def canary(self, account: str, action: str, key: str) -> None:
        """It sings."""

    async def record(self, *_: str, **__: Any) -> None:
        """Done."""
        self.actions += 1


def settings(port: int, secret: str) -> BridgeConfig:
    """For a broker on this machine, with leave for every box."""
    broker = MqttUplink(
        host="127.0.0.1",
        port=port,
        username="bridge",
        password_file=secret,
        plaintext="loopback",
    )
    return BridgeConfig(
        account="bridge",
        broker=broker,
        achivx=AchivxUplink(address="127.0.0.1:1", token_file=secret, plaintext="loopback"),
        devices=(Device(id="*", account="shop-{device}", staff=("*",), customers=("*",)),),
    )


async def _main(port: int, secret: str, name: str) -> None:
    client: Final = NullClient()
    bridge = Bridge(settings(port, secret), Recorder(cast("AchivxClient", client)), name=name)
    stop = asyncio.Event()
    running = asyncio.create_task(bridge.run(stop))
    tell(name)
    await asyncio.to_thread(sys.stdin.readline)
    stop.set()
    await running
    tell(client.actions)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
