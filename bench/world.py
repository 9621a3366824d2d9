"""The world around the measured programs: a server that takes batches, and open event streams.

python -m bench.world: tells the server's port, then opens the streams that it is told to.
"""

import asyncio
import contextlib
import sys

import msgspec

from bench.common import tell
from gateway.messages import Call, Subscribe

LINE_MOST = 1 << 22


class Head(msgspec.Struct):
    """What the server reads of a batch, and what it answers: it is on the server now."""

    device: str
    epoch: str
    first: int
    last: int


class Streams(msgspec.Struct, frozen=True):
    """Open so many event streams: on the control socket, or at Node-RED's port."""

    count: int
    control_socket: str | None = None
    http_port: int | None = None


class Rung(msgspec.Struct, frozen=True):
    """What the server and the streams have seen since the world began."""

    delivered: int
    rings: int


class World:
    """The server and the streams."""

    def __init__(self) -> None:
        self._delivered = 0
        self._rings = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def live(self) -> None:
        """Until stdin ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LINE_MOST)
        tell(server.sockets[0].getsockname()[1])
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = msgspec.json.decode(line, type=Streams | None)
            if order is not None:
                await asyncio.gather(*(self._open(order) for _ in range(order.count)))
            tell(Rung(self._delivered, self._rings))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                head = msgspec.json.decode(line, type=Head)
                self._delivered += head.last - head.first + 1
                writer.write(msgspec.json.encode(head) + b"\n")
                await writer.drain()
        writer.close()

    async def _open(self, order: Streams) -> None:
        if order.control_socket is not None:
            reader, writer = await asyncio.open_unix_connection(order.control_socket)
            writer.write(msgspec.json.encode(Call(id=1, request=Subscribe())) + b"\n")
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", order.http_port)
            writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = await reader.readline()
        if not (b'"ok"' in first or b" 200 " in first):
            raise ConnectionError(first.decode())
        task = asyncio.create_task(self._listen(reader, writer))
        self._tasks.add(task)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                self._rings += data.count(b"version")
        writer.close()


if __name__ == "__main__":
    asyncio.run(World().live())
