"""The bridge between a real mosquitto and the stand-in: what boxes may do, stolen ones too."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events import AnyEvent, Started, Total
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import bridge as module
from gateway.sync import wire
from gateway.sync.bridge_batches import records_of, unreadable, without_first
from gateway.sync.mqtt import Denied, Link, Session, open_link
from gateway.sync.uplink import Batch
from gateway.sync.wire import Answer, Done, Events, Stands
from tests.sync.conftest import (
    BOX,
    PRESS,
    QUICK,
    Bridges,
    Who,
    batch,
    booked,
    canaries,
    contact,
    tokens,
    until,
)


def message(sent: Batch, **changes: Any) -> bytes:
    """A batch as a box would send it, or as no honest one would."""
    events = Events(
        device=sent.device,
        epoch=sent.epoch,
        first=sent.first,
        last=sent.last,
        records=tuple(msgspec.Raw(wire.encode(record)) for record in sent.records),
    )
    return wire.encode(msgspec.structs.replace(events, **changes))


class Box:
    """Sends whatever it likes, as far as the broker lets it."""

    def __init__(self, device: str, link: Link) -> None:
        self._device = device
        self._messages = link.messages()
        self.link = link

    async def send(self, payload: bytes) -> bool:
        return await self.link.publish(wire.topic(self._device, wire.EVENTS), payload)

    async def answer(self) -> Answer:
        async with asyncio.timeout(8):
            found = await anext(self._messages)
        self.link.acknowledge(found)
        assert found.topic == wire.topic(self._device, wire.ACK)
        return wire.decode(found.payload, Answer)

    async def ask(self, payload: bytes) -> Answer:
        assert await self.send(payload)
        return await self.answer()


@contextlib.asynccontextmanager
async def box_at(who: Who, device: str = "box-1", **options: Any) -> AsyncIterator[Box]:
    session = Session(client=f"test-{device}", expires_s=60)
    async with open_link(who(device, **options), session, QUICK) as link:
        await link.subscribe(wire.topic(device, wire.ACK))
        yield Box(device, link)


@pytest.fixture
async def box(who: Who) -> AsyncIterator[Box]:
    async with box_at(who) as here:
        yield here


def stands(answer: Answer) -> tuple[str, str]:
    assert isinstance(answer, Stands), answer
    return answer.problem, answer.words


def reasons(answer: Answer) -> list[tuple[int, str]]:
    assert isinstance(answer, Done), answer
    return [(each.seq, each.reason) for each in answer.aside]


# --- a stolen box ------------------------------------------------------------------------------


async def test_a_box_cannot_write_on_the_topic_of_another(box: Box, bridges: Bridges) -> None:
    await bridges.start()
    with pytest.raises(Denied, match="Not authorized"):
        await box.link.publish("achivx/v1/box-2/events", message(batch(PRESS, device="box-2")))


async def test_a_box_cannot_write_for_another_on_its_own_topic(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    other = msgspec.structs.replace(BOX, id="box-2", account="shop-2")
    await bridges.start(BOX, other)
    as_other = batch(PRESS, device="box-2", account="shop-2")
    assert stands(await box.ask(message(as_other))) == (
        "binding",
        "box-1 sends events of box-2: nobody may write for another",
    )
    problem, words = stands(await box.ask(message(as_other, device="box-1")))
    assert (problem, words) == ("unreadable", "record 1 is not of this batch")
    assert booked(server) == []


async def test_a_box_cannot_write_for_another_shop(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start()
    problem, words = stands(await box.ask(message(batch(PRESS, account="shop-2"))))
    assert problem == "binding"
    assert "'shop-2', and the bridge has it bound to 'shop'" in words
    assert booked(server) == []


async def test_a_box_that_nobody_knows(who: Who, bridges: Bridges, server: AchivxServer) -> None:
    await bridges.start()
    async with box_at(who, "box-2") as stranger:
        answer = await stranger.ask(message(batch(PRESS, device="box-2")))
    assert stands(answer) == (
        "binding",
        "the bridge knows no box box-2: it needs a [[devices]] entry",
    )
    assert booked(server) == []


async def test_accounts_and_rewards_beyond_the_bounds_are_set_aside(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start()
    events: list[AnyEvent] = [
        contact("mallory"),
        tokens(50.25),
        tokens(5, account="mallory"),
        tokens(-5),
        tokens(5, account="anna"),
        contact("zoe"),
        tokens(50),
    ]
    assert reasons(await box.ask(message(batch(*events)))) == [
        (1, "box-1 may not record CustomerContacted on 'mallory'"),
        (2, "box-1 may pay up to 50 tokens at once, not 50.25"),
        (3, "box-1 may not record RecoveryTokens on 'mallory'"),
        (4, "box-1 may pay up to 50 tokens at once, not -5.0"),
        (5, "box-1 may not record RecoveryTokens on 'anna'"),
        (6, "box-1 may not record CustomerContacted on 'zoe'"),
    ]
    assert booked(server) == [("zoe", "RecoveryTokens", "7")]
    assert float(server.ledger.accounts["zoe"].balance) == 50


async def test_the_days_tokens_are_bounded(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start(msgspec.structs.replace(BOX, reward_day=60, reward_most=50))
    three = batch(tokens(50), tokens(10), tokens(0.25), PRESS)
    answer = await box.ask(message(three))
    assert (answer.first, getattr(answer, "last", None)) == (1, 2)
    assert (await box.ask(message(three))) == answer  # a repeat is not counted twice
    rest = Batch(device="box-1", epoch="E", first=3, last=4, records=three.records[2:])
    problem, words = stands(await box.ask(message(rest)))
    assert problem == "cap"
    assert "60 tokens a day" in words
    assert float(server.ledger.accounts["zoe"].balance) == 60


async def test_any_box_by_one_entry(who: Who, bridges: Bridges, server: AchivxServer) -> None:
    fleet = msgspec.structs.replace(BOX, id="*", account="shop-{device}", staff=("{device}.",))
    await bridges.start(fleet)
    async with box_at(who, "box-2") as box:
        events = (PRESS, contact("box-2.anna"), contact("box-1.anna"))
        answer = await box.ask(message(batch(*events, device="box-2", account="shop-box-2")))
    assert [seq for seq, _ in reasons(answer)] == [3]
    assert {(account, seq) for account, _, seq in booked(server)} == {
        ("shop-box-2", "1"),
        ("box-2.anna", "2"),
    }


async def test_a_box_keeps_the_ids_it_once_had(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start(msgspec.structs.replace(BOX, former_ids=("cafe",)))
    assert isinstance(await box.ask(message(batch(PRESS, device="cafe"))), Done)
    assert [each.key for each in server.ledger.actions][-1] == "cafe.E.1"


async def test_a_flood_does_not_keep_the_others_waiting(
    who: Who, box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start(BOX, msgspec.structs.replace(BOX, id="box-2"))
    assert isinstance(await box.ask(message(batch(PRESS))), Done)
    server.freeze()
    flood = [box.send(message(batch(PRESS, first=at))) for at in range(1, 100)]
    await asyncio.gather(*flood)
    async with box_at(who, "box-2") as other:
        await other.send(message(batch(PRESS, device="box-2")))
        await until(lambda: running.health.batches["dropped"] >= 97)
        server.thaw()
        assert isinstance(await other.answer(), Done)


async def test_a_smaller_second_try_is_answered_with_the_first(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    """However slow the server is: nothing is done twice, and the first answer moves the box on."""
    running = await bridges.start()
    assert isinstance(await box.ask(message(batch(PRESS))), Done)
    server.freeze()
    whole = batch(PRESS, PRESS, PRESS, PRESS, first=2)
    await box.send(message(whole))
    await until(lambda: running.health.in_flight() == 1)
    await box.send(message(whole, last=3, records=whole.records[:2]))
    await until(lambda: running.health.batches["dropped"] == 1)
    server.thaw()
    answer = await box.answer()
    assert (answer.first, getattr(answer, "last", None)) == (2, 5)
    assert [seq for _, _, seq in booked(server)] == ["1", "2", "3", "4", "5"]


# --- batches that are none ---------------------------------------------------------------------


async def test_a_poison_event_is_set_aside_and_the_line_goes_on(
    box: Box, bridges: Bridges, server: AchivxServer, caplog: pytest.LogCaptureFixture
) -> None:
    running = await bridges.start()
    whole = batch(PRESS, PRESS, PRESS)
    raws = [msgspec.Raw(wire.encode(record)) for record in whole.records]
    raws[1] = msgspec.Raw(bytes(raws[1]).replace(b'"unhappy"', b'"purple"'))
    answer = await box.ask(message(whole, records=tuple(raws)))
    assert (answer.first, getattr(answer, "last", None)) == (1, 1)
    ((seq, reason),) = reasons(await box.ask(message(whole, first=2, records=tuple(raws[1:]))))
    assert seq == 2
    assert "event 2 cannot be read: Invalid enum value 'purple'" in reason
    await box.ask(message(whole, first=3, records=tuple(raws[2:])))
    assert [seq for _, _, seq in booked(server)] == ["1", "3"]
    assert running.health.events == {"recorded": 2, "aside": 1}
    assert "box-1: event 2 was set aside" in caplog.text


async def test_whether_every_press_has_come_is_told(
    box: Box, bridges: Bridges, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever bridge took the batches before: each proves itself."""
    one, other = [await bridges.start(), await bridges.start()]

    def presses(*totals: int, first: int) -> bytes:
        sent = (msgspec.structs.replace(PRESS, total=total) for total in totals)
        known = (Total("b", "", totals[0] - 1),) if first > 1 else ()
        return message(batch(*sent, first=first), before=known)

    def counted(result: str) -> int:
        return sum(each.health.presses[result] for each in (one, other))

    await box.ask(presses(1, 2, 3, first=1))
    await box.ask(presses(4, 5, first=4))
    assert (counted("recorded"), counted("missing")) == (5, 0)
    await box.ask(presses(6, 8, 8, first=6))
    assert (counted("recorded"), counted("missing"), counted("extra")) == (8, 1, 1)
    assert "box-1: presses of b up to event 7: 1 missing" in caplog.text
    assert "box-1: presses of b up to event 8: 1 too many" in caplog.text


