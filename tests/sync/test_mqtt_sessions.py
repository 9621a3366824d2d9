"""What outlives a connection to a real mosquitto: sessions, unacknowledged messages, the will."""

import asyncio
from pathlib import Path

import pytest

from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync.mqtt import Message
from tests.sync.bridges import Who
from tests.sync.links import ACK, STATE, first, link, listening

OFFICE = {"office": "office-secret"}


async def test_a_session_outlives_the_connection(who: Who) -> None:
    async with link(who("box-1"), "box", expires_s=60) as box:
        await box.subscribe(ACK)
    async with link(who("bridge")) as bridge:
        assert await bridge.publish(ACK, b"while it was away")
    async with link(who("box-1"), "box", expires_s=60) as box:
        message = await first(box.messages())
    assert (message.topic, message.payload) == (ACK, b"while it was away")


async def test_a_session_outlives_the_broker(who: Who, broker: Mosquitto) -> None:
    async with link(who("box-1"), "box", expires_s=60) as box:
        await box.subscribe(ACK)
    await broker.stop()
    await broker.start()
    async with link(who("bridge")) as bridge:
        assert await bridge.publish(ACK, b"later")
    async with link(who("box-1"), "box", expires_s=60) as box:
        assert (await first(box.messages())).payload == b"later"


async def test_a_session_of_no_length_begins_empty(who: Who) -> None:
    async with link(who("box-1"), "box", expires_s=60) as box:
        await box.subscribe(ACK)
    async with link(who("box-1"), "box"), link(who("bridge")) as bridge:
        assert await bridge.publish(ACK, b"x") is False


async def test_what_was_not_acknowledged_comes_again(who: Who) -> None:
    async with link(who("bridge")) as bridge:
        async with link(who("box-1"), "box", expires_s=60) as box:
            await box.subscribe(ACK)
            for payload in (b"1", b"2"):
                await bridge.publish(ACK, payload)
            messages = box.messages()
            box.acknowledge(await first(messages))
            assert (await first(messages)).payload == b"2"  # and is not acknowledged
        async with link(who("box-1"), "box", expires_s=60) as box:
            messages = box.messages()
            assert (await first(messages)).payload == b"2"
            await bridge.publish(ACK, b"3")
            assert (await first(messages)).payload == b"3"


async def test_no_more_comes_in_than_can_be_acknowledged(
    who: Who, caplog: pytest.LogCaptureFixture
) -> None:
    async with link(who("box-1"), unprocessed=4) as box, link(who("bridge")) as bridge:
        await box.subscribe(ACK)
        for number in range(10):
            await bridge.publish(ACK, b"%d" % number)
        messages = box.messages()
        taken = [await first(messages) for _ in range(4)]
        await box.publish(STATE, b"")  # answered after whatever the broker had sent before
        assert box._client._queue.qsize() == 0
        for message in taken:
            box.acknowledge(message)
        rest = [await first(messages) for _ in range(4)]
    payloads = [message.payload for message in (*taken, *rest)]
    assert payloads == [b"%d" % number for number in range(8)]
    assert "Discarding" not in caplog.text


async def test_what_no_receive_maximum_bounds_is_not_taken(who: Who) -> None:
    async with link(who("box-1")) as box, link(who("bridge")) as bridge:
        await box.subscribe(ACK)
        bridge._paho.publish(ACK, b"flood", 0)
        await bridge.publish(ACK, b"orderly")
        assert (await first(box.messages())).payload == b"orderly"


@pytest.mark.parametrize("most", [1, 3])
async def test_the_brokers_receive_maximum_is_kept(tmp_path: Path, most: int) -> None:
    """Mosquitto ends a connection that goes beyond it (0x93)."""
    options = f"max_inflight_messages {most}"
    async with Mosquitto(tmp_path / "narrow", OFFICE, options=options) as narrow:
        who = Who(tmp_path, narrow.port)
        async with TcpProxy(narrow.port, delay_s=0.01) as proxy:
            through = who("office", port=proxy.port)
            async with link(through) as busy, asyncio.TaskGroup() as group:
                assert busy._places._value == most
                for _ in range(20):
                    group.create_task(busy.publish("achivx/v1/a", b"x"))
        async with link(who("office")) as again:
            assert await again.publish("achivx/v1/a", b"x") is False


async def test_the_brokers_packet_size_is_known(tmp_path: Path) -> None:
    async with (
        Mosquitto(tmp_path / "small", OFFICE, options="max_packet_size 4000") as small,
        link(Who(tmp_path, small.port)("office")) as known,
    ):
        assert known.packet_bytes == 4000


@pytest.mark.parametrize("how", ["closed", "cut"])
async def test_the_will_is_published_however_it_ends(who: Who, broker: Mosquitto, how: str) -> None:
    will = Message(STATE, b"offline")
    async with (
        TcpProxy(broker.port) as proxy,
        listening(who("office"), STATE) as messages,
    ):
        async with link(who("box-1", port=proxy.port), will=will) as box:
            await box.publish(STATE, b"online", retain=True)
            assert (await first(messages)).payload == b"online"
            if how == "cut":
                proxy.cut()
                await asyncio.wait({box.gone}, timeout=20)
        assert (await first(messages)).payload == b"offline"
    async with listening(who("office"), STATE) as messages:
        message = await first(messages)
        assert (message.payload, message.retained) == (b"offline", True)
