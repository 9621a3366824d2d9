"""Journal, uplink and the stand-in together, with everything going wrong that can.

Whatever happens in between, at the end the server's books hold exactly one action for each that
was due, in order within each account, and the journal knows it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertResolved,
    AnyEvent,
    GrantRedeemed,
    Pressed,
    Record,
    Started,
)
from gateway.journal import reading
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind, OfferKind, Outcome, PressFlag
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import read
from gateway.sync import uplink as module
from gateway.sync.achivx import AchivxClient
from gateway.sync.direct import DirectTransport
from gateway.sync.mapping import CANARY, actions_of
from gateway.sync.uplink import Uplink

TOKEN = "a-token-that-nobody-may-read"
SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
AT = Stamp("boot", 1, 2, synced=True)
FAULTS = (
    faults.CUT_OFF,
    faults.UNKNOWN_AFTER_COMMIT,
    faults.UNREACHABLE,
    faults.WRITE_CONFLICT,
    *faults.LEAKED,
)
POISON = 0.1  # tokens that a 32-bit float cannot hold
STEPS = 25


class Shop:
    """A box and its server in one loop, and a hand that breaks things."""

    def __init__(self, path: Path, server: AchivxServer, chance: random.Random) -> None:
        self._path = path
        self._server = server
        self._chance = chance
        self._changed = asyncio.Event()
        self._start()

    def _start(self) -> None:
        self.journal = Journal(self._path, Identity("box-1", "shop", 1), on_change=lambda: None)
        self.journal.start()
        self._start_uplink()

    def _start_uplink(self) -> None:
        client = AchivxClient(self._server.address, TOKEN, plaintext="loopback", deadline_s=0.3)
        self.uplink = Uplink(
            self.journal,
            DirectTransport(client),
            device="box-1",
            account="shop",
            on_change=self._changed.set,
        )
        self._task = asyncio.create_task(self.uplink.run())

    async def _stop_uplink(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def stop(self) -> None:
        await self._stop_uplink()
        self.journal.close()

    async def drained(self) -> None:
        """Wait until all is on the server, in the uplink's own words."""
        async with asyncio.timeout(30):
            while self.uplink.cursor < self.journal.last_seq:
                self.uplink.notify()
                self.uplink.link_up()
                await self._a_change(0.1)

    # --- what happens ----------------------------------------------------------------------

    async def record(self) -> None:
        kept = [
            self.journal.append(self._event(), AT) for _ in range(self._chance.randrange(1, 20))
        ]
        for each in kept:
            await asyncio.wrap_future(each)
        self.uplink.notify()

    def _event(self) -> AnyEvent:
        person = self._chance.choice(["anna", "boris", "clara"])
        events: list[AnyEvent] = [
            Started(version="1"),
            Pressed(button="b", kind=ButtonKind.UNHAPPY, zone="z"),
            Pressed(button="b", kind=ButtonKind.HAPPY, zone="z", flag=PressFlag.REPEAT),
            AlertAcknowledged(alert="a", by="x", via="page", account=person, after_s=1.0),
            AlertResolved(alert="a", by="x", outcome=Outcome.RECOVERED, account=person),
            GrantRedeemed(
                code="C",
                by="x",
                kind=OfferKind.TOKENS,
                account="zoe",
                tokens=self._chance.choice([0.25, 5.0, 2.75, POISON]),
            ),
        ]
        return self._chance.choice(events)

    async def lose_answers(self) -> None:
        self._server.faults.extend(self._chance.choices(FAULTS, k=self._chance.randrange(1, 6)))

    async def kill_the_server(self) -> None:
        await self._busy()
        await self._server.kill()
        await self._server.start()

    async def freeze_the_server(self) -> None:
        self._server.freeze()
        await self._busy()
        if self._chance.random() < 0.5:
            await self._a_change(0.4)  # until a deadline has passed
        self._server.thaw()

    async def lose_an_action(self) -> None:
        actions = self._server.ledger.config.actions
        name = self._chance.choice(["PressUnhappy", "AlertAnswered", "CustomerRecovered"])
        rule = actions.pop(name)
        await self.record()
        await self._a_change(0.2)
        actions[name] = rule

    async def restart_the_uplink(self) -> None:
        await self._busy()
        await self._stop_uplink()
        self._start_uplink()

    async def restart_the_box(self) -> None:
        await self._busy()
        await self.stop()
        self._start()

    async def something(self) -> None:
        """Let the uplink get somewhere, now and then to the end."""
        if self._chance.random() < 0.2:
            await self.drained()
            return
        await self._a_change(0.2)

    async def _a_change(self, most_s: float) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), most_s)

    async def _busy(self) -> None:
        """Best in the middle of something, if there is anything."""
        self.uplink.link_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.until_busy(), 0.05)


def check(shop: Shop, server: AchivxServer, records: list[Record]) -> None:
    poison = {each.seq for each in records if getattr(each.event, "tokens", 0.0) == POISON}
    due = Counter(
        (action.account, action.action, action.key)
        for each in records
        if each.seq not in poison
        for action in actions_of(each)
    )
    accounts, actions = server.ledger.snapshot()
    kept = [each for each in actions if not each.action.startswith("achivx.")]
    canaries = [each.key for each in kept if each.action == CANARY]
    assert canaries == [f"box-1.{shop.journal.epoch}.canary"]
    booked = [each for each in kept if each.action != CANARY]
    assert Counter((each.account, each.action, each.key) for each in booked) == due
    for account in {each.account for each in booked}:
        order = [int(each.key.rpartition(".")[2]) for each in booked if each.account == account]
        assert order == sorted(order)
    credited = sum(
        each.event.tokens
        for each in records
        if isinstance(each.event, GrantRedeemed) and each.seq not in poison
    )
    assert {each.id: float(each.balance) for each in accounts}.get("zoe", 0.0) == credited
    aside = shop.journal.read(lambda db: db.execute("SELECT seq FROM quarantine").fetchall())
    assert {seq for (seq,) in aside.result(10)} == poison
    assert shop.uplink.quarantined == len(poison)
    assert server.peak_calls <= 16 * 4  # of a dead uplink's too, which the server goes on with


@pytest.mark.parametrize("seed", range(5))
async def test_each_action_is_booked_once_and_in_order(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(module, "BACKOFF_MOST_S", 0.05)
    chance = random.Random(seed)
    async with AchivxServer(TOKEN, read(SHIPPED.read_bytes())) as server:
        server.delay_s = 0.003
        shop = Shop(tmp_path / "journal.db", server, chance)
        steps: list[Callable[[], Awaitable[None]]] = [
            shop.lose_answers,
            shop.kill_the_server,
            shop.freeze_the_server,
            shop.lose_an_action,
            shop.restart_the_uplink,
            shop.restart_the_box,
        ]
        for _ in range(STEPS):
            await shop.record()
            await chance.choice(steps)()
            await shop.something()
        server.faults.clear()
        await shop.drained()
        records = await asyncio.wrap_future(
            shop.journal.read(lambda db: reading.records_after(db, 0, 10_000))
        )
        assert len(records) == shop.journal.last_seq > STEPS
        check(shop, server, records)
        await shop.stop()
