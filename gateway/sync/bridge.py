"""The bridge: every shop's batches from the broker onto the ACHIVX server, and the answers back.

It keeps nothing: a batch is recorded, answered, and only then acknowledged to the broker. What is
lost with a bridge its box sends again, to whichever bridge then listens; the server's uniqueness
makes a second time harmless. So there may be any number of bridges, and each may die at any time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

from gateway.errors import GatewayError
from gateway.sync import bridge_asks, wire
from gateway.sync.asking import ASK, TOLD
from gateway.sync.bridge_asks import Asks
from gateway.sync.bridge_batches import done, problem_of, records_of, unreadable, without_first
from gateway.sync.bridge_config import BridgeConfig
from gateway.sync.bridge_health import Health
from gateway.sync.bridge_policy import Binding, Policy
from gateway.sync.mqtt import Denied, Link, Message, Session, Timers, open_link
from gateway.sync.mqtt_socket import LinkDown
from gateway.sync.mqtt_stay import stay_linked
from gateway.sync.recorder import Recorder
from gateway.sync.totals import audit
from gateway.sync.uplink import Acknowledged, Batch, Held, Interrupted
from gateway.sync.wire import Answer, Problem, Stands

UNPROCESSED: Final = 64
"""Batches in work at once; the calls they make are far fewer, see `gate.IN_FLIGHT`."""
PER_DEVICE: Final = 2
"""Batches of one box in work at once: one, and one that waits for it. A box has one outstanding."""
ANSWER_EXPIRES_S: Final = 300
PROVE_S: Final = 15.0
"""How often a server that was not in order is looked at again while no batch asks."""

_log: Final = logging.getLogger(__name__)

_Claim = tuple[str, int, int]  # epoch, first, last


def _is_in_work(claim: _Claim, claims: list[_Claim]) -> bool:
    """Whether what is in work will answer this one too: a box's second try is often smaller."""
    epoch, first, last = claim
    return any(each[:2] == (epoch, first) and last <= each[2] for each in claims)


def today() -> date:
    """The day that `reward_day` is counted for."""
    return datetime.now(UTC).date()


