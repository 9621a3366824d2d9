"""Journal, uplink and the stand-in together, with everything going wrong that can.

Whatever happens in between, at the end the server's books hold exactly one action for each that
was due, in order within each account, and the journal knows it.
"""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.events import (
    GrantRedeemed,
)
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync import uplink as module
from gateway.sync.achivx import AchivxClient
from gateway.sync.direct import DirectTransport
from tests.sync.batches import canaries
from tests.sync.bridges import TOKEN
from tests.sync.misfortune import Misfortune, Shop

STEPS = 25


class AtTheServer(Misfortune):
    """Loses what is configured there, too."""

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        return [*super().all(), self.lose_an_action]

    async def lose_an_action(self) -> None:
        actions = self.server.ledger.config.actions
        name = self.chance.choice(["PressUnhappy", "AlertAnswered", "CustomerRecovered"])
        rule = actions.pop(name)
        await self.happen()
        await self.shop.a_change(0.2)
        actions[name] = rule


@pytest.mark.parametrize("seed", range(5))
async def test_each_action_is_booked_once_and_in_order(
    tmp_path: Path, server: AchivxServer, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(module, "BACKOFF_MOST_S", 0.05)

    def direct() -> DirectTransport:
        client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=0.3)
        return DirectTransport(client)

    server.delay_s = 0.003
    shop = Shop(tmp_path / "journal.db", direct)
    await AtTheServer(shop, server, random.Random(seed)).befall(STEPS)
    poison = await shop.check(server)
    assert canaries(server) == {f"box-1.{shop.journal.epoch}.canary": 1}
    records = await shop.records()
    assert len(records) > STEPS
    credited = sum(
        each.event.tokens
        for each in records
        if isinstance(each.event, GrantRedeemed) and each.seq not in poison
    )
    accounts, _ = server.ledger.snapshot()
    assert {each.id: float(each.balance) for each in accounts}.get("zoe", 0.0) == credited
    aside = shop.journal.read(lambda db: db.execute("SELECT seq FROM quarantine").fetchall())
    assert {seq for (seq,) in aside.result(10)} == poison
    assert server.peak_calls <= 16 * 4  # of a dead uplink's too, which the server goes on with
    await shop.stop()
