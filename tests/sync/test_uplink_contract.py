"""What the uplink may rely on, whichever way its batches go: by gRPC, or by broker and bridge.

The oracle is the server's ledger: exactly one action for each that was due.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from gateway.events import AlertAcknowledged, Started
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import recorder
from gateway.sync.achivx import AchivxClient
from gateway.sync.direct import DirectTransport
from gateway.sync.mapping import actions_of
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted, Transport
from tests.sync.batches import PRESS, batch, booked, canaries, contact, tokens
from tests.sync.bridges import QUICK, TOKEN, Bridges, Who

WAYS = ("direct", "mqtt", "mqtt 50 ms away")


class Way:
    """A transport to the server, used as the uplink uses it."""

    def __init__(self, transport: Transport, server: AchivxServer) -> None:
        self._transport = transport
        self.server = server
        self._connected = False

    async def deliver(self, one: Batch) -> Acknowledged:
        """One attempt, after a connect where the one before failed."""
        if not self._connected:
            await self._transport.connect(one.device, one.epoch, "shop")
        self._connected = False
        answer = await self._transport.deliver(one)
        self._connected = True
        return answer

    async def deliver_all(self, whole: Batch) -> list[Aside]:
        """Until all of it is done with, however often that takes."""
        aside: list[Aside] = []
        done = whole.first - 1
        async with asyncio.timeout(15):
            while done < whole.last:
                rest = batch_from(whole, done + 1)
                try:
                    answer = await self.deliver(rest)
                except Interrupted:
                    continue
                assert (answer.device, answer.epoch, answer.first) == ("box-1", "E", done + 1)
                assert done < answer.last <= whole.last
                aside += answer.aside
                done = answer.last
        return aside


def batch_from(whole: Batch, first: int) -> Batch:
    records = whole.records[first - whole.first :]
    return Batch(
        device=whole.device, epoch=whole.epoch, first=first, last=whole.last, records=records
    )


@pytest.fixture
def deadline_s() -> float:
    """How long the server has for a call: no slow machine needs so long."""
    return 5.0


@pytest.fixture(params=WAYS)
async def way(
    request: pytest.FixtureRequest,
    server: AchivxServer,
    broker: Mosquitto,
    who: Who,
    bridges: Bridges,
    deadline_s: float,
) -> AsyncIterator[Way]:
    if request.param == "direct":
        client = AchivxClient(server.address, TOKEN, plaintext="loopback", deadline_s=deadline_s)
        async with DirectTransport(client) as direct:
            yield Way(direct, server)
        return
    delay_s = 0.025 if request.param.endswith("away") else 0.0
    async with TcpProxy(broker.port, delay_s=delay_s) as proxy:
        await bridges.start(deadline_s=deadline_s)
        transport = MqttTransport(who("box-1", port=proxy.port), "box-1", timers=QUICK)
        up = asyncio.Event()
        transport.on_link_up = up.set
        async with transport:
            await asyncio.wait_for(up.wait(), 20)
            yield Way(transport, server)


def due(whole: Batch) -> Counter[tuple[str, str, str]]:
    return Counter(
        (action.account, action.action, str(record.seq))
        for record in whole.records
        for action in actions_of(record)
    )


def mixed(count: int) -> Batch:
    """Many events over a few accounts, some that make two actions and some that make none."""
    answered = AlertAcknowledged(alert="a", by="x", via="page", account="anna", after_s=1.0)
    pattern = (PRESS, contact("boris"), answered, tokens(0.25), Started(version="1"))
    return batch(*(pattern[at % len(pattern)] for at in range(count)))


async def test_each_action_once_and_in_order(way: Way) -> None:
    whole = mixed(64)
    assert await way.deliver_all(whole) == []
    assert Counter(booked(way.server)) == due(whole)
    for account in ("shop", "anna", "boris", "zoe"):
        order = [int(seq) for name, _, seq in booked(way.server) if name == account]
        assert order == sorted(order)
    assert set(canaries(way.server).values()) == {1}


async def test_a_repeat_changes_nothing(way: Way) -> None:
    whole = mixed(10)
    first = await way.deliver(whole)
    assert await way.deliver(whole) == first
    assert Counter(booked(way.server)) == due(whole)


async def test_a_batch_that_grew_is_recorded_once(way: Way) -> None:
    whole = mixed(20)
    begun = Batch(device="box-1", epoch="E", first=1, last=5, records=whole.records[:5])
    await way.deliver(begun)
    await way.deliver_all(whole)
    assert Counter(booked(way.server)) == due(whole)


async def test_events_that_make_no_action_are_done_with(way: Way) -> None:
    none = batch(Started(version="1"), Started(version="2"))
    assert (await way.deliver(none)).last == 2
    assert booked(way.server) == []


async def test_sparing_with_the_server(way: Way) -> None:
    way.server.delay_s = 0.005
    many = batch(*(contact(f"staff-{at}") for at in range(40)), *(PRESS for _ in range(10)))
    await way.deliver_all(many)
    assert way.server.peak_account_calls == 1
    assert way.server.peak_calls <= 16


async def test_a_poison_event_is_set_aside_and_the_line_goes_on(way: Way) -> None:
    (aside,) = await way.deliver_all(batch(PRESS, tokens(0.1), contact("anna"), tokens(2.5)))
    assert aside.seq == 2
    assert "multiple of 1/4" in aside.reason
    assert Counter(booked(way.server)) == {
        ("shop", "PressUnhappy", "1"): 1,
        ("anna", "CustomerContacted", "3"): 1,
        ("zoe", "RecoveryTokens", "4"): 1,
    }


async def test_what_the_server_refuses_is_set_aside_with_its_words(way: Way) -> None:
    refused = Fault("INVALID_ARGUMENT", "Missing account ID", commits=False)
    await way.deliver(batch(PRESS))
    way.server.faults.extend((refused,) * 2)  # it is tried twice
    answer = await way.deliver(batch(PRESS, first=2))
    assert answer.aside == (Aside(2, "INVALID_ARGUMENT: Missing account ID"),)
    assert await way.deliver_all(batch(PRESS, first=3)) == []
    assert [seq for _, _, seq in booked(way.server)] == ["1", "3"]


async def test_a_newer_mapping_holds_the_line_where_it_begins(way: Way) -> None:
    whole = batch(PRESS, PRESS, PRESS, mapping=(1, 99, 1))
    assert (await way.deliver(whole)).last == 1
    with pytest.raises(Held, match="mapping 99"):
        await way.deliver(batch_from(whole, 2))
    assert booked(way.server) == [("shop", "PressUnhappy", "1")]


@pytest.mark.parametrize(
    "lost", [faults.CUT_OFF, faults.UNKNOWN_AFTER_COMMIT, faults.UNREACHABLE, *faults.LEAKED]
)
async def test_an_answer_that_says_nothing_is_asked_for_again(way: Way, lost: Fault) -> None:
    whole = mixed(12)
    await way.deliver(batch_from(whole, 12))  # the canary is behind us
    way.server.faults.extend((lost,) * 3)
    assert await way.deliver_all(whole) == []
    assert Counter(booked(way.server)) == due(whole)


async def test_a_server_that_is_away_is_waited_for(way: Way) -> None:
    await way.server.kill()
    with pytest.raises(Interrupted):
        await way.deliver(mixed(5))
    await way.server.start()
    await way.deliver_all(mixed(5))
    assert Counter(booked(way.server)) == due(mixed(5))


async def test_a_server_killed_in_the_middle(way: Way) -> None:
    whole = mixed(40)
    await way.deliver(batch_from(whole, 40))
    way.server.delay_s = 0.01
    delivering = asyncio.create_task(way.deliver_all(whole))
    await way.server.until_busy()
    await way.server.kill()
    await way.server.start()
    assert await delivering == []
    assert Counter(booked(way.server)) == due(whole)


@pytest.mark.parametrize("deadline_s", [0.5])
async def test_a_frozen_server_does_all_of_it_later_and_once(way: Way) -> None:
    whole = mixed(8)
    await way.deliver_all(batch_from(whole, 8))
    way.server.freeze()
    with pytest.raises(Interrupted, match="DEADLINE_EXCEEDED"):
        await way.deliver(whole)
    way.server.thaw()
    assert await way.deliver_all(whole) == []
    assert Counter(booked(way.server)) == due(whole)


async def test_a_wrong_token_holds_the_line(way: Way) -> None:
    await way.deliver(batch(PRESS))
    way.server.token = "another"
    with pytest.raises(Held, match="UNAUTHENTICATED"):
        await way.deliver(batch(PRESS, first=2))
    way.server.token = TOKEN
    assert (await way.deliver(batch(PRESS, first=2))).last == 2


async def test_missing_actions_hold_the_line(way: Way) -> None:
    rule = way.server.ledger.config.actions.pop("PressUnhappy")
    with pytest.raises(Held, match="lacks PressUnhappy"):
        await way.deliver(batch(PRESS))
    way.server.ledger.config.actions["PressUnhappy"] = rule
    assert await way.deliver_all(batch(PRESS)) == []


async def test_a_lost_index_holds_the_line(way: Way) -> None:
    """As after a database was restored from a dump."""
    await way.server.kill()
    with pytest.raises(Interrupted):
        await way.deliver(batch(PRESS))
    way.server.ledger.index_missing = True
    await way.server.start()
    async with asyncio.timeout(20):
        with pytest.raises(Held, match="twice"):
            await way.deliver_all(batch(PRESS))
    assert booked(way.server) == []


async def test_a_lost_index_is_found_although_nothing_was_ever_interrupted(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump put back beneath a server that stayed up: the canary goes again in its time."""
    await way.deliver(batch(PRESS))
    way.server.ledger.index_missing = True
    assert (await way.deliver(batch(PRESS, first=2))).last == 2  # the proof is young
    monkeypatch.setattr(recorder, "PROOF_S", 0.0)
    with pytest.raises(Held, match="twice"):
        await way.deliver(batch(PRESS, first=3))
    assert [seq for _, _, seq in booked(way.server)] == ["1", "2"]
    way.server.ledger.index_missing = False
    assert (await way.deliver(batch(PRESS, first=3))).last == 3
