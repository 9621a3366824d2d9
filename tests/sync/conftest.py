"""A real broker and certificates for it, the stand-in of the server, and bridges between them."""

import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.config import MqttUplink
from gateway.journal import schema, store
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.disk import Disk
from gateway.simulator.gamification import read
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync import uplink
from gateway.sync.achivx import AchivxClient
from gateway.sync.mqtt import Link, Session, Timers
from tests.sync.authority import Authority
from tests.sync.bridges import TOKEN, Bridges, Who
from tests.sync.json_schema import Schema
from tests.sync.office import Office, office_at
from tests.sync.raw_box import Box, box_at
from tests.sync.scripted import Scripted
from tests.sync.small_server import config, connect

USERS = ("bridge", "office", "box-1", "box-2")
PROGRAM = Path(__file__).parents[2] / "gateway"
SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"


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


@pytest.fixture
async def bridges(server: AchivxServer, who: Who) -> AsyncIterator[Bridges]:
    made = Bridges(server, who("bridge"))
    yield made
    await made.stop()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    passwords = {user: f"{user}-secret" for user in USERS}
    async with Mosquitto(tmp_path / "broker", passwords) as running:
        yield running


@pytest.fixture
def who(tmp_path: Path, broker: Mosquitto) -> Who:
    return Who(tmp_path, broker.port)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "strange")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    monkeypatch.setattr(uplink, "BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(uplink, "BACKOFF_MOST_S", 0.005)
    monkeypatch.setattr(store, "RETRY_S", 0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may be made."""
    return tmp_path / "journal.db"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """What a journal is written to; it fails on order."""
    made = Disk()
    monkeypatch.setattr(schema, "open_writer", partial(schema.open_writer, factory=made.connection))
    return made


@pytest.fixture
def transport() -> Scripted:
    return Scripted()


@pytest.fixture
async def box(who: Who) -> AsyncIterator[Box]:
    async with box_at(who) as here:
        yield here


@pytest.fixture
async def office(who: Who) -> AsyncIterator[Office]:
    async with office_at(who("office")) as here:
        yield here


@pytest.fixture
async def achivx() -> AsyncIterator[AchivxServer]:
    async with AchivxServer(TOKEN, config()) as running:
        running.ledger.upsert("ann", running.now())
        yield running


@pytest.fixture
async def client(achivx: AchivxServer) -> AsyncIterator[AchivxClient]:
    async with connect(achivx) as connected:
        await connected.check_token()
        yield connected
