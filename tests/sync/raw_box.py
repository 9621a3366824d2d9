"""A box that sends to bridges whatever it likes, as far as the broker lets it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from gateway.sync import wire
from gateway.sync.mqtt import Link, Session, open_link
from gateway.sync.uplink import Batch
from gateway.sync.wire import Answer, Done, Events, Stands
from tests.sync.bridges import QUICK, Who


def message(sent: Batch, **changes: Any) -> bytes:
    """A batch as a box would send it, or as no honest one would."""
    events = Events(
        device=sent.device,
        epoch=sent.epoch,
        first=sent.first,
        last=sent.last,
        records=tuple(msgspec.Raw(wire.encode(record)) for record in sent.records),
    )
    return wire.encode(msgspec.structs.replace(events, **changes))


class Box:
    """Sends whatever it likes, as far as the broker lets it."""

    def __init__(self, device: str, link: Link) -> None:
        self._device = device
        self._messages = link.messages()
        self.link = link

    async def send(self, payload: bytes) -> bool:
        return await self.link.publish(wire.topic(self._device, wire.EVENTS), payload)

    async def answer(self) -> Answer:
        async with asyncio.timeout(8):
            found = await anext(self._messages)
        self.link.acknowledge(found)
        assert found.topic == wire.topic(self._device, wire.ACK)
        return wire.decode(found.payload, Answer)

    async def ask(self, payload: bytes) -> Answer:
        assert await self.send(payload)
        return await self.answer()


@contextlib.asynccontextmanager
async def box_at(who: Who, device: str = "box-1", **options: Any) -> AsyncIterator[Box]:
    session = Session(client=f"test-{device}", expires_s=60)
    async with open_link(who(device, **options), session, QUICK) as link:
        await link.subscribe(wire.topic(device, wire.ACK))
        yield Box(device, link)


def stands(answer: Answer) -> tuple[str, str]:
    assert isinstance(answer, Stands), answer
    return answer.problem, answer.words


def reasons(answer: Answer) -> list[tuple[int, str]]:
    assert isinstance(answer, Done), answer
    return [(each.seq, each.reason) for each in answer.aside]
