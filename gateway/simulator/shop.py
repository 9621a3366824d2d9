"""A whole shop without hardware, for the demo and for tests.

The daemon is the real one; around it are a TAP terminal on a pty, fake pins, and an ACHIVX server
that keeps its books in memory.

What only a simulation can show (the watches, the server's books) is told on a socket of its own,
with the same lines as the control socket.
"""

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict, deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from gateway.client import Client
from gateway.config import Config, check
from gateway.config.check import ConfigError
from gateway.errors import GatewayError, Refused
from gateway.messages import (
    MAX_LINE,
    Answer,
    PressView,
    Problem,
    Request,
    Session,
    SetPin,
    SimulatePress,
)
from gateway.messages import Login as SignIn
from gateway.setup.ports import SIMULATED
from gateway.simulator import gamification
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.messages import (
    Buzz,
    GetShop,
    PressButton,
    Shop,
    SimulatedButton,
    SimulatedPerson,
    Watch,
)
from gateway.simulator.tap_terminal import TapPage, TapTerminal

T = TypeVar("T")

PINS: Final = {"barista": "1212", "manager": "3434", "owner": "5656"}
"""The simulated staff's PINs: known to everybody, for a shop that does not exist."""
ADDRESSES: Final = ("1001", "1002")
"""The wrist pagers that the simulated terminal knows."""

_TEMPLATE: Final = Path(__file__).with_name("shop.toml")
_FRESH: Final = Path(__file__).with_name("fresh.toml")
_TERMINAL: Final = "Simulated_TAP_terminal"
_BOOKS: Final = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
_BUZZES_MOST: Final = 20


class _Ask(msgspec.Struct, frozen=True):
    """One line to the simulator's socket."""

    id: int
    request: GetShop | PressButton
    token: str | None = None


