"""The blocking client against gateways that answer wrongly, late or not at all."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest

from gateway.client import Client, Unreachable, answer_type
from gateway.errors import GatewayError, Refused
from gateway.messages import (
    AnyRequest,
    Changed,
    Done,
    GetAlerts,
    Hello,
    Info,
    Logout,
    Session,
    WhoAmI,
)

WAIT_S = 10
OK = b'{"id":%d,"ok":{}}\n'


class Gateway:
    """Answers each line of one connection with the next answer, and then hangs up."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(WAIT_S)
        self._thread: threading.Thread | None = None
        self.lines: list[bytes] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def answer(self, *answers: bytes) -> None:
        self._thread = threading.Thread(target=self._serve, args=(answers,))
        self._thread.start()

    def _serve(self, answers: tuple[bytes, ...]) -> None:
        line, _ = self._listener.accept()
        with line, line.makefile("rb") as reader:
            for answer in answers:
                self.lines.append(reader.readline())
                assert self.may_answer.wait(WAIT_S)
                with contextlib.suppress(ConnectionError):  # a client need not hear it all
                    line.sendall(answer)

    def close(self) -> None:
        self.may_answer.set()
        if self._thread is not None:
            self._thread.join(WAIT_S)
        self._listener.close()


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gw") as folder:
        yield Path(folder) / "control.sock"


@pytest.fixture
def gateway(path: Path) -> Iterator[Gateway]:
    gateway = Gateway(path)
    yield gateway
    gateway.close()


@pytest.fixture
def connect(path: Path, gateway: Gateway) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(*answers: bytes, timeout_s: float = WAIT_S) -> Client:
        gateway.answer(*answers)
        clients.append(Client(path, timeout_s=timeout_s))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_calls_are_numbered_and_carry_the_token(
    gateway: Gateway, connect: Callable[..., Client]
) -> None:
    client = connect(OK % 1, OK % 2)
    assert client.call(Logout()) == Done()
    client.token = "t"
    assert client.call(Logout()) == Done()
    assert gateway.lines == [
        b'{"id":1,"request":{"op":"logout"},"token":null}\n',
        b'{"id":2,"request":{"op":"logout"},"token":"t"}\n',
    ]


def test_a_refusal_has_its_code_and_sentence(connect: Callable[..., Client]) -> None:
    client = connect(b'{"id":1,"error":{"code":"no","message":"because"}}\n', OK % 2)
    with pytest.raises(Refused, match="because") as refused:
        client.call(Logout())
    assert refused.value.code == "no"
    assert client.call(Logout()) == Done()


def test_one_connection_too_many_is_a_refusal(connect: Callable[..., Client]) -> None:
    client = connect(b'{"id":0,"error":{"code":"busy","message":"try again"}}\n')
    with pytest.raises(Refused, match="try again"):
        client.call(Logout())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OK % 2, "another question"),
        (OK % 0, "another question"),
        (b'{"id":2,"error":{"code":"no","message":"because"}}\n', "another question"),
        (b"hello\n", "another language"),
        (b"\xff\xfe\n", "another language"),
        (b"[]\n", "another language"),
        (b'{"id":1}\n', "another language"),
        (b'{"id":1,"ok":7}\n', "another language"),
        (b'{"id":1,"ok"', "is gone"),
        (b"", "is gone"),
        (b"x" * 2_000_000, "is gone"),
    ],
)
def test_an_answer_that_is_none(connect: Callable[..., Client], answer: bytes, words: str) -> None:
    client = connect(answer)
    with pytest.raises(Unreachable, match=words):
        client.call(Logout())


def test_a_late_answer_is_never_taken_for_the_next(
    gateway: Gateway, connect: Callable[..., Client]
) -> None:
    gateway.may_answer.clear()
    client = connect(OK % 1, OK % 2, timeout_s=0.05)
    with pytest.raises(Unreachable, match="in time"):
        client.call(Logout())
    gateway.may_answer.set()
    with pytest.raises(Unreachable):
        client.call(Logout())


def test_nobody_there(path: Path) -> None:
    with pytest.raises(Unreachable, match=f"no gateway answers at {path}: No such file"):
        Client(path)
    with pytest.raises(Unreachable, match="too long"):
        Client(path.with_name("x" * 200))
    assert issubclass(Unreachable, GatewayError)


def test_a_gateway_that_goes_away_between_two_calls(connect: Callable[..., Client]) -> None:
    client = connect(OK % 1)
    client.call(Logout())
    for _ in range(2):
        with pytest.raises(Unreachable, match="is gone"):
            client.call(Logout())


def test_changes_come_until_the_gateway_goes(connect: Callable[..., Client]) -> None:
    client = connect(b'{"id":1,"ok":{"version":3}}\n{"version":4}\n{"version":4}\n')
    changes = client.changes()
    seen = [next(changes) for _ in range(3)]
    assert seen == [Changed(version=3), Changed(version=4), Changed(version=4)]
    with pytest.raises(Unreachable, match="is gone"):
        next(changes)


def test_changes_may_be_refused(connect: Callable[..., Client]) -> None:
    client = connect(b'{"id":1,"error":{"code":"not_signed_in","message":"please"}}\n')
    with pytest.raises(Refused, match="please"):
        next(client.changes())


def test_every_request_knows_its_answer() -> None:
    assert answer_type(Hello) is Info
    assert answer_type(WhoAmI) is Session
    assert answer_type(GetAlerts).__origin__ is tuple
    assert all(answer_type(each) is not None for each in get_args(AnyRequest))
