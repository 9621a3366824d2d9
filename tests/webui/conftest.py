"""A small gateway and a small simulated shop that speak the real protocol from memory."""

import asyncio
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gateway import messages as say
from gateway.alerts.case import Act, Alert, Answer, PageNote
from gateway.clock import Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.grants.grant import Grant
from gateway.model import (
    AlertCause,
    AlertState,
    GrantState,
    Label,
    Language,
    OfferKind,
    ReceiptState,
    Role,
)
from gateway.setup import claim
from gateway.setup.device_messages import DevicesView, GetDevices
from gateway.simulator import messages as simulator
from gateway.simulator import shop as simulated
from gateway.simulator.shop import SimulatedShop
from gateway.sync.messages import LeaderBoardView
from tests.webui import fake_cases
from webui.app import create_app
from webui.authority import Authority
from webui.options import Options

T = TypeVar("T")

PINS = {"Anna": "1234", "Boris": "5678"}
ROLES = {"Anna": Role.STAFF, "Boris": Role.MANAGER}
WRONG_PINS = 3
OFFERS = (
    Offer(
        name="souvenir",
        kind=OfferKind.SOUVENIR,
        label=Label("Сувенир", "Souvenir"),
        severity=(1, 2),
        cost=1,
    ),
    Offer(
        name="coffee", kind=OfferKind.COUPON, label=Label("Кофе", "Free coffee"), severity=(2, 5)
    ),
)


STATUS: dict[str, Any] = msgspec.json.decode("""{
  "device": "box-1", "version": "1.2.3", "pid": 77, "open_alerts": 1,
  "buttons": [{"name": "exit", "kind": "very_unhappy", "zone": "hall", "pin": 17, "presses": 2,
    "flagged": 1, "state": "ok"}],
  "transmitters": [{"name": "main", "driver": "tap", "port": "/dev/ttyUSB0", "queued": 1,
    "sent": 5, "last_receipt": null, "state": "no answer for 60 s"}],
  "journal": {"path": "/j", "epoch": "e", "last_seq": 21, "bytes": 4096, "free_bytes": 2000000000,
    "waiting": 0, "state": "ok"},
  "uplink": {"kind": "none", "state": "ok", "cursor": 0, "backlog": 21, "quarantined": 0},
  "clock": {"boot": "b", "uptime_s": 3725, "wall": "2026-11-21T10:00:00Z", "synced": false}
}""")


def stamp(age_s: float = 0) -> Stamp:
    return Stamp("boot", time.monotonic_ns() - int(age_s * 1e9), time.time_ns(), synced=True)


