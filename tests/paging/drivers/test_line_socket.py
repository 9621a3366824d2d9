"""A line over TCP: a terminal server that hangs up, is busy with somebody else, or is dead."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import msgspec
import pytest

from gateway.config import Pager
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template
from gateway.errors import LineError
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging import transmitter as paging
from gateway.paging.drivers import line as line_module
from gateway.paging.drivers import mmdvm
from gateway.paging.drivers.base import Driver
from gateway.paging.drivers.choice import make_driver
from gateway.paging.drivers.espa import EspaDriver
from gateway.paging.drivers.ev1527 import Ev1527Driver
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.tap import TapDriver
from gateway.paging.drivers.tap_session import Timers
from gateway.paging.drivers.template import TemplateDriver
from gateway.paging.lane import PageLane
from gateway.tcp import LOST_MS

WAIT_S = 30.0
NEVER_S = 3600.0


def url(listener: socket.socket) -> str:
    return f"socket://127.0.0.1:{listener.getsockname()[1]}"


def hung_up(line: Line | Driver) -> bool:
    return line.has_hung_up


class TerminalServer:
    """A Scope encoder behind TCP, that serves one caller after another.

    Attributes:
        port: What to put into the transmitter's `port`.
        heard: The bytes of each caller so far.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = url(self.listener)
        self.heard: list[bytes] = []
        self._caller: socket.socket | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def until_called(self, times: int) -> None:
        """Wait for so many callers in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= times, WAIT_S)

    def hang_up(self) -> None:
        """Close the connection, as such servers do to idle ones."""
        with self._changed, suppress(OSError):
            if self._caller is not None:
                self._caller.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """Take no more calls, and hang up. Safe to call twice."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller = self.listener.accept()[0]
                with self._changed:
                    self._caller = caller
                    self.heard.append(b"")
                    self._changed.notify_all()
                with caller:
                    self._answer(caller)

    def _answer(self, caller: socket.socket) -> None:
        with suppress(OSError):
            while data := caller.recv(4096):
                self.heard[-1] += data
                if data.endswith(b"\r"):
                    caller.sendall(b"Page Queued Okay\r\n")
        with self._changed:
            self._caller = None


@pytest.fixture
def server() -> Iterator[TerminalServer]:
    server = TerminalServer()
    yield server
    server.leave()


class Desk:
    """A transmitter at that server, in a lane of its own."""

    def __init__(self, server: TerminalServer) -> None:
        self.states: list[str] = []
        self.receipts: list[Receipt] = []
        self._changed = threading.Condition()
        self.driver = TemplateDriver(Template(name="d", port=server.port, template="scope"))
        self.transmitter = paging.Transmitter(
            "d", self.driver, supervise_s=NEVER_S, on_state=self._told
        )
        self.lane = PageLane((Pager(name="p", address="105"),), (self.transmitter,), self._received)
        self.lane.start()
        self.until(lambda: self.states)

    def until(self, true: Callable[[], object]) -> None:
        """Wait until something is true; looks whenever a state or a receipt has come."""
        with self._changed:
            assert self._changed.wait_for(true, WAIT_S)

    def page(self) -> Receipt:
        """Send a page, and wait for its receipt."""
        count = len(self.receipts)
        self.lane.submit(Page(id=str(count), pager="p", text="HI"))
        self.lane.rouse()
        self.until(lambda: len(self.receipts) > count)
        return self.receipts[-1]

    def until_it_knows(self) -> None:
        """Wait until the news of the hang-up has come to this end."""
        assert self.driver._line is not None
        assert self.driver._line._hang_up.poll(WAIT_S * 1000)

    def _told(self) -> None:
        with self._changed:
            self.states.append(self.transmitter.state)
            self._changed.notify_all()

    def _received(self, _: Page, receipt: Receipt) -> None:
        with self._changed:
            self.receipts.append(receipt)
            self._changed.notify_all()


@pytest.fixture
def look_s() -> float:
    return NEVER_S


