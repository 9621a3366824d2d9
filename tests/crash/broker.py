"""A broker in memory that does to messages whatever MQTT lets a broker, a network or a crash do.

It stands in for `mqtt.open_link`; what a real one does with its bytes is told by tests/sync.
"""

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final

from gateway.sync.mqtt import Message, Session
from gateway.sync.mqtt_socket import LinkDown
from gateway.sync.wire import EVENTS, kind_of

OVERTAKING: Final = 2
"""So many messages overtake one that is late."""


class Fate(StrEnum):
    """What becomes of a batch or of an answer."""

    ONCE = "once"
    TWICE = "twice"  # where there is another bridge, it gets it too
    LATE = "late"  # others overtake it
    TWICE_LATE = "twice, once of it late"
    MUCH_LATER = "much later"  # it comes again when nobody thinks of it any more
    LOST = "lost"  # with the session it was kept in
    CUT = "cut"  # it arrives, and its sender's connection is lost before it hears so


class Link:
    """One connection; as `gateway.sync.mqtt.Link`."""

    packet_bytes = 256 * 1024

    def __init__(self, broker: "Broker", client: str) -> None:
        self.gone: Final[asyncio.Future[None]] = asyncio.get_running_loop().create_future()
        self.gone.add_done_callback(asyncio.Future.exception)
        self.client: Final = client
        self.topics: Final[list[str]] = []
        self.unprocessed: Final[dict[int, Message]] = {}
        self._broker: Final = broker
        self._came: Final[asyncio.Queue[Message]] = asyncio.Queue()

    async def subscribe(self, *topics: str) -> None:
        self.topics.extend(topics)
        self._broker.deliver_waiting()

    async def unsubscribe(self, topic: str) -> None:
        self.topics.remove(topic)

    async def publish(self, topic: str, payload: bytes, **_: Any) -> bool:
        await asyncio.sleep(0)  # others run, as they do while a broker answers
        return self._broker.publish(self, topic, payload)

    async def messages(self) -> AsyncIterator[Message]:
        while True:
            coming = asyncio.ensure_future(self._came.get())
            try:
                await asyncio.wait((coming, self.gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                coming.cancel()
            if self.gone.done():
                raise LinkDown("the broker is gone")
            yield coming.result()

    def acknowledge(self, message: Message) -> None:
        self.unprocessed.pop(message.number, None)

    def give(self, message: Message) -> None:
        self.unprocessed[message.number] = message
        self._came.put_nowait(message)

    def cut(self) -> None:
        if not self.gone.done():
            self.gone.set_exception(LinkDown("the connection was cut"))


class Broker:
    """The broker.

    Attributes:
        fates: Of the messages that come next, one each; then all arrive as they should.
        given: How many times a batch was given to a bridge.
    """

    def __init__(self) -> None:
        self.fates: Final[deque[Fate]] = deque()
        self.given = 0
        self._links: Final[dict[str, Link]] = {}
        self._late: Final[list[tuple[int, str, bytes]]] = []  # since which, and what
        self._waiting: Final[defaultdict[str, list[bytes]]] = defaultdict(list)
        self._numbers = 0

    @asynccontextmanager
    async def open_link(self, _settings: object, session: Session, _timers: object) -> Any:
        """As `gateway.sync.mqtt.open_link`; a second connection of one client ends the first."""
        before = self._links.get(session.client)
        if before is not None:
            before.cut()
        link = Link(self, session.client)
        self._links[session.client] = link
        try:
            yield link
        finally:
            link.cut()
            if self._links.get(session.client) is link:
                del self._links[session.client]
            self._put_back(link)

    def publish(self, sender: Link, topic: str, payload: bytes) -> bool:
        """Take a message, whatever becomes of it; whether anybody listens."""
        if kind_of(topic) not in ("events", "ack"):
            return True
        fate = self.fates.popleft() if self.fates else Fate.ONCE
        if fate is Fate.LOST:
            return True
        if fate in (Fate.LATE, Fate.TWICE_LATE):
            self._late.append((self._numbers, topic, payload))
        elif fate is Fate.MUCH_LATER:
            self._late.append((sys.maxsize, topic, payload))
        heard = fate is Fate.LATE or self._deliver(topic, payload)
        if fate is Fate.TWICE:
            self._deliver(topic, payload)
        elif fate is Fate.CUT:
            sender.cut()
            raise LinkDown("the connection was cut")
        return heard

    def release(self) -> None:
        """Deliver what is late, the latest first: each has been overtaken by others."""
        while self._late:
            _, topic, payload = self._late.pop()
            self._deliver(topic, payload)

    def _release_overtaken(self) -> None:
        due = [each for each in self._late if each[0] + OVERTAKING < self._numbers]
        if due:
            self._late.remove(due[0])
            self._deliver(*due[0][1:])  # and with that the next

    def deliver_waiting(self) -> None:
        """Deliver what came while nobody listened."""
        waiting = [(topic, each) for topic, came in self._waiting.items() for each in came]
        self._waiting.clear()
        for topic, payload in waiting:
            self._deliver(topic, payload)

    def _deliver(self, topic: str, payload: bytes) -> bool:
        listeners = [link for link in self._links.values() if _hears(link, topic)]
        if not listeners:
            self._waiting[topic].append(payload)
            return kind_of(topic) != EVENTS
        self._numbers += 1
        self.given += kind_of(topic) == EVENTS
        link = listeners[self._numbers % len(listeners)]  # a shared subscription goes round
        link.give(Message(topic, payload, number=self._numbers))
        self._release_overtaken()
        return True

    def _put_back(self, link: Link) -> None:
        """What a connection has taken and not acknowledged goes to somebody else, or later."""
        for message in link.unprocessed.values():
            self._deliver(message.topic, message.payload)
        link.unprocessed.clear()


def _hears(link: Link, topic: str) -> bool:
    if link.gone.done():
        return False
    kind = kind_of(topic)
    return any(topic == each or (kind == EVENTS and each.endswith(EVENTS)) for each in link.topics)
