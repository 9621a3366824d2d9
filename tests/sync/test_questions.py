"""The bridge's side of a question: what is read, how often, and by whom."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.grants.cache import GrantCache
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync import wire
from gateway.sync.achivx import AchivxClient
from gateway.sync.asking import (
    ASK,
    TOLD,
    AccountTold,
    AskAccount,
    AskBoards,
    BoardEntry,
    BoardsTold,
    NoAccountTold,
    NotTold,
)
from gateway.sync.bridge_asks import BURST, Asks
from gateway.sync.bridge_config import Device
from gateway.sync.bridge_policy import Policy
from gateway.sync.gate import AccountGate
from gateway.sync.mqtt import Message
from gateway.sync.reader import BOARDS_S, Reader
from tests.sync.bridges import BOX, TOKEN
from tests.sync.test_lookup import ZOE, directly, fill, made, play


class Ticks:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def reading(
    server: AchivxServer, clock: Ticks
) -> AsyncIterator[tuple[Reader, AccountGate, AchivxClient]]:
    async with AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=5) as client:
        gate = AccountGate()
        reader = Reader(client, gate, clock=clock)
        yield reader, gate, client
        reader.close()


def entry(account: str, score: float) -> BoardEntry:
    return BoardEntry(account, score)


def question(account: str = "zoe") -> Message:
    told = wire.topic("box-1", TOLD)
    return Message(
        wire.topic("box-1", ASK), wire.encode(AskAccount(account=account)), reply_to=told
    )


async def test_one_more_question_every_two_seconds(server: AchivxServer) -> None:
    clock = Ticks()
    async with reading(server, clock) as (reader, _, _):
        asks = Asks(Policy((BOX,)), reader, clock=clock)

        async def told() -> str:
            reply = await asks.answer(question())
            assert reply is not None
            return str(reply.__struct_config__.tag)

        assert [await told() for _ in range(BURST + 2)] == ["no_account"] * BURST + ["nothing"] * 2
        clock.now += 2.0
        assert [await told(), await told()] == ["no_account", "nothing"]
        clock.now += 3600.0
        assert [await told() for _ in range(BURST + 1)] == ["no_account"] * BURST + ["nothing"]


async def test_a_bridge_gives_up_and_says_so(server: AchivxServer) -> None:
    fill(server)
    async with reading(server, Ticks()) as (reader, gate, client):
        asks = Asks(Policy((BOX,)), reader, tell_s=0.05)
        await client.check_token()
        async with gate.passing("zoe"):  # an event of hers is being recorded
            reply = await asks.answer(question())
            assert isinstance(reply, NotTold)
            assert (reply.problem, "0.05 s" in reply.words) == ("away", True)
        assert isinstance(await reader.tell(ZOE, entry), AccountTold)
        assert server.peak_account_calls == 1


async def test_too_many_that_wait_are_busy(
    server: AchivxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sync.reader.WAITING", 1)
    async with reading(server, Ticks()) as (reader, gate, client):
        await client.check_token()
        async with gate.passing("zoe"):
            waiting = asyncio.create_task(reader.tell(ZOE, entry))
            await asyncio.sleep(0)
            reply = await reader.tell(AskAccount(account="yuri"), entry)
            assert isinstance(reply, NotTold)
            assert reply.problem == "busy"
        assert isinstance(await waiting, NoAccountTold)


async def test_leader_boards_are_asked_for_once_in_five_minutes(server: AchivxServer) -> None:
    clock = Ticks()
    play(server)
    async with reading(server, clock) as (reader, _, _):
        first = await reader.tell(AskBoards(), entry)
        server.ledger.run_boards("2027-01-02T00:00:00.000Z")
        clock.now += BOARDS_S - 1
        assert await reader.tell(AskBoards(), entry) == first
        clock.now += 1
        later = await reader.tell(AskBoards(), entry)
        assert isinstance(later, BoardsTold)
        assert {board.updated_at for board in later.boards} == {"2027-01-02T00:00:00.000Z"}


async def test_a_shop_is_known_by_any_entry() -> None:
    template = Device(id="*", account="store-{device}.eu")
    policy = Policy((BOX, template))
    names = ("shop", "store-box-9.eu", "store-box-9xeu", "store-a b.eu", "zoe")
    assert [policy.is_shop(name) for name in names] == [True, True, False, False, False]


@pytest.mark.parametrize("text", [None, b"", b'{"sha256":', b"[]", b"\0" * 1000])
async def test_what_a_spoilt_cache_has_lost_is_asked_for_again(
    server: AchivxServer, tmp_path: Path, text: bytes | None
) -> None:
    path = tmp_path / "grants.json"
    fill(server)
    async with directly(server) as centre:
        before = await made(centre, GrantCache(path)).account("zoe")
        path.unlink()
        if text is not None:
            path.write_bytes(text)
        spoilt = GrantCache(path)
        assert await made(None, spoilt).account("zoe") is None
        again = await made(centre, spoilt).account("zoe")
        remembered = await made(None, GrantCache(path)).account("zoe")
    assert before is not None
    assert again is not None
    assert remembered is not None
    assert before.balance == again.balance == remembered.balance == "12.75"
