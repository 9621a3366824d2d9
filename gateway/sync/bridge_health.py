"""What a bridge counts, and a small HTTP server that tells it: `/healthz` and `/metrics`."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Final

REQUEST_S: Final = 5.0
REQUEST_BYTES: Final = 8192
_HELP: Final = {
    "batches_total": "Batches by what became of them.",
    "events_total": "Events that a box need not send again.",
    "presses_total": "Presses by whether a record stands for them, a gap, or nothing.",
    "questions_total": "Questions of boxes by what they were told.",
    "in_flight": "Batches that are being recorded.",
    "broker_up": "Whether there is a connection to the broker.",
    "server_ok": "Whether the server was there and in order when it was last asked.",
}


class Health:
    """What is known about the bridge itself.

    Attributes:
        broker: Why there is no connection to the broker, None when there is one.
        server: Why nothing can be recorded, None when it can.
        batches: By `done`, `dropped`, or the problem for which the line stands.
        events: By `recorded` and `aside`.
        presses: By `recorded`, `gap`, `missing` and `extra`, see `totals.audit`.
        questions: By what was told, or `dropped`.
        in_flight: How many batches are being recorded, asked when it is told.
    """

    def __init__(self) -> None:
        self.broker: str | None = "connecting"
        self.server: str | None = "not asked yet"
        self.batches: Final[Counter[str]] = Counter()
        self.events: Final[Counter[str]] = Counter()
        self.presses: Final[Counter[str]] = Counter(dict.fromkeys(("recorded", "missing"), 0))
        self.questions: Final[Counter[str]] = Counter()
        self.in_flight: Callable[[], int] = lambda: 0

    def problems(self) -> list[str]:
        """What does not work, in words."""
        parts = {"broker": self.broker, "server": self.server}
        return [f"{part}: {words}" for part, words in parts.items() if words is not None]

    def metrics(self) -> str:
        """In the Prometheus text format 0.0.4."""
        lines: list[str] = []
        for name, label, counter in (
            ("batches_total", "answer", self.batches),
            ("events_total", "result", self.events),
            ("presses_total", "result", self.presses),
            ("questions_total", "told", self.questions),
        ):
            lines += _head(name, "counter")
            lines += [
                f'achivx_bridge_{name}{{{label}="{value}"}} {count}'
                for value, count in sorted(counter.items())
            ]
        for name, gauge in (
            ("in_flight", self.in_flight()),
            ("broker_up", int(self.broker is None)),
            ("server_ok", int(self.server is None)),
        ):
            lines += [*_head(name, "gauge"), f"achivx_bridge_{name} {gauge}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str) -> list[str]:
    full = f"achivx_bridge_{name}"
    return [f"# HELP {full} {_HELP[name]}", f"# TYPE {full} {kind}"]


async def serve(health: Health, host: str, port: int) -> asyncio.Server:
    """Answer until the server that is returned is closed.

    Raises:
        OSError: The port cannot be had.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
            async with asyncio.timeout(REQUEST_S):
                request = await reader.readline()
                while await reader.readline() not in (b"\r\n", b"\n", b""):
                    pass
                writer.write(_response(health, request))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=REQUEST_BYTES)


def _response(health: Health, request: bytes) -> bytes:
    method, _, rest = request.decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", "GET only\n"
    elif path == "/metrics":
        status, body = "200 OK", health.metrics()
    elif path == "/healthz":
        problems = health.problems()
        status = "503 Service Unavailable" if problems else "200 OK"
        body = "\n".join(problems or ["ok"]) + "\n"
    else:
        status, body = "404 Not Found", "/healthz or /metrics\n"
    data = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(data)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if method == "HEAD" else data)
