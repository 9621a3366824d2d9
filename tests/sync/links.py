"""Links to a broker, and what comes over them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.config import MqttUplink
from gateway.sync.mqtt import Link, Message, Session, Timers, open_link

TIMERS = Timers(connect_s=2.0, answer_s=2.0, retry_s=0.2, refused_s=0.5)
EVENTS, ACK, STATE = "achivx/v1/box-1/events", "achivx/v1/box-1/ack", "achivx/v1/box-1/state"


def link(
    broker: MqttUplink,
    name: str = "",
    *,
    expires_s: int = 0,
    will: Message | None = None,
    unprocessed: int = 16,
    timers: Timers = TIMERS,
) -> contextlib.AbstractAsyncContextManager[Link]:
    session = Session(
        client=name or f"test-{broker.username}",
        expires_s=expires_s,
        will=will,
        unprocessed=unprocessed,
    )
    return open_link(broker, session, timers)


@contextlib.asynccontextmanager
async def listening(broker: MqttUplink, *topics: str) -> AsyncIterator[AsyncIterator[Message]]:
    async with link(broker, "listener") as open_:
        await open_.subscribe(*topics)
        yield _acknowledged(open_)


async def _acknowledged(open_: Link) -> AsyncIterator[Message]:
    async for message in open_.messages():
        open_.acknowledge(message)
        yield message


async def first(messages: AsyncIterator[Message]) -> Message:
    async with asyncio.timeout(20):
        return await anext(messages)
