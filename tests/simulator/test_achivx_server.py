"""The stand-in over TCP, with plain stubs: what the client of the gateway never sends included."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer, main
from gateway.simulator.gamification import UNLOCK, read
from gateway.sync.proto import (
    accounts_pb2,
    accounts_pb2_grpc,
    actions_pb2,
    actions_pb2_grpc,
    transactions_pb2,
    transactions_pb2_grpc,
)

STARTER = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
TOKEN = (("authentication", "good"),)
CONFIG = b"""{
  "levels": [{"xp": 10, "reward": 2}],
  "actions": {"Earned": {"xp": 4, "reward": 0.1, "repeatable": true}}
}"""


@pytest.fixture
async def server() -> AsyncIterator[AchivxServer]:
    async with AchivxServer("good", read(CONFIG)) as running:
        running.ledger.upsert("ann", running.now())
        yield running


@pytest.fixture
async def channel(server: AchivxServer) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.address) as opened:
        yield opened


@pytest.fixture
def actions(channel: grpc.aio.Channel) -> actions_pb2_grpc.ActionsStub:
    return actions_pb2_grpc.ActionsStub(channel)


@pytest.fixture
def accounts(channel: grpc.aio.Channel) -> accounts_pb2_grpc.AccountsStub:
    return accounts_pb2_grpc.AccountsStub(channel)


@pytest.fixture
def transactions(channel: grpc.aio.Channel) -> transactions_pb2_grpc.TransactionsStub:
    return transactions_pb2_grpc.TransactionsStub(channel)


def earned(key: str | None = "k", reward: float | None = None) -> actions_pb2.CreateActionRequest:
    return actions_pb2.CreateActionRequest(
        account="ann", action="Earned", key=key, rewardOverride=reward
    )


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ((), "Authentication token is missing"),
        ((("authentication", "bad"),), "Invalid authentication token"),
    ],
)
async def test_every_call_wants_the_token(
    server: AchivxServer,
    actions: actions_pb2_grpc.ActionsStub,
    accounts: accounts_pb2_grpc.AccountsStub,
    metadata: tuple[tuple[str, str], ...],
    words: str,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await actions.CreateAction(earned(), metadata=metadata)
    request = actions_pb2.ActionsConfigurationRequest()
    with pytest.raises(grpc.aio.AioRpcError) as stream:
        [rule async for rule in actions.GetActionsConfiguration(request, metadata=metadata)]
    with pytest.raises(grpc.aio.AioRpcError) as other:
        await accounts.UpsertAccount(accounts_pb2.AccountUpsertRequest(id="b"), metadata=metadata)
    for error in (unary.value, stream.value, other.value):
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, words)
    assert server.ledger.actions == []


async def test_a_reward_arrives_as_a_32_bit_float(
    actions: actions_pb2_grpc.ActionsStub, accounts: accounts_pb2_grpc.AccountsStub
) -> None:
    await actions.CreateAction(earned(reward=0.1), metadata=TOKEN)
    request = accounts_pb2.AccountDetailsRequest(id="ann")
    details = await accounts.GetAccountDetails(request, metadata=TOKEN)
    assert details.balance == "0.10000000149011612"
    assert details.experience == 4


async def test_the_servers_clock_dates_an_action(
    actions: actions_pb2_grpc.ActionsStub,
) -> None:
    kept = await actions.CreateAction(earned(), metadata=TOKEN)
    assert (kept.action, kept.key, kept.experience) == ("Earned", "k", 4)
    assert kept.createdAt.endswith("Z")
    request = actions_pb2.AccountActionsListRequest(account="ann")
    assert [each async for each in actions.GetAccountActions(request, metadata=TOKEN)] == [kept]


async def test_the_configuration_lists_what_the_server_records_itself(
    actions: actions_pb2_grpc.ActionsStub,
) -> None:
    request = actions_pb2.ActionsConfigurationRequest()
    found = [rule async for rule in actions.GetActionsConfiguration(request, metadata=TOKEN)]
    assert [rule.name for rule in found] == ["Earned", UNLOCK]


async def test_an_unset_key_is_not_an_empty_one(actions: actions_pb2_grpc.ActionsStub) -> None:
    for key in (None, ""):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await actions.CreateAction(earned(key), metadata=TOKEN)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_activity_is_tracked(
    actions: actions_pb2_grpc.ActionsStub, accounts: accounts_pb2_grpc.AccountsStub
) -> None:
    request = accounts_pb2.AccountActivityTrackRequest(
        account="ann", timestamp="2090-01-01T00:00:00.000Z"
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await accounts.TrackAccountActivity(request, metadata=TOKEN)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    await actions.CreateAction(earned(), metadata=TOKEN)
    details = await accounts.TrackAccountActivity(request, metadata=TOKEN)
    assert details.lastActiveAt == request.timestamp


async def test_a_payment_repeated_pays_twice(
    transactions: transactions_pb2_grpc.TransactionsStub, server: AchivxServer
) -> None:
    request = transactions_pb2.AccountPaymentRequest(account="ann", amount="1.5")
    for _ in range(2):
        await transactions.PayToAccount(request, metadata=TOKEN)
    assert str(server.ledger.accounts["ann"].balance) == "3.0"


@pytest.mark.parametrize(
    ("account", "amount", "code"),
    [
        ("bob", "1", grpc.StatusCode.FAILED_PRECONDITION),
        ("ann", "much", grpc.StatusCode.INVALID_ARGUMENT),
        ("ann", "-1", grpc.StatusCode.INVALID_ARGUMENT),
        ("ann", "NaN", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_payments_that_are_refused(
    transactions: transactions_pb2_grpc.TransactionsStub,
    account: str,
    amount: str,
    code: grpc.StatusCode,
) -> None:
    request = transactions_pb2.AccountPaymentRequest(account=account, amount=amount)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await transactions.PayToAccount(request, metadata=TOKEN)
    assert caught.value.code() is code


async def test_a_payment_begins_as_paid(
    transactions: transactions_pb2_grpc.TransactionsStub,
) -> None:
    request = transactions_pb2.AccountPaymentRequest(
        account="ann", amount="1", status=transactions_pb2.MINED
    )
    with pytest.raises(grpc.aio.AioRpcError, match="Illegal initial payment status"):
        await transactions.PayToAccount(request, metadata=TOKEN)


async def test_a_payment_without_the_token_kills_the_server(
    transactions: transactions_pb2_grpc.TransactionsStub,
    actions: actions_pb2_grpc.ActionsStub,
) -> None:
    request = transactions_pb2.AccountPaymentRequest(account="ann", amount="1.5")
    with pytest.raises(grpc.aio.AioRpcError):
        await transactions.PayToAccount(request)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await actions.CreateAction(earned(), metadata=TOKEN)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_payments_are_listed_newest_first(
    transactions: transactions_pb2_grpc.TransactionsStub, server: AchivxServer
) -> None:
    server.ledger.upsert("bob", server.now())
    for account, key in (("ann", "1"), ("bob", "1"), ("ann", "2"), ("ann", "3")):
        server.ledger.create_action(account, "Earned", key, server.now())

    async def listed(**wanted: object) -> list[str]:
        request = transactions_pb2.TransactionListRequest(**wanted)  # type: ignore[arg-type]
        return [
            next((entry.value for entry in each.meta if entry.name == "actionKey"), "level")
            async for each in transactions.GetTransactionsList(request, metadata=TOKEN)
        ]

    assert await listed(account="ann") == ["3", "level", "2", "1"]
    assert await listed(account="ann", offset=1, limit=2) == ["level", "2"]
    assert len(await listed()) == 5
    assert await listed(includeStatuses=[transactions_pb2.HOLD]) == []
    assert await listed(isWithdrawal=True) == []
    with pytest.raises(grpc.aio.AioRpcError, match="Account not found"):
        await listed(account="cid")


async def test_faults_befall_one_action_each(
    server: AchivxServer, actions: actions_pb2_grpc.ActionsStub
) -> None:
    server.faults.extend((faults.FALSE_ALREADY_EXISTS, faults.CUT_OFF))
    codes = []
    for _ in range(3):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await actions.CreateAction(earned(), metadata=TOKEN)
        codes.append((caught.value.code().name, len(server.ledger.actions)))
    assert codes == [("ALREADY_EXISTS", 0), ("UNAVAILABLE", 1), ("ALREADY_EXISTS", 1)]


async def test_a_frozen_server_does_everything_once_thawed(
    server: AchivxServer, actions: actions_pb2_grpc.ActionsStub
) -> None:
    server.freeze()
    calls = [
        actions.CreateAction(earned(str(number)), metadata=TOKEN, timeout=0.2)
        for number in range(3)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.DEADLINE_EXCEEDED
    }
    assert server.ledger.actions == []
    server.thaw()
    await actions.CreateAction(earned("last"), metadata=TOKEN)
    assert len(server.ledger.actions) == 4


async def test_what_a_kill_cuts_is_never_recorded_and_the_rest_is_kept(
    server: AchivxServer, actions: actions_pb2_grpc.ActionsStub
) -> None:
    await actions.CreateAction(earned("kept"), metadata=TOKEN)
    address = server.address
    server.freeze()
    call = actions.CreateAction(earned("cut"), metadata=TOKEN)
    waiting = asyncio.ensure_future(call)
    await server.until_busy()
    await server.kill()
    with pytest.raises(grpc.aio.AioRpcError):
        await waiting
    server.thaw()
    await server.start()
    assert server.address == address
    await actions.CreateAction(earned("after"), metadata=TOKEN, wait_for_ready=True)
    assert [each.key for each in server.ledger.actions] == ["kept", "after"]


async def test_the_snapshot_is_what_the_demo_shows(
    server: AchivxServer, actions: actions_pb2_grpc.ActionsStub
) -> None:
    await actions.CreateAction(earned(), metadata=TOKEN)
    accounts, entries = server.ledger.snapshot()
    assert [(each.id, each.balance, each.experience, each.level) for each in accounts] == [
        ("ann", "0.1", 4, 0)
    ]
    assert [(each.account, each.action, each.key, each.reward) for each in entries] == [
        ("ann", "Earned", "k", 0.1)
    ]


def test_the_starter_configuration_is_fair() -> None:
    config = read(STARTER.read_bytes())
    shop = {
        "PressVeryHappy",
        "PressHappy",
        "PressNeutral",
        "PressUnhappy",
        "PressVeryUnhappy",
        "PressCall",
        "PressReason",
        "AlertMissed",
        "GatewayCanary",
    }
    staff = {
        "AlertAnswered",
        "AlertAnsweredInTime",
        "CustomerContacted",
        "CustomerRecovered",
        "ShiftWithoutMiss",
    }
    customer = {"RecoveryTokens", "TokensSpent", "GrantRedeemed"}
    assert set(config.actions) == shop | staff | customer | {UNLOCK}
    assert all(rule.repeatable for rule in config.actions.values())
    assert all(rule.reward == 0 for rule in config.actions.values())
    assert {name for name, rule in config.actions.items() if rule.xp} == staff
    assert all(0 < config.actions[name].xp <= 10 for name in staff)
    tracked = [config.achievements[name].actions for name in config.achievements]
    assert all(set(actions) <= set(config.actions) for actions in tracked)


async def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("good\n")
    arguments = ("--port", "0", "--token-file", str(token_file), "--config", str(STARTER))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.simulator.achivx_server", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        address = line.removeprefix("listening on ").strip()
        async with grpc.aio.insecure_channel(address) as channel:
            stub = actions_pb2_grpc.ActionsStub(channel)
            request = actions_pb2.ActionsConfigurationRequest()
            calls = stub.GetActionsConfiguration(request, metadata=TOKEN, timeout=10)
            assert "GatewayCanary" in [rule.name async for rule in calls]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_command_says_what_is_wrong_with_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gamification.json"
    config.write_text('{"levels": [{"xp": 0}]}')
    for token_file in (tmp_path / "missing", config):
        with pytest.raises(SystemExit):
            main(["--token-file", str(token_file), "--config", str(config)])
    words = capsys.readouterr().err
    assert "No such file" in words
    assert "levels" in words
