"""A box's record lane that can be crashed at a commit, and a server that answers on order."""

import asyncio
import shutil
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from gateway.clock import Stamp
from gateway.config import Offer
from gateway.errors import GatewayError
from gateway.events import AnyEvent, Record
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.journal.store import Identity, Journal
from gateway.model import Label, OfferKind, Role
from gateway.simulator.disk import Disk
from gateway.sync.totals import audit
from gateway.sync.uplink import (
    Acknowledged,
    Aside,
    Batch,
    Held,
    Interrupted,
    Transport,
    Uplink,
)

T = TypeVar("T")

IDENTITY: Final = Identity("box-1", "shop-1", 1)
WAIT_S: Final = 10.0
_LABEL: Final = Label(ru="Что-то", en="Something")
PLAYBOOK: Final = {
    offer.name: offer
    for offer in (
        Offer(name="refund", kind=OfferKind.REFUND, label=_LABEL, valid_days=1, cost=10.0),
        Offer(name="redo", kind=OfferKind.REDO, label=_LABEL, valid_days=7, cost=3.0),
        Offer(name="souvenir", kind=OfferKind.SOUVENIR, label=_LABEL, cost=2.0),
        Offer(name="tokens", kind=OfferKind.TOKENS, label=_LABEL, tokens=2.75),
    )
}
"""Nothing in it is limited."""


class Answer(StrEnum):
    """How the server answers one batch."""

    WHOLE = "whole"
    PART = "part"  # only its first record is done with
    ASIDE = "aside"  # its first record will never be taken
    LOST = "lost"  # the batch did not arrive
    UNHEARD = "unheard"  # it is recorded, and the answer got lost
    HELD = "held"
    # The batch did not arrive, and this acknowledgement of something else did:
    REPEATED = "repeated"  # the last one, once more
    LATER = "later"  # of later records
    BEYOND = "beyond"  # of more records than there were
    FOREIGN = "foreign"  # of another box's
    OTHER_EPOCH = "other epoch"  # of another journal's


_MISLEADING: Final = frozenset(
    {Answer.REPEATED, Answer.LATER, Answer.BEYOND, Answer.FOREIGN, Answer.OTHER_EPOCH}
)


