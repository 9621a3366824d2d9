"""`scripts/demo`: a simulated shop to play with in a browser, or played through once."""

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import CannotStart, GatewayError
from gateway.setup import claim
from gateway.simulator import once
from gateway.simulator.children import Child
from gateway.simulator.shop import ADDRESSES, SimulatedShop

HOST: Final = "127.0.0.1"
PORT: Final = 8080
ANSWER_S: Final = 15.0
_LOOK_S: Final = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="achivx-demo-") as directory:
            if options.once:
                return asyncio.run(_once(Path(directory), as_json=options.json))
            return asyncio.run(_play(Path(directory), options.port, fresh=options.fresh))
    except GatewayError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A simulated shop: the real gateway and page, no hardware."
    )
    parser.add_argument(
        "--once", action="store_true", help="play one incident through, print its hops, and end"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="a box that nobody owns yet: walk through its set-up"
    )
    parser.add_argument("--json", action="store_true", help="with --once: print one JSON object")
    parser.add_argument("--port", type=int, default=PORT, help="of the page (default %(default)s)")
    return parser


async def _once(directory: Path, *, as_json: bool) -> int:
    async with SimulatedShop(directory) as shop:
        report = await once.play(shop)
    print(msgspec.json.encode(report).decode() if as_json else "\n".join(once.lines(report)))
    return 0


async def _play(directory: Path, port: int, *, fresh: bool) -> int:
    _check_free(port)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print("opening the simulated shop …", flush=True)
    async with (
        SimulatedShop(directory, timezone=_timezone(), fresh=fresh) as shop,
        contextlib.AsyncExitStack() as parts,
    ):
        words = ["webui.cli", "--listen", f"{HOST}:{port}"]
        words += ["--control", str(shop.control_socket), "--simulator", str(shop.socket)]
        words += ["--state", str(directory / "webui")]
        page = await Child.start("the page", words, directory / "webui.log")
        parts.push_async_callback(page.stop)
        await _until_answered(page, port)
        print(f"the shop is open:  http://{HOST}:{port}/", flush=True)
        if fresh:
            code = claim.read(Path(shop.config.paths.state))
            print(f"its claim code:    {code}", flush=True)
            print("its pagers:        " + ", ".join(ADDRESSES), flush=True)
        print("Ctrl-C closes it.", flush=True)
        await _until_over(stopping, page)
        print("closing …", flush=True)
    return 0


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OverflowError:
            raise CannotStart("--port goes from 1 to 65535") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotStart(f"cannot listen on port {port}: {error.strerror}") from error
            raise CannotStart(
                f"port {port} is taken by another program: stop that one, or choose another port"
                f" with --port {port + 1}"
            ) from error


async def _until_answered(page: Child, port: int) -> None:
    """Wait until the page takes connections."""
    for _ in range(round(ANSWER_S / _LOOK_S)):
        if page.process.returncode is not None:
            raise CannotStart(f"the page did not start: {page.last_words()}")
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(_LOOK_S)
    raise CannotStart(f"the page does not answer: {page.last_words()}")


async def _until_over(stopping: asyncio.Event, page: Child) -> None:
    """Return at Ctrl-C.

    Raises:
        CannotStart: The page has ended by itself.
    """
    stop = asyncio.create_task(stopping.wait())
    ended = asyncio.create_task(page.process.wait())
    await asyncio.wait({stop, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not stop.done():
        stop.cancel()
        raise CannotStart(f"the page has stopped by itself: {page.last_words()}")


def _timezone() -> str:
    """This machine's, so that the watches show the hour that the visitor's own watch shows."""
    link = Path("/etc/localtime")
    named = os.environ.get("TZ", "")
    if not named and link.is_symlink():
        named = str(link.resolve()).partition("zoneinfo/")[2]
    return named or "UTC"


if __name__ == "__main__":
    sys.exit(main())
