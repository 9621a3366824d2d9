"""`/healthz` and `/metrics`, asked over TCP."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.sync.bridge_health import Health, serve


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def port(health: Health) -> AsyncIterator[int]:
    server = await serve(health, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def ask(port: int, request: bytes) -> tuple[bytes, str]:
    """The status line and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    if not request.startswith(b"HEAD"):
        assert b"Content-Length: %d" % len(body) in fields
    return status.removeprefix(b"HTTP/1.1 "), body.decode()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n".encode()


async def test_health(port: int, health: Health) -> None:
    status, body = await ask(port, get("/healthz"))
    assert status == b"503 Service Unavailable"
    assert body == "broker: connecting\nserver: not asked yet\n"
    health.broker = health.server = None
    assert await ask(port, get("/healthz?x=1")) == (b"200 OK", "ok\n")
    assert await ask(port, b"HEAD /healthz HTTP/1.0\r\n\r\n") == (b"200 OK", "")


async def test_metrics(port: int, health: Health) -> None:
    health.batches.update({"done": 3, "away": 1})
    health.events.update({"recorded": 130, "aside": 2})
    health.presses.update({"recorded": 77, "gap": 9})
    health.server = None
    health.in_flight = lambda: 5
    status, body = await ask(port, get("/metrics"))
    assert status == b"200 OK"
    samples = [line for line in body.splitlines() if not line.startswith("#")]
    assert samples == [
        'achivx_bridge_batches_total{answer="away"} 1',
        'achivx_bridge_batches_total{answer="done"} 3',
        'achivx_bridge_events_total{result="aside"} 2',
        'achivx_bridge_events_total{result="recorded"} 130',
        'achivx_bridge_presses_total{result="gap"} 9',
        'achivx_bridge_presses_total{result="missing"} 0',
        'achivx_bridge_presses_total{result="recorded"} 77',
        "achivx_bridge_in_flight 5",
        "achivx_bridge_broker_up 0",
        "achivx_bridge_server_ok 1",
    ]
    assert body.count("# TYPE") == body.count("# HELP") == 7


async def test_what_is_not_there(port: int) -> None:
    assert (await ask(port, get("/")))[0] == b"404 Not Found"
    post = b"POST /healthz HTTP/1.1\r\n\r\n"
    assert (await ask(port, post))[0] == b"405 Method Not Allowed"


@pytest.mark.parametrize("rubbish", [b"\xff\xfe\r\n\r\n", b"\r\n\r\n", b"x" * 20_000 + b"\r\n"])
async def test_rubbish_ends_nothing(port: int, rubbish: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(rubbish)
    assert b"200 OK" not in await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert (await ask(port, get("/metrics")))[0] == b"200 OK"