@pytest.mark.parametrize("part", ["format", "version", "type", "mapping"])
async def test_a_newer_box_holds_its_line(
    box: Box, bridges: Bridges, server: AchivxServer, part: str
) -> None:
    await bridges.start()
    newer = {
        "format": message(batch(PRESS), format=2),
        "version": message(batch(PRESS)).replace(b'"version":1', b'"version":2'),
        "type": message(batch(PRESS)).replace(b'"type":"pressed"', b'"type":"sung"'),
        "mapping": message(batch(PRESS, mapping=(99,))),
    }
    answer = await box.ask(newer[part])
    assert (answer.device, answer.epoch, answer.first) == ("box-1", "E", 1)
    assert stands(answer)[0] == "newer"
    assert booked(server) == []


@pytest.mark.parametrize(
    "changes", [{"last": 2}, {"first": 2}, {"epoch": "F"}, {"records": ()}, {"last": 0}]
)
async def test_a_batch_that_contradicts_itself(
    box: Box, bridges: Bridges, server: AchivxServer, changes: dict[str, Any]
) -> None:
    await bridges.start()
    assert stands(await box.ask(message(batch(PRESS), **changes)))[0] == "unreadable"
    assert booked(server) == []


async def test_what_is_no_batch_at_all_is_passed_over(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    for rubbish in (b"", b"\x00\xff", b"[" * 10_000, b'{"device": "box-1"}', b"null"):
        await box.send(rubbish)
    assert isinstance(await box.ask(message(batch(PRESS))), Done)
    assert running.health.batches["dropped"] == 5
    assert booked(server) == [("shop", "PressUnhappy", "1")]


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(wire.encode))
def test_no_payload_ends_a_bridge(payload: bytes) -> None:
    with pytest.raises(wire.Unreadable) as caught:
        wire.decode(payload, Events)
    assert unreadable(payload, caught.value) is None


