"""Everything a line to the control socket can be, and that nobody else waits for it."""

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.control import CONNECTIONS_MOST, Doorbell
from gateway.errors import JournalError, Refused
from gateway.messages import MAX_LINE, Hello, Redeem, Subscribe
from tests.control.lines import WAIT_S, Line, Service, serving


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
