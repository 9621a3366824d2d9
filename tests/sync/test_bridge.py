"""What the bridge takes, over a real mosquitto, from boxes honest, stolen and broken."""

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events import AnyEvent, Total
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync import wire
from gateway.sync.bridge_batches import records_of, unreadable, without_first
from gateway.sync.mqtt import Denied
from gateway.sync.uplink import Batch
from gateway.sync.wire import Done, Events
from tests.sync.batches import PRESS, batch, booked, contact, tokens, until
from tests.sync.bridges import BOX, Bridges, Who
from tests.sync.raw_box import Box, box_at, message, reasons, stands


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