RECORD = wire.encode(batch(PRESS).records[0])


@given(st.integers(0, len(RECORD) - 1), st.integers(0, 255), st.integers(0, 1))
def test_no_record_ends_a_bridge(at: int, byte: int, more: int) -> None:
    damaged = RECORD[:at] + bytes((byte,)) + RECORD[at + more :]
    one = Events(device="box-1", epoch="E", first=1, last=1, records=(msgspec.Raw(damaged),))
    with contextlib.suppress(wire.Unreadable):
        records, damage = records_of(one)
        if not records:
            assert without_first(one, damage).first == 1


# --- repeats, order, many bridges --------------------------------------------------------------


async def test_duplicates_and_any_order_are_recorded_once(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start()
    parts = [batch(PRESS, contact("anna"), first=at) for at in (5, 1, 3, 1, 5)]
    for part in parts:
        answer = await box.ask(message(part))
        assert (answer.first, getattr(answer, "last", 0)) == (part.first, part.last)
    assert Counter(seq for _, _, seq in booked(server)) == Counter(map(str, range(1, 7)))


async def test_the_same_batch_twice_at_once_is_answered_once(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await box.ask(message(batch(PRESS)))
    server.freeze()
    await box.send(message(batch(PRESS, first=2)))
    await server.until_busy()
    await box.send(message(batch(PRESS, first=2)))
    server.thaw()
    assert isinstance(await box.answer(), Done)
    assert isinstance(await box.ask(message(batch(PRESS, first=3))), Done)
    assert running.health.batches == {"done": 3, "dropped": 1}


async def test_two_bridges_share_the_work(who: Who, bridges: Bridges, server: AchivxServer) -> None:
    both = [await bridges.start(), await bridges.start()]
    async with box_at(who) as box:
        for at in range(1, 21):
            assert isinstance(await box.ask(message(batch(PRESS, contact("anna"), first=at))), Done)
    assert all(each.health.batches["done"] for each in both)
    assert max(Counter(booked(server)).values()) == 1
    assert len(booked(server)) == 20 + 20  # PRESS of 1…20, contact of 2…21
    assert canaries(server) == {"bridge-0.canary": 1, "bridge-1.canary": 1}


# --- answers and the broker --------------------------------------------------------------------


async def test_nothing_is_acknowledged_to_the_broker_before_the_server_has_it(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    """The bridge dies in the middle; the broker still has the batch, and another bridge gets it."""
    first = await bridges.start()
    await box.ask(message(batch(PRESS)))
    server.freeze()
    await box.send(message(batch(PRESS, first=2)))
    await server.until_busy()
    assert first._link is not None
    first._link._paho._sock_close()
    first._link._lose("killed by the test")
    server.thaw()
    assert isinstance(await box.answer(), Done)  # over the bridge's next connection
    assert [seq for _, _, seq in booked(server)] == ["1", "2"]


async def test_an_answer_waits_for_the_broker(
    who: Who, broker: Mosquitto, bridges: Bridges, server: AchivxServer
) -> None:
    async with TcpProxy(broker.port) as proxy, box_at(who) as box:
        running = await bridges.start(settings=who("bridge", port=proxy.port))
        await box.ask(message(batch(PRESS)))
        server.freeze()
        await box.send(message(batch(PRESS, first=2)))
        await server.until_busy()
        proxy.close()
        server.thaw()
        await until(lambda: len(booked(server)) == 2)
        assert running.health.problems() != []
        await proxy.open()
        assert isinstance(await box.answer(), Done)
        assert running.health.problems() == []


async def test_answers_that_the_broker_refuses_are_logged(
    tmp_path: Any, server: AchivxServer, caplog: pytest.LogCaptureFixture
) -> None:
    acl = "user bridge\ntopic read #\npattern write achivx/v1/%u/events\n"
    users = {"bridge": "bridge-secret", "box-1": "box-1-secret"}
    async with Mosquitto(tmp_path / "strict", users, acl=acl) as strict:
        here = Who(tmp_path, strict.port)
        bridges = Bridges(server, here("bridge"))
        await bridges.start()
        async with box_at(here) as box:
            await box.send(message(batch(PRESS)))
            await until(lambda: "box-1 gets no answer: the broker refuses" in caplog.text)
        await bridges.stop()


async def test_stopping_finishes_what_is_under_way(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await box.ask(message(batch(PRESS)))
    server.freeze()
    await box.send(message(batch(PRESS, first=2)))
    await server.until_busy()
    stopping = asyncio.create_task(bridges.stop())
    for _ in range(1000):
        if not await box.send(message(batch(Started(version="1"), first=90))):
            break  # nobody listens any more
    assert not stopping.done()
    server.thaw()
    await stopping
    assert getattr(await box.answer(), "first", 0) in (2, 90)
    assert [seq for _, _, seq in booked(server)] == ["1", "2"]
    assert running.health.in_flight() == 0


async def test_stopping_does_not_wait_for_ever(
    box: Box, bridges: Bridges, server: AchivxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await bridges.start()
    monkeypatch.setattr(running, "_config", msgspec.structs.replace(running._config, drain_s=0.2))
    await box.ask(message(batch(PRESS)))
    server.freeze()
    await box.send(message(batch(PRESS, first=2)))
    await server.until_busy()
    async with asyncio.timeout(3):
        await bridges.stop()
    server.thaw()


# --- the server --------------------------------------------------------------------------------


async def test_the_canary_goes_first_and_again_after_every_doubt(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await box.ask(message(batch(PRESS)))
    assert server.ledger.actions[0].action == "GatewayCanary"
    server.faults.append(faults.CUT_OFF)
    assert stands(await box.ask(message(batch(PRESS, first=2))))[0] == "away"
    assert running.health.server == "UNAVAILABLE: Connection dropped"
    server.ledger.index_missing = True
    assert stands(await box.ask(message(batch(PRESS, first=2))))[0] == "server"
    assert "twice" in str(running.health.server)
    server.ledger.index_missing = False
    assert isinstance(await box.ask(message(batch(PRESS, first=2))), Done)
    assert running.health.problems() == []


async def test_a_server_that_comes_back_is_found_without_a_batch(
    bridges: Bridges, server: AchivxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROVE_S", 0.02)
    await server.kill()
    running = await bridges.start()
    await until(lambda: "not asked yet" not in running.health.problems()[0])
    assert running.health.problems()[0].startswith("server: UNAVAILABLE")
    await server.start()
    await until(lambda: not running.health.problems())
