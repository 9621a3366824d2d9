"""Open boards without a browser: each does what webui/static/app.js does.

python -m bench.boards PORT COOKIE

A board holds an event stream and fetches the alerts at every `changed`; where it gets no stream,
or hears nothing for five seconds, it fetches them by itself. A number on stdin is how many boards
are to be open; it comes back on stdout once they are.
"""

import asyncio
import contextlib
import sys
from typing import Final

from bench.common import BenchError, tell

SILENT_S: Final = 5.0


class Boards:
    """So many of them on one page."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port: Final = port
        self._cookie: Final = cookie
        self._open: Final[list[asyncio.Task[None]]] = []

    async def live(self) -> None:
        """Obey until stdin ends."""
        lines = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(lines)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while line := await lines.readline():
            await self._have(int(line))
            tell(len(self._open))

    async def _have(self, count: int) -> None:
        while len(self._open) > count:
            board = self._open.pop()
            board.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await board
        while len(self._open) < count:
            ready = asyncio.Event()
            board = asyncio.create_task(self._board(ready))
            opened = asyncio.create_task(ready.wait())
            await asyncio.wait({board, opened}, return_when=asyncio.FIRST_COMPLETED)
            if board.done():
                board.result()
            self._open.append(board)

    async def _board(self, ready: asyncio.Event) -> None:
        await self._fetch("/board")
        reader, writer, _ = await self._ask("/events")  # which ends at once where there are enough
        ready.set()
        rung = asyncio.Event()
        with contextlib.closing(writer):
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self._listen(reader, rung))
                while True:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(SILENT_S):
                            await rung.wait()
                    rung.clear()  # what rings during the fetch is one more fetch, as htmx does it
                    await self._fetch("/board/alerts")

    async def _listen(self, reader: asyncio.StreamReader, rung: asyncio.Event) -> None:
        while line := await reader.readline():
            if line.startswith(b"event: changed"):
                rung.set()

    async def _fetch(self, path: str) -> None:
        reader, writer, status = await self._ask(path)
        with contextlib.closing(writer):
            await reader.read()
        if status != 200:
            raise BenchError(f"{path} answered {status}")

    async def _ask(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {self._cookie}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        return reader, writer, int(head.split(maxsplit=2)[1])


if __name__ == "__main__":
    asyncio.run(Boards(int(sys.argv[1]), sys.argv[2]).live())
