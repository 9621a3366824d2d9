"""A bad network between two programs: a TCP proxy that delays, cuts and swallows."""

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65536


class _Way:
    """One direction of a connection."""

    def __init__(self, to: asyncio.StreamWriter, *, up: bool) -> None:
        self.to: Final = to
        self.up: Final = up
        self.is_lost = False


class TcpProxy:
    """Passes connections on; use it as `async with`.

    Args:
        target: The port on this machine that it stands before.
        delay_s: How long each way takes.

    Attributes:
        port: Where it listens.
        hole: While true, what is sent vanishes and nothing says so; a connection that lost
            something this way carries nothing any more.
        cut_after: When so many more bytes have gone to the target, every connection is cut.
        busy: Set once a connection was taken.
    """

    def __init__(self, target: int, *, delay_s: float = 0.0) -> None:
        self.port = 0
        self.hole = False
        self.cut_after: int | None = None
        self.busy: Final = asyncio.Event()
        self._target: Final = target
        self._delay_s: Final = delay_s
        self._writers: Final[set[asyncio.StreamWriter]] = set()
        self._tasks: Final[set[asyncio.Task[None]]] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def open(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Cut everything, and refuse what comes."""
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection, hard, in the middle of whatever it carries."""
        for writer in self._writers:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy.set()
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.ExitStack() as ends:
            ends.callback(writer.transport.abort)
            try:
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                return
            ends.callback(back.transport.abort)
            self._writers.update((writer, back))
            ends.callback(self._writers.difference_update, (writer, back))
            with contextlib.suppress(OSError):
                async with asyncio.TaskGroup() as ways:
                    up = ways.create_task(self._pass(reader, _Way(back, up=True)))
                    down = ways.create_task(self._pass(there, _Way(writer, up=False)))
                    await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                    up.cancel()
                    down.cancel()

    async def _pass(self, source: asyncio.StreamReader, way: _Way) -> None:
        """One way of a connection, until its source ends."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                loop.call_later(self._delay_s, self._deliver, way, data)

    def _deliver(self, way: _Way, data: bytes) -> None:
        way.is_lost |= self.hole
        if way.is_lost or way.to.is_closing():
            return
        if way.up and self.cut_after is not None:
            whole, data = data, data[: self.cut_after]
            self.cut_after -= len(data)
            if len(data) < len(whole):
                self.cut_after = None
                self.cut()
                return
        way.to.write(data)
