"""The file of the control socket: whose it is, and what becomes of one that is there already."""

import asyncio
import contextlib
import socket
import stat
from pathlib import Path

import pytest

from gateway.control import ControlServer, Doorbell
from gateway.errors import CannotStart
from gateway.messages import Hello
from tests.control.lines import WAIT_S, Line, Service, serving


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

    async def test_of_one_that_ends_takes_nobody_in_and_is_not_taken(
        self, path: Path, service: Service, doorbell: Doorbell
    ) -> None:
        """Who connects at the very end hears that it is over, and does not wait for ever."""
        first = ControlServer(path, service, doorbell, admin_group="g")
        await first.open()
        await first.begin()
        running = asyncio.create_task(first.run())
        async with await Line.open(path) as line:
            assert await line.ask(Hello()) == "ok"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        second = ControlServer(path, service, doorbell, admin_group="g")
        with pytest.raises(CannotStart, match="running already"):
            await second.open()
        async with await Line.open(path) as late:
            late.send(Hello())
            first.close()
            async with asyncio.timeout(WAIT_S):
                with contextlib.suppress(ConnectionResetError):
                    assert await late.reader.read() == b""
        assert names(path.parent) == []
        await second.open()
        second.close()

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
