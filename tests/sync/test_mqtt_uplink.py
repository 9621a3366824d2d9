"""The box's side of the broker: a real mosquitto, and a bridge that says what the test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from gateway import __version__
from gateway.config import MqttUplink
from gateway.events import Started
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import wire
from gateway.sync.mqtt import Link, Message, Session, Timers, open_link
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Acknowledged, Aside, Held, Interrupted
from gateway.sync.wire import Answer, Done, Events, SetAside, Stands
from tests.sync.conftest import PRESS, QUICK, Who, batch

THREE = batch(PRESS, PRESS, PRESS)
DONE = Done(device="box-1", epoch="E", first=1, last=3)


class Box:
    """A transport whose link is waited for."""

    def __init__(self, settings: MqttUplink, **options: Any) -> None:
        self.up = asyncio.Event()
        self.transport = MqttTransport(settings, "box-1", **({"timers": QUICK} | options))
        self.transport.on_link_up = self.up.set

    async def __aenter__(self) -> MqttTransport:
        await self.transport.__aenter__()
        await asyncio.wait_for(self.up.wait(), 20)
        return self.transport

    async def __aexit__(self, *error: object) -> None:
        await self.transport.__aexit__(*error)  # type: ignore[arg-type]


class Office:
    """Speaks for a bridge, and for whoever looks at all boxes."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._messages = link.messages()

    async def next(self, kind: str) -> Message:
        async with asyncio.timeout(20):
            while True:
                message = await anext(self._messages)
                self.link.acknowledge(message)
                if wire.kind_of(message.topic) == kind:
                    return message

    async def batch(self) -> Events:
        return wire.decode((await self.next(wire.EVENTS)).payload, Events)

    async def state(self) -> wire.State:
        return wire.decode((await self.next(wire.STATE)).payload, wire.State)

    async def say(self, kind: str, what: object, *, retain: bool = False) -> None:
        payload = what if isinstance(what, bytes) else wire.encode(what)
        await self.link.publish(wire.topic("box-1", kind), payload, retain=retain)


@contextlib.asynccontextmanager
async def office_at(settings: MqttUplink) -> AsyncIterator[Office]:
    async with open_link(settings, Session(client="office"), QUICK) as link:
        await link.subscribe("achivx/v1/+/events", "achivx/v1/+/state")
        yield Office(link)


@pytest.fixture
async def office(who: Who) -> AsyncIterator[Office]:
    async with office_at(who("office")) as here:
        yield here


async def answered(box: MqttTransport, office: Office, *answers: Answer | bytes) -> Acknowledged:
    """Deliver three events and say these things about them."""
    delivering = asyncio.create_task(box.deliver(THREE))
    await office.batch()
    for answer in answers:
        await office.say(wire.ACK, answer)
    return await asyncio.wait_for(delivering, 20)


# --- batches and answers -----------------------------------------------------------------------


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


# --- the connection ----------------------------------------------------------------------------


async def test_birth_and_last_will(who: Who, office: Office, broker: Mosquitto) -> None:
    born = wire.State(online=True, version=__version__, mapping=3)
    async with TcpProxy(broker.port) as proxy:
        async with Box(who("box-1", port=proxy.port)):
            assert await office.state() == born
            proxy.cut()
            states = [await office.state(), await office.state()]
            assert [state.online for state in states] == [False, True]
        assert not (await office.state()).online
    async with office_at(who("office")) as latecomer:
        assert not (await latecomer.state()).online


async def test_a_link_that_breaks_ends_the_wait_and_comes_back(
    who: Who, office: Office, broker: Mosquitto
) -> None:
    async with TcpProxy(broker.port) as proxy:
        holder = Box(who("box-1", port=proxy.port))
        async with holder as box:
            delivering = asyncio.create_task(box.deliver(THREE))
            await office.batch()
            holder.up.clear()
            proxy.cut()
            with pytest.raises(Interrupted, match="the broker is gone"):
                await delivering
            await asyncio.wait_for(holder.up.wait(), 20)
            assert (await answered(box, office, DONE)).last == 3


async def test_a_link_that_breaks_in_the_middle_of_a_batch(
    who: Who, office: Office, broker: Mosquitto
) -> None:
    async with TcpProxy(broker.port) as proxy:
        holder = Box(who("box-1", port=proxy.port))
        async with holder as box:
            holder.up.clear()
            proxy.cut_after = 300
            with pytest.raises(Interrupted, match="the broker is gone"):
                await box.deliver(THREE)
            await asyncio.wait_for(holder.up.wait(), 20)
            assert (await answered(box, office, DONE)).last == 3


async def test_a_broker_that_is_away_or_refuses_is_told(who: Who, broker: Mosquitto) -> None:
    await broker.kill()
    async with MqttTransport(who("box-1"), "box-1", timers=QUICK) as box:
        await until(box, Interrupted, "cannot be reached: Connection refused")
        await broker.start()
        await until(box, None, "")
    async with MqttTransport(who("box-1", password="guessed"), "box-1", timers=QUICK) as box:
        await until(box, Held, "the broker refuses the connection: Not authorized")
    settings = msgspec.structs.replace(who("box-1"), password_file="/does/not/exist")
    async with MqttTransport(settings, "box-1", timers=QUICK) as box:
        await until(box, Held, "cannot read the password file")
    async with MqttTransport(who("box-2"), "box-1", timers=QUICK) as box:
        await until(box, Held, "the publication on achivx/v1/box-1/state: Not authorized")


