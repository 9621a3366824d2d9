"""An uplink at work on a real journal, over a transport that answers what the test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from gateway.events import Pressed
from gateway.journal import schema
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind
from gateway.sync.uplink import Acknowledged, Batch, Uplink
from tests.sync.batches import AT

WAIT_S = 10
PRESS = Pressed(button="b", kind=ButtonKind.CALL, zone="z")
IDENTITY = Identity("box-1", "shop", 1)

Answer = Callable[[Batch], Acknowledged]


def whole(batch: Batch) -> Acknowledged:
    return Acknowledged(device=batch.device, epoch=batch.epoch, first=batch.first, last=batch.last)


class Scripted:
    """Answers batches by the script, and then as they should be."""

    def __init__(self) -> None:
        self.script: list[Answer | Exception] = []
        self.connect_script: list[Exception] = []
        self.connects: list[tuple[str, str, str]] = []
        self.batches: list[Batch] = []
        self.inside = False

    async def __aenter__(self) -> Self:
        self.inside = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.inside = False

    async def connect(self, device: str, epoch: str, account: str) -> None:
        self.connects.append((device, epoch, account))
        if self.connect_script:
            raise self.connect_script.pop(0)

    async def deliver(self, batch: Batch) -> Acknowledged:
        self.batches.append(batch)
        answer = self.script.pop(0) if self.script else whole
        if isinstance(answer, Exception):
            raise answer
        return answer(batch)

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(each.first, each.last) for each in self.batches]


class Running:
    """An uplink at work, and what it has said."""

    def __init__(self, journal: Journal, transport: Scripted) -> None:
        self.changed = asyncio.Event()
        self.states: list[str] = []
        self.uplink = Uplink(
            journal, transport, device="box-1", account="shop", on_change=self._on_change
        )

    def _on_change(self) -> None:
        self.states.append(self.uplink.state)
        self.changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(journal: Journal, transport: Scripted) -> AsyncIterator[Running]:
    started = Running(journal, transport)
    task = asyncio.create_task(started.uplink.run())
    try:
        yield started
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert not transport.inside


@contextlib.contextmanager
def opened(path: Path, identity: Identity = IDENTITY) -> Iterator[Journal]:
    journal = Journal(path, identity, on_change=lambda: None)
    journal.start()
    try:
        yield journal
    finally:
        journal.close()


def write(journal: Journal, count: int) -> None:
    for kept in [journal.append(PRESS, AT) for _ in range(count)]:
        kept.result(WAIT_S)


def on_disk(journal: Journal) -> str | None:
    return journal.read(lambda db: schema.meta(db, "cursor")).result(WAIT_S)


def asides(journal: Journal) -> list[tuple[int | str, str]]:
    return journal.read(
        lambda db: db.execute(
            "SELECT * FROM quarantine UNION ALL SELECT * FROM quarantine_before"
        ).fetchall()
    ).result(WAIT_S)


def other(**changes: object) -> Answer:
    return lambda batch: msgspec.structs.replace(whole(batch), **changes)
