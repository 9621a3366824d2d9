"""`achivx-gateway bridge` as the process that systemd starts; and what a box does not import."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync.mqtt import Session, open_link
from gateway.sync.mqtt_uplink import MqttTransport
from tests.sync.batches import PRESS, batch, booked
from tests.sync.bridges import QUICK, Who, settings_of

DEVICES = '[[devices]]\nid = "*"\naccount = "shop-{device}"\n'


@pytest.fixture
def health_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(
    tmp_path: Path, who: Who, broker: Mosquitto, server: AchivxServer, health_port: int
) -> Path:
    return settings_of(tmp_path, who, broker, server, DEVICES, health=health_port)


@pytest.fixture
async def bridge(settings: Path, tmp_path: Path) -> AsyncIterator[Child]:
    words = ("gateway", "bridge", "--config", str(settings))
    child = await Child.start("the bridge", words, tmp_path / "bridge.log", ready=True)
    yield child
    await child.stop()


async def healthy(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if answer.startswith(b"HTTP/1.1 200"):
                return


async def nobody_listens(who: Who) -> None:
    """Wait until the broker has nobody to give a batch to."""
    async with open_link(who("box-2"), Session(client="other"), QUICK) as link:
        for _ in range(2000):
            if not await link.publish("achivx/v1/box-2/events", b"?"):
                return
    pytest.fail("the bridge goes on listening")


async def test_it_works_until_sigterm_and_finishes_its_batch(
    bridge: Child, who: Who, server: AchivxServer, health_port: int
) -> None:
    await healthy(health_port)
    up = asyncio.Event()
    transport = MqttTransport(who("box-1"), "box-1", timers=QUICK)
    transport.on_link_up = up.set
    async with transport:
        await asyncio.wait_for(up.wait(), 5)
        await transport.deliver(batch(PRESS, account="shop-box-1"))
        server.freeze()
        last = asyncio.create_task(transport.deliver(batch(PRESS, first=2, account="shop-box-1")))
        await server.until_busy()
        bridge.process.send_signal(signal.SIGTERM)
        await nobody_listens(who)
        server.thaw()
        assert (await asyncio.wait_for(last, 5)).last == 2
    assert await asyncio.wait_for(bridge.process.wait(), 5) == 0
    assert [seq for _, _, seq in booked(server)] == ["1", "2"]


@pytest.mark.usefixtures("bridge")
async def test_a_taken_health_port_is_said(settings: Path, tmp_path: Path) -> None:
    done = await asyncio.to_thread(run, "--config", settings)
    assert done.returncode == 1
    assert "health: cannot listen on 127.0.0.1 port" in done.stderr
    assert "Traceback" not in done.stderr + (tmp_path / "bridge.log").read_text()


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway", "bridge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def spoil(settings: Path, worse: Path) -> None:
    worse.write_text(settings.read_text().replace('account = "gateway-bridge"', ""))


async def test_settings_are_checked(settings: Path, tmp_path: Path) -> None:
    good = await asyncio.to_thread(run, "--check", "--config", settings)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == f"{settings}: good: 1 entries of [[devices]]\n"
    worse = tmp_path / "worse.toml"
    spoil(settings, worse)
    bad = await asyncio.to_thread(run, "--check", "--config", worse)
    assert bad.returncode == 1
    assert "achivx-gateway: account: found nothing" in bad.stderr
    missing = await asyncio.to_thread(run, "--config", tmp_path / "none.toml")
    assert missing.returncode == 1
    assert "no such file" in missing.stderr


async def test_a_token_that_cannot_be_read_is_said(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "token").unlink()
    done = await asyncio.to_thread(run, "--config", settings)
    assert done.returncode == 1
    assert "cannot read the token file" in done.stderr


def test_a_box_on_mqtt_does_not_carry_grpc() -> None:
    script = (
        "import sys, gateway.app, gateway.cli, gateway.sync.mqtt_uplink\n"
        "print([each for each in ('grpc', 'google.protobuf') if each in sys.modules])"
    )
    environment = os.environ | {"GPIOZERO_PIN_FACTORY": "mock"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment,
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
