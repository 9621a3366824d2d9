"""The control socket: who may ask what, and everything a line can be."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, get_args, get_origin

import msgspec
import pytest

from gateway import control, messages
from gateway.client import Client
from gateway.control import CONNECTIONS_MOST, Asker, ControlServer, Doorbell
from gateway.errors import CannotStart, JournalError, Refused
from gateway.messages import (
    MAX_LINE,
    AnyRequest,
    Done,
    GetButtons,
    GetRecords,
    Hello,
    Login,
    Logout,
    Redeem,
    Request,
    Subscribe,
)
from gateway.model import Role

WAIT_S = 10
SESSIONS = {role.value: Asker(role.value.title(), role, "page", role.value) for role in Role}


class Service:
    """Answers everything with `Done`, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request[Any], Asker]] = []
        self.reached = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.errors: list[Exception] = []

    def session_asker(self, token: str) -> Asker:
        if token not in SESSIONS:
            raise Refused("not_signed_in", "please sign in")
        return SESSIONS[token]

    async def answer(self, request: Request[Any], asker: Asker) -> object:
        self.asked.append((request, asker))
        self.reached.set()
        if self.errors:
            raise self.errors.pop()
        if isinstance(request, Redeem):
            await self.may_answer.wait()
        return Done()


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gw") as folder:  # a socket's path is short
        yield Path(folder) / "run" / "control.sock"


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def doorbell() -> Doorbell:
    return Doorbell()


@asynccontextmanager
async def serving(
    path: Path, service: Service, doorbell: Doorbell, *, group: str = "no-such-group"
) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, service, doorbell, admin_group=group)
    await server.open()
    await server.begin()
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        task.cancel()
        async with asyncio.timeout(WAIT_S):  # open conversations must not hold up the end
            with pytest.raises(asyncio.CancelledError):
                await task
        server.close()


@pytest.fixture
async def server(path: Path, service: Service, doorbell: Doorbell) -> AsyncIterator[ControlServer]:
    async with serving(path, service, doorbell) as server:
        yield server


