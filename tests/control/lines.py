"""A control socket over a service that answers everything, and raw lines to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from gateway.control import Asker, ControlServer, Doorbell
from gateway.errors import Refused
from gateway.messages import MAX_LINE, Done, Redeem, Request
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
