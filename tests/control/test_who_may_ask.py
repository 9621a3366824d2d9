"""Who may ask what on the control socket, by role and by user."""

import asyncio
import os
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from gateway import messages
from gateway.control import Doorbell
from gateway.messages import (
    AnyRequest,
    GetButtons,
    GetRecords,
    Hello,
    Login,
    Logout,
    Request,
    Subscribe,
)
from gateway.model import Role
from tests.control.lines import SESSIONS, Line, Service, serving


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
    async def ask(self, path: Path) -> str:
        for place, mode in ((path.parent.parent, 0o755), (path.parent, 0o755), (path, 0o666)):
            place.chmod(mode)  # the file system lets them in, so that the gateway itself decides
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