class Bridge:
    """One bridge.

    Args:
        config: Its settings.
        recorder: The way onto the server.
        name: The MQTT client identifier; no two bridges have the same.
        timers: Of the connection to the broker.
        clock: What day it is.

    Attributes:
        health: What works and what does not.
    """

    def __init__(
        self,
        config: BridgeConfig,
        recorder: Recorder,
        *,
        name: str,
        timers: Timers | None = None,
        clock: Callable[[], date] = today,
    ) -> None:
        self.health: Final = Health()
        self._config: Final = config
        self._recorder: Final = recorder
        self._name: Final = name
        self._timers: Final = timers or Timers()
        self._clock: Final = clock
        self._policy: Final = Policy(config.devices)
        self._topic: Final = f"$share/{config.group}/{wire.ROOT}/+/{wire.EVENTS}"
        self._asks: Final = Asks(self._policy, recorder.reader)
        self._questions: Final[set[asyncio.Task[None]]] = set()
        self._jobs: Final[set[asyncio.Task[None]]] = set()
        self._claims: Final[dict[str, list[_Claim]]] = {}
        self._locks: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()
        self._link: Link | None = None
        self._linked: Final = asyncio.Event()
        self._proof: asyncio.Task[None] | None = None
        self.health.in_flight = lambda: len(self._jobs)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then take nothing new, and finish what is under way."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._stay_linked(group), name="broker"),
                group.create_task(self._watch_server(), name="server"),
            ]
            await stop.wait()
            await self._drain()
            for task in (*tasks, *self._jobs, *self._questions):
                task.cancel()
            if self._proof is not None:
                self._proof.cancel()
            self._recorder.reader.close()

    async def _drain(self) -> None:
        if self._link is not None:
            try:
                await self._link.unsubscribe(self._topic)
            except LinkDown as error:
                _log.warning("stopping: %s", error)
        if self._jobs:
            _log.info("stopping: %d batches are under way", len(self._jobs))
            await asyncio.wait(self._jobs, timeout=self._config.drain_s)

    # --- the broker ------------------------------------------------------------------------

    async def _stay_linked(self, group: asyncio.TaskGroup) -> None:
        session = Session(client=self._name, unprocessed=UNPROCESSED)
        await stay_linked(
            partial(open_link, self._config.broker, session),
            partial(self._listen, group),
            self._went_down,
            self._timers,
        )

    async def _listen(self, group: asyncio.TaskGroup, link: Link) -> None:
        await link.subscribe(self._topic)
        try:
            await link.subscribe(bridge_asks.topic(self._config.group))
        except Denied as error:
            _log.error("no box's questions are answered: %s", error)
        _log.info("listening on %s", self._topic)
        self.health.broker = None
        self._link = link
        self._linked.set()
        try:
            async for message in link.messages():
                if wire.kind_of(message.topic) == ASK:
                    self._take_question(group, link, message)
                else:
                    self._take(group, link, message)
        finally:
            self._link = None
            self._linked.clear()

    def _went_down(self, error: GatewayError) -> None:
        if self.health.broker != str(error):
            _log.warning("%s", error)
        self.health.broker = str(error)

    def _take(self, group: asyncio.TaskGroup, link: Link, message: Message) -> None:
        """Begin with a batch, unless it is in work already, or its box sends too many."""
        device = wire.device_of(message.topic)
        try:
            events: wire.Events = wire.decode(message.payload, wire.Events)
        except wire.Unreadable as error:
            answer = unreadable(message.payload, error)
            if answer is None:
                _log.error("%s sent what is no batch: %s", device, error)
                self._drop(link, message)
                return
            work: Callable[[], Awaitable[Answer]] = partial(self._refuse, answer)
            claim = (answer.epoch, answer.first, 0)
        else:
            work = partial(self._answer, device, events)
            claim = (events.epoch, events.first, events.last)
        claims = self._claims.setdefault(device, [])
        if _is_in_work(claim, claims) or len(claims) >= PER_DEVICE:
            self._drop(link, message)
            return
        claims.append(claim)
        job = group.create_task(self._serve(link, message, device, work))
        self._jobs.add(job)
        job.add_done_callback(partial(self._finished, device, claim))

    def _take_question(self, group: asyncio.TaskGroup, link: Link, message: Message) -> None:
        """Answer beside the batches; a question that is lost with this bridge is asked again."""
        link.acknowledge(message)
        job = group.create_task(self._tell(link, message))
        self._questions.add(job)
        job.add_done_callback(self._questions.discard)

    async def _tell(self, link: Link, message: Message) -> None:
        reply = await self._asks.answer(message)
        if reply is None:
            self.health.questions["dropped"] += 1
            return
        self.health.questions[str(reply.__struct_config__.tag)] += 1
        topic = wire.topic(wire.device_of(message.topic), TOLD)
        try:
            await link.publish(
                topic,
                wire.encode(reply),
                expires_s=bridge_asks.EXPIRES_S,
                correlation=message.correlation,
            )
        except (LinkDown, Denied) as error:
            _log.warning("a question is not answered: %s", error)

    def _drop(self, link: Link, message: Message) -> None:
        self.health.batches["dropped"] += 1
        link.acknowledge(message)

    def _finished(self, device: str, claim: _Claim, job: "asyncio.Task[None]") -> None:
        self._jobs.discard(job)
        claims = self._claims[device]
        claims.remove(claim)
        if not claims:
            del self._claims[device]

    async def _serve(
        self, link: Link, message: Message, device: str, work: Callable[[], Awaitable[Answer]]
    ) -> None:
        lock = self._locks.setdefault(device, asyncio.Lock())
        async with lock:
            answer = await work()
        self._count(device, answer)
        await self._reply(device, wire.encode(answer))
        link.acknowledge(message)

    async def _reply(self, device: str, payload: bytes) -> None:
        """Answer over whatever connection there is; the box may have kept its own all the time."""
        while True:
            await self._linked.wait()
            link = self._link
            if link is None:
                continue
            try:
                await link.publish(
                    wire.topic(device, wire.ACK), payload, expires_s=ANSWER_EXPIRES_S
                )
            except LinkDown:
                await asyncio.sleep(0)  # whoever listens has yet to notice
            except Denied as error:
                _log.error("%s gets no answer: %s", device, error)
                return
            else:
                return

    def _count(self, device: str, answer: Answer) -> None:
        if isinstance(answer, Stands):
            self.health.batches[answer.problem] += 1
            _log.warning("%s stands at %d: %s", device, answer.first, answer.words)
            return
        self.health.batches["done"] += 1
        self.health.events["aside"] += len(answer.aside)
        self.health.events["recorded"] += answer.last - answer.first + 1 - len(answer.aside)
        for each in answer.aside:
            _log.error("%s: event %d was set aside: %s", device, each.seq, each.reason)

    # --- a batch ---------------------------------------------------------------------------

    async def _refuse(self, answer: Stands) -> Answer:
        return answer

    async def _answer(self, device: str, events: wire.Events) -> Answer:
        stands = partial(Stands, device=events.device, epoch=events.epoch, first=events.first)
        binding = self._policy.binding(device)
        if binding is None:
            words = f"the bridge knows no box {device}: it needs a [[devices]] entry"
            return stands(problem=Problem.BINDING, words=words)
        if events.device not in binding.ids:
            words = f"{device} sends events of {events.device}: nobody may write for another"
            return stands(problem=Problem.BINDING, words=words)
        try:
            records, damage = records_of(events)
        except wire.Unreadable as error:
            return stands(problem=Problem.UNREADABLE, words=str(error))
        if not records:
            return without_first(events, damage)
        batch = Batch(
            device=events.device,
            epoch=events.epoch,
            first=events.first,
            last=records[-1].seq,
            records=tuple(records),
            before=events.before,
        )
        try:
            answer = await self._record(batch, binding)
            self._audit(device, batch, answer.last)
            return done(answer)
        except (Held, Interrupted) as error:
            return stands(problem=problem_of(error), words=str(error)[:1000])

    def _audit(self, device: str, batch: Batch, last: int) -> None:
        """Whether every press up to `last` has come."""
        found = audit(batch.before, [each for each in batch.records if each.seq <= last])
        self.health.presses["recorded"] += found.presses
        self.health.presses["gap"] += found.gone
        for doubt in found.doubts:
            self.health.presses["missing" if doubt.off > 0 else "extra"] += abs(doubt.off)
            _log.error("%s: %s", device, doubt.words())

    async def _record(self, batch: Batch, binding: Binding) -> Acknowledged:
        """Record a batch.

        Raises:
            Held: As `Recorder`.
            Interrupted: As `Recorder`.
        """
        await self._prove()
        try:
            answer = await self._recorder.record(
                batch, lambda record: self._policy.plan(binding, record, self._clock())
            )
        except (Held, Interrupted) as error:
            if problem_of(error) in (Problem.SERVER, Problem.AWAY):
                self._doubt(error)
            raise
        if answer.last < batch.last:
            self._doubt(Interrupted("an answer was lost"))
        return answer

    # --- the server ------------------------------------------------------------------------

    async def _prove(self) -> None:
        """Make sure of the server, once for everybody who waits for it.

        Raises:
            Held: It is not in order.
            Interrupted: It is not there.
        """
        if self.health.server is None and self._recorder.is_proven:
            return
        if self._proof is None:
            self._proof = asyncio.create_task(
                self._recorder.prove(self._config.account, f"{self._name}.canary")
            )
            self._proof.add_done_callback(self._proved)
        await asyncio.shield(self._proof)

    def _proved(self, proof: "asyncio.Task[None]") -> None:
        self._proof = None
        if proof.cancelled():
            return
        error = proof.exception()
        if error is None:
            _log.info("the server is there and records one key once")
            self.health.server = None
        elif isinstance(error, GatewayError):
            self._doubt(error)

    def _doubt(self, error: GatewayError) -> None:
        """Its database may be another one by now: the canary goes first again."""
        self.health.server = str(error)

    async def _watch_server(self) -> None:
        while True:
            try:
                await self._prove()
            except (Held, Interrupted) as error:
                _log.warning("nothing can be recorded: %s", error)
            await asyncio.sleep(PROVE_S)
