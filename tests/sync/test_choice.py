"""From the settings to an uplink, and a real daemon on MQTT from a press to the books."""

import asyncio
from pathlib import Path

import msgspec

from gateway.client import Client
from gateway.config import AchivxUplink, Config, Device, MqttUplink, NoUplink, Shop
from gateway.journal.store import Identity, Journal
from gateway.messages import GetStatus, SimulatePress
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.mosquitto import Mosquitto
from gateway.status import Status
from gateway.sync.choice import make_uplink
from gateway.sync.direct import DirectTransport
from gateway.sync.mapping import CURRENT
from gateway.sync.mqtt_uplink import MqttTransport
from tests.sync.batches import AT, batch, booked, tokens, until
from tests.sync.bridges import Bridges, Who

SETTINGS = """
[device]
id = "box-1"
[shop]
name = "Café"
account = "shop"
[paths]
state = "{state}"
control_socket = "{state}/control.sock"
[inputs]
simulated = true
[[buttons]]
name = "exit-green"
pin = 17
kind = "happy"
label = {{ ru = "Хорошо", en = "Good" }}
[uplink]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
username = "box-1"
password_file = "{password}"
plaintext = "loopback"
"""


def make(uplink: AchivxUplink | MqttUplink | NoUplink, path: Path) -> object:
    config = Config(device=Device("box-1"), shop=Shop(name="x", account="shop"), uplink=uplink)
    journal = Journal(path / "journal.db", Identity("box-1", "shop", 1), on_change=lambda: None)
    made = make_uplink(config, journal, lambda: None)
    if made is None:
        return None
    transport = made._transport
    if isinstance(transport, MqttTransport):
        transport.on_link_up()
        assert made._link_up.is_set()
    return type(transport)


def test_each_kind_has_its_transport(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    direct = AchivxUplink(address="127.0.0.1:1", token_file=str(token), plaintext="loopback")
    assert make(direct, tmp_path) is DirectTransport
    assert make(MqttUplink(host="127.0.0.1"), tmp_path) is MqttTransport
    assert make(NoUplink(), tmp_path) is None


async def test_a_stop_that_comes_with_the_link_is_a_stop(tmp_path: Path, who: Who) -> None:
    journal = Journal(tmp_path / "j.db", Identity("box-1", "shop", 1), on_change=lambda: None)
    journal.start()
    config = Config(
        device=Device("box-1"), shop=Shop(name="x", account="shop"), uplink=who("box-2")
    )
    uplink = make_uplink(config, journal, lambda: None)
    assert uplink is not None
    running = asyncio.create_task(uplink.run())
    await until(lambda: uplink.state not in ("starting", "connecting to the broker"))
    await asyncio.sleep(0)  # into its back-off
    uplink.link_up()
    running.cancel()
    await asyncio.wait({running}, timeout=20)
    assert running.cancelled()
    journal.close()


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


async def test_a_press_of_a_real_daemon_reaches_the_books(
    tmp_path: Path, who: Who, broker: Mosquitto, server: AchivxServer, bridges: Bridges
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    config = tmp_path / "gateway.toml"
    password = who("box-1").password_file
    config.write_text(SETTINGS.format(state=state, port=broker.port, password=password))

    def ask(request: SimulatePress | GetStatus) -> object:
        with Client(state / "control.sock", timeout_s=10) as client:
            return client.call(request)

    await bridges.start()
    words = ("gateway", "run", "--config", str(config))
    daemon = await Child.start("the gateway", words, tmp_path / "gateway.log", ready=True)
    try:
        await asyncio.to_thread(ask, SimulatePress(button="exit-green"))
        await until(lambda: ("shop", "PressHappy") in [each[:2] for each in booked(server)])
        status = await asyncio.to_thread(ask, GetStatus())
        assert isinstance(status, Status)
        assert (status.uplink.kind, status.uplink.state) == ("mqtt", "ok")
        assert "cygrpc" not in mapped(daemon.process.pid)
    finally:
        await daemon.stop()
    assert daemon.process.returncode == 0


async def test_a_poison_event_of_a_real_daemon_is_shown_with_its_reason(
    tmp_path: Path, who: Who, broker: Mosquitto, server: AchivxServer, bridges: Bridges
) -> None:
    """One of its own journal, and one of a damaged journal before it."""
    state = tmp_path / "state"
    state.mkdir()
    (before,) = batch(tokens(0.1), first=7).records
    journal = Journal(
        state / "journal.db", Identity("box-1", "shop", CURRENT), on_change=lambda: None
    )
    journal.start()
    row = (before.device, before.epoch, before.seq, msgspec.json.encode(before))
    journal.transact(
        lambda work: (
            work.connection.execute(
                "INSERT INTO salvaged (device, epoch, seq, record) VALUES (?, ?, ?, ?)", row
            ).rowcount
        )
    ).result(10)
    own = journal.append(tokens(0.2), AT).result(10)
    journal.close()
    config = tmp_path / "gateway.toml"
    password = who("box-1").password_file
    config.write_text(SETTINGS.format(state=state, port=broker.port, password=password))

    def status() -> Status:
        with Client(state / "control.sock", timeout_s=10) as client:
            return client.call(GetStatus())

    await bridges.start()
    words = ("gateway", "run", "--config", str(config))
    daemon = await Child.start("the gateway", words, tmp_path / "gateway.log", ready=True)
    try:
        found = await asyncio.to_thread(status)
        while found.uplink.quarantined < 2 or found.uplink.backlog:
            found = await asyncio.to_thread(status)
    finally:
        await daemon.stop()
    (fault,) = [each for each in found.faults if each.startswith("uplink/aside: ")]
    assert f"and the line goes on: {own.id}: a reward must be a multiple of 1/4" in fault
    assert f"an event was set aside: {before.id}: " in (tmp_path / "gateway.log").read_text()
    assert booked(server) == []
