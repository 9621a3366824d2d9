"""Faults between the client and the stand-in: each action is there once all the same."""

import asyncio
import random

import pytest

from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import IndexMissing, Recorded, Retry
from gateway.sync.gate import AccountGate
from tests.sync.small_server import connect, until


@pytest.mark.parametrize("fault", faults.LEAKED, ids=lambda fault: fault.code)
async def test_leaked_database_errors_are_tried_again(
    achivx: AchivxServer, client: AchivxClient, fault: Fault
) -> None:
    achivx.faults.append(fault)
    with pytest.raises(Retry) as caught:
        await client.create_action("ann", "Earned", "k")
    assert caught.value.code == fault.code
    assert fault.details in str(caught.value)
    assert await client.create_action("ann", "Earned", "k") is Recorded.NOW


@pytest.mark.parametrize("fault", [faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT])
async def test_a_lost_answer_is_found_by_the_same_key(
    achivx: AchivxServer, client: AchivxClient, fault: Fault
) -> None:
    achivx.faults.append(fault)
    with pytest.raises(Retry):
        await client.create_action("ann", "Earned", "k")
    assert await client.create_action("ann", "Earned", "k") is Recorded.ALREADY


async def test_a_call_past_its_deadline_commits_all_the_same(achivx: AchivxServer) -> None:
    async with connect(achivx, deadline_s=0.3) as client:
        await client.check_token()
        achivx.freeze()
        with pytest.raises(Retry) as caught:
            await client.create_action("ann", "Earned", "k")
        assert caught.value.code == "DEADLINE_EXCEEDED"
        achivx.thaw()
        assert await until(client, "ann", "Earned", "k") is Recorded.ALREADY
    assert len(achivx.ledger.actions) == 1


async def test_a_server_that_comes_back_is_found_within_about_a_second(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    await client.record("ann", "Earned", "1")
    await achivx.kill()
    gone = asyncio.create_task(until(client, "ann", "Earned", "2"))
    await asyncio.wait([gone], timeout=2)  # long enough for the back-off to reach its most
    assert not gone.done()
    await achivx.start()
    clock = asyncio.get_running_loop().time
    back = clock()
    assert await gone is Recorded.NOW
    assert clock() - back < 2
    assert [each.key for each in achivx.ledger.actions] == ["1", "2"]


async def test_a_call_cut_by_a_kill_is_tried_again(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    achivx.freeze()
    call = asyncio.create_task(client.create_action("ann", "Earned", "k"))
    await achivx.until_busy()
    await achivx.kill()
    with pytest.raises(Retry):
        await call
    achivx.thaw()
    await achivx.start()
    assert await until(client, "ann", "Earned", "k") is Recorded.NOW


async def test_the_canary_passes_where_one_key_is_recorded_once(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    await client.canary("shop", "Tokens", "canary")
    await client.canary("shop", "Tokens", "canary")
    assert len(achivx.ledger.actions) == 1


async def test_the_canary_finds_a_missing_index(achivx: AchivxServer, client: AchivxClient) -> None:
    await client.canary("shop", "Tokens", "canary")
    achivx.ledger.index_missing = True
    with pytest.raises(IndexMissing, match="twice"):
        await client.canary("shop", "Tokens", "canary")


async def test_the_gate_keeps_to_what_the_server_bears(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    gate = AccountGate()
    achivx.delay_s = 0.002

    async def send(account: str, key: str) -> None:
        async with gate.passing(account):
            await client.record(account, "Tokens", key, reward=1)

    async with asyncio.TaskGroup() as tasks:
        for number in range(120):
            tasks.create_task(send(f"account {number % 40}", str(number)))
    assert achivx.peak_account_calls == 1
    assert 8 <= achivx.peak_calls <= 16
    accounts, _ = achivx.ledger.snapshot()
    assert {each.balance for each in accounts if each.id != "ann"} == {"3"}


async def test_everything_goes_wrong_and_each_action_is_there_once(
    achivx: AchivxServer, client: AchivxClient
) -> None:
    chance = random.Random(20261121)
    troubles = [*faults.LEAKED, faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT, faults.UNREACHABLE]
    due = [
        (f"account {number % 5}", f"key {number % 23}".replace(" ", "-")) for number in range(60)
    ]
    for account, key in due:
        achivx.faults.extend(chance.sample(troubles, chance.randrange(4)))
        await until(client, account, "Earned", key)
    kept = [(each.account, each.key) for each in achivx.ledger.actions if each.action == "Earned"]
    assert sorted(kept) == sorted(set(due))