class JsonServer:
    """Answers newline JSON on a Unix socket, one thread a connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: set[socket.socket] = set()
        self._serve()

    def _serve(self) -> None:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._open.add(self.request)
                with suppress(OSError):
                    outer.converse(self.rfile.readline, self.wfile.write)
                outer._open.discard(self.request)

        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        raise NotImplementedError

    def reply(self, write: Callable[[bytes], object], number: int, do: Callable[[], Any]) -> bool:
        """Write what `do` returns, or why it would not; whether it did."""
        try:
            answer = say.Answer(id=number, ok=msgspec.Raw(msgspec.json.encode(do())))
        except Refused as refused:
            answer = say.Answer(id=number, error=say.Problem(refused.code, str(refused)))
        write(msgspec.json.encode(answer) + b"\n")
        return answer.error is None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.path.unlink(missing_ok=True)
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def start_again(self) -> None:
        self._serve()


class FakeGateway(JsonServer):
    """Holds alerts and grants in memory; `said` lists what it was asked, and by whom."""

    def __init__(self, path: Path, *, simulated: bool = False) -> None:
        self.lock = threading.RLock()
        self.alerts: dict[str, Alert] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, str] = {}
        self.wrong = 0
        self.faults: tuple[str, ...] = ()
        self.leader_boards: tuple[LeaderBoardView, ...] = ()
        self.said: list[tuple[str | None, say.Request[Any]]] = []
        self.refuse: dict[type[say.Request[Any]], Refused] = {}
        self.info = say.Info(
            shop="Corner shop",
            language=Language.EN,
            version="1.2.3",
            staff=tuple(PINS),
            simulated=simulated,
            claimed=True,
            life="1",
        )
        self.version = 0
        self.rung = threading.Condition(self.lock)
        self.subscribers = 0
        self.beat_s = 5.0
        super().__init__(path)

    # --- what tests do ---

    def raise_alert(self, name: str = "a1", *, age_s: float = 12, **changes: Any) -> Alert:
        at = stamp(age_s)
        note = PageNote("p1", "watch-1", 0, ReceiptState.ACCEPTED, "page accepted", "Red!", at)
        fields: dict[str, Any] = {"zone": "hall", "pages": (note,), **changes}
        alert = Alert(
            id=name,
            cause=AlertCause.RED,
            button="exit",
            raised=at,
            climbing=at,
            last_press=at,
            **fields,
        )
        with self.lock:
            self.alerts[name] = alert
        self.ring()
        return alert

    def issue(self, code: str = "ABCD-1234", *, alert: str | None = None) -> Grant:
        grant = Grant(
            code=code,
            request=code,
            offer="coffee",
            kind=OfferKind.COUPON,
            issued_by="Anna",
            issued=stamp(),
            expires=stamp(-86400),
            alert=alert,
        )
        with self.lock:
            self.grants[code] = grant
        self.ring()
        return grant

    def ring(self) -> None:
        with self.rung:
            self.version += 1
            self.rung.notify_all()

    def asked(self, kind: type[say.Request[Any]]) -> list[Any]:
        return [request for _, request in self.said if isinstance(request, kind)]

    # --- the protocol ---

    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        peer: str | None = "owner by process"
        while line := read():
            call = msgspec.json.decode(line, type=say.Call)
            if isinstance(call.request, say.Hello) and call.request.unprivileged:
                peer = None
            is_done = self.reply(write, call.id, partial(self._answer, call, peer))
            if isinstance(call.request, say.Subscribe) and is_done:
                self._ring_on(write)

    def _ring_on(self, write: Callable[[bytes], object]) -> None:
        with self.rung:
            self.subscribers += 1
            self.rung.notify_all()
            seen = self.version
        try:
            while True:
                with self.rung:
                    self.rung.wait_for(partial(self._is_newer, seen), self.beat_s)
                    seen = self.version
                write(msgspec.json.encode(say.Changed(version=seen)) + b"\n")
        finally:
            with self.rung:
                self.subscribers -= 1
                self.rung.notify_all()

    def _is_newer(self, seen: int) -> bool:
        return self.version != seen

    def _answer(self, call: say.Call, peer: str | None) -> object:
        with self.lock:
            if call.token is not None and call.token not in self.tokens:
                raise Refused("not_signed_in", "please sign in")
            who = self.tokens[call.token] if call.token else peer
            self.said.append((who, call.request))
            if refused := self.refuse.get(type(call.request)):
                raise refused
            if type(call.request).needs is not None and who is None:
                raise Refused("not_signed_in", "please sign in")
            return self._do(call.request, who or "", call.token)

    def _do(self, request: Any, who: str, token: str | None) -> object:
        act = Act(who, stamp())
        deeds: dict[type[say.Request[Any]], Callable[[], object]] = {
            say.Hello: lambda: self.info,
            say.Subscribe: lambda: say.Changed(version=self.version),
            say.Login: lambda: self._login(request),
            say.Logout: lambda: self.tokens.pop(token or "") and say.Done(),
            say.WhoAmI: lambda: say.Session(token=token or "", staff=who, role=ROLES[who]),
            say.GetAlerts: lambda: self._alerts(request.closed),
            say.Acknowledge: lambda: self._answered(request.alert, acknowledged=act),
            say.Contact: lambda: self._answered(request.alert, contacted=act),
            say.Resolve: lambda: self.change(
                request.alert, state=AlertState.RESOLVED, closed=act, outcome=request.outcome
            ),
            say.GetOffers: lambda: offers(request.severity),
            say.IssueGrant: lambda: self._grant(request, who),
            say.GetGrants: lambda: self._grants(request.state),
            say.GetStatus: self._status,
            **fake_cases.answers(self, request, who),
            GetDevices: lambda: DevicesView(pressed={}, faults=(), pagers=("watch-1",)),
        }
        return deeds[type(request)]()

    def _login(self, request: say.Login) -> say.Session:
        if self.wrong >= WRONG_PINS:
            raise Refused("locked_out", "too many wrong PINs: wait 30 s")
        if PINS.get(request.staff) != request.pin:
            self.wrong += 1
            raise Refused("bad_pin", "the name and the PIN do not fit")
        token = f"token-{len(self.said)}"
        self.tokens[token] = request.staff
        return say.Session(token=token, staff=request.staff, role=ROLES[request.staff])

    def _alerts(self, closed: int) -> list[say.AlertView]:
        live = [self.view(alert) for alert in self.alerts.values() if alert.is_live]
        ended = [self.view(alert) for alert in self.alerts.values() if not alert.is_live]
        return live + ended[::-1][:closed]

    def view(self, alert: Alert) -> say.AlertView:
        age_s = (time.monotonic_ns() - alert.raised.mono_ns) / 1e9
        is_open = alert.state is AlertState.OPEN
        return say.AlertView(
            alert=alert,
            age_s=age_s,
            next_page_s=max(0.0, 40 - age_s % 40) if is_open else None,
            undo_s=fake_cases.undo_s(alert),
            label_ru="Выход",
            label_en="Exit",
        )

    def _answered(self, name: str, **act: Act) -> say.AlertView:
        was = self.alerts[name].state if name in self.alerts else AlertState.OPEN
        state = AlertState.CONTACTED if "contacted" in act else AlertState.ACKNOWLEDGED
        return self.change(name, state=state, answer=Answer(was, None, None), **act)

    def change(self, name: str, **changes: Any) -> say.AlertView:
        if name not in self.alerts:
            raise Refused("unknown_alert", f"no live alert has the id {name}")
        self.alerts[name] = msgspec.structs.replace(self.alerts[name], **changes)
        self.ring()
        return self.view(self.alerts[name])

    def _grant(self, request: say.IssueGrant, who: str) -> say.GrantView:
        for grant in self.grants.values():
            if grant.request == request.request:
                return view_of(grant)
        issued = self.issue(f"GIFT-{len(self.grants):04}", alert=request.alert)
        issued = msgspec.structs.replace(
            issued,
            request=request.request,
            offer=request.offer,
            issued_by=who,
            account=request.account,
        )
        self.grants[issued.code] = issued
        return view_of(issued)

    def _grants(self, state: GrantState | None) -> list[say.GrantView]:
        kept = reversed(self.grants.values())
        return [view_of(grant) for grant in kept if state in (None, grant.state)]

    def redeem(self, code: str, who: str) -> say.GrantView:
        grant = self.grants.get(code.upper())
        if grant is None:
            raise Refused("unknown_code", "this shop knows no such code")
        if grant.state is GrantState.REDEEMED:
            raise Refused("already_redeemed", "redeemed already")
        self.grants[grant.code] = msgspec.structs.replace(
            grant, state=GrantState.REDEEMED, redeemed_by=who, redeemed=stamp()
        )
        self.ring()
        return view_of(self.grants[grant.code])

    def _status(self) -> say.Status:
        return msgspec.convert({**STATUS, "faults": self.faults}, say.Status)


def offers(severity: int | None) -> list[say.ProposedOffer]:
    return [
        say.ProposedOffer(offer=offer, why=Label("Подходит.", "It fits."))
        for offer in OFFERS
        if severity is None or offer.severity[0] <= severity <= offer.severity[1]
    ]


def view_of(grant: Grant) -> say.GrantView:
    offer = next(each for each in OFFERS if each.name == grant.offer)
    return say.GrantView(grant=grant, label_ru=offer.label.ru, label_en=offer.label.en)


class FakeShop(JsonServer):
    """The simulated shop's own socket: a press raises an alert and buzzes the watch."""

    BUTTONS = (
        ("smile", "very_happy", "Отлично", "Great"),
        ("fine", "happy", "Хорошо", "Good"),
        ("so-so", "neutral", "Так себе", "So-so"),
        ("poor", "unhappy", "Плохо", "Poor"),
        ("exit", "very_unhappy", "Ужасно", "Awful"),
        ("help", "call", "Позвать", "Call staff"),
    )

    def __init__(self, path: Path, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.buzzes: list[simulator.Buzz] = []
        self.verdicts: tuple[str, ...] = ("counted",)
        super().__init__(path)

    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        while line := read():
            raw = msgspec.json.decode(line)
            self.reply(write, raw["id"], partial(self._do, raw["request"]))

    def _do(self, request: dict[str, Any]) -> object:
        if request["op"] == "press":
            if request["button"] not in {button[0] for button in self.BUTTONS}:
                raise Refused("unknown_button", "the panel has no such button")
            self.gateway.raise_alert(f"press-{len(self.buzzes)}", age_s=0)
            self.buzzes.insert(0, simulator.Buzz(text="RED Exit hall", at=time.time()))
            return say.PressView(button=request["button"], verdicts=self.verdicts, pressed_ns=0)
        entry = simulator.LedgerEntry(
            account="shop-1",
            action="press_red",
            key="box-1.e.1",
            created_at="2026-11-21T10:00:00Z",
            experience=1,
            reward=0.25,
        )
        account = simulator.LedgerAccount(id="shop-1", balance="12.25", experience=7, level=1)
        return simulator.Shop(
            buttons=tuple(
                simulator.SimulatedButton(
                    name=name, kind=kind, label_ru=ru, label_en=en, zone="hall"
                )
                for name, kind, ru, en in self.BUTTONS
            ),
            watches=tuple(
                simulator.Watch(pager="w", address="1", worn_by=name, buzzes=tuple(self.buzzes))
                for name in PINS
            ),
            staff=tuple(
                simulator.SimulatedPerson(name=name, role=ROLES[name].value, pin=pin)
                for name, pin in PINS.items()
            ),
            accounts=(account,),
            ledger=(entry,) * len(self.buzzes),
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory whose name is short enough for a Unix socket's."""
    link = Path("/tmp") / f"webui-{os.getpid()}-{threading.get_ident()}"  # noqa: S108
    link.symlink_to(tmp_path)
    yield link
    link.unlink()


@pytest.fixture
def gateway(place: Path) -> Iterator[FakeGateway]:
    fake = FakeGateway(place / "control.sock")
    yield fake
    fake.stop()


@pytest.fixture
def shop(place: Path, gateway: FakeGateway) -> Iterator[FakeShop]:
    fake = FakeShop(place / "simulator.sock", gateway)
    yield fake
    fake.stop()


def _app(control: Path, simulator_path: Path | None = None) -> Flask:
    app = create_app(
        Options(
            control=control,
            simulator=simulator_path,
            secret_key="k" * 32,
            allowed_hosts=("Board.Example",),
        )
    )
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # its own tests switch it on again
    return app


@pytest.fixture
def app(gateway: FakeGateway) -> Flask:
    return _app(gateway.path)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def signed_in(client: FlaskClient) -> FlaskClient:
    client.post("/login", data={"staff": "Anna", "pin": PINS["Anna"]})
    return client


@pytest.fixture
def demo(gateway: FakeGateway, shop: FakeShop) -> FlaskClient:
    return _app(gateway.path, shop.path).test_client()


# --- browsers ---

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE: Any = {"width": 360, "height": 740}
WAIT_S = 10


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class PageProcess:
    """The page's own process, at the `url` that it listens at.

    Another one in the same place goes on with the state of the one before.
    """

    def __init__(self, place: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "webui.cli"),
                *("--listen", "127.0.0.1:0", "--state", f"{place}/state", *options),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        found = re.search(r"http[^\s,]+", self._process.stdout.readline())
        assert found
        self.url = found[0]

    def end(self) -> None:
        """Ask it to end, as systemd does, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=WAIT_S)

    def kill(self) -> None:
        """End it as a power cut does: it can do nothing about it."""
        self._process.kill()
        self._process.communicate(timeout=WAIT_S)


class Site:
    """The page's process, and a browser window on it that notes every complaint."""

    def __init__(self, browser: Browser, place: Path, *options: str) -> None:
        self._browser = browser
        self._windows: list[BrowserContext] = []
        self.complaints: list[str] = []
        self._process = PageProcess(place, *options)
        self.url = self._process.url

    def window(self, **options: Any) -> Page:
        context = self._browser.new_context(viewport=PHONE, base_url=self.url, **options)
        context.set_default_timeout(WAIT_S * 1000)
        self._windows.append(context)
        page = context.new_page()
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def close(self) -> None:
        for window in self._windows:
            window.close()
        self._process.end()


@pytest.fixture
def site(browser: Browser, place: Path, gateway: FakeGateway) -> Iterator[Site]:
    started = Site(browser, place, "--control", str(gateway.path))
    yield started
    started.close()


@pytest.fixture
def demo_site(browser: Browser, place: Path, shop: FakeShop) -> Iterator[Site]:
    sockets = ("--control", str(shop.gateway.path), "--simulator", str(shop.path))
    started = Site(browser, place, *sockets)
    yield started
    started.close()


class LiveShop:
    """A simulated shop with the real gateway, on an event loop in a thread of its own.

    `code` claims a `fresh` box; a shop that is set up already has none.
    """

    def __init__(self, directory: Path, *, fresh: bool = True, under: tuple[str, ...] = ()) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.shop = SimulatedShop(directory, fresh=fresh, under=under)
            self.do(self.shop.__aenter__())
            self.code = claim.read(directory / "state") if fresh else ""
        except BaseException:
            self._end()
            raise

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def ask(self, request: say.Request[T]) -> T:
        return self.do(self.shop.ask(request))

    def close(self) -> None:
        try:
            self.do(self.shop.__aexit__(None, None, None))
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def signed_in_at(live: LiveShop, name: str, authority: Authority | None = None) -> FlaskClient:
    """A client of a shop's page, in English; `name` is of the simulated shop's staff."""
    app = create_app(
        Options(control=live.shop.control_socket, secret_key="k" * 32, authority=authority)
    )
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    client = app.test_client()
    client.set_cookie("language", "en")
    client.post("/login", data={"staff": name, "pin": simulated.PINS[name]})
    return client


@pytest.fixture(scope="module")
def shared_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One for a whole module, whose tests put back what they change."""
    yield from _shared(tmp_path_factory.mktemp("shared"), fresh=True)


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One that is set up already, with staff, for a whole module."""
    yield from _shared(tmp_path_factory.mktemp("shared"), fresh=False)


def _shared(directory: Path, *, fresh: bool) -> Iterator[LiveShop]:
    link = Path("/tmp") / f"webui-shared-{os.getpid()}"  # noqa: S108
    link.symlink_to(directory)
    started = LiveShop(link, fresh=fresh)
    yield started
    started.close()
    link.unlink()


@pytest.fixture
def live(place: Path) -> Iterator[LiveShop]:
    """A box as it comes out of its parcel."""
    started = LiveShop(place)
    yield started
    started.close()


@pytest.fixture
def live_site(browser: Browser, place: Path, live: LiveShop) -> Iterator[Site]:
    shop = live.shop
    sockets = ("--control", str(shop.control_socket), "--simulator", str(shop.socket))
    started = Site(browser, place, *sockets)
    yield started
    started.close()