class SimulatedShop:
    """The shop; use it as `async with`.

    Args:
        directory: An existing directory for everything it keeps.
        timezone: The shop's.
        signed_up: Whether the staff has PINs.
        fresh: Whether the box is as it comes out of its parcel: nothing is set up, nobody owns it.
        under: Another program, with its arguments, that the daemon is run by, e.g. `strace`.

    Attributes:
        config_file: The daemon's gateway.toml.
        control_socket: Where the daemon answers.
        socket: Where the simulator answers.
        server: The ACHIVX stand-in.
        gateway: The daemon's process.
        under: What the daemon is run by from its next start on.
    """

    def __init__(
        self,
        directory: Path,
        *,
        timezone: str = "UTC",
        signed_up: bool = True,
        fresh: bool = False,
        under: tuple[str, ...] = (),
    ) -> None:
        self._signed_up: Final = signed_up and not fresh
        self._template: Final = _FRESH if fresh else _TEMPLATE
        self.under = under
        self.directory: Final = directory
        self.config_file: Final = directory / "gateway.toml"
        self.control_socket: Final = directory / "control.sock"
        self.socket: Final = directory / "simulator.sock"
        self.gateway: Child | None = None
        token = secrets.token_urlsafe(16)
        self.server: Final = AchivxServer(token, gamification.read(_BOOKS.read_bytes()))
        self._timezone: Final = timezone
        self._token: Final = token
        self._parts: Final = contextlib.AsyncExitStack()
        self._buzzes: Final[defaultdict[str, deque[Buzz]]] = defaultdict(
            lambda: deque(maxlen=_BUZZES_MOST)
        )
        ports = directory / "state" / SIMULATED
        ports.mkdir(parents=True, exist_ok=True)
        self.terminal: Final = TapTerminal(
            pagers=ADDRESSES, on_page=self._buzz, link=ports / _TERMINAL
        )

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opening:
            opening.enter_context(self.terminal)
            await opening.enter_async_context(self.server)
            self.config = self._write_settings()
            opening.push_async_callback(self.stop_gateway)
            await self.start_gateway()
            for name, pin in PINS.items() if self._signed_up else ():
                await self.ask(SetPin(staff=name, pin=pin))
            listener = await asyncio.start_unix_server(
                self._serve, str(self.socket), limit=MAX_LINE
            )
            opening.callback(listener.close)
            self._parts.push_async_callback(opening.pop_all().aclose)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._parts.aclose()

    async def start_gateway(self) -> None:
        """Start the daemon, or start it again after it was stopped or killed."""
        words = ("gateway", "run", "--config", str(self.config_file))
        self.gateway = await Child.start(
            "the gateway", words, self.directory / "gateway.log", ready=True, under=self.under
        )

    async def stop_gateway(self) -> None:
        """Stop the daemon."""
        if self.gateway is not None:
            await self.gateway.stop()

    async def ask(self, request: Request[T], token: str | None = None) -> T:
        """Ask the daemon; without a token, with the authority of this process."""
        return await asyncio.to_thread(self._ask, request, token)

    def _ask(self, request: Request[T], token: str | None) -> T:
        with Client(self.control_socket, token=token, timeout_s=30.0) as client:
            return client.call(request)

    async def sign_in(self, name: str) -> Session:
        """Sign one of the staff in."""
        return await self.ask(SignIn(staff=name, pin=PINS[name]))

    def look(self) -> Shop:
        """Everything outside the box, as it is now."""
        accounts, ledger = self.server.ledger.snapshot()
        config = self._config_now()
        wearers = {person.pager: person.name for person in config.staff}
        names = {pager.address: pager.name for pager in config.pagers}
        return Shop(
            buttons=tuple(
                SimulatedButton(
                    name=button.name,
                    kind=button.kind,
                    label_ru=button.label.ru,
                    label_en=button.label.en,
                    zone=button.zone,
                )
                for button in config.buttons
            ),
            watches=tuple(
                Watch(
                    pager=names.get(address, ""),
                    address=address,
                    worn_by=wearers.get(names.get(address, ""), ""),
                    buzzes=tuple(self._buzzes[address]),
                )
                for address in dict.fromkeys((*names, *ADDRESSES))
            ),
            staff=tuple(
                SimulatedPerson(name=person.name, role=person.role, pin=PINS[person.name])
                for person in config.staff
                if person.name in PINS
            ),
            accounts=accounts,
            ledger=ledger,
        )

    def _config_now(self) -> Config:
        """The settings as they are written now: the page may have changed them."""
        try:
            return check.load(self.config_file)
        except ConfigError:
            return self.config

    def _buzz(self, page: TapPage) -> None:
        """From the terminal's thread; a deque takes that."""
        self._buzzes[page.pager].appendleft(Buzz(text=page.text, at=time.time()))

    def _write_settings(self) -> Config:
        token_file = self.directory / "achivx-token"
        token_file.touch(mode=0o600)
        token_file.write_text(self._token)
        text = self._template.read_text(encoding="utf-8").format(
            timezone=self._timezone,
            state=self.directory / "state",
            control_socket=self.control_socket,
            port=self.terminal.port,
            address=self.server.address,
            token_file=token_file,
        )
        self.config_file.write_text(text, encoding="utf-8")
        return check.load(self.config_file)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # it hung up, or sent a line without an end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            asked = msgspec.json.decode(line, type=_Ask)
        except msgspec.DecodeError as error:
            return Answer(id=0, error=Problem("bad_request", str(error)))
        try:
            done = await self._do(asked.request)
        except Refused as refusal:
            return Answer(id=asked.id, error=Problem(refusal.code, str(refusal)))
        except GatewayError as error:
            return Answer(id=asked.id, error=Problem("unavailable", str(error)))
        return Answer(id=asked.id, ok=msgspec.Raw(msgspec.json.encode(done)))

    async def _do(self, request: GetShop | PressButton) -> Shop | PressView:
        if isinstance(request, GetShop):
            return self.look()
        return await self.ask(SimulatePress(button=request.button, count=request.count))
