"""Accounts and leader boards, asked directly and through a bridge: real brokers, a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.clock import SystemClock
from gateway.errors import GatewayError
from gateway.grants.cache import GrantCache
from gateway.grants.known import BoardLine, KnownAccount
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.mosquitto import ACL, Mosquitto
from gateway.sync import lookup as lookups
from gateway.sync import wire
from gateway.sync.achivx import AchivxClient
from gateway.sync.asking import (
    ASK,
    TOLD,
    AccountTold,
    AskAccount,
    AskBoards,
    Board,
    BoardEntry,
    BoardsTold,
    NoAccountTold,
    NotTold,
    Question,
    Reply,
)
from gateway.sync.bridge_asks import BURST
from gateway.sync.direct import DirectTransport
from gateway.sync.lookup import Centre, Lookup
from gateway.sync.mqtt import Denied, Link, Session, open_link
from gateway.sync.uplink import Held, Interrupted
from tests.sync.batches import PRESS, batch, until
from tests.sync.bridges import BOX, QUICK, TOKEN, Bridges, Who
from tests.sync.office import Box

NOW = "2027-01-01T00:00:00.000Z"
ZOE = AskAccount(account="zoe")


@pytest.fixture
def cache(tmp_path: Path) -> GrantCache:
    return GrantCache(tmp_path / "grants.json")


@contextlib.asynccontextmanager
async def directly(server: AchivxServer) -> AsyncIterator[DirectTransport]:
    client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=5)
    async with DirectTransport(client) as transport:
        await transport.connect("box-1", "E", "shop")
        yield transport


@pytest.fixture(params=["directly", "through a bridge"])
async def centre(
    request: pytest.FixtureRequest, server: AchivxServer, who: Who, bridges: Bridges
) -> AsyncIterator[Centre]:
    if request.param == "directly":
        async with directly(server) as transport:
            yield transport
    else:
        await bridges.start(BOX)
        async with Box(who("box-1")) as box:
            yield box


def made(centre: Centre | None, cache: GrantCache, ask_s: float = 5.0) -> Lookup:
    clock = SystemClock(trusted=True)
    agreed = frozenset({"staff-1"}).__contains__
    return Lookup(centre, cache, clock, on_change=cache.flush, may_show=agreed, ask_s=ask_s)


def fill(server: AchivxServer) -> None:
    """One customer with something, and one with nothing."""
    zoe = server.ledger.upsert("zoe", NOW)
    zoe.balance, zoe.experience = Decimal("12.75"), 60
    zoe.unlocked["FirstRecovery"] = NOW
    server.ledger.upsert("zoe-2", NOW)


# --- one account -------------------------------------------------------------------------------


async def test_an_account_is_told_and_remembered(
    centre: Centre, server: AchivxServer, cache: GrantCache, tmp_path: Path
) -> None:
    fill(server)
    found = await made(centre, cache).account("zoe")
    assert found is not None
    assert found.fresh
    assert (found.balance, found.experience, found.level) == ("12.75", 60, 1)
    assert found.achievements == ("FirstRecovery",)
    again = GrantCache(tmp_path / "grants.json")
    remembered = await made(None, again).account("zoe")
    assert remembered == KnownAccount("zoe", 1, 60, "12.75", ("FirstRecovery",), *aged(found))
    assert await made(None, again).account("zoe-2") is None


def aged(found: KnownAccount) -> tuple[int, bool]:
    return found.as_of_wall_ns, False


async def test_an_account_that_the_server_has_not_is_not_remembered_either(
    centre: Centre, cache: GrantCache
) -> None:
    cache.keep_account(KnownAccount("zoe", 1, 2, "3", (), 4, fresh=True))
    assert await made(centre, cache).account("zoe") is None
    assert cache.account("zoe") is None


async def test_a_server_that_takes_too_long_is_not_waited_for(
    centre: Centre, server: AchivxServer, cache: GrantCache
) -> None:
    fill(server)
    asked = made(centre, cache)
    before = await asked.account("zoe")
    server.freeze()
    began = asyncio.get_running_loop().time()
    late = await made(centre, cache, ask_s=0.2).account("zoe")
    assert asyncio.get_running_loop().time() - began < 2.0
    assert before is not None
    assert late == KnownAccount("zoe", 1, 60, "12.75", ("FirstRecovery",), *aged(before))
    server.thaw()
    await until(lambda: server.peak_calls > 0)
    after = await asked.account("zoe")
    assert after is not None
    assert after.fresh


async def test_an_account_never_has_two_calls_at_once(
    centre: Centre, server: AchivxServer, cache: GrantCache
) -> None:
    fill(server)
    server.delay_s = 0.02
    asked = made(centre, cache)
    await asyncio.gather(*(asked.account("zoe") for _ in range(5)))
    assert server.peak_account_calls == 1


async def test_a_balance_that_is_no_number_is_not_shown(
    centre: Centre, server: AchivxServer, cache: GrantCache
) -> None:
    fill(server)
    server.ledger.accounts["zoe"].balance = Decimal("Infinity")
    reply = await centre.ask(ZOE)
    assert isinstance(reply, NotTold)
    assert "balance" in reply.words
    assert await made(centre, cache).account("zoe") is None


async def test_an_account_of_a_wrong_token_is_not_told(
    centre: Centre, server: AchivxServer
) -> None:
    server.token = "another"
    reply = await centre.ask(ZOE)
    assert isinstance(reply, NotTold)
    assert reply.problem == "server"


# --- who may ask what through a bridge ---------------------------------------------------------


@pytest.mark.parametrize("account", ["yuri", "shop-2", "z"])
async def test_a_box_is_not_told_of_strangers(
    who: Who, server: AchivxServer, bridges: Bridges, account: str
) -> None:
    server.ledger.upsert(account, NOW)
    server.ledger.upsert("shop", NOW)
    await bridges.start(BOX)
    async with Box(who("box-1")) as box:
        reply = await box.ask(AskAccount(account=account))
        assert isinstance(reply, NotTold)
        assert reply.problem == "binding"
        assert isinstance(await box.ask(AskAccount(account="shop")), AccountTold)


async def test_a_box_that_asks_too_much_is_told_so(
    who: Who, server: AchivxServer, bridges: Bridges
) -> None:
    fill(server)
    bridge = await bridges.start(BOX)
    async with Box(who("box-1")) as box:
        replies = await asyncio.gather(*(box.ask(ZOE) for _ in range(BURST + 5)))
        busy = [reply for reply in replies if isinstance(reply, NotTold)]
        assert {reply.problem for reply in busy} == {"busy"}
        assert 1 <= len(busy) <= 5
    assert bridge.health.questions["account"] >= BURST


async def test_nobody_is_answered_on_another_boxs_topic(
    who: Who, server: AchivxServer, bridges: Bridges
) -> None:
    fill(server)
    bridge = await bridges.start(BOX)
    async with (
        open_link(who("box-1"), Session(client="thief"), QUICK) as thief,
        open_link(who("office"), Session(client="office"), QUICK) as office,
    ):
        await office.subscribe(f"achivx/v1/+/{TOLD}")
        ask = wire.topic("box-1", ASK)
        for where, mark in (
            (wire.topic("box-2", TOLD), b"x"),
            ("", b"x"),
            (wire.topic("box-1", TOLD), b"x" * 65),
        ):
            await thief.publish(ask, wire.encode(ZOE), reply_to=where, correlation=mark)
        await until(lambda: bridge.health.questions["dropped"] == 3)
        mine = wire.topic("box-1", TOLD)
        await thief.publish(ask, b"not JSON", reply_to=mine, correlation=b"ok")
        answer = await anext(office.messages())
        assert (answer.topic, answer.correlation) == (mine, b"ok")
        reply: Reply = wire.decode(answer.payload, Reply)
        assert isinstance(reply, NotTold)
        assert reply.problem == "unreadable"


async def test_no_bridge_is_told_at_once(who: Who) -> None:
    async with Box(who("box-1")) as box:
        with pytest.raises(Interrupted, match="no bridge listens to questions"):
            await box.ask(ZOE)


async def test_a_broker_that_goes_ends_the_waiting(who: Who, broker: Mosquitto) -> None:
    async with (
        open_link(who("bridge"), Session(client="silent"), QUICK) as silent,
        Box(who("box-1")) as box,
    ):
        await silent.subscribe(f"$share/achivx/achivx/v1/+/{ASK}")
        asking = asyncio.create_task(box.ask(ZOE))
        await anext(silent.messages())
        await broker.kill()
        with pytest.raises(Interrupted):
            await asyncio.wait_for(asking, 5)


async def test_old_broker_rules_cost_the_answers_and_no_press(
    tmp_path: Path, server: AchivxServer
) -> None:
    users = {"bridge": "bridge-secret", "box-1": "box-1-secret"}
    old = "\n".join(line for line in ACL.splitlines() if "ask" not in line and TOLD not in line)
    async with Mosquitto(tmp_path / "old", users, acl=old) as broker:
        who = Who(tmp_path, broker.port)
        bridges = Bridges(server, who("bridge"))
        await bridges.start(BOX)
        async with Box(who("box-1")) as box:
            with pytest.raises(Held, match="achivx/v1/box-1/ask: Not authorized"):
                await box.ask(ZOE)
            assert (await box.deliver(batch(PRESS))).last == 1
        await bridges.stop()


async def test_a_subscription_that_is_refused_costs_the_answers_alone(
    who: Who, bridges: Bridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    # mosquitto lets anybody subscribe to anything, and then sends nothing; others say no.
    subscribe = Link.subscribe
    no = Denied("the subscription", ReasonCode(PacketTypes.SUBACK, "Not authorized"))

    async def strict(link: Link, *topics: str) -> None:
        if any(topic.endswith((ASK, TOLD)) for topic in topics):
            raise no
        await subscribe(link, *topics)

    monkeypatch.setattr(Link, "subscribe", strict)
    await bridges.start(BOX)
    async with Box(who("box-1")) as box:
        with pytest.raises(Held, match="refuses the subscription"):
            await box.ask(ZOE)
        assert (await box.deliver(batch(PRESS))).last == 1


async def test_a_way_that_is_not_open_yet_says_so(server: AchivxServer) -> None:
    client = AchivxClient(server.address, TOKEN, plaintext="loopback")
    transport = DirectTransport(client)
    with pytest.raises(Interrupted, match="not open"):
        await transport.ask(ZOE)
    async with transport:
        assert isinstance(await transport.ask(ZOE), NoAccountTold)  # the token is checked first
    with pytest.raises(Interrupted, match="not open"):
        await transport.ask(ZOE)


# --- leader boards -----------------------------------------------------------------------------


def play(server: AchivxServer) -> None:
    """Two of this shop's staff, one of another's, and two shops have done something."""
    ledger = server.ledger
    for account, action, times in (
        ("staff-1", "CustomerRecovered", 3),
        ("other-9", "CustomerRecovered", 5),
        ("staff-2", "CustomerRecovered", 1),
        ("shop", "PressHappy", 2),
        ("other-shop", "PressHappy", 1),
    ):
        ledger.upsert(account, NOW).done[action] += times
    ledger.run_boards(NOW)


async def test_leader_boards_are_fetched_and_outlive_the_centre(
    centre: Centre, server: AchivxServer, cache: GrantCache, tmp_path: Path
) -> None:
    play(server)
    asked = made(centre, cache)
    assert await asked.fetch_boards()
    await server.kill()
    boards = {board.name: board for board in GrantCache(tmp_path / "grants.json").boards()}
    assert set(boards) >= {"StaffExperience", "Recoveries", "QuickAnswers", "HappyShops"}
    lines = boards["Recoveries"].lines
    assert lines == (BoardLine(2, "staff-1", 3),)
    for nobody_asked in (b"other-9", b"staff-2"):
        assert nobody_asked not in (tmp_path / "grants.json").read_bytes()
    assert BoardLine(1, "shop", 2, shop=True) in boards["HappyShops"].lines
    assert boards["Recoveries"].updated_at == NOW


async def test_a_box_is_not_told_who_works_elsewhere(
    who: Who, server: AchivxServer, bridges: Bridges
) -> None:
    play(server)
    await bridges.start(BOX)
    async with Box(who("box-1")) as box:
        told = await box.ask(AskBoards())
    assert isinstance(told, BoardsTold)
    recoveries = next(board for board in told.boards if board.name == "Recoveries")
    assert recoveries.lines[0] == BoardEntry("", 5)
    assert "other" not in wire.encode(told).decode()


async def test_boards_that_no_job_has_filled_are_left_out(
    centre: Centre, cache: GrantCache
) -> None:
    assert await made(centre, cache).fetch_boards()
    assert cache.boards() == ()


class Scripted:
    """A centre that says what it is told to."""

    def __init__(self, *replies: Reply | GatewayError) -> None:
        self.replies = list(replies)
        self.asked = asyncio.Semaphore(0)

    async def ask(self, _: Question) -> Reply:
        self.asked.release()
        reply = self.replies.pop(0)
        if isinstance(reply, GatewayError):
            raise reply
        return reply


BOARDS = BoardsTold(boards=(Board(name="b", updated_at=NOW, lines=(BoardEntry("shop", 1.0),)),))


async def test_boards_are_asked_for_again_when_the_link_is_up(cache: GrantCache) -> None:
    script = Scripted(Interrupted("away"), BOARDS)
    asked = made(script, cache)
    task = asyncio.create_task(asked.run())
    await asyncio.wait_for(script.asked.acquire(), 5)
    asked.link_is(up=True)
    await asyncio.wait_for(script.asked.acquire(), 5)
    await until(cache.boards)
    asked.link_is(up=True)  # it was: nothing is new
    assert not script.replies
    task.cancel()


async def test_boards_are_asked_for_every_now_and_then(
    cache: GrantCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "BOARDS_EVERY_S", 0.02)
    monkeypatch.setattr(lookups, "BOARDS_AGAIN_S", 0.02)
    script = Scripted(BOARDS, Interrupted("away"), BOARDS, BOARDS)
    task = asyncio.create_task(made(script, cache).run())
    for _ in range(4):
        await asyncio.wait_for(script.asked.acquire(), 5)
    task.cancel()


async def test_without_a_centre_there_is_nothing_to_ask(cache: GrantCache) -> None:
    await asyncio.wait_for(made(None, cache).run(), 1)
    assert await made(None, cache).boards() == ()


async def test_an_answer_about_somebody_else_is_none(cache: GrantCache) -> None:
    told = AccountTold(account="yuri", level=1, experience=1, balance="1")
    assert await made(Scripted(told), cache).account("zoe") is None
