"""One connection to an MQTT 5 broker: aiomqtt, with everything mended that would lose events.

What is mended, each seen on aiomqtt 2.5 with paho 2.1 and mosquitto:

1. It reports a publication that the broker refused as done: here the PUBACK's reason decides.
2. It waits its whole time-out for an answer of a broker that has gone: here the loss ends the wait.
3. It starts every connection with an empty session: here the caller says how long a session lives.
4. It acknowledges a message before anybody has processed it: here the caller does, afterwards.
5. It ignores the broker's Receive Maximum: here it bounds what is in flight.
6. It drops what a full queue cannot take: here our own Receive Maximum keeps the queue short, and
   messages that it does not bound (QoS 0) are not taken at all.
7. It connects in a thread that nobody can stop: here on the event loop (`mqtt_socket.py`).

To mend them this module reaches into aiomqtt and paho, and no other may.
"""
# ruff: noqa: SLF001 - see above

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final, TypeVar

import aiomqtt
import msgspec
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.config import MqttUplink
from gateway.errors import GatewayError
from gateway.sync.mqtt_files import password_of, tls_of
from gateway.sync.mqtt_socket import LinkDown, Silence, open_socket

T = TypeVar("T")

QOS: Final = 1
IN_FLIGHT: Final = 20
"""The most publications that wait for their PUBACK; fewer where the broker says so."""
PACKET_BYTES: Final = 256 * 1024
"""The biggest packet that is taken, and the biggest sent where the broker names no limit."""
CLOSE_S: Final = 1.0

# MQTT 5.0, section 2.4.
_NO_MATCHING_SUBSCRIBERS: Final = 0x10
_UNSPECIFIED: Final = 0x80
_SILENT: Final = logging.getLogger("gateway.sync.mqtt.paho")
_SILENT.setLevel(logging.CRITICAL)  # what matters of it comes as an error, and is told once
_GOOD_BYE: Final = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
"""The will says that nobody is there any more, and that holds for going as for being lost."""
_PASSING: Final = frozenset({0x88, 0x89, 0x97, 0x9F})  # unavailable, busy, quota, rate


class Denied(GatewayError):
    """The broker has said no.

    Attributes:
        passes: Whether it may say yes later although nobody changed anything.
    """

    def __init__(self, what: str, reason: ReasonCode) -> None:
        super().__init__(f"the broker refuses {what}: {reason} (0x{reason.value:02x})")
        self.passes: Final = reason.value in _PASSING


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take on a connection, and how soon the next one is tried; seconds.

    Attributes:
        connect_s: TCP, with the name's look-up.
        shake_s: TLS, and once more the greeting.
        shake_most_s: What that grows to while there is silence in place of a greeting.
        answer_s: Any later answer of the broker.
        retry_s: The longest wait before the next attempt when nobody was there.
        refused_s: The longest when the broker, or our own files, said no; it is grown into.
    """

    connect_s: float = 5.0
    shake_s: float = 5.0
    shake_most_s: float = 20.0
    answer_s: float = 10.0
    retry_s: float = 0.5
    refused_s: float = 60.0


class Message(msgspec.Struct, frozen=True):
    """One message. `number` is what `Link.acknowledge` wants.

    `reply_to` and `correlation` are those of a request, or of a response (MQTT 5.0, 4.10).
    """

    topic: str
    payload: bytes
    retained: bool = False
    number: int = 0
    reply_to: str = ""
    correlation: bytes = b""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who connects, and what the broker keeps for it.

    Attributes:
        client: The MQTT client identifier.
        expires_s: How long the session outlives the connection; 0 begins with an empty one.
        will: What the broker publishes, retained, when the connection is lost.
        unprocessed: The most messages that wait for `Link.acknowledge`.
    """

    client: str
    expires_s: int = 0
    will: Message | None = None
    unprocessed: int = 16


