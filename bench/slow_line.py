"""A line with a delay: python -m bench.slow_line PORT DELAY_MS; tells the port it listens on.

Whatever is said to it reaches PORT on this machine so much later, and the same the way back. What
is on its way waits in order, and nothing waits for it: the line is long, not thin.
"""

import asyncio
import contextlib
import sys
from functools import partial
from typing import Final

from bench.common import tell

_PIECE: Final = 1 << 16


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float
) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_PIECE):
            loop.call_later(delay_s, writer.write, data)
    loop.call_later(delay_s, writer.close)


async def _join(
    port: int, delay_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_carry(reader, far_writer, delay_s), _carry(far_reader, writer, delay_s))


async def _main(port: int, delay_s: float) -> None:
    server = await asyncio.start_server(partial(_join, port, delay_s), "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
