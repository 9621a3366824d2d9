"""The client against the stand-in, over TCP."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.config import AchivxUplink
from gateway.errors import CannotStart
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import Gamification, read
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import (
    ActionRule,
    IndexMissing,
    NoAccount,
    Recorded,
    Rejected,
    Retry,
    TokenUnchecked,
    Unauthenticated,
)
from gateway.sync.gate import AccountGate

TOKEN = "a-token-that-nobody-may-read"
CONFIG = b"""{
  "levels": [{"xp": 10, "reward": 2}, {"xp": 30, "reward": 0.5}],
  "actions": {
    "Earned": {"xp": 4, "reward": 0.1, "repeatable": true},
    "Tokens": {"repeatable": true, "trackActivity": false},
    "Fined": {"xp": -2, "repeatable": true},
    "Once": {"xp": 1}
  },
  "achievements": {
    "Thrice": {"type": "ActionBased", "actions": {"Earned": 1}, "threshold": 3, "reward": 5}
  },
  "medals": {"Old": {"type": "AgeBased", "ranks": []}},
  "leaderBoards": {
    "Best": {"type": "ActionBased", "actions": {"Earned": 1}, "size": 10},
    "Players": {"type": "ExperienceBased", "size": 1}
  }
}"""


def config() -> Gamification:
    return read(CONFIG)


def connect(server: AchivxServer, token: str = TOKEN, deadline_s: float = 10) -> AchivxClient:
    return AchivxClient(server.address, token, plaintext="loopback", deadline_s=deadline_s)


@pytest.fixture
async def server() -> AsyncIterator[AchivxServer]:
    async with AchivxServer(TOKEN, config()) as running:
        running.ledger.upsert("ann", running.now())
        yield running


@pytest.fixture
async def client(server: AchivxServer) -> AsyncIterator[AchivxClient]:
    async with connect(server) as connected:
        await connected.check_token()
        yield connected


async def until(client: AchivxClient, account: str, action: str, key: str) -> Recorded:
    """Record, again and again while nobody can tell, as soon as there is a connection."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await client.record(account, action, key)
            except Retry:
                await client._channel.channel_ready()


async def test_checking_the_token_tells_the_configured_actions(server: AchivxServer) -> None:
    async with connect(server) as client:
        rules = await client.check_token()
    assert rules["Earned"].reward == pytest.approx(0.1)
    assert rules["Once"] == ActionRule(xp=1, reward=0.0, repeatable=False)
    assert set(rules) == {"Earned", "Tokens", "Fined", "Once"}


async def test_nothing_goes_out_before_the_token_is_checked(server: AchivxServer) -> None:
    async with connect(server) as client:
        with pytest.raises(TokenUnchecked):
            await client.record("ann", "Earned", "k")
        with pytest.raises(TokenUnchecked):
            await client.upsert_account("ann")
        with pytest.raises(TokenUnchecked):
            await client.account_details("ann")
        with pytest.raises(TokenUnchecked):
            await client.achievements("ann")
        with pytest.raises(TokenUnchecked):
            await client.leader_boards()
        with pytest.raises(TokenUnchecked):
            await client.leader_board("Best")
    assert server.peak_calls == 0


async def test_a_wrong_token_is_told(server: AchivxServer) -> None:
    async with connect(server, token="wrong") as client:
        with pytest.raises(Unauthenticated, match="Invalid authentication token"):
            await client.check_token()
        with pytest.raises(TokenUnchecked):
            await client.record("ann", "Earned", "k")


async def test_after_the_token_was_refused_it_must_be_checked_again(
    server: AchivxServer, client: AchivxClient
) -> None:
    server.token = "another"
    with pytest.raises(Unauthenticated):
        await client.record("ann", "Earned", "k")
    with pytest.raises(TokenUnchecked):
        await client.record("ann", "Earned", "k")
    server.token = TOKEN
    await client.check_token()
    assert await client.record("ann", "Earned", "k") is Recorded.NOW


async def test_a_key_is_recorded_once(server: AchivxServer, client: AchivxClient) -> None:
    assert await client.create_action("ann", "Earned", "k") is Recorded.NOW
    assert await client.create_action("ann", "Earned", "k") is Recorded.ALREADY
    assert await client.create_action("ann", "Earned", "k", xp=9, reward=8) is Recorded.ALREADY
    _, actions = server.ledger.snapshot()
    assert [(each.key, each.experience, each.reward) for each in actions] == [("k", 4, 0.1)]


async def test_overrides_are_credited_exactly(client: AchivxClient) -> None:
    await client.record("ann", "Tokens", "1", xp=7, reward=2.75)
    await client.record("ann", "Tokens", "2", reward=-0.5)
    details = await client.account_details("ann")
    assert (details.id, details.balance, details.experience) == ("ann", Decimal("2.25"), 7)
    assert details.last_active_at is None
    assert details.registered_at is not None