class _Taken(asyncio.Queue[aiomqtt.Message]):
    """What has come in. Nothing bounds QoS 0 messages, and nobody here is sent any by right."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if item.qos == QOS:
            super().put_nowait(item)


class Link:
    """A connection that is up, until `gone`.

    Attributes:
        packet_bytes: The biggest packet the broker takes.
    """

    def __init__(self, broker: MqttUplink, session: Session, timers: Timers) -> None:
        self.packet_bytes = PACKET_BYTES
        self._timers: Final = timers
        self._client: Final = aiomqtt.Client(
            broker.host,
            broker.port,
            identifier=session.client,
            protocol=aiomqtt.ProtocolVersion.V5,
            username=broker.username,
            password=password_of(broker),
            will=_will(session.will),
            keepalive=broker.keepalive_s,
            clean_start=session.expires_s == 0,
            properties=_connect_properties(session),
            queue_type=_Taken,
            logger=_SILENT,
        )
        self._paho: Final = self._client._client
        self._answers: Final[dict[int, asyncio.Future[ReasonCode]]] = {}
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._paho.manual_ack_set(True)  # noqa: FBT003 - paho's own
        self._paho.on_connect = self._welcomed
        self._paho.on_disconnect = self._dropped
        self._paho.on_publish = self._published
        self._client._disconnected.add_done_callback(_retrieve)
        self._client._connected.add_done_callback(_retrieve)

    @property
    def gone(self) -> "asyncio.Future[None]":
        """Done, mostly with an error, when the connection is over."""
        return self._client._disconnected

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expires_s: int | None = None,
        reply_to: str = "",
        correlation: bytes = b"",
    ) -> bool:
        """Publish with QoS 1; returns whether the broker has somebody to give it to.

        Some brokers do not tell, and then the answer is True.

        Args:
            topic: Where.
            payload: What.
            retain: Whether the broker keeps it for later subscribers.
            expires_s: How long the broker keeps it for those who are away.
            reply_to: Of a request: where its response is waited for.
            correlation: Of a request or its response: what they have in common.

        Raises:
            Denied: The broker does not permit it.
            LinkDown: It may or may not have been published.
        """
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expires_s is not None:
            properties.MessageExpiryInterval = expires_s
        if reply_to:
            properties.ResponseTopic = reply_to
        if correlation:
            properties.CorrelationData = correlation
        async with self._places:
            sent = self._paho.publish(topic, payload, QOS, retain, properties)
            if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lose(sent.rc.name)
                raise LinkDown(self._loss())
            answer = asyncio.get_running_loop().create_future()
            self._answers[sent.mid] = answer
            try:
                reason = await self._until(
                    answer, f"the publication on {topic}", self._timers.answer_s
                )
            finally:
                del self._answers[sent.mid]
        if reason.is_failure:
            raise Denied(f"the publication on {topic}", reason)
        return bool(reason.value != _NO_MATCHING_SUBSCRIBERS)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe with QoS 1.

        Raises:
            Denied: The broker does not permit one of them.
            LinkDown: It did not answer.
        """
        wanted = [(topic, QOS) for topic in topics]
        granted = await self._ask(self._client.subscribe(wanted, timeout=math.inf), topics[0])
        for topic, reason in zip(topics, granted, strict=True):
            if isinstance(reason, ReasonCode) and reason.is_failure:
                raise Denied(f"the subscription to {topic}", reason)

    async def unsubscribe(self, topic: str) -> None:
        """Have no more messages sent.

        Raises:
            LinkDown: The broker did not answer.
        """
        await self._ask(self._client.unsubscribe(topic, timeout=math.inf), topic)

    async def messages(self) -> AsyncIterator[Message]:
        """What comes in, in the broker's order, for as long as the connection is up.

        Raises:
            LinkDown: It is over.
        """
        try:
            async for each in self._client.messages:
                yield Message(
                    str(each.topic),
                    each.payload,
                    bool(each.retain),
                    each.mid,
                    getattr(each.properties, "ResponseTopic", ""),
                    getattr(each.properties, "CorrelationData", b""),
                )
        except aiomqtt.MqttError:
            raise LinkDown(self._loss()) from None

    def acknowledge(self, message: Message) -> None:
        """Say that a message has been processed; on a lost connection it comes again."""
        self._paho.ack(message.number, QOS)

    # --- for `open_link` -------------------------------------------------------------------

    async def open(self, broker: MqttUplink) -> None:
        """Connect.

        Raises:
            CannotStart: The files or the plaintext policy do not permit it.
            Denied: The broker does not want us.
            LinkDown: Nobody there.
        """
        connected = await open_socket(
            broker.host,
            broker.port,
            tls_of(broker),
            self._timers.connect_s,
            self._timers.shake_s,
        )
        self._paho._create_socket = lambda: connected  # type: ignore[method-assign]
        try:
            self._client._client_connect()  # with a socket that is there, nothing in it waits
            await self._until(self._client._connected, "the greeting", self._timers.shake_s)
        except aiomqtt.MqttCodeError as error:
            if isinstance(error.rc, ReasonCode):
                raise Denied("the connection", error.rc) from None
            raise LinkDown(str(error)) from None

    async def close(self) -> None:
        """Say good-bye where somebody is left to hear it, and close in any case."""
        try:
            if self._paho.is_connected() and not self.gone.done():
                self._paho.disconnect(_GOOD_BYE)
                await asyncio.wait({self.gone}, timeout=CLOSE_S)
        finally:
            self._paho._sock_close()
            self._lose("closed")

    async def _ask(self, question: Coroutine[Any, Any, T], topic: str) -> T:
        asking = asyncio.ensure_future(question)
        try:
            return await self._until(asking, f"about {topic}", self._timers.answer_s)
        except aiomqtt.MqttError:
            raise LinkDown(self._loss()) from None
        finally:
            asking.cancel()

    async def _until(self, answer: "asyncio.Future[T]", what: str, most_s: float) -> T:
        """An answer of the broker. One that does not come is the end of the connection."""
        either: tuple[asyncio.Future[Any], ...] = (answer, self.gone)
        await asyncio.wait(either, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if self.gone.done():
            raise LinkDown(self._loss())
        self._lose(f"the broker did not answer {what} in {most_s:g} s")
        raise Silence(self._loss())

    def _lose(self, words: str) -> None:
        if not self.gone.done():
            self.gone.set_exception(LinkDown(words))

    def _loss(self) -> str:
        error = self.gone.exception() if self.gone.done() else None
        return f"the broker is gone: {error}" if error is not None else "the broker is gone"

    # --- what paho calls -------------------------------------------------------------------

    def _welcomed(
        self,
        client: Any,
        userdata: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        # MQTT 5.0, 3.2.2.3.3 and 3.2.2.3.6
        most = min(getattr(properties, "ReceiveMaximum", IN_FLIGHT), IN_FLIGHT)
        self._places = asyncio.Semaphore(most)
        self.packet_bytes = min(
            getattr(properties, "MaximumPacketSize", PACKET_BYTES), PACKET_BYTES
        )
        self._client._on_connect(client, userdata, flags, reason, properties)

    def _dropped(
        self,
        _client: Any,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # Where the broker says nothing, paho's word for it is "Unspecified error".
        self._lose(str(reason) if reason.value != _UNSPECIFIED else "the connection was lost")

    def _published(
        self,
        _client: Any,
        _userdata: Any,
        number: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        answer = self._answers.get(number)
        if answer is not None and not answer.done():
            answer.set_result(reason)


@contextlib.asynccontextmanager
async def open_link(broker: MqttUplink, session: Session, timers: Timers) -> AsyncIterator[Link]:
    """A connection for as long as the block lasts.

    Raises:
        CannotStart: The files or the plaintext policy do not permit it.
        Denied: The broker does not want us.
        LinkDown: Nobody there.
    """
    link = Link(broker, session, timers)
    try:
        await link.open(broker)
        yield link
    finally:
        await link.close()


def _will(will: Message | None) -> aiomqtt.Will | None:
    return None if will is None else aiomqtt.Will(will.topic, will.payload, QOS, retain=True)


def _connect_properties(session: Session) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session.expires_s
    properties.ReceiveMaximum = session.unprocessed
    properties.MaximumPacketSize = PACKET_BYTES
    return properties


def _retrieve(future: "asyncio.Future[None]") -> None:
    """Somebody has looked: asyncio need not complain that nobody did."""
    if not future.cancelled():
        future.exception()
