"""A real daemon, broker, bridge and server: what comes down the line, and what it leads to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.cli import main
from gateway.client import Client
from gateway.customers.messages import LookUpCustomer, RedeemScanned
from gateway.errors import GatewayError, Refused
from gateway.messages import (
    GetGrants,
    GetOffers,
    GetSettings,
    GetStatus,
    Redeem,
    Request,
)
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync import wire
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView
from tests.sync.batches import booked, until
from tests.sync.bridges import Bridges, Who
from tests.sync.office import Office
from tests.sync.test_choice import SETTINGS

T = TypeVar("T")

STAFF = """
[[staff]]
name = "Anna"
account = "anna"
leaderboard = true
[[staff]]
name = "Boris"
account = "boris"
[[customers.kinds]]
name = "card"
pattern = '29[0-9]{6}'
account = "card:{0}"
"""
CARD = "29123456"
OFFER = {
    "name": "five",
    "kind": "tokens",
    "label": {"ru": "5 бонусов", "en": "5 tokens"},
    "tokens": 5.0,
}


class Box:
    """The daemon of box-1; it may be killed and started again."""

    def __init__(self, place: Path, settings: str) -> None:
        self.place = place
        self.path = place / "gateway.toml"
        self.path.write_text(settings)
        self.child: Child | None = None

    async def start(self) -> None:
        words = ("gateway", "run", "--config", str(self.path))
        self.child = await Child.start("the gateway", words, self.place / "log", ready=True)

    async def kill(self) -> None:
        assert self.child is not None
        self.child.process.kill()
        await self.child.process.wait()

    def _call(self, request: Request[T]) -> T:
        with Client(self.place / "control.sock", timeout_s=10) as client:
            return client.call(request)

    async def ask(self, request: Request[T]) -> T:
        return await asyncio.to_thread(self._call, request)

    async def until(self, request: Request[T], good: Callable[[T], object]) -> T:
        """Ask until the answer is good; a box that starts anew does not answer for a moment."""
        async with asyncio.timeout(15):
            while True:
                try:
                    answer = await self.ask(request)
                except (GatewayError, OSError):
                    continue
                if good(answer):
                    return answer


@pytest.fixture
async def box(tmp_path: Path, who: Who, broker: Mosquitto) -> AsyncIterator[Box]:
    place = tmp_path / "box"
    place.mkdir()
    password = who("box-1").password_file
    settings = SETTINGS.format(state=place, port=broker.port, password=password)
    head, marker, tail = settings.partition("[uplink]")
    box = Box(place, f"{head}{STAFF}{marker}{tail}")
    await box.start()
    yield box
    if box.child is not None and box.child.process.returncode is None:
        await box.child.stop()


def config(**more: Any) -> dict[str, Any]:
    expires = datetime.now(UTC) + timedelta(days=3)
    grant = {"id": "c-1", "device": "box-1", "offer": "five", "account": "zoe"}
    grant["expires"] = expires.isoformat(timespec="seconds")
    settings = {"offers": [OFFER]}
    return {"format": 1, "id": "p-1", "settings": settings, "grants": [grant], **more}


async def test_a_pushed_grant_is_redeemed_offline_and_settled_once(
    box: Box, office: Office, bridges: Bridges, server: AchivxServer, broker: Mosquitto
) -> None:
    await office.say(wire.CONFIG, config(), retain=True)
    (view,) = await box.until(GetGrants(), len)
    assert (view.grant.central, view.label_en) == ("c-1", "5 tokens")
    assert [each.offer.name for each in await box.ask(GetOffers(severity=3))] == ["five"]
    assert 'name = "five"' in (await box.ask(GetSettings())).text

    broker.freeze()  # from here on the box is alone
    assert (await box.ask(Redeem(code=view.grant.code))).grant.redeemed_by
    await box.kill()
    await box.start()
    with pytest.raises(GatewayError, match="redeemed already"):
        await box.ask(Redeem(code=view.grant.code))
    broker.thaw()

    await bridges.start()
    tokens = ("zoe", "RecoveryTokens")
    await until(lambda: tokens in [each[:2] for each in booked(server)])
    await office.say(wire.CONFIG, config(id="p-2"), retain=True)
    async with asyncio.timeout(10):
        while (state := await office.state()).config != "p-2":
            pass
    assert (state.grants, state.problems) == (("c-1",), ())
    keys = [each.key for each in server.ledger.actions if each.action == "RecoveryTokens"]
    assert keys == ["centre:c-1"]
    assert server.ledger.accounts["zoe"].balance == 5
    assert len(await box.ask(GetGrants())) == 1


async def test_a_pushed_grant_is_redeemed_by_card_offline(
    box: Box, office: Office, broker: Mosquitto
) -> None:
    """The card leads to the account, and the account to what the centre promised it."""
    push = config()
    push["grants"][0]["account"] = f"card:{CARD}"
    await office.say(wire.CONFIG, push, retain=True)
    (view,) = await box.until(GetGrants(), len)
    broker.freeze()
    known = await box.ask(LookUpCustomer(customer=CARD))
    assert (known.live, [each.grant.central for each in known.grants]) == (1, ["c-1"])
    await box.kill()
    await box.start()
    redeemed = (await box.ask(RedeemScanned(text=CARD))).redeemed
    assert redeemed is not None
    assert (redeemed.grant.code, redeemed.grant.state) == (view.grant.code, "redeemed")
    with pytest.raises(Refused) as refused:
        await box.ask(RedeemScanned(text=CARD))
    assert refused.value.code == "no_grants"
    broker.thaw()


async def test_a_broken_push_is_shown_in_status_and_the_box_goes_on(
    box: Box, office: Office
) -> None:
    broken = config(settings={"offers": [{**OFFER, "tokens": 0.1}]}, grants=[])
    await office.say(wire.CONFIG, broken, retain=True)
    status = await box.until(
        GetStatus(), lambda now: any(each.startswith("centre: ") for each in now.faults)
    )
    assert "offers[0].tokens" in str(status.faults)
    assert "five" not in (await box.ask(GetSettings())).text
    await office.say(wire.CONFIG, b"", retain=True)
    await box.until(
        GetStatus(), lambda now: not any(each.startswith("centre: ") for each in now.faults)
    )


async def test_leader_boards_are_there_without_the_centre(
    box: Box,
    bridges: Bridges,
    server: AchivxServer,
    broker: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = server.ledger
    moment = "2027-01-01T00:00:00.000Z"
    for account, times in (("other", 9), ("anna", 3), ("boris", 2)):
        ledger.upsert(account, moment).done["CustomerRecovered"] += times
    ledger.upsert("shop", moment).done["PressHappy"] += 4
    ledger.run_boards(moment)
    await bridges.start()
    await box.kill()
    await box.start()  # boards are fetched at the start

    boards = await box.until(GetLeaderBoards(), len)
    cache = box.place / "grants.json"
    await until(lambda: b"Recoveries" in cache.read_bytes())  # changes are gathered for a second
    await broker.kill()
    await box.kill()
    await box.start()
    again = await box.ask(GetLeaderBoards())
    for found in (boards, again):
        by_name: dict[str, LeaderBoardView] = {each.name: each for each in found}
        lines = by_name["Recoveries"].lines
        # Boris did not agree, and nobody asked whoever works elsewhere.
        assert [(line.rank, line.account, line.name) for line in lines] == [(2, "anna", "Anna")]
        (ours,) = by_name["HappyShops"].lines
        assert (ours.rank, ours.account, ours.name) == (1, "shop", "Café")
        assert by_name["Recoveries"].updated_at == moment
        age_s = by_name["Recoveries"].age_s
        assert age_s is not None
        assert 0 <= age_s < 60
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["leaders", "--config", str(box.path)]) == 0
    shown = capsys.readouterr().out
    assert "Recoveries  0 min old\n   2  anna  3  Anna\n" in shown
    assert "boris" not in shown