class Line:
    """One raw connection on the event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, path: Path) -> "Line":
        return cls(*await asyncio.open_unix_connection(str(path), limit=MAX_LINE))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, request: Request[Any] | bytes, token: str | None = None) -> None:
        if not isinstance(request, bytes):
            call = {"id": 7, "request": request, "token": token}
            request = msgspec.json.encode(call) + b"\n"
        self.writer.write(request)

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            line = await self.reader.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer

    async def ask(self, request: Request[Any] | bytes, token: str | None = None) -> str:
        """`ok`, or the code of the refusal; empty when the line was closed."""
        self.send(request, token)
        answer = await self.read()
        return str(answer["error"]["code"]) if "error" in answer else "ok" if answer else ""


def made(kind: type[Request[Any]]) -> Request[Any]:
    """A request of this type, with anything where something is needed."""
    anything: dict[Any, Any] = {str: "x", bytes: b"x", int: 1, float: 1.0, bool: False}
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if not field.required:
            continue
        wanted = field.type
        if get_origin(wanted) is tuple:
            values[field.name] = ()
        elif isinstance(wanted, type) and issubclass(wanted, Enum):
            values[field.name] = next(iter(wanted))
        else:
            values[field.name] = anything[wanted]
    return kind(**values)


class TestWhoMayAsk:
    @pytest.mark.parametrize("kind", [each for each in get_args(AnyRequest) if each != Subscribe])
    @pytest.mark.usefixtures("server")
    async def test_what(self, path: Path, service: Service, kind: type[Request[Any]]) -> None:
        request = made(kind)
        rank = -1 if kind.needs is None else kind.needs.rank
        async with await Line.open(path) as line:
            assert await line.ask(Hello(unprivileged=True)) == "ok"
            service.asked.clear()
            assert await line.ask(request) == ("ok" if rank < 0 else "not_signed_in")
            for role in Role:
                expected = "ok" if role.rank >= rank else "forbidden"
                assert await line.ask(request, role.value) == expected
        assert len(service.asked) == (3 - max(0, rank)) + (rank < 0)
        assert {type(asked) for asked, _ in service.asked} == {kind}

    def test_needs_are_what_they_are_meant_to_be(self) -> None:
        open_to_all = {each for each in get_args(AnyRequest) if each.needs is None}
        assert {Hello, Login, Logout} <= open_to_all
        owners = {each for each in get_args(AnyRequest) if each.needs is Role.OWNER}
        assert {messages.GetSettings, messages.PutSettings, messages.SimulatePress} <= owners

    @pytest.mark.usefixtures("server")
    async def test_our_own_user_is_the_owner_until_it_gives_that_up(
        self, path: Path, service: Service
    ) -> None:
        async with await Line.open(path) as line:
            assert await line.ask(messages.GetSettings()) == "ok"
            assert await line.ask(Hello()) == "ok"
            assert await line.ask(messages.GetSettings()) == "ok"
            assert {(asker.role, asker.via) for _, asker in service.asked} == {
                (Role.OWNER, "command")
            }
            assert await line.ask(Hello(unprivileged=True)) == "ok"
            assert await line.ask(messages.GetSettings()) == "not_signed_in"
            assert await line.ask(Hello(unprivileged=False)) == "ok"
            assert await line.ask(messages.GetSettings()) == "not_signed_in"  # for good
            assert await line.ask(Subscribe()) == "not_signed_in"
            assert await line.ask(messages.GetSettings(), "owner") == "ok"
        async with await Line.open(path) as line:  # of this connection alone
            assert await line.ask(messages.GetSettings()) == "ok"

    @pytest.mark.usefixtures("server")
    async def test_a_token_goes_before_the_users_own_authority(
        self, path: Path, service: Service
    ) -> None:
        async with await Line.open(path) as line:
            assert await line.ask(GetRecords(), "staff") == "forbidden"
            assert await line.ask(GetRecords(), "manager") == "ok"
            assert service.asked[-1][1] == SESSIONS["manager"]
            assert await line.ask(GetRecords(), "of yesterday") == "not_signed_in"

    @pytest.mark.usefixtures("server")
    async def test_an_ended_session_does_not_stand_in_the_way_of_a_new_one(
        self, path: Path, service: Service
    ) -> None:
        async with await Line.open(path) as line:
            assert await line.ask(Hello(unprivileged=True), "of yesterday") == "ok"
            assert await line.ask(Login(staff="Anna", pin="7193"), "of yesterday") == "ok"
            assert await line.ask(Logout(), "of yesterday") == "ok"
            assert [asker.role for _, asker in service.asked] == [None] * 3
            assert await line.ask(GetButtons(), "of yesterday") == "not_signed_in"


STRANGER = """
import json, os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.sendall(b'{"id":1,"request":{"op":"buttons"}}\\n')
answer = json.loads(line.makefile().readline())
print(answer["error"]["code"] if "error" in answer else "ok")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
class TestAnotherUser:
    @contextmanager
    def let_in(self, path: Path) -> Iterator[None]:
        for place in (path.parent.parent, path.parent):
            place.chmod(0o755)
        path.chmod(0o666)
        yield

    async def ask(self, path: Path) -> str:
        with self.let_in(path):
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-S", "-c", STRANGER, str(path)],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        return str(done.stdout.strip())

    @pytest.mark.usefixtures("server")
    async def test_is_nobody(self, path: Path, service: Service) -> None:
        assert await self.ask(path) == "not_signed_in"
        assert service.asked == []

    async def test_of_the_admin_group_is_the_owner(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        import grp  # noqa: PLC0415 - only where there are groups

        group = grp.getgrgid(65534).gr_name
        async with serving(path, service, doorbell, group=group):
            assert await self.ask(path) == "ok"
        assert service.asked[0][1].role is Role.OWNER


class TestTheSocket:
    @pytest.mark.usefixtures("server")
    async def test_is_for_its_user_and_group(self, path: Path) -> None:
        assert mode(path) == 0o660

    @pytest.mark.usefixtures("server")
    async def test_of_a_living_gateway_is_not_taken(self, path: Path, service: Service) -> None:
        second = ControlServer(path, service, Doorbell(), admin_group="g")
        with pytest.raises(CannotStart, match="running already"):
            await second.open()
        second.close()
        async with await Line.open(path) as line:
            assert await line.ask(Hello()) == "ok"

    async def test_is_taken_before_anybody_is_answered(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        first = ControlServer(path, service, doorbell, admin_group="g")
        await first.open()
        second = ControlServer(path, service, doorbell, admin_group="g")
        with pytest.raises(CannotStart, match="running already"):
            await second.open()
        async with await Line.open(path) as line:  # waits, and is answered then
            line.send(Hello())
            assert service.asked == []
            await first.begin()
            assert (await line.read())["id"] == 7
        first.close()

    async def test_of_a_dead_gateway_is_replaced(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        dead = socket.socket(socket.AF_UNIX)
        path.parent.mkdir()
        dead.bind(str(path))
        dead.close()
        async with serving(path, service, doorbell), await Line.open(path) as line:
            assert await line.ask(Hello()) == "ok"
        assert names(path.parent) == []  # and it leaves none behind

    @pytest.mark.parametrize("name", ["a-directory", "x" * 200])
    async def test_that_cannot_be_made_is_said(
        self, path: Path, service: Service, doorbell: Doorbell, name: str
    ) -> None:
        place = path.parent / name
        if len(name) < 100:
            place.mkdir(parents=True)
        with pytest.raises(CannotStart, match=r"cannot make the control socket .*: [A-Za-z]"):
            await ControlServer(place, service, doorbell, admin_group="g").open()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


@pytest.mark.usefixtures("server")
class TestWhatALineCanBe:
    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"hello",
            b"{}",
            b"[]",
            b"null",
            b'{"id":1}',
            b'{"id":"1","request":{"op":"hello"}}',
            b'{"id":1,"request":{"op":"format_the_disk"}}',
            b'{"id":1,"request":{"op":"login","staff":"x"}}',
            b'{"id":1,"request":{"op":"login","staff":"\\ud800","pin":"x"}}',
            b'{"id":1,"request":{"op":"login","staff":"\xff\xfe","pin":"x"}}',
            b"\xff\xfe\x00\x01",
            b'{"id":1,"x":' + b"[" * 200_000,
            bytes(range(11, 256)) * 100,
        ],
    )
    async def test_bad_lines_are_refused_and_the_next_is_answered(
        self, path: Path, service: Service, text: bytes
    ) -> None:
        async with await Line.open(path) as line:
            assert await line.ask(text + b"\n") == "bad_request"
            assert service.asked == []
            assert await line.ask(Hello()) == "ok"

    @pytest.mark.parametrize("text", [b"x" * (3 * MAX_LINE), b"x" * (3 * MAX_LINE) + b"\n"])
    async def test_a_huge_line_ends_its_connection_alone(self, path: Path, text: bytes) -> None:
        async with await Line.open(path) as other, await Line.open(path) as line:
            line.send(text)
            with pytest.raises((AssertionError, ConnectionError)):
                assert await line.ask(b"") == "never"
            assert await other.ask(Hello()) == "ok"

    @pytest.mark.parametrize("cut", [1, 10, -2, -1])
    async def test_half_a_line_is_nothing(self, path: Path, service: Service, cut: int) -> None:
        whole = b'{"id":1,"request":{"op":"redeem","code":"C"}}\n'
        async with await Line.open(path) as line:
            line.send(whole[:cut])
            line.writer.write_eof()
            assert await line.read() == {}
        async with await Line.open(path) as line:
            assert await line.ask(Hello()) == "ok"
        assert [type(asked) for asked, _ in service.asked] == [Hello]

    async def test_lines_in_pieces_and_many_at_once(self, path: Path) -> None:
        one = b'{"id":%d,"request":{"op":"hello"}}\n'
        async with await Line.open(path) as line:
            for byte in one % 1:
                line.writer.write(bytes([byte]))
                await line.writer.drain()
            assert (await line.read())["id"] == 1
            line.writer.write(b"".join(one % number for number in range(2, 102)))
            assert [(await line.read())["id"] for _ in range(100)] == list(range(2, 102))


class TestOthersAreServed:
    @pytest.mark.usefixtures("server")
    async def test_while_two_hundred_are_connected(self, path: Path) -> None:
        lines = [await Line.open(path) for _ in range(200)]
        said = []
        for number, line in enumerate(lines):
            if number < CONNECTIONS_MOST:
                said.append(await line.ask(Hello()))
            else:
                answer = await line.read()
                said.append(answer["error"]["code"])
                assert answer["id"] == 0
        assert said == ["ok"] * CONNECTIONS_MOST + ["busy"] * (200 - CONNECTIONS_MOST)
        assert await lines[0].ask(Hello()) == "ok"
        for line in lines:
            line.writer.close()
        async with asyncio.timeout(WAIT_S):
            while True:  # as soon as the server has seen them go
                async with await Line.open(path) as line:
                    line.send(Hello())
                    if "error" not in await line.read():
                        break

    @pytest.mark.usefixtures("server")
    async def test_while_one_waits_for_its_answer_and_vanishes(
        self, path: Path, service: Service
    ) -> None:
        service.may_answer.clear()
        gone = await Line.open(path)
        gone.send(Redeem(code="C"))
        await gone.writer.drain()
        async with asyncio.timeout(WAIT_S):
            await service.reached.wait()
        gone.writer.transport.abort()
        async with await Line.open(path) as line:
            assert await line.ask(Hello()) == "ok"
            service.may_answer.set()
            assert await line.ask(Redeem(code="D")) == "ok"
        assert [type(asked) for asked, _ in service.asked] == [Redeem, Hello, Redeem]

    async def test_while_a_subscriber_reads_nothing(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        async with serving(path, service, doorbell):
            deaf = socket.socket(socket.AF_UNIX)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            deaf.connect(str(path))
            deaf.sendall(b'{"id":1,"request":{"op":"subscribe"}}\n')
            async with await Line.open(path) as line, await Line.open(path) as subscriber:
                assert await subscriber.ask(Subscribe()) == "ok"
                seen = 0
                for number in range(1, 5_001):
                    doorbell.ring()
                    if number % 50 == 0:
                        assert await line.ask(Hello()) == "ok"
                while seen < 5_000:
                    seen = (await subscriber.read())["version"]
            # It is closed with both still there.
        deaf.close()

    @pytest.mark.usefixtures("server")
    async def test_when_one_request_breaks_the_program(
        self, path: Path, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with await Line.open(path) as other:
            service.errors = [ZeroDivisionError("1/0")]
            async with await Line.open(path) as line:
                assert await line.ask(Hello()) == ""
            assert await other.ask(Hello()) == "ok"
        (told,) = [each for each in caplog.records if each.name == "gateway.control"]
        assert told.exc_info is not None
        assert told.exc_info[0] is ZeroDivisionError

    @pytest.mark.usefixtures("server")
    async def test_when_the_disk_refuses(self, path: Path, service: Service) -> None:
        service.errors = [JournalError("the journal is full"), Refused("odd", "because")]
        async with await Line.open(path) as line:
            line.send(Hello())
            assert (await line.read())["error"] == {"code": "odd", "message": "because"}
            line.send(Hello())
            error = (await line.read())["error"]
            assert error == {"code": "unavailable", "message": "the journal is full"}


class TestTheDoorbell:
    async def test_rings_every_subscriber_with_rising_versions(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        async with (
            serving(path, service, doorbell),
            await Line.open(path) as one,
            await Line.open(path) as two,
        ):
            for line in (one, two):
                line.send(Subscribe())
                assert (await line.read())["ok"] == {"version": 0}
            for version in (1, 2):
                doorbell.ring()
                assert [await line.read() for line in (one, two)] == [{"version": version}] * 2

    async def test_beats_when_nothing_happens(
        self,
        path: Path,
        service: Service,
        doorbell: Doorbell,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(control, "BEAT_S", 0.01)
        async with serving(path, service, doorbell), await Line.open(path) as line:
            line.send(Subscribe())
            await line.read()
            assert [await line.read() for _ in range(3)] == [{"version": 0}] * 3

    async def test_misses_nothing_that_rang_before_it_was_asked(self, doorbell: Doorbell) -> None:
        doorbell.ring()
        assert await doorbell.wait(0, WAIT_S) == 1
        assert await doorbell.wait(1, 0.0) == 1


async def test_the_client_of_the_commands_and_the_page(
    path: Path, service: Service, doorbell: Doorbell
) -> None:
    async with serving(path, service, doorbell):

        def use() -> list[object]:
            with Client(path) as client:
                client.call(Logout())
                client.token = "staff"
                answers: list[object] = [client.call(Logout())]
                for request in (GetRecords(), messages.GetSettings()):
                    with pytest.raises(Refused) as refused:
                        client.call(request)
                    answers.append(refused.value.code)
                return answers

        assert await asyncio.to_thread(use) == [Done(), "forbidden", "forbidden"]
    assert [asker.role for _, asker in service.asked] == [Role.OWNER, Role.STAFF]
