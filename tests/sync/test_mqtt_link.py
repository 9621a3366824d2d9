"""The box's link to its broker, which breaks, refuses and comes back, and what comes unasked."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway import __version__
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import wire
from gateway.sync.mqtt import Timers
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.uplink import Held, Interrupted
from tests.sync.bridges import QUICK, Who
from tests.sync.office import DONE, THREE, Box, Office, answered, office_at


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
