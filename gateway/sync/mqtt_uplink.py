"""The MQTT uplink: batches through a broker to whichever bridge takes them.

One task keeps the connection and listens; the uplink's own asks for a batch to be delivered, and
waits for the bridge's answer. That the broker took a batch means nothing.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from gateway import __version__
from gateway.config import MqttUplink
from gateway.errors import GatewayError
from gateway.sync import wire
from gateway.sync.asking import ASK, TOLD, Question, Reply
from gateway.sync.down import Desk, Taken
from gateway.sync.mapping import CURRENT
from gateway.sync.mqtt import Denied, Link, Message, Session, Timers, open_link
from gateway.sync.mqtt_socket import LinkDown
from gateway.sync.mqtt_stay import stay_linked
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted
from gateway.sync.wire import ACK, COMMAND, CONFIG, EVENTS, STATE, topic

RESEND_S: Final = 180.0
"""When a batch is sent again: later than a call of the bridge to the server can still succeed."""
SESSION_S: Final = 24 * 3600
"""How long the broker keeps what is for this box while it is away."""
ASK_EXPIRES_S: Final = 5
"""How long the broker keeps a question for a bridge: nobody waits for its answer any more then."""
_CORRELATION_BYTES: Final = 8
_WORDS: Final = 1000
_HEAD_BYTES: Final = 1024  # of a packet: topic, properties, and a batch without its records

_log: Final = logging.getLogger(__name__)


class _Sent(NamedTuple):
    """What is under way, or was: one batch, sent for the first time or again.

    `last` is the furthest that was sent beginning at `first`: when no answer comes in time, the
    next try is smaller, and a late answer to the bigger one still says what is on the server.
    """

    device: str
    epoch: str
    first: int
    last: int
    answer: "asyncio.Future[wire.Answer]"

    def is_answered_by(self, answer: wire.Answer) -> bool:
        """Whether an answer is about this batch, or about its beginning."""
        about = (answer.device, answer.epoch, answer.first)
        if about != (self.device, self.epoch, self.first):
            return False
        return isinstance(answer, wire.Stands) or self.first <= answer.last <= self.last


class MqttTransport:
    """Delivers batches to a bridge.

    Args:
        broker: Where, and who we are there.
        device: The box's id: its topics.
        timers: Of the connection.
        resend_s: How long a bridge may take for its answer.

    Attributes:
        on_link_up: Called when the connection is there.
        desk: Takes what the centre pushes.
    """

    def __init__(
        self,
        broker: MqttUplink,
        device: str,
        *,
        timers: Timers | None = None,
        resend_s: float = RESEND_S,
    ) -> None:
        self.on_link_up: Callable[[], None] = lambda: None
        self.desk: Desk | None = None
        self._broker: Final = broker
        self._device: Final = device
        self._timers: Final = timers or Timers()
        self._resend_s: Final = resend_s
        self._parts: Final = AsyncExitStack()
        self._link: Link | None = None
        self._down: Held | Interrupted = Interrupted("connecting to the broker")
        self._sent: _Sent | None = None
        self._done: wire.Done | None = None  # says more than what it was needed for
        self._sent_at = -float("inf")
        self._tuning = wire.Tuning()
        self._taken = Taken()
        self._command = ""
        self._asked: Final[dict[bytes, asyncio.Future[Reply]]] = {}
        self._deaf: Denied | None = None  # why nothing is told to this box

    async def __aenter__(self) -> Self:
        group = await self._parts.enter_async_context(asyncio.TaskGroup())
        task = group.create_task(
            stay_linked(self._connect, self._use, self._went_down, self._timers), name="mqtt"
        )
        self._parts.callback(task.cancel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._parts.__aexit__(kind, error, trace)

    async def connect(self, device: str, epoch: str, account: str) -> None:  # noqa: ARG002
        """See `Transport`: the bridge looks after the server, this after the broker."""
        self._up()

    async def deliver(self, batch: Batch) -> Acknowledged:
        """See `Transport`."""
        link = self._up()
        known = self._known(batch)
        if known is not None:
            return known
        await self._pause()
        events = self._cut(batch, link.packet_bytes - _HEAD_BYTES)
        sent = self._sent = self._about(events)
        try:
            answer = await self._deliver(link, events, sent)
        except LinkDown as error:
            raise Interrupted(str(error)) from error
        except Denied as error:
            raise _hindrance(error) from error
        finally:
            sent.answer.cancel()  # what comes now is late
        if isinstance(answer, wire.Stands):
            raise (Interrupted if answer.problem == wire.Problem.AWAY else Held)(answer.words)
        return self._settle(batch, answer)

    async def _deliver(self, link: Link, events: wire.Events, sent: _Sent) -> wire.Answer:
        self._sent_at = asyncio.get_running_loop().time()
        taken = await link.publish(
            topic(self._device, EVENTS), wire.encode(events), expires_s=round(self._resend_s)
        )
        if not taken:
            raise Interrupted("no bridge listens at the broker")
        either: tuple[asyncio.Future[Any], ...] = (sent.answer, link.gone)
        await asyncio.wait(either, timeout=self._resend_s, return_when=asyncio.FIRST_COMPLETED)
        if sent.answer.done():
            return sent.answer.result()
        if link.gone.done():
            raise Interrupted("the broker is gone while a bridge was at work")
        raise Interrupted(f"no bridge has answered in {self._resend_s:g} s")

    def _about(self, events: wire.Events) -> _Sent:
        """Note what is sent now, and as how much of it was sent before."""
        key, last, before = (events.device, events.epoch, events.first), events.last, self._sent
        if before is not None and before[:3] == key:
            last = max(last, before.last)
        return _Sent(*key, last, asyncio.get_running_loop().create_future())

    def _known(self, batch: Batch) -> Acknowledged | None:
        """What a former answer says of this batch: it reached further than what was asked."""
        done, self._done = self._done, None
        if done is None or (done.device, done.epoch) != (batch.device, batch.epoch):
            return None
        return self._settle(batch, done) if done.first <= batch.first <= done.last else None

    def _settle(self, batch: Batch, done: wire.Done) -> Acknowledged:
        """As much of an answer as is about this batch; one that says more is kept."""
        last = min(batch.last, done.last)
        if last < done.last:
            self._done = done
        return Acknowledged(
            device=batch.device,
            epoch=batch.epoch,
            first=batch.first,
            last=last,
            aside=tuple(
                Aside(each.seq, each.reason)
                for each in done.aside
                if batch.first <= each.seq <= last
            ),
        )

    async def ask(self, question: Question) -> Reply:
        """See `Centre`."""
        link = self._up()
        if self._deaf is not None:
            raise Held(str(self._deaf))
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        correlation = secrets.token_bytes(_CORRELATION_BYTES)
        self._asked[correlation] = answer
        try:
            heard = await link.publish(
                topic(self._device, ASK),
                wire.encode(question),
                expires_s=ASK_EXPIRES_S,
                reply_to=topic(self._device, TOLD),
                correlation=correlation,
            )
            if not heard:
                raise Interrupted("no bridge listens to questions at the broker")
            either: tuple[asyncio.Future[Any], ...] = (answer, link.gone)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise Interrupted("the broker is gone while a bridge was asked")
            return answer.result()
        except LinkDown as error:
            raise Interrupted(str(error)) from error
        except Denied as error:
            raise _hindrance(error) from error
        finally:
            del self._asked[correlation]

    def _up(self) -> Link:
        if self._link is None:
            raise type(self._down)(str(self._down))
        return self._link

    async def _pause(self) -> None:
        due = self._sent_at + self._tuning.pause_s
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    def _cut(self, batch: Batch, most_bytes: int) -> wire.Events:
        """As many records of a batch as one message takes."""
        taken: list[msgspec.Raw] = []
        for record in batch.records[: self._tuning.batch]:
            text = wire.encode(record)
            most_bytes -= len(text) + 1
            if most_bytes < 0:
                break
            taken.append(msgspec.Raw(text))
        if not taken:
            raise Held(f"event {batch.first} is bigger than the broker takes")
        return wire.Events(
            device=batch.device,
            epoch=batch.epoch,
            first=batch.first,
            last=batch.records[len(taken) - 1].seq,
            records=tuple(taken),
            before=batch.before,
        )

    # --- the connection --------------------------------------------------------------------

    def _connect(self, timers: Timers) -> Any:
        session = Session(
            client=f"achivx-{self._device}",
            expires_s=SESSION_S,
            will=Message(topic(self._device, STATE), wire.encode(self._state(online=False))),
        )
        return open_link(self._broker, session, timers)

    async def _use(self, link: Link) -> None:
        await link.subscribe(*(topic(self._device, kind) for kind in (ACK, CONFIG, COMMAND)))
        try:
            await link.subscribe(topic(self._device, TOLD))
            self._deaf = None
        except Denied as error:  # presses go up all the same
            self._deaf = error
            _log.warning("the centre cannot be asked: %s", error)
        await self._tell(link)
        self._link = link
        self.on_link_up()
        try:
            async for message in link.messages():
                await self._take(link, message)
                link.acknowledge(message)
        finally:
            self._link = None

    def _went_down(self, error: GatewayError) -> None:
        self._down = _hindrance(error)

    async def _tell(self, link: Link) -> None:
        state = wire.encode(self._state(online=True))
        await link.publish(topic(self._device, STATE), state, retain=True)

    def _state(self, *, online: bool) -> wire.State:
        return wire.State(
            online=online,
            version=__version__,
            mapping=CURRENT,
            config=self._tuning.id,
            command=self._command,
            problems=self._taken.problems,
            grants=self._taken.grants,
        )

    async def _take(self, link: Link, message: Message) -> None:
        kind = wire.kind_of(message.topic)
        try:
            if kind == ACK:
                self._answered(wire.decode(message.payload, wire.Answer))
            elif kind == TOLD:
                self._told(message)
            elif kind == CONFIG:
                await self._tune(link, message.payload)
            elif not message.retained:  # a command is for now, not for whenever a box comes by
                await self._obey(link, wire.decode(message.payload, wire.Command))
        except wire.Unreadable as error:
            _log.warning("passed over a message on %s: %s", message.topic, error)

    def _answered(self, answer: wire.Answer) -> None:
        sent = self._sent
        if sent is None or not sent.is_answered_by(answer):
            return
        if not sent.answer.done():
            sent.answer.set_result(answer)
        elif sent.answer.cancelled() and isinstance(answer, wire.Done):
            self._done = answer  # too late for the try that it is about, and true all the same
            self.on_link_up()

    async def _tune(self, link: Link, payload: bytes) -> None:
        """Take a `config`; an empty one, as its retained message is taken away, is the default.

        Raises:
            Unreadable: It is none; the one before stays in force.
        """
        try:
            tuning = wire.decode(payload, wire.Tuning) if payload else wire.Tuning()
        except wire.Unreadable as error:
            self._taken = Taken(problems=(str(error)[:_WORDS],), grants=self._taken.grants)
            if self.desk is not None:
                self.desk.refuse(str(error))
            await self._tell(link)
            raise
        self._tuning = tuning
        self._taken = Taken() if self.desk is None else await self.desk.take(tuning)
        await self._tell(link)

    def _told(self, message: Message) -> None:
        asked = self._asked.get(message.correlation)
        if asked is not None and not asked.done():
            asked.set_result(wire.decode(message.payload, Reply))

    async def _obey(self, link: Link, command: wire.Command) -> None:
        self._command = command.id
        if command.do == "send":
            self.on_link_up()
        await self._tell(link)


def _hindrance(error: GatewayError) -> Held | Interrupted:
    """What the uplink does about it: wait for a person, or only for better times."""
    passes = isinstance(error, LinkDown) or (isinstance(error, Denied) and error.passes)
    return Interrupted(str(error)) if passes else Held(str(error))
