"""Clients that take their time, over real sockets: they cost no thread, and nobody waits for them.

The page has forty threads: more clients than that would stop it if each held one.
"""

import http.client
import socket
import ssl
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webui.test_cli import Start, asked, port_of, start  # noqa: F401 - a fixture
from tests.webui.test_tls import Ports, ports, root_of  # noqa: F401 - a fixture
from webui.reception import PLACES, WAIT_BYTES, WHOLE_S, size_of
from webui.server import THREADS

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

MANY: Final = 2 * THREADS
WAIT_S: Final = 15
QUICK_S: Final = WHOLE_S - 1
"""Far above what a page takes, and below what one such client would hold a thread for."""
FORM: Final = (
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
)
SCRIPT: Final = b"GET /static/app.js HTTP/1.1\r\nHost: localhost\r\n"
SLOW: Final = {
    "says nothing": b"",
    "stops in the first line": b"GET /log",
    "stops in a header": b"GET /login HTTP/1.1\r\nHost: local",
    "stops in a body": FORM + b"Content-Length: 9000\r\n\r\n--x\r\n",
    "stops in a second request": SCRIPT + b"\r\nGET /",
}
OVER: Final = {
    "does not hang up": SCRIPT + b"Connection: close\r\n\r\n",
    "is refused, and does not hang up": b"GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "announces more than is taken": FORM + b"Content-Length: 1000000000\r\n\r\n--x\r\n",
    "sends chunks without an end": FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n",
    "reads nothing": b"GET /static/vendor/htmx.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
}


@pytest.fixture
def port(start: Start, gateway: "FakeGateway") -> int:  # noqa: F811
    return port_of(start("--control", str(gateway.path)))


def connect(held: ExitStack, port: int, said: bytes) -> socket.socket:
    link = held.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
    link.sendall(said)
    return link


def is_hung_up_on(link: socket.socket) -> bool:
    """Waits for it; whatever was answered before is read."""
    link.settimeout(WHOLE_S + WAIT_S)
    try:
        while link.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def assert_the_page_is_quick(port: int) -> None:
    for _ in range(5):
        began = time.monotonic()
        # Which needs a thread as every page does, but not the gateway of this test's own process.
        assert asked(port, "/static/app.js")[0] == 200
        assert time.monotonic() - began < QUICK_S


@pytest.mark.parametrize("said", [*SLOW.values(), *OVER.values()], ids=[*SLOW, *OVER])
def test_nobody_waits_for_one_that(said: bytes, port: int) -> None:
    with ExitStack() as held:
        for _ in range(MANY):
            connect(held, port, said)
        assert_the_page_is_quick(port)


def test_who_does_not_finish_is_hung_up_on(port: int) -> None:
    with ExitStack() as held:
        links = [connect(held, port, said) for said in (*SLOW.values(), *OVER.values())]
        assert all(map(is_hung_up_on, links))
    assert asked(port, "/login")[0] == 200


def test_the_one_that_waits_the_longest_makes_room(port: int) -> None:
    with ExitStack() as held:
        first = connect(held, port, b"GET /")
        for _ in range(PLACES):
            connect(held, port, b"GET /")
        assert is_hung_up_on(first)
        assert_the_page_is_quick(port)


def test_a_handshake_that_stops_costs_nobody_anything(ports: Ports) -> None:  # noqa: F811
    root = root_of(ports)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with ExitStack() as held:
        for said in (b"", hello) * THREADS:
            connect(held, ports.tls, said)
        began = time.monotonic()
        assert ports.ask("/login", root=root)[0].status == 200
        assert time.monotonic() - began < QUICK_S


class TestWhoeverIsHonest:
    def test_is_answered_however_it_arrives(self, port: int) -> None:
        """Byte by byte: each is a segment of its own."""
        request = b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in request:
                link.sendall(bytes([byte]))
            assert link.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"

    def test_is_answered_again_on_the_same_connection(self, port: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        for _ in range(3):
            link.request("GET", "/login")
            answer = link.getresponse()
            assert answer.read()
            assert answer.status == 200
            assert link.sock is not None
        link.close()

    def test_may_ask_twice_before_the_first_answer(self, port: int) -> None:
        one, last = SCRIPT + b"\r\n", OVER["does not hang up"]
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as link:
            link.sendall(one + one + last)
            assert link.makefile("rb").read().count(b"HTTP/1.1 200 OK") == 3

    def test_is_told_what_is_too_large(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as link:
            link.sendall(b"GET /login HTTP/1.1\r\nX: " + b"x" * 2 * WAIT_BYTES)
            assert link.recv(100).startswith(b"HTTP/1.1 431 ")
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as link:
            link.sendall(FORM + b"Content-Length: 1000000000\r\n\r\n")
            assert link.recv(100).startswith(b"HTTP/1.1 413 ")

    def test_keeps_its_session_over_tls(self, ports: Ports) -> None:  # noqa: F811
        context = ssl.create_default_context(cadata=root_of(ports))
        link = http.client.HTTPSConnection("127.0.0.1", ports.tls, timeout=WAIT_S, context=context)
        for _ in range(3):
            link.request("GET", "/login")
            assert link.getresponse().read().startswith(b"<!doctype html>")
        link.close()


class TestSize:
    @pytest.mark.parametrize(
        ("heard", "size"),
        [
            (b"", None),
            (b"\r\n", None),
            (b"GET / HTTP/1.1\r\n", None),
            (b"GET / HTTP/1.1\r\n\r", None),
            (b"GET / HTTP/1.1\r\n\r\n", 18),
            (b"\r\nGET / HTTP/1.1\r\n\r\n", 20),
            (b"\r\n\r\nGET / HT", None),
            (b"P\r\nContent-Length: 5\r\n\r\n", 29),
            (b"P\r\ncontent-LENGTH:\t 005\r\nX: y\r\n\r\nabc", 38),
            (b"P\r\nContent-Length: -5\r\n\r\n", 25),
            (b"P\r\nX-Content-Length: 5\r\n\r\n", 26),
            (b"P\r\n\r\nContent-Length: 5\r\n\r\n", 5),
            (b"P\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", sys.maxsize),
            (b"P\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", sys.maxsize),
        ],
    )
    def test_is_that_of_head_and_body(self, heard: bytes, size: int | None) -> None:
        assert size_of(heard) == size

    @given(st.binary(max_size=50), st.binary(max_size=50))
    def test_is_known_with_the_heads_last_byte(self, body: bytes, rest: bytes) -> None:
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        for end in range(len(head)):
            assert size_of(head[:end]) is None
        assert size_of(head + body + rest) == len(head) + len(body)
