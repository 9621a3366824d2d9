"""The direct uplink against the stand-in: real gRPC over TCP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AnyEvent,
    GrantRedeemed,
    Pressed,
    Record,
    Started,
)
from gateway.model import ButtonKind, OfferKind
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import Action, Gamification, read
from gateway.sync.achivx import AchivxClient
from gateway.sync.direct import DirectTransport
from gateway.sync.mapping import CANARY
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted

TOKEN = "a-token-that-nobody-may-read"
SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
AT = Stamp("boot", 1, 2, synced=True)
PRESS = Pressed(button="b", kind=ButtonKind.UNHAPPY, zone="z")


def config() -> Gamification:
    return read(SHIPPED.read_bytes())


def contact(account: str) -> AlertContacted:
    return AlertContacted(alert="a", by="x", account=account)


def answer(account: str) -> AlertAcknowledged:
    return AlertAcknowledged(alert="a", by="x", via="page", account=account, after_s=1.0)


def tokens(amount: float, account: str = "zoe") -> GrantRedeemed:
    return GrantRedeemed(code="C", by="x", kind=OfferKind.TOKENS, account=account, tokens=amount)


def batch(*events: AnyEvent, first: int = 1, mapping: tuple[int, ...] = ()) -> Batch:
    records = tuple(
        Record(
            device="box-1",
            epoch="E",
            seq=seq,
            at=AT,
            mapping=mapping[seq - first] if mapping else 1,
            account="shop",
            event=event,
        )
        for seq, event in enumerate(events, first)
    )
    return Batch(device="box-1", epoch="E", first=first, last=records[-1].seq, records=records)


def done(last: int, *aside: Aside, first: int = 1) -> Acknowledged:
    return Acknowledged(device="box-1", epoch="E", first=first, last=last, aside=aside)


def recorded(server: AchivxServer) -> list[tuple[str, str, str]]:
    """(account, action, sequence) in order of arrival, without canaries."""
    _, actions = server.ledger.snapshot()
    return [
        (each.account, each.action, each.key.rpartition(".")[2])
        for each in actions
        if each.action != CANARY and not each.action.startswith("achivx.")
    ]


@pytest.fixture
async def server() -> AsyncIterator[AchivxServer]:
    async with AchivxServer(TOKEN, config()) as running:
        yield running


@pytest.fixture
async def transport(server: AchivxServer) -> AsyncIterator[DirectTransport]:
    client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=10)
    async with DirectTransport(client) as transport:
        await transport.connect("box-1", "E", "shop")
        yield transport


async def test_a_batch_is_recorded_and_acknowledged(
    server: AchivxServer, transport: DirectTransport
) -> None:
    events = (Started(version="1"), PRESS, answer("anna"), tokens(5.25))
    assert await transport.deliver(batch(*events)) == done(4)
    assert sorted(recorded(server)) == [
        ("anna", "AlertAnswered", "3"),
        ("anna", "AlertAnsweredInTime", "3"),
        ("shop", "PressUnhappy", "2"),
        ("zoe", "RecoveryTokens", "4"),
    ]
    accounts, _ = server.ledger.snapshot()
    assert {each.id: each.balance for each in accounts}["zoe"] == "5.25"


async def test_events_of_one_account_go_out_one_by_one_in_order(
    server: AchivxServer, transport: DirectTransport
) -> None:
    names = [("anna", "boris", "clara")[number % 3] for number in range(60)]
    server.delay_s = 0.002
    assert await transport.deliver(batch(*map(answer, names))) == done(60)
    assert server.peak_account_calls == 1
    for name in set(names):
        mine = [seq for account, _, seq in recorded(server) if account == name]
        due = [str(seq) for seq, each in enumerate(names, 1) if each == name for _ in range(2)]
        assert mine == due


@pytest.mark.parametrize(
    "fault", [faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT, faults.UNREACHABLE, *faults.LEAKED]
)
async def test_what_nobody_can_tell_is_asked_again_and_recorded_once(
    server: AchivxServer, transport: DirectTransport, fault: Fault
) -> None:
    server.faults.append(fault)
    sent = batch(PRESS, contact("anna"), PRESS)
    with pytest.raises(Interrupted, match=fault.code):
        await transport.deliver(sent)
    assert await transport.deliver(sent) == done(3)
    assert sorted(recorded(server)) == [
        ("anna", "CustomerContacted", "2"),
        ("shop", "PressUnhappy", "1"),
        ("shop", "PressUnhappy", "3"),
    ]


async def test_later_events_of_an_account_wait_for_the_earlier(
    server: AchivxServer, transport: DirectTransport
) -> None:
    server.faults.append(faults.UNREACHABLE)
    with pytest.raises(Interrupted):
        await transport.deliver(batch(PRESS, PRESS, contact("anna"), PRESS))
    assert recorded(server) == [("anna", "CustomerContacted", "3")]


async def test_the_unbroken_run_before_a_failure_is_acknowledged(
    server: AchivxServer, transport: DirectTransport
) -> None:
    server.ledger.upsert("shop", server.now())
    server.ledger.upsert("anna", server.now())
    assert await transport.deliver(batch(Started(version="1"), PRESS)) == done(2)
    server.faults.append(faults.UNREACHABLE)
    sent = batch(Started(version="1"), PRESS, contact("anna"), first=3)
    assert await transport.deliver(sent) == done(3, first=3)
    rest = batch(*(each.event for each in sent.records[1:]), first=4)
    assert await transport.deliver(rest) == done(5, first=4)
    assert sorted(recorded(server)) == [
        ("anna", "CustomerContacted", "5"),
        ("shop", "PressUnhappy", "2"),
        ("shop", "PressUnhappy", "4"),
    ]


async def test_an_event_cut_off_between_its_two_actions_is_whole_in_the_end(
    server: AchivxServer, transport: DirectTransport
) -> None:
    server.ledger.upsert("anna", server.now())
    original = server.next_fault
    calls = iter((None, faults.CUT_OFF))
    server.next_fault = lambda: next(calls, None)  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        await transport.deliver(batch(answer("anna")))
    server.next_fault = original  # type: ignore[method-assign]
    assert await transport.deliver(batch(answer("anna"))) == done(1)
    assert recorded(server) == [
        ("anna", "AlertAnswered", "1"),
        ("anna", "AlertAnsweredInTime", "1"),
    ]


class TestPoison:
    @pytest.mark.parametrize("event", [tokens(0.1), tokens(float(2**24)), contact("two\nlines")])
    async def test_is_set_aside_with_a_reason_and_the_line_goes_on(
        self, server: AchivxServer, transport: DirectTransport, event: AnyEvent
    ) -> None:
        answered = await transport.deliver(batch(PRESS, event, PRESS))
        (aside,) = answered.aside
        assert answered == done(3, aside)
        assert aside.seq == 2
        assert "must be" in aside.reason
        assert [seq for *_, seq in recorded(server)] == ["1", "3"]

    async def test_that_the_server_itself_refuses_is_refused_twice_before(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        refusal = Fault("INVALID_ARGUMENT", "not like this", commits=False)
        server.faults.append(refusal)
        assert await transport.deliver(batch(PRESS)) == done(1)
        server.faults.extend([refusal, refusal])
        answered = await transport.deliver(batch(PRESS, first=2))
        assert answered == done(2, Aside(2, "INVALID_ARGUMENT: not like this"), first=2)
        assert [seq for *_, seq in recorded(server)] == ["1"]

    async def test_behind_a_doubtful_event_is_not_set_aside_yet(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        server.faults.append(faults.CUT_OFF)
        sent = batch(PRESS, tokens(0.1), contact("anna"))
        with pytest.raises(Interrupted):
            await transport.deliver(sent)
        answered = await transport.deliver(sent)
        assert [each.seq for each in answered.aside] == [2]
        assert answered.last == 3
        assert sorted(recorded(server)) == [
            ("anna", "CustomerContacted", "3"),
            ("shop", "PressUnhappy", "1"),
        ]

    async def test_in_the_middle_does_not_hide_the_stop_after_it(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        server.ledger.upsert("shop", server.now())
        server.faults.append(faults.UNREACHABLE)
        answered = await transport.deliver(batch(tokens(0.1), PRESS, tokens(0.2)))
        assert (answered.last, [each.seq for each in answered.aside]) == (1, [1])


class TestHeld:
    @pytest.fixture
    async def fresh(self, server: AchivxServer) -> AsyncIterator[DirectTransport]:
        client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=10)
        async with DirectTransport(client) as transport:
            yield transport

    async def test_a_wrong_token(self, server: AchivxServer, fresh: DirectTransport) -> None:
        server.token = "another"
        with pytest.raises(Held, match="Invalid authentication token"):
            await fresh.connect("box-1", "E", "shop")

    async def test_a_token_that_is_changed_later(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        server.token = "another"
        with pytest.raises(Held):
            await transport.deliver(batch(PRESS, contact("anna")))
        with pytest.raises(Held):
            await transport.deliver(batch(PRESS))
        server.token = TOKEN
        await transport.connect("box-1", "E", "shop")
        assert await transport.deliver(batch(PRESS)) == done(1)

    @pytest.mark.parametrize("rule", [None, Action(repeatable=False), Action(-1, repeatable=True)])
    async def test_an_action_that_is_missing_or_unfit_is_named_before_anything_is_sent(
        self, server: AchivxServer, fresh: DirectTransport, rule: Action | None
    ) -> None:
        del server.ledger.config.actions["AlertMissed"]
        if rule is not None:
            server.ledger.config.actions["AlertMissed"] = rule
        with pytest.raises(Held, match=r"lacks AlertMissed, or .*gamification\.json"):
            await fresh.connect("box-1", "E", "shop")
        assert server.ledger.actions == []

    @pytest.mark.parametrize("rule", [None, Action(repeatable=False)])
    async def test_an_action_that_goes_missing_later_sets_nothing_aside(
        self, server: AchivxServer, transport: DirectTransport, rule: Action | None
    ) -> None:
        kept = server.ledger.config.actions.pop("CustomerContacted")
        if rule is not None:
            server.ledger.config.actions["CustomerContacted"] = rule
        sent = batch(PRESS, contact("anna"))
        assert await transport.deliver(sent) == done(1)
        rest = batch(contact("anna"), PRESS, first=2)
        with pytest.raises(Held, match="lacks CustomerContacted"):
            await transport.deliver(rest)
        server.ledger.config.actions["CustomerContacted"] = kept
        assert await transport.deliver(rest) == done(3, first=2)

    async def test_a_lost_index_before_any_event_is_sent(
        self, server: AchivxServer, fresh: DirectTransport
    ) -> None:
        server.ledger.index_missing = True
        with pytest.raises(Held, match="twice"):
            await fresh.connect("box-1", "E", "shop")
        assert {each.action for each in server.ledger.actions} == {CANARY}

    async def test_an_index_lost_later_is_found_when_connecting_again(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        server.ledger.index_missing = True
        with pytest.raises(Held, match="twice"):
            await transport.connect("box-1", "E", "shop")

    async def test_a_mapping_of_a_newer_program(
        self, server: AchivxServer, transport: DirectTransport
    ) -> None:
        sent = batch(PRESS, PRESS, PRESS, mapping=(1, 99, 1))
        assert await transport.deliver(sent) == done(1)
        with pytest.raises(Held, match="update it"):
            await transport.deliver(batch(PRESS, PRESS, first=2, mapping=(99, 1)))
        assert [seq for *_, seq in recorded(server)] == ["1"]


async def test_nobody_there_is_no_reason_to_hold(server: AchivxServer) -> None:
    client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=0.5)
    await server.kill()
    async with DirectTransport(client) as transport:
        with pytest.raises(Interrupted):
            await transport.connect("box-1", "E", "shop")