@pytest.fixture
def desk(server: TerminalServer, look_s: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(paging, "LOOK_S", look_s)
    desk = Desk(server)
    yield desk
    desk.lane.stop(WAIT_S)


def test_a_page_goes_out_over_a_connection_that_was_closed_while_idle(
    desk: Desk, server: TerminalServer
) -> None:
    assert desk.page().state is ReceiptState.ACCEPTED
    server.hang_up()
    desk.until_it_knows()
    assert desk.page().state is ReceiptState.ACCEPTED
    assert server.heard == [b"AF0000105DHI\r"] * 2
    assert desk.states == ["ok"]


@pytest.mark.parametrize("look_s", [0.02])
def test_an_idle_connection_that_was_closed_is_opened_again_and_nobody_is_told(
    desk: Desk, server: TerminalServer
) -> None:
    for callers in (1, 2, 3):
        server.until_called(callers)
        assert desk.page().state is ReceiptState.ACCEPTED
        server.hang_up()
    server.until_called(4)
    assert server.heard[:3] == [b"AF0000105DHI\r"] * 3
    assert desk.states == ["ok"]


@pytest.mark.parametrize("look_s", [0.02])
def test_a_server_that_goes_for_good_is_noticed_at_the_next_look(
    desk: Desk, server: TerminalServer
) -> None:
    server.leave()
    desk.until(lambda: len(desk.states) > 1)
    assert desk.states[1] == f"cannot open {server.port}: Connection refused"


def test_a_page_to_a_server_that_has_gone_has_failed(desk: Desk, server: TerminalServer) -> None:
    server.leave()
    desk.until_it_knows()
    receipt = desk.page()
    assert (receipt.state, receipt.first_byte_ns) == (ReceiptState.FAILED, None)
    assert receipt.detail == f"cannot open {server.port}: Connection refused"


def test_a_connection_that_is_lost_in_silence_is_ended_by_the_kernel(
    server: TerminalServer,
) -> None:
    with Line(server.port) as line:
        connection = line._serial._socket
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 30
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) <= 30
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == LOST_MS
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_hang_up_is_seen_behind_words_that_nobody_has_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Line(url(listener)) as line:
        peer, _ = listener.accept()
        peer.sendall(b"idle for too long, bye\r\n")
        assert not hung_up(line)
        peer.close()
        assert line._hang_up.poll(WAIT_S * 1000)
        assert hung_up(line)
        assert line.read(0).startswith(b"idle")


def test_a_server_that_is_busy_with_another_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "_AT_ONCE_MS", int(WAIT_S * 1000))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_away() -> None:
            listener.accept()[0].close()

        busy = threading.Thread(target=turn_away)
        busy.start()
        with pytest.raises(LineError, match=r"cannot open socket://.*: the other end hangs up"):
            Line(url(listener))
        busy.join()


@pytest.mark.parametrize(
    ("settings", "greeting"),
    [
        (Espa(name="e", port=""), b"\x04"),
        (Ev1527(name="w", port="", hardware="sonoff-efm8"), b""),
    ],
)
def test_a_driver_tells_that_the_other_end_has_gone(
    settings: Espa | Ev1527, greeting: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        driver = make_driver(msgspec.structs.replace(settings, port=url(listener)))
        peers: list[socket.socket] = []

        def greet() -> None:
            peers.append(listener.accept()[0])
            if greeting:
                peers[0].recv(16)
                peers[0].sendall(greeting)

        greeter = threading.Thread(target=greet)
        greeter.start()
        with closing(driver):
            driver.open()
            greeter.join()
            assert isinstance(driver, EspaDriver | Ev1527Driver)
            assert driver._line is not None
            assert not hung_up(driver)
            peers[0].close()
            assert driver._line._hang_up.poll(WAIT_S * 1000)
            assert hung_up(driver)
        assert not hung_up(driver)


def test_a_hat_behind_a_server_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmdvm._Modem, "handshake", lambda _: None)
    monkeypatch.setattr(mmdvm._Modem, "set_up", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Mmdvm(name="hat", port=url(listener), frequency_hz=433_920_000)
        driver = mmdvm.MmdvmDriver(settings, wait=lambda _: None)
        assert not hung_up(driver)
        with closing(driver):
            driver.open()
            peer = listener.accept()[0]
            assert not hung_up(driver)
            peer.close()
            assert driver._modem is not None
            assert driver._modem.line._hang_up.poll(WAIT_S * 1000)
            assert hung_up(driver)


def test_a_terminal_that_closed_an_idle_connection_is_called_again() -> None:
    """TAP opens its line for each session: many terminals hang up after every one of them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        driver = TapDriver(Tap(name="t", port=url(listener)), Timers(t1_s=0.1))
        driver.open()
        first = listener.accept()[0]
        first.close()
        assert driver._line is not None
        assert driver._line._hang_up.poll(WAIT_S * 1000)
        assert not hung_up(driver)
        with closing(driver), pytest.raises(LineError, match="no ID="):
            driver.probe()
        with listener.accept()[0] as second:
            assert second.recv(1) == b"\r"
