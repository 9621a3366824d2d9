"""A backlog through a broker: the uplink, mosquitto, two bridges and a server that takes all.

The peer is mosquitto's own `mosquitto_pub -l -q 1` on the same broker, to a `mosquitto_sub -q 1`:
one message an event, of the bytes that an event has on its way through ours.
"""

import asyncio
import contextlib
import subprocess
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.common import BenchError, Child
from bench.full import fill
from gateway.config import MqttUplink
from gateway.journal import reading, schema
from gateway.journal.store import Identity, Journal
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync import wire
from gateway.sync.mapping import CURRENT
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Uplink

BOX: Final = Identity("box-1", "shop-box-1", CURRENT)
BRIDGES: Final = 2
WORD: Final = "for-a-broker-that-lives-for-a-minute"
OPTIONS: Final = "set_tcp_nodelay true\nmax_queued_messages 0"
"""Without the first, each batch waits for a delayed TCP acknowledgement, some 40 ms."""
DELAY_MS: Final = 25.0
"""Of each way: 50 ms there and back."""
LATE_S: Final = 300.0
PEER_MESSAGES: Final = 30_000
"""mosquitto_pub 2.0 loses messages when more than 65,535 wait for their acknowledgement."""
PEER_S: Final = 60


class Drained(msgspec.Struct, frozen=True):
    """Events, or mosquitto_pub's messages, a second."""

    events: int
    events_per_s: int
    mosquitto_pub_per_s: int
    drain_ratio_to_mosquitto_pub: float
    events_per_s_at_50ms: int


async def measure_drain(directory: Path, events: int, slow_events: int) -> Drained:
    """Drain so many events at once, and so many over a line of 50 ms there and back."""
    async with contextlib.AsyncExitStack() as parts:
        users = dict.fromkeys((BOX.device, "bridge", "office"), WORD)
        broker = await parts.enter_async_context(
            Mosquitto(directory / "broker", users, options=OPTIONS)
        )
        secret = directory / "password"
        secret.write_text(WORD)
        for number in range(BRIDGES):
            words = ["bench.null_bridge", str(broker.port), str(secret), f"bridge-{number}"]
            bridge = parts.enter_context(Child(words, directory / f"bridge-{number}.log"))
            await asyncio.to_thread(bridge.hear, str)
        fast, size = await _drain(directory / "fast", broker.port, secret, events)
        line_words = ["bench.slow_line", str(broker.port), str(DELAY_MS)]
        line = parts.enter_context(Child(line_words, directory / "line.log"))
        port = await asyncio.to_thread(line.hear, int)
        slow, _ = await _drain(directory / "slow", port, secret, slow_events)
        peer = await asyncio.to_thread(_mosquitto_pub, broker.port, size)
    return Drained(
        events=events,
        events_per_s=round(fast),
        mosquitto_pub_per_s=round(peer),
        drain_ratio_to_mosquitto_pub=round(fast / peer, 2),
        events_per_s_at_50ms=round(slow),
    )


async def _drain(directory: Path, port: int, secret: Path, events: int) -> tuple[float, int]:
    """Events a second from the connection to the last acknowledgement, and bytes of an event."""
    path = directory.with_suffix(".db")
    await asyncio.to_thread(fill, path, BOX, events, synced=False)
    journal = Journal(path, BOX, on_change=lambda: None)
    journal.start()
    broker = MqttUplink(
        host="127.0.0.1",
        port=port,
        username=BOX.device,
        password_file=str(secret),
        plaintext="loopback",
    )
    transport = MqttTransport(broker, BOX.device)
    over = asyncio.Event()
    began_s = time.perf_counter()

    def changed() -> None:
        nonlocal began_s
        if uplink.cursor == 0:
            began_s = time.perf_counter()
        if uplink.cursor == journal.last_seq:
            over.set()

    uplink = Uplink(journal, transport, device=BOX.device, account=BOX.account, on_change=changed)
    transport.on_link_up = uplink.link_up
    task = asyncio.create_task(uplink.run())
    try:
        async with asyncio.timeout(LATE_S):
            await over.wait()
        took_s = time.perf_counter() - began_s
    except TimeoutError:
        words = f"{uplink.cursor} of {events} events were drained: {uplink.state}"
        raise BenchError(words) from None
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        journal.close()
    return events / took_s, _bytes_of_an_event(path)


def _bytes_of_an_event(path: Path) -> int:
    with contextlib.closing(schema.open_reader(path)) as connection:
        records = reading.records_after(connection, 0, 100)
    return round(sum(len(wire.encode(record)) for record in records) / len(records))


def _mosquitto_pub(port: int, size: int) -> float:
    """Messages a second, until mosquitto_sub has the last one."""
    at = ["-p", str(port), "-u", "office", "-P", WORD, "-V", "5", "-q", "1"]
    at += ["-t", "achivx/v1/peer/state"]
    lines = b"\n".join([b"x" * size] * PEER_MESSAGES) + b"\n"
    session = ["mosquitto_sub", *at, "-i", "peer", "-c", "-x", "600"]
    # A session of its own first, so that nothing is sent before somebody wants it.
    subprocess.run([*session, "-E"], check=True, timeout=PEER_S)
    words = [*session, "-C", str(PEER_MESSAGES), "-W", str(PEER_S)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as listener:
        began_s = time.perf_counter()
        subprocess.run(["mosquitto_pub", *at, "-l"], input=lines, check=True, timeout=PEER_S)
        if listener.wait():
            raise BenchError("mosquitto_sub did not get every message")
        return PEER_MESSAGES / (time.perf_counter() - began_s)
