"""A stand-in for the central ACHIVX server: real gRPC over TCP, books in memory.

    python -m gateway.simulator.achivx_server --port 50051 --token-file T --config gamification.json

It answers like ACHIVX-COM/reward-system as far as a gateway can tell, and goes wrong on order: it
can be killed, started again and frozen; a single CreateAction can lose its answer or get a false
one. Like the real one it sheds nothing and cancels nothing: a call whose deadline has passed is
recorded all the same, if it was not killed first.
"""

import argparse
import asyncio
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc
import grpc.aio
import msgspec

from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_ledger import Ledger
from gateway.simulator.achivx_services import serve
from gateway.simulator.gamification import Gamification, read

Done = TypeVar("Done")


class ServerTls(msgspec.Struct, frozen=True):
    """PEM texts for TLS. With `client_ca`, clients must show a certificate of that authority."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None


class AchivxServer:
    """The stand-in; use it as `async with`.

    Args:
        token: What calls must carry as `authentication`.
        config: The server's gamification file.
        port: 0 takes a free one; after a restart it is the same again.
        tls: None serves plaintext, as the real one does.

    Attributes:
        token: See above; a test may change it.
        ledger: The books; they outlive `kill`.
        faults: What goes wrong with the next CreateActions, one each.
        delay_s: How long every call takes.
        peak_calls: The most calls that were in flight at once.
        peak_account_calls: The most calls that were in flight at once on one account.
    """

    def __init__(
        self, token: str, config: Gamification, *, port: int = 0, tls: ServerTls | None = None
    ) -> None:
        self.ledger = Ledger(config)
        self.faults: Final[deque[Fault]] = deque()
        self.delay_s = 0.0
        self.peak_calls = 0
        self.peak_account_calls = 0
        self.token = token
        self._port = port
        self._tls = tls
        self._server: grpc.aio.Server | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._work: set[asyncio.Task[object]] = set()
        self._waiting: Counter[str] = Counter()
        self._busy = asyncio.Event()
        self._crash: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """`host:port`, once started."""
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Listen, with the books as they are.

        Raises:
            RuntimeError: The port is taken.
        """
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        serve(self, server)
        if self._tls is None:
            self._port = server.add_insecure_port(self.address)
        else:
            secure = grpc.ssl_server_credentials(
                [(self._tls.key, self._tls.certificate)],
                self._tls.client_ca,
                require_client_auth=self._tls.client_ca is not None,
            )
            self._port = server.add_secure_port(self.address, secure)
        await server.start()
        self._server = server

    async def kill(self) -> None:
        """Cut every call; what had not been recorded yet never is."""
        for task in self._work:
            task.cancel()
        server, self._server = self._server, None
        if server is not None:
            await server.stop(None)

    def freeze(self) -> None:
        """Take calls and do nothing with them."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Do everything that has piled up, including what nobody waits for any more."""
        self._thawed.set()

    async def until_busy(self) -> None:
        """Wait until at least one call is being worked on."""
        await self._busy.wait()

    def now(self) -> str:
        """See `achivx_services.Host`."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        return moment.replace("+00:00", "Z")

    def knows(self, token: str | None) -> bool:
        """See `achivx_services.Host`."""
        return token == self.token

    def next_fault(self) -> Fault | None:
        """See `achivx_services.Host`."""
        return self.faults.popleft() if self.faults else None

    def crash(self) -> None:
        """See `achivx_services.Host`."""
        self._crash = asyncio.create_task(self.kill(), name="crash")

    async def run(self, account: str, work: Callable[[], Done]) -> Done:
        """See `achivx_services.Host`."""
        task = asyncio.create_task(self._run(account, work))
        self._work.add(task)
        task.add_done_callback(self._forget)
        # gRPC cancels the handler at the caller's deadline; the work must go on.
        return await asyncio.shield(task)

    async def _run(self, account: str, work: Callable[[], Done]) -> Done:
        self._waiting[account] += 1
        self._busy.set()
        self.peak_calls = max(self.peak_calls, self._waiting.total())
        if account:
            self.peak_account_calls = max(self.peak_account_calls, self._waiting[account])
        try:
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await self._thawed.wait()
            return work()
        finally:
            self._waiting[account] -= 1
            if not self._waiting.total():
                self._busy.clear()

    def _forget(self, task: asyncio.Task[Done]) -> None:
        self._work.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be there any more to hear of a refusal


async def _serve(port: int, token: str, config: Gamification) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AchivxServer(token, config, port=port) as server:
        sys.stdout.write(f"listening on {server.address}\n")
        sys.stdout.flush()
        await stopping.wait()


def main(arguments: list[str] | None = None) -> None:
    """Run the stand-in until SIGINT or SIGTERM; the first line on stdout tells the address."""
    parser = argparse.ArgumentParser(prog="python -m gateway.simulator.achivx_server")
    parser.add_argument("--port", type=int, default=50051, help="0 takes a free one")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True, help="gamification.json")
    chosen = parser.parse_args(arguments)
    try:
        token = chosen.token_file.read_text(encoding="utf-8").strip()
        config = read(chosen.config.read_bytes())
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        parser.error(str(error))
    asyncio.run(_serve(chosen.port, token, config))


if __name__ == "__main__":
    main()