async def test_a_race_on_one_key_is_recorded_once(
    server: AchivxServer, client: AchivxClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        racers = [tasks.create_task(client.create_action("ann", "Earned", "k")) for _ in range(16)]
    outcomes = [racer.result() for racer in racers]
    assert outcomes.count(Recorded.NOW) == 1
    assert outcomes.count(Recorded.ALREADY) == 15
    assert len(server.ledger.actions) == 1


async def test_an_unknown_account_is_made_only_by_record(
    server: AchivxServer, client: AchivxClient
) -> None:
    with pytest.raises(NoAccount):
        await client.create_action("Боб", "Earned", "k")
    with pytest.raises(NoAccount):
        await client.account_details("Боб")
    assert "Боб" not in server.ledger.accounts
    assert await client.record("Боб", "Earned", "k") is Recorded.NOW
    assert (await client.account_details("Боб")).experience == 4
    assert (await client.upsert_account("Боб")).experience == 4


async def test_an_account_that_is_made_and_not_there_is_tried_again(
    server: AchivxServer, client: AchivxClient
) -> None:
    gone = Fault("NOT_FOUND", "Account not found", commits=False)
    server.faults.extend((gone, gone))
    with pytest.raises(Retry, match="bob was made and is not there"):
        await client.record("bob", "Earned", "k")
    assert await client.record("bob", "Earned", "k") is Recorded.NOW


async def test_our_rules_hold_before_the_wire(server: AchivxServer, client: AchivxClient) -> None:
    with pytest.raises(Rejected, match="multiple of 1/4"):
        await client.record("ann", "Tokens", "k", reward=0.1)
    with pytest.raises(Rejected, match="experience"):
        await client.record("ann", "Tokens", "k", xp=-1)
    with pytest.raises(Rejected, match="experience"):
        await client.record("ann", "Fined", "k")
    with pytest.raises(Rejected, match="key"):
        await client.record("ann", "Tokens", "")
    with pytest.raises(Rejected, match="not repeatable"):
        await client.record("ann", "Once", "k")
    with pytest.raises(Rejected, match="not configured"):
        await client.record("ann", "achivx.UnlockAchievement", "Thrice")
    for ask in (client.upsert_account, client.account_details, client.achievements):
        with pytest.raises(Rejected, match="account"):
            await ask("")
    assert server.ledger.actions == []


async def test_an_action_configured_since_is_found(
    server: AchivxServer, client: AchivxClient
) -> None:
    with pytest.raises(Rejected):
        await client.record("ann", "New", "k")
    server.ledger.config.actions["New"] = server.ledger.config.actions["Tokens"]
    assert await client.record("ann", "New", "k") is Recorded.NOW


async def test_an_action_configured_no_more_is_rejected_in_the_servers_words(
    server: AchivxServer, client: AchivxClient
) -> None:
    del server.ledger.config.actions["Tokens"]
    with pytest.raises(Rejected, match="Unknown action name: Tokens"):
        await client.record("ann", "Tokens", "k")


@pytest.mark.parametrize("fault", faults.LEAKED, ids=lambda fault: fault.code)
async def test_leaked_database_errors_are_tried_again(
    server: AchivxServer, client: AchivxClient, fault: Fault
) -> None:
    server.faults.append(fault)
    with pytest.raises(Retry) as caught:
        await client.create_action("ann", "Earned", "k")
    assert caught.value.code == fault.code
    assert fault.details in str(caught.value)
    assert await client.create_action("ann", "Earned", "k") is Recorded.NOW


@pytest.mark.parametrize("fault", [faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT])
async def test_a_lost_answer_is_found_by_the_same_key(
    server: AchivxServer, client: AchivxClient, fault: Fault
) -> None:
    server.faults.append(fault)
    with pytest.raises(Retry):
        await client.create_action("ann", "Earned", "k")
    assert await client.create_action("ann", "Earned", "k") is Recorded.ALREADY


async def test_a_call_past_its_deadline_commits_all_the_same(server: AchivxServer) -> None:
    async with connect(server, deadline_s=0.3) as client:
        await client.check_token()
        server.freeze()
        with pytest.raises(Retry) as caught:
            await client.create_action("ann", "Earned", "k")
        assert caught.value.code == "DEADLINE_EXCEEDED"
        server.thaw()
        assert await until(client, "ann", "Earned", "k") is Recorded.ALREADY
    assert len(server.ledger.actions) == 1


async def test_a_server_that_comes_back_is_found_within_about_a_second(
    server: AchivxServer, client: AchivxClient
) -> None:
    await client.record("ann", "Earned", "1")
    await server.kill()
    gone = asyncio.create_task(until(client, "ann", "Earned", "2"))
    await asyncio.wait([gone], timeout=2)  # long enough for the back-off to reach its most
    assert not gone.done()
    await server.start()
    clock = asyncio.get_running_loop().time
    back = clock()
    assert await gone is Recorded.NOW
    assert clock() - back < 2
    assert [each.key for each in server.ledger.actions] == ["1", "2"]


async def test_a_call_cut_by_a_kill_is_tried_again(
    server: AchivxServer, client: AchivxClient
) -> None:
    server.freeze()
    call = asyncio.create_task(client.create_action("ann", "Earned", "k"))
    await server.until_busy()
    await server.kill()
    with pytest.raises(Retry):
        await call
    server.thaw()
    await server.start()
    assert await until(client, "ann", "Earned", "k") is Recorded.NOW


async def test_the_canary_passes_where_one_key_is_recorded_once(
    server: AchivxServer, client: AchivxClient
) -> None:
    await client.canary("shop", "Tokens", "canary")
    await client.canary("shop", "Tokens", "canary")
    assert len(server.ledger.actions) == 1


async def test_the_canary_finds_a_missing_index(server: AchivxServer, client: AchivxClient) -> None:
    await client.canary("shop", "Tokens", "canary")
    server.ledger.index_missing = True
    with pytest.raises(IndexMissing, match="twice"):
        await client.canary("shop", "Tokens", "canary")


async def test_achievements(client: AchivxClient) -> None:
    for number in range(2):
        await client.record("ann", "Earned", str(number))
    (locked,) = await client.achievements("ann")
    assert (locked.name, locked.progress, locked.max_progress) == ("Thrice", 2.0, 3.0)
    assert locked.unlocked_at is None
    await client.record("ann", "Earned", "2")
    (unlocked,) = await client.achievements("ann")
    assert unlocked.progress == 3.0
    assert unlocked.unlocked_at is not None
    with pytest.raises(NoAccount):
        await client.achievements("bob")


async def test_leader_boards(server: AchivxServer, client: AchivxClient) -> None:
    assert await client.leader_boards() == ("Best", "Players")
    assert await client.leader_board("Best") is None
    for account, key in (("ann", "1"), ("bob", "1"), ("bob", "2")):
        await client.record(account, "Earned", key)
    server.ledger.run_boards(server.now())
    best = await client.leader_board("Best")
    players = await client.leader_board("Players")
    assert best is not None
    assert players is not None
    assert [(each.account, each.score) for each in best.leaders] == [("bob", 2.0), ("ann", 1.0)]
    assert [(each.account, each.score) for each in players.leaders] == [("bob", 8.0)]
    assert best.updated_at.endswith("Z")
    with pytest.raises(Rejected, match="not found"):
        await client.leader_board("None such")


async def test_a_board_out_of_reach_is_not_an_empty_one(
    server: AchivxServer, client: AchivxClient
) -> None:
    await server.kill()
    with pytest.raises(Retry):
        await client.leader_board("Best")
    with pytest.raises(Retry):
        await client.leader_boards()


async def test_the_gate_keeps_to_what_the_server_bears(
    server: AchivxServer, client: AchivxClient
) -> None:
    gate = AccountGate()
    server.delay_s = 0.002

    async def send(account: str, key: str) -> None:
        async with gate.passing(account):
            await client.record(account, "Tokens", key, reward=1)

    async with asyncio.TaskGroup() as tasks:
        for number in range(120):
            tasks.create_task(send(f"account {number % 40}", str(number)))
    assert server.peak_account_calls == 1
    assert 8 <= server.peak_calls <= 16
    accounts, _ = server.ledger.snapshot()
    assert {each.balance for each in accounts if each.id != "ann"} == {"3"}


async def test_everything_goes_wrong_and_each_action_is_there_once(
    server: AchivxServer, client: AchivxClient
) -> None:
    chance = random.Random(20261121)
    troubles = [*faults.LEAKED, faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT, faults.UNREACHABLE]
    due = [
        (f"account {number % 5}", f"key {number % 23}".replace(" ", "-")) for number in range(60)
    ]
    for account, key in due:
        server.faults.extend(chance.sample(troubles, chance.randrange(4)))
        await until(client, account, "Earned", key)
    kept = [(each.account, each.key) for each in server.ledger.actions if each.action == "Earned"]
    assert sorted(kept) == sorted(set(due))


async def test_the_token_is_in_no_text(
    server: AchivxServer, client: AchivxClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [repr(client), str(client)]
    server.faults.append(faults.CUT_OFF)
    with pytest.raises(Retry) as caught:
        await client.record("ann", "Earned", "k")
    error: BaseException | None = caught.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__
    assert len(texts) >= 6
    assert not any(TOKEN in text for text in [*texts, caplog.text])


async def test_from_the_configuration(server: AchivxServer, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    uplink = AchivxUplink(
        address=server.address, token_file=str(token_file), plaintext="loopback", deadline_s=5
    )
    async with AchivxClient.from_config(uplink) as client:
        assert "Earned" in await client.check_token()


def test_a_token_that_cannot_be_read_or_sent_stops_the_start(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    uplink = AchivxUplink(address="127.0.0.1:1", token_file=str(token_file), plaintext="loopback")
    with pytest.raises(CannotStart, match="token file"):
        AchivxClient.from_config(uplink)
    for content in (b"", b"two words", b"\xff\xfe", "токен".encode()):
        token_file.write_bytes(content)
        with pytest.raises(CannotStart, match="token"):
            AchivxClient.from_config(uplink)
