"""A real broker and certificates for it, the stand-in of the server, and batches for both."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import Stamp
from gateway.config import AchivxUplink, MqttUplink
from gateway.events import AlertContacted, AnyEvent, GrantRedeemed, Pressed, Record
from gateway.model import ButtonKind, OfferKind
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import read
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync.achivx import AchivxClient
from gateway.sync.bridge import Bridge
from gateway.sync.bridge_config import BridgeConfig, Device
from gateway.sync.mapping import CANARY
from gateway.sync.mqtt import Link, Session, Timers
from gateway.sync.recorder import Recorder
from gateway.sync.uplink import Batch
from tests.sync.json_schema import Schema

USERS = ("bridge", "office", "box-1", "box-2")
TOKEN = "a-token-that-nobody-may-read"
PROGRAM = Path(__file__).parents[2] / "gateway"
SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
AT = Stamp("boot", 1, 2, synced=True)
PRESS = Pressed(button="b", kind=ButtonKind.UNHAPPY, zone="z")
QUICK = Timers(connect_s=2.0, answer_s=2.0, retry_s=0.05, refused_s=0.1)
BOX = Device(
    id="box-1",
    account="shop",
    staff=("anna", "boris", "clara", "staff-"),
    customers=("zoe",),
    reward_most=50,
    reward_day=10_000,
)


def contact(account: str) -> AlertContacted:
    """Two experience points for a member of staff."""
    return AlertContacted(alert="a", by="x", account=account)


def tokens(amount: float, account: str = "zoe") -> GrantRedeemed:
    """Tokens for a customer."""
    return GrantRedeemed(code="C", by="x", kind=OfferKind.TOKENS, account=account, tokens=amount)


def batch(
    *events: AnyEvent,
    first: int = 1,
    device: str = "box-1",
    account: str = "shop",
    mapping: tuple[int, ...] = (),
) -> Batch:
    """A batch of these events; `mapping`: the version of each, else 1."""
    records = tuple(
        Record(
            device=device,
            epoch="E",
            seq=seq,
            at=AT,
            mapping=mapping[seq - first] if mapping else 1,
            account=account,
            event=event,
        )
        for seq, event in enumerate(events, first)
    )
    return Batch(device=device, epoch="E", first=first, last=records[-1].seq, records=records)


def booked(server: AchivxServer) -> list[tuple[str, str, str]]:
    """(account, action, sequence) in order of arrival, without canaries."""
    _, actions = server.ledger.snapshot()
    return [
        (each.account, each.action, each.key.rpartition(".")[2])
        for each in actions
        if each.action != CANARY and not each.action.startswith("achivx.")
    ]


def canaries(server: AchivxServer) -> Counter[str | None]:
    """How often each canary was recorded."""
    return Counter(each.key for each in server.ledger.actions if each.action == CANARY)


async def until(look: Callable[[], object], most_s: float = 20.0) -> None:
    """Return as soon as `look` finds something; fail when it never does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + most_s
    while not look():
        assert loop.time() < deadline, "it never came"
        await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """What the program itself says over the broker in a test: all of it is as docs/mqtt says.

    Tests say nonsense on purpose, so only what is published from within the program counts.
    """
    said: list[tuple[str, bytes]] = []
    publish, begin = Link.publish, Link.__init__

    def overheard(link: Link, topic: str, payload: bytes, **options: Any) -> Any:
        if Path(sys._getframe(1).f_code.co_filename).is_relative_to(PROGRAM):
            said.append((topic, payload))
        return publish(link, topic, payload, **options)

    def begun(link: Link, broker: MqttUplink, session: Session, timers: Timers) -> None:
        if session.will is not None and session.client.startswith("achivx-"):
            said.append((session.will.topic, session.will.payload))
        begin(link, broker, session, timers)

    monkeypatch.setattr(Link, "publish", overheard)
    monkeypatch.setattr(Link, "__init__", begun)
    yield said
    for topic, payload in said:
        assert Schema(topic.rpartition("/")[2]).complaints(payload) == [], topic


@pytest.fixture
async def server() -> AsyncIterator[AchivxServer]:
    async with AchivxServer(TOKEN, read(SHIPPED.read_bytes())) as running:
        yield running


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
            await asyncio.wait_for(task, 10)


@pytest.fixture
async def bridges(server: AchivxServer, who: "Who") -> AsyncIterator[Bridges]:
    made = Bridges(server, who("bridge"))
    yield made
    await made.stop()


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


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    passwords = {user: f"{user}-secret" for user in USERS}
    async with Mosquitto(tmp_path / "broker", passwords) as running:
        yield running


@pytest.fixture
def who(tmp_path: Path, broker: Mosquitto) -> Who:
    return Who(tmp_path, broker.port)


def openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


class Authority:
    """Signs certificates that are good for a day."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self._place = place
        self.ca = place / "ca.pem"
        self._key = place / "ca.key"
        # Python 3.13 takes no authority's certificate without it (RFC 5280, 4.2.1.3).
        use = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl(*self._new("ca", self._key, self.ca), *use)

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for this name and for 127.0.0.1, and its key."""
        certificate, key = self._place / f"{name}.pem", self._place / f"{name}.key"
        openssl(
            *self._new(name, key, certificate),
            *("-CA", self.ca, "-CAkey", self._key, "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
        return certificate, key

    def _new(self, name: str, key: Path, out: Path) -> tuple[str | Path, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        made = ("-days", "1", "-subj", f"/CN={name}", "-keyout", key, "-out", out)
        return ("req", "-x509", *curve, *made)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "strange")
