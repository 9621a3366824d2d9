"""The client against the stand-in, over TCP."""

import asyncio
import logging
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.config import AchivxUplink
from gateway.errors import CannotStart
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import (
    ActionRule,
    NoAccount,
    Recorded,
    Rejected,
    Retry,
    TokenUnchecked,
    Unauthenticated,
)
from tests.sync.bridges import TOKEN
from tests.sync.small_server import connect


async def test_checking_the_token_tells_the_configured_actions(achivx: AchivxServer) -> None:
    async with connect(achivx) as client:
        rules = await client.check_token()
    assert rules["Earned"].reward == pytest.approx(0.1)
    assert rules["Once"] == ActionRule(xp=1, reward=0.0, repeatable=False)
    assert set(rules) == {"Earned", "Tokens", "Fined", "Once"}


async def test_nothing_goes_out_before_the_token_is_checked(achivx: AchivxServer) -> None:
    async with connect(achivx) as client:
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
    assert achivx.peak_calls == 0


async def test_a_wrong_token_is_told(achivx: AchivxServer) -> None:
    async with connect(achivx, token="wrong") as client:
        with pytest.raises(Unauthenticated, match="Invalid authentication token"):
            await client.check_token()
        with pytest.raises(TokenUnchecked):
            await client.record("ann", "Earned", "k")


async def test_after_the_token_was_refused_it_must_be_checked_again(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    achivx.token = "another"
    with pytest.raises(Unauthenticated):
        await client.record("ann", "Earned", "k")
    with pytest.raises(TokenUnchecked):
        await client.record("ann", "Earned", "k")
    achivx.token = TOKEN
    await client.check_token()
    assert await client.record("ann", "Earned", "k") is Recorded.NOW


async def test_a_key_is_recorded_once(achivx: AchivxServer, client: AchivxClient) -> None:
    assert await client.create_action("ann", "Earned", "k") is Recorded.NOW
    assert await client.create_action("ann", "Earned", "k") is Recorded.ALREADY
    assert await client.create_action("ann", "Earned", "k", xp=9, reward=8) is Recorded.ALREADY
    _, actions = achivx.ledger.snapshot()
    assert [(each.key, each.experience, each.reward) for each in actions] == [("k", 4, 0.1)]


async def test_overrides_are_credited_exactly(client: AchivxClient) -> None:
    await client.record("ann", "Tokens", "1", xp=7, reward=2.75)
    await client.record("ann", "Tokens", "2", reward=-0.5)
    details = await client.account_details("ann")
    assert (details.id, details.balance, details.experience) == ("ann", Decimal("2.25"), 7)
    assert details.last_active_at is None
    assert details.registered_at is not None


async def test_a_race_on_one_key_is_recorded_once(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        racers = [tasks.create_task(client.create_action("ann", "Earned", "k")) for _ in range(16)]
    outcomes = [racer.result() for racer in racers]
    assert outcomes.count(Recorded.NOW) == 1
    assert outcomes.count(Recorded.ALREADY) == 15
    assert len(achivx.ledger.actions) == 1


async def test_an_unknown_account_is_made_only_by_record(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    with pytest.raises(NoAccount):
        await client.create_action("Боб", "Earned", "k")
    with pytest.raises(NoAccount):
        await client.account_details("Боб")
    assert "Боб" not in achivx.ledger.accounts
    assert await client.record("Боб", "Earned", "k") is Recorded.NOW
    assert (await client.account_details("Боб")).experience == 4
    assert (await client.upsert_account("Боб")).experience == 4


async def test_an_account_that_is_made_and_not_there_is_tried_again(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    gone = Fault("NOT_FOUND", "Account not found", commits=False)
    achivx.faults.extend((gone, gone))
    with pytest.raises(Retry, match="bob was made and is not there"):
        await client.record("bob", "Earned", "k")
    assert await client.record("bob", "Earned", "k") is Recorded.NOW


async def test_our_rules_hold_before_the_wire(achivx: AchivxServer, client: AchivxClient) -> None:
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
    assert achivx.ledger.actions == []


async def test_an_action_configured_since_is_found(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    with pytest.raises(Rejected):
        await client.record("ann", "New", "k")
    achivx.ledger.config.actions["New"] = achivx.ledger.config.actions["Tokens"]
    assert await client.record("ann", "New", "k") is Recorded.NOW


async def test_an_action_configured_no_more_is_rejected_in_the_servers_words(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    del achivx.ledger.config.actions["Tokens"]
    with pytest.raises(Rejected, match="Unknown action name: Tokens"):
        await client.record("ann", "Tokens", "k")


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


async def test_leader_boards(achivx: AchivxServer, client: AchivxClient) -> None:
    assert await client.leader_boards() == ("Best", "Players")
    assert await client.leader_board("Best") is None
    for account, key in (("ann", "1"), ("bob", "1"), ("bob", "2")):
        await client.record(account, "Earned", key)
    achivx.ledger.run_boards(achivx.now())
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
    achivx: AchivxServer, client: AchivxClient
) -> None:
    await achivx.kill()
    with pytest.raises(Retry):
        await client.leader_board("Best")
    with pytest.raises(Retry):
        await client.leader_boards()


async def test_the_token_is_in_no_text(
    achivx: AchivxServer, client: AchivxClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [repr(client), str(client)]
    achivx.faults.append(faults.CUT_OFF)
    with pytest.raises(Retry) as caught:
        await client.record("ann", "Earned", "k")
    error: BaseException | None = caught.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__
    assert len(texts) >= 6
    assert not any(TOKEN in text for text in [*texts, caplog.text])


async def test_from_the_configuration(achivx: AchivxServer, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    uplink = AchivxUplink(
        address=achivx.address, token_file=str(token_file), plaintext="loopback", deadline_s=5
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
