"""Whoever subscribed is rung, and the client of the commands and the page hears it."""

import asyncio
from pathlib import Path

import pytest

from gateway import control, messages
from gateway.client import Client
from gateway.control import Doorbell
from gateway.errors import Refused
from gateway.messages import Done, GetRecords, Logout, Subscribe
from gateway.model import Role
from tests.control.lines import WAIT_S, Line, Service, serving


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
