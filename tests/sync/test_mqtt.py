"""The adapter over aiomqtt against a real mosquitto that says no, goes, freezes or is not there."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from gateway.config import MqttUplink
from gateway.errors import CannotStart
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync.mqtt import Denied, Message, Timers
from gateway.sync.mqtt_socket import LinkDown
from tests.sync.authority import Authority
from tests.sync.bridges import Who
from tests.sync.links import ACK, EVENTS, STATE, first, link, listening


async def test_a_refused_publication_is_told_with_its_reason(who: Who) -> None:
    async with link(who("box-1")) as box:
        with pytest.raises(Denied, match=r"box-2/events: Not authorized \(0x87\)") as caught:
            await box.publish("achivx/v1/box-2/events", b"mine")
        assert not caught.value.passes
        assert await box.publish(STATE, b"still there") is False  # nobody listens


class Scripted:
    """A broker that says to every packet what it was told to say: mosquitto says no too seldom."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)

    async def __aenter__(self) -> MqttUplink:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return MqttUplink(host="127.0.0.1", port=port, username="a", plaintext="loopback")

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in self._answers:
            await reader.read(4096)
            writer.write(answer)
        await reader.read()
        writer.close()


WELCOME = bytes.fromhex("2003 00 00 00")


async def test_a_refused_subscription_is_told() -> None:
    suback = bytes.fromhex("9005 0001 00 01 87")
    async with Scripted(WELCOME, suback) as settings, link(settings) as box:
        with pytest.raises(
            Denied, match=r"the subscription to achivx/v1/box-2/ack: Not authorized"
        ):
            await box.subscribe(ACK, "achivx/v1/box-2/ack")


@pytest.mark.parametrize(("code", "passes"), [(0x86, False), (0x8A, False), (0x89, True)])
async def test_it_is_known_which_refusals_pass(code: int, *, passes: bool) -> None:
    busy = bytes((0x20, 3, 0, code, 0))
    async with Scripted(busy) as settings:
        with pytest.raises(Denied) as caught:
            async with link(settings):
                pass
    assert caught.value.passes is passes


async def test_a_wrong_password_is_told(who: Who) -> None:
    with pytest.raises(Denied, match="the connection: Not authorized"):
        async with link(who("box-1", password="guessed")):
            pass


async def test_a_missing_password_file_is_told(who: Who, tmp_path: Path) -> None:
    settings = who("box-1")
    (tmp_path / "box-1.password").unlink()
    with pytest.raises(CannotStart, match="cannot read the password file"):
        async with link(settings):
            pass


async def test_plaintext_goes_to_this_machine_alone() -> None:
    settings = MqttUplink(host="192.0.2.1", username="a", plaintext="loopback")
    with pytest.raises(CannotStart, match=r"for a broker on this machine, not 192\.0\.2\.1"):
        async with link(settings):
            pass


async def test_whether_anybody_listens_is_told(who: Who) -> None:
    async with link(who("box-1")) as box:
        assert await box.publish(EVENTS, b"1") is False
        async with listening(who("bridge"), "$share/achivx/achivx/v1/+/events") as messages:
            assert await box.publish(EVENTS, b"2") is True
            assert await first(messages) == Message(EVENTS, b"2", retained=False, number=1)


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        settings = MqttUplink(
            host="127.0.0.1", port=taken.getsockname()[1], username="a", plaintext="loopback"
        )
        with pytest.raises(LinkDown, match="cannot be reached: Connection refused"):
            async with link(settings):
                pass


async def test_a_name_that_does_not_exist() -> None:
    settings = MqttUplink(host="broker.invalid", username="a", plaintext="i-accept")
    with pytest.raises(LinkDown, match=r"broker.invalid port 8883 cannot be reached"):
        async with link(settings, timers=Timers(connect_s=20)):
            pass


async def test_a_broker_killed_in_the_middle_is_noticed_at_once(
    who: Who, broker: Mosquitto
) -> None:
    async with link(who("box-1"), timers=Timers(answer_s=60)) as box:
        broker.freeze()
        publishing = asyncio.create_task(box.publish(EVENTS, b"x"))
        await asyncio.sleep(0)
        await broker.kill()
        with pytest.raises(LinkDown, match="the broker is gone"):
            await asyncio.wait_for(publishing, 20)


async def test_a_broker_that_goes_ends_the_waiting_for_messages(
    who: Who, broker: Mosquitto
) -> None:
    async with listening(who("box-1"), ACK) as messages:
        await broker.stop()
        with pytest.raises(LinkDown, match="the broker is gone: the connection was lost"):
            await first(messages)


async def test_a_frozen_broker_is_given_up(who: Who, broker: Mosquitto) -> None:
    timers = Timers(shake_s=0.2, answer_s=0.2)
    async with link(who("box-1"), timers=timers) as box:
        broker.freeze()
        with pytest.raises(LinkDown, match=r"did not answer the publication .* in 0\.2 s"):
            await box.publish(EVENTS, b"x")
        assert box.gone.done()
        with pytest.raises(LinkDown):
            await anext(box.messages())
    with pytest.raises(LinkDown, match="did not answer the greeting"):
        async with link(who("box-1"), timers=timers):
            pass
    broker.thaw()


async def test_a_black_hole_is_given_up(who: Who, broker: Mosquitto) -> None:
    async with TcpProxy(broker.port) as proxy:
        proxy.hole = True
        with pytest.raises(LinkDown, match="did not answer the greeting"):
            async with link(who("box-1", port=proxy.port), timers=Timers(shake_s=0.2)):
                pass


@pytest.mark.parametrize("plaintext", ["loopback", "never"])
async def test_a_black_hole_is_left_at_once_when_the_program_stops(
    broker: Mosquitto, authority: Authority, plaintext: str
) -> None:
    """Connecting and shaking hands stand in no thread that would have to be waited for."""
    async with TcpProxy(broker.port) as proxy:
        proxy.hole = True
        settings = MqttUplink(
            host="127.0.0.1",
            port=proxy.port,
            ca_file=str(authority.ca),
            plaintext=plaintext,
            username="a",
        )
        opening = asyncio.create_task(link(settings, timers=Timers()).__aenter__())
        await asyncio.wait_for(proxy.busy.wait(), 20)
        began = time.monotonic()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert time.monotonic() - began < 5
