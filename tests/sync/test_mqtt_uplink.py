"""Batches over a real broker, and answers from a bridge that says what the test wants."""

import asyncio
from typing import Any

import msgspec
import pytest

from gateway.events import Started
from gateway.simulator.mosquitto import Mosquitto
from gateway.sync import wire
from gateway.sync.uplink import Acknowledged, Aside, Held, Interrupted
from gateway.sync.wire import Answer, SetAside, Stands
from tests.sync.batches import batch
from tests.sync.bridges import Who
from tests.sync.office import DONE, THREE, Box, Office, answered, office_at


async def test_a_batch_goes_up_and_its_answer_comes_down(who: Who, office: Office) -> None:
    async with Box(who("box-1")) as box:
        delivering = asyncio.create_task(box.deliver(THREE))
        events = await office.batch()
        assert (events.device, events.epoch, events.first, events.last) == ("box-1", "E", 1, 3)
        assert [wire.decode_record(raw) for raw in events.records] == list(THREE.records)
        aside = (SetAside(seq=2, reason="poison"),)
        await office.say(wire.ACK, msgspec.structs.replace(DONE, aside=aside))
        assert await delivering == Acknowledged(
            device="box-1", epoch="E", first=1, last=3, aside=(Aside(2, "poison"),)
        )


async def test_that_the_broker_took_it_means_nothing(who: Who, office: Office) -> None:
    async with Box(who("box-1"), resend_s=0.3) as box:
        with pytest.raises(Interrupted, match=r"no bridge has answered in 0\.3 s"):
            await box.deliver(THREE)
        await office.batch()


async def test_only_an_answer_to_this_batch_counts(who: Who, office: Office) -> None:
    other: list[Answer | bytes] = [
        msgspec.structs.replace(DONE, device="box-2"),
        msgspec.structs.replace(DONE, epoch="older"),
        msgspec.structs.replace(DONE, first=2),
        msgspec.structs.replace(DONE, last=4),
        msgspec.structs.replace(DONE, first=3, last=2),
        Stands(device="box-1", epoch="E", first=9, problem="server", words="of long ago"),
        b"not JSON",
        b'{"answer": "perhaps"}',
        wire.encode(DONE).replace(b'"format":1', b'"format":2'),
    ]
    async with Box(who("box-1")) as box:
        assert (await answered(box, office, *other, DONE)).last == 3
        fewer = msgspec.structs.replace(DONE, last=1)
        assert (await answered(box, office, fewer)).last == 1


async def test_a_late_answer_to_a_bigger_try_is_as_good(who: Who, office: Office) -> None:
    one = msgspec.structs.replace(THREE, last=1, records=THREE.records[:1])
    late = msgspec.structs.replace(DONE, aside=(SetAside(seq=3, reason="poison"),))
    async with Box(who("box-1"), resend_s=0.3) as box:
        with pytest.raises(Interrupted, match="no bridge has answered"):
            await box.deliver(THREE)
        assert (await office.batch()).last == 3
        delivering = asyncio.create_task(box.deliver(one))
        assert (await office.batch()).last == 1
        await office.say(wire.ACK, late)
        assert (await delivering).last == 1
        # What it says of the others needs no bridge any more, and is said once.
        rest = msgspec.structs.replace(THREE, first=2, records=THREE.records[1:])
        poison = (Aside(3, "poison"),)
        assert await box.deliver(rest) == Acknowledged(
            device="box-1", epoch="E", first=2, last=3, aside=poison
        )
        with pytest.raises(Interrupted, match="no bridge has answered"):
            await box.deliver(rest)


async def test_an_answer_after_its_time_ends_the_back_off(who: Who, office: Office) -> None:
    holder = Box(who("box-1"), resend_s=0.3)
    async with holder as box:
        with pytest.raises(Interrupted, match="no bridge has answered"):
            await box.deliver(THREE)
        holder.up.clear()
        stands = Stands(device="box-1", epoch="E", first=1, problem="away", words="of then")
        await office.say(wire.ACK, stands)
        await office.say(wire.ACK, msgspec.structs.replace(DONE, last=9))
        assert not holder.up.is_set()
        await office.say(wire.ACK, DONE)
        await asyncio.wait_for(holder.up.wait(), 20)
        assert (await box.deliver(THREE)).last == 3


async def test_a_late_answer_of_another_journal_is_forgotten(who: Who, office: Office) -> None:
    holder = Box(who("box-1"), resend_s=0.3)
    async with holder as box:
        with pytest.raises(Interrupted, match="no bridge has answered"):
            await box.deliver(THREE)
        holder.up.clear()
        await office.say(wire.ACK, DONE)
        await asyncio.wait_for(holder.up.wait(), 20)
        with pytest.raises(Interrupted, match="no bridge has answered"):
            await box.deliver(msgspec.structs.replace(THREE, epoch="F"))


@pytest.mark.parametrize(
    ("problem", "kind"),
    [("away", Interrupted), ("server", Held), ("cap", Held), ("of a later version", Held)],
)
async def test_why_the_line_stands_is_shown(
    who: Who, office: Office, problem: str, kind: type[Exception]
) -> None:
    stands = Stands(device="box-1", epoch="E", first=1, problem=problem, words="ask the office")
    async with Box(who("box-1")) as box:
        with pytest.raises(kind, match="ask the office"):
            await answered(box, office, stands)


async def test_an_answer_for_a_box_that_was_away_does_not_confuse_it(
    who: Who, office: Office
) -> None:
    async with Box(who("box-1")):
        pass
    await office.say(wire.ACK, DONE)
    async with Box(who("box-1")) as box:
        assert (await answered(box, office, DONE)).last == 3


async def test_no_bridge_is_told_at_once(who: Who) -> None:
    async with Box(who("box-1")) as box:
        with pytest.raises(Interrupted, match="no bridge listens at the broker"):
            await box.deliver(THREE)


async def test_a_batch_is_cut_to_what_the_broker_takes(tmp_path: Any) -> None:
    options = "max_packet_size 1800"
    users = {"office": "office-secret", "box-1": "box-1-secret"}
    async with Mosquitto(tmp_path / "small", users, options=options) as small:
        who = Who(tmp_path, small.port)
        async with office_at(who("office")) as office, Box(who("box-1")) as box:
            assert (await answered(box, office, msgspec.structs.replace(DONE, last=2))).last == 2
            with pytest.raises(Held, match="event 1 is bigger than the broker takes"):
                await box.deliver(batch(Started(version="x" * 2000)))