async def until(box: MqttTransport, kind: type[Exception] | None, words: str) -> None:
    """Ask for a connection until the answer is this one."""
    async with asyncio.timeout(20):
        while True:
            found: Exception | None = None
            try:
                await box.connect("box-1", "E", "shop")
            except (Held, Interrupted) as error:
                found = error
            if (kind is None and found is None) or (kind is type(found) and words in str(found)):
                return
            await asyncio.sleep(0.005)


async def test_events_refused_by_the_broker_hold_the_line(tmp_path: Any) -> None:
    acl = "pattern write achivx/v1/%u/state\npattern read achivx/v1/%u/#\n"
    async with (
        Mosquitto(tmp_path / "strict", {"box-1": "box-1-secret"}, acl=acl) as strict,
        Box(Who(tmp_path, strict.port)("box-1")) as box,
    ):
        with pytest.raises(Held, match=r"achivx/v1/box-1/events: Not authorized \(0x87\)"):
            await box.deliver(THREE)


async def test_a_frozen_broker_is_given_up_and_found_again(
    who: Who, office: Office, broker: Mosquitto
) -> None:
    holder = Box(who("box-1"), timers=Timers(answer_s=0.3, retry_s=0.05))
    async with holder as box:
        broker.freeze()
        holder.up.clear()
        with pytest.raises(Interrupted, match="did not answer the publication"):
            await box.deliver(THREE)
        broker.thaw()
        await asyncio.wait_for(holder.up.wait(), 20)
        delivering = asyncio.create_task(box.deliver(THREE))
        await office.batch()  # perhaps of the first time: the answer is the same
        await office.say(wire.ACK, DONE)
        assert (await asyncio.wait_for(delivering, 20)).last == 3


async def test_a_session_that_the_broker_lost_costs_nothing(who: Who, broker: Mosquitto) -> None:
    holder = Box(who("box-1"))
    async with holder as box:
        await broker.kill()
        broker.forget()
        holder.up.clear()
        await broker.start()
        await asyncio.wait_for(holder.up.wait(), 20)
        async with office_at(who("office")) as office:
            assert (await office.state()).online
            assert (await answered(box, office, DONE)).last == 3


async def test_a_bug_in_the_link_ends_the_uplink(who: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MqttTransport, "_went_down", broken)
    with pytest.raises(ExceptionGroup) as caught:
        async with MqttTransport(who("box-1", password="guessed"), "box-1", timers=QUICK):
            await asyncio.Event().wait()
    assert caught.value.subgroup(ZeroDivisionError) is not None


# --- config and command ------------------------------------------------------------------------


async def test_config_says_how_to_send(who: Who, office: Office) -> None:
    await office.say(wire.CONFIG, wire.Tuning(id="c1", batch=2), retain=True)
    async with Box(who("box-1")) as box:
        async with asyncio.timeout(20):
            while (await office.state()).config != "c1":
                pass
        delivering = asyncio.create_task(box.deliver(THREE))
        assert len((await office.batch()).records) == 2
        await office.say(wire.ACK, msgspec.structs.replace(DONE, last=2))
        assert (await delivering).last == 2
        await office.say(wire.CONFIG, b"", retain=True)
        assert (await office.state()).config == ""
        assert (await answered(box, office, DONE)).last == 3


async def test_a_config_that_cannot_be_read_changes_nothing(
    who: Who, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async with Box(who("box-1")) as box:
        await office.state()
        await office.say(wire.CONFIG, b'{"batch": 0}')
        assert "format" in (await office.state()).problems[0]
        await office.say(wire.CONFIG, wire.Tuning(id="c2"))
        assert (await office.state()).config == "c2"
        assert (await answered(box, office, DONE)).last == 3
    assert "passed over a message on achivx/v1/box-1/config" in caplog.text


async def test_a_pause_between_two_batches(who: Who, office: Office) -> None:
    loop = asyncio.get_running_loop()
    async with Box(who("box-1")) as box:
        await office.say(wire.CONFIG, wire.Tuning(pause_s=0.2))
        await office.state()
        await office.state()
        await answered(box, office, DONE)
        began = loop.time()
        await answered(box, office, DONE)
        assert loop.time() - began > 0.15


@pytest.mark.parametrize(("do", "ups"), [("send", 1), ("report", 0)])
async def test_commands(who: Who, office: Office, do: str, ups: int) -> None:
    holder = Box(who("box-1"))
    async with holder:
        await office.state()
        called: list[None] = []
        count: Callable[[], None] = lambda: called.append(None)  # noqa: E731
        holder.transport.on_link_up = count
        await office.say(wire.COMMAND, wire.Command(id="k1", do=do))
        assert (await office.state()).command == "k1"
        assert len(called) == ups


async def test_a_command_that_was_left_lying_is_not_obeyed(who: Who, office: Office) -> None:
    await office.say(wire.COMMAND, wire.Command(id="old", do="send"), retain=True)
    async with Box(who("box-1")):
        assert (await office.state()).command == ""
        await office.say(wire.COMMAND, wire.Command(id="new", do="report"))
        assert (await office.state()).command == "new"
