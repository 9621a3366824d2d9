"""The box's side of the broker, and an office that says for a bridge what the test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gateway.config import MqttUplink
from gateway.sync import wire
from gateway.sync.mqtt import Link, Message, Session, open_link
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Acknowledged
from gateway.sync.wire import Answer, Done, Events
from tests.sync.batches import PRESS, batch
from tests.sync.bridges import QUICK

THREE = batch(PRESS, PRESS, PRESS)
DONE = Done(device="box-1", epoch="E", first=1, last=3)


class Box:
    """A transport whose link is waited for."""

    def __init__(self, settings: MqttUplink, **options: Any) -> None:
        self.up = asyncio.Event()
        self.transport = MqttTransport(settings, "box-1", **({"timers": QUICK} | options))
        self.transport.on_link_up = self.up.set

    async def __aenter__(self) -> MqttTransport:
        await self.transport.__aenter__()
        await asyncio.wait_for(self.up.wait(), 20)
        return self.transport

    async def __aexit__(self, *error: object) -> None:
        await self.transport.__aexit__(*error)  # type: ignore[arg-type]


class Office:
    """Speaks for a bridge, and for whoever looks at all boxes."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._messages = link.messages()

    async def next(self, kind: str) -> Message:
        async with asyncio.timeout(20):
            while True:
                message = await anext(self._messages)
                self.link.acknowledge(message)
                if wire.kind_of(message.topic) == kind:
                    return message

    async def batch(self) -> Events:
        return wire.decode((await self.next(wire.EVENTS)).payload, Events)

    async def state(self) -> wire.State:
        return wire.decode((await self.next(wire.STATE)).payload, wire.State)

    async def say(self, kind: str, what: object, *, retain: bool = False) -> None:
        payload = what if isinstance(what, bytes) else wire.encode(what)
        await self.link.publish(wire.topic("box-1", kind), payload, retain=retain)


@contextlib.asynccontextmanager
async def office_at(settings: MqttUplink) -> AsyncIterator[Office]:
    async with open_link(settings, Session(client="office"), QUICK) as link:
        await link.subscribe("achivx/v1/+/events", "achivx/v1/+/state")
        yield Office(link)


async def answered(box: MqttTransport, office: Office, *answers: Answer | bytes) -> Acknowledged:
    """Deliver three events and say these things about them."""
    delivering = asyncio.create_task(box.deliver(THREE))
    await office.batch()
    for answer in answers:
        await office.say(wire.ACK, answer)
    return await asyncio.wait_for(delivering, 20)