class Server:
    """Records each event once, whatever it answers; checks that batches come in order."""

    def __init__(self) -> None:
        self.recorded: Final[dict[str, Record]] = {}
        self.aside: Final[set[int]] = set()
        self.script: Final[deque[Answer]] = deque()
        self._last: Acknowledged | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to close."""

    async def connect(self, device: str, epoch: str, account: str) -> None:
        assert (device, account) == (IDENTITY.device, IDENTITY.account)
        assert epoch

    async def deliver(self, batch: Batch) -> Acknowledged:
        answer = self.script.popleft() if self.script else Answer.WHOLE
        seqs = [record.seq for record in batch.records]
        assert seqs == list(range(batch.first, batch.last + 1))
        # What comes anew begins right after what came before: nothing is left out.
        assert batch.first <= len(self.recorded) + 1
        assert batch.before is not None
        assert audit(batch.before, batch.records).doubts == ()
        if answer is Answer.LOST:
            raise Interrupted("the batch is lost")
        if answer in _MISLEADING:
            return self._mislead(answer, batch)
        if answer is Answer.HELD:
            raise Held("somebody must do something")
        done = batch.records[:1] if answer in (Answer.PART, Answer.ASIDE) else batch.records
        self._record(done)
        if answer is Answer.UNHEARD:
            raise Interrupted("the answer is lost")
        self._last = Acknowledged(
            device=batch.device, epoch=batch.epoch, first=batch.first, last=done[-1].seq
        )
        if answer is Answer.ASIDE:
            self.aside.add(batch.first)
            reason = Aside(batch.first, "the server will never take it")
            return msgspec.structs.replace(self._last, aside=(reason,))
        return self._last

    def _record(self, records: tuple[Record, ...]) -> None:
        for record in records:
            before = self.recorded.setdefault(record.id, record)
            assert before == record, f"{record.id} came again as another event"

    def _mislead(self, answer: Answer, batch: Batch) -> Acknowledged:
        right = Acknowledged(
            device=batch.device, epoch=batch.epoch, first=batch.first, last=batch.last
        )
        change = msgspec.structs.replace
        match answer:
            case Answer.LATER:
                return change(right, first=batch.first + 1, last=batch.last + 1)
            case Answer.BEYOND:
                return change(right, last=batch.last + 1)
            case Answer.FOREIGN:
                return change(right, device="box-2")
            case Answer.OTHER_EPOCH:
                return change(right, epoch="ANOTHER")
            case _:
                if self._last is None:
                    raise Interrupted("nothing was acknowledged yet")
                return self._last


class Lane:
    """Journal, grant desk and uplink; use `close` at the end.

    Args:
        directory: Each life after a crash goes on in a new one below it.
        disk: What all journals are opened on.
        server: What the uplink talks to, unless another transport is made.

    Attributes:
        journal: The one of this life.
        desk: On this journal.
        uplink: On this journal.
    """

    def __init__(self, directory: Path, disk: Disk, server: Server | None) -> None:
        self._directory: Final = directory
        self._disk: Final = disk
        self._server: Final = server
        self._loop: Final = asyncio.new_event_loop()
        self._life = 0
        self._changed = asyncio.Event()
        self._start()

    def _start(self) -> None:
        self._path = self._directory / str(self._life) / "journal.db"
        self.journal = Journal(self._path, IDENTITY, on_change=lambda: None)
        self.journal.start()
        assert self.journal.state == "ok"
        assert self.journal.set_aside is None
        self.desk = GrantDesk(
            self.journal,
            Codes(b"k" * 32, IDENTITY.device),
            tuple(PLAYBOOK.values()),
            lambda _: None,
        )
        self._start_uplink()

    def _transport(self) -> Transport:
        """What the uplink of this life goes over."""
        assert self._server is not None
        return self._server

    def _start_uplink(self) -> None:
        self.uplink = Uplink(
            self.journal,
            self._transport(),
            device=IDENTITY.device,
            account=IDENTITY.account,
            on_change=self._changed.set,
        )
        self._task = self._loop.create_task(self.uplink.run())

    def _stop_uplink(self) -> None:
        async def stop() -> None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

        self.run(stop())

    def close(self) -> None:
        self._stop_uplink()
        self.journal.close()
        self._loop.close()

    # --- what happens ----------------------------------------------------------------------

    def run(self, work: Awaitable[T]) -> T:
        """Let the loop run until it is done; the uplink goes on meanwhile."""

        async def bounded() -> T:
            async with asyncio.timeout(WAIT_S):
                return await work

        return self._loop.run_until_complete(bounded())

    def append(self, events: tuple[AnyEvent, ...], at: Stamp) -> list[Record]:
        return self.journal.append_all(events, at).result(WAIT_S)

    def issue(self, request: str, offer: str, account: str | None, at: Stamp) -> Grant:
        return self.run(self._issue(request, offer, account, at))

    def _issue(self, request: str, offer: str, account: str | None, at: Stamp) -> Awaitable[Grant]:
        return self.desk.issue(
            request,
            offer,
            by="anna",
            role=Role.OWNER,
            at=at,
            account=account,
            override="a proof promises more than any shop",
        )

    def redeem(self, code: str, at: Stamp, *, times: int = 1) -> list[Grant | BaseException]:
        """At so many tills at once."""

        async def together() -> list[Grant | BaseException]:
            asked = (self.desk.redeem(code, by="anna", at=at) for _ in range(times))
            return await asyncio.gather(*asked, return_exceptions=True)

        return self.run(together())

    def drain(self) -> None:
        """Until the uplink says that the server has all."""

        async def drained() -> None:
            while self.uplink.cursor < self.journal.last_seq:
                self._changed.clear()
                self.uplink.notify()
                self.uplink.link_up()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.05)
                if self._task.done():
                    self._task.result()

        self.run(drained())

    def reconnect(self) -> None:
        self._stop_uplink()
        self._start_uplink()

    def restart(self) -> None:
        self._stop_uplink()
        self.journal.close()
        self._start()

    def crash(self, work: Callable[[], None], *, committed: bool, power: bool) -> None:
        """Die in the commit of some work whose answers nobody hears any more.

        Args:
            work: Hands something to the journal; it may wait for nothing.
            committed: Whether the commit was through.
            power: Whether the shared memory is gone too.
        """
        self._disk.committing.clear()
        self._disk.may_commit.clear()

        async def begin() -> None:
            work()
            self.uplink.notify()
            assert await asyncio.to_thread(self._disk.committing.wait, WAIT_S)

        self.run(begin())
        if not committed:
            self._leave(power=power)
        self._disk.may_commit.set()
        self._stop_uplink()
        if committed:
            self.journal.transact(lambda _: None).result(WAIT_S)
            self._leave(power=power)
        self.journal.close()
        self._life += 1
        self._start()

    def ask_for_grant(self, request: str, offer: str, at: Stamp) -> None:
        """Without waiting for the answer, which a crash takes away."""

        async def unheard() -> None:
            with suppress(GatewayError):
                await self._issue(request, offer, None, at)

        self._unheard = self._loop.create_task(unheard())

    def _leave(self, *, power: bool) -> None:
        """What the next life finds."""
        directory = self._directory / str(self._life + 1)
        directory.mkdir()
        for part in ("", "-wal", *(() if power else ("-shm",))):
            name = self._path.with_name(self._path.name + part)
            shutil.copy(name, directory / name.name)
