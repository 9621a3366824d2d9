"""Bridges in this process, and the settings of the users of a broker."""

import asyncio
from pathlib import Path

from gateway.config import AchivxUplink, MqttUplink
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync.achivx import AchivxClient
from gateway.sync.bridge import Bridge
from gateway.sync.bridge_config import BridgeConfig, Device
from gateway.sync.mqtt import Timers
from gateway.sync.recorder import Recorder

TOKEN = "a-token-that-nobody-may-read"


QUICK = Timers(connect_s=2.0, answer_s=2.0, retry_s=0.05, refused_s=0.1)
BOX = Device(
    id="box-1",
    account="shop",
    staff=("anna", "boris", "clara", "staff-"),
    customers=("zoe",),
    reward_most=50,
    reward_day=10_000,
)


def bridge_config(broker: MqttUplink, server: AchivxServer, *devices: Device) -> BridgeConfig:
    """The settings of a bridge between these."""
    achivx = AchivxUplink(address=server.address, token_file="/unused", plaintext="loopback")
    return BridgeConfig(
        account="gateway-bridge", broker=broker, achivx=achivx, devices=devices or (BOX,)
    )


class Bridges:
    """Starts bridges in this process, and stops them."""

    def __init__(self, server: AchivxServer, settings: MqttUplink) -> None:
        self._server = server
        self._settings = settings
        self._running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    async def start(
        self, *devices: Device, deadline_s: float = 5.0, settings: MqttUplink | None = None
    ) -> Bridge:
        """One more bridge, listening."""
        config = bridge_config(settings or self._settings, self._server, *devices)
        client = AchivxClient(
            self._server.address, TOKEN, plaintext="loopback", deadline_s=deadline_s
        )
        name = f"bridge-{len(self._running)}"
        bridge = Bridge(config, Recorder(client), name=name, timers=QUICK)
        stop = asyncio.Event()

        async def live() -> None:
            async with client:
                await bridge.run(stop)

        self._running.append((stop, asyncio.create_task(live(), name=name)))
        async with asyncio.timeout(5):
            await bridge._linked.wait()
        return bridge

    async def stop(self) -> None:
        """Stop them all as SIGTERM does; a bug that ended one shows here."""
        running, self._running = self._running, []
        for stop, _ in running:
            stop.set()
        for _, task in running:
            await asyncio.wait_for(task, 60)  # one with a batch under way has `drain_s` for it


class Who:
    """Makes the settings of one user of the broker."""

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port

    def __call__(
        self, user: str, *, port: int | None = None, password: str | None = None
    ) -> MqttUplink:
        secret = self._directory / f"{user}.password"
        secret.write_text((password or f"{user}-secret") + "\n")
        return MqttUplink(
            host="127.0.0.1",
            port=port or self._port,
            username=user,
            password_file=str(secret),
            plaintext="loopback",
        )


SETTINGS = """\
account = "gateway-bridge"
[broker]
host = "127.0.0.1"
port = {port}
username = "bridge"
password_file = "{password}"
plaintext = "loopback"
[achivx]
address = "{server}"
token_file = "{token}"
plaintext = "loopback"
deadline_s = 30
[health]
port = {health}
{devices}"""


def settings_of(
    place: Path, who: Who, broker: Mosquitto, server: AchivxServer, devices: str, *, health: int = 0
) -> Path:
    """The settings file of a bridge that is a process of its own, with the token beside it."""
    token = place / "token"
    token.write_text(TOKEN)
    path = place / "bridge.toml"
    path.write_text(
        SETTINGS.format(
            port=broker.port,
            password=who("bridge").password_file,
            server=server.address,
            token=token,
            health=health,
            devices=devices,
        )
    )
    return path
