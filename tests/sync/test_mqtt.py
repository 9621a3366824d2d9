"""The adapter over aiomqtt against a real mosquitto: each of the traps, sprung on purpose."""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config import MqttUplink
from gateway.errors import CannotStart
from gateway.simulator.mosquitto import BrokerTls, Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync.mqtt import Denied, Link, Message, Session, Timers, open_link
from gateway.sync.mqtt_socket import LinkDown
from gateway.sync.tls import Tls, client_context
from tests.sync.conftest import Authority, Who

TIMERS = Timers(connect_s=2.0, answer_s=2.0, retry_s=0.2, refused_s=0.5)
EVENTS, ACK, STATE = "achivx/v1/box-1/events", "achivx/v1/box-1/ack", "achivx/v1/box-1/state"


def link(
    broker: MqttUplink,
    name: str = "",
    *,
    expires_s: int = 0,
    will: Message | None = None,
    unprocessed: int = 16,
    timers: Timers = TIMERS,
) -> contextlib.AbstractAsyncContextManager[Link]:
    session = Session(
        client=name or f"test-{broker.username}",
        expires_s=expires_s,
        will=will,
        unprocessed=unprocessed,
    )
    return open_link(broker, session, timers)


@contextlib.asynccontextmanager
async def listening(broker: MqttUplink, *topics: str) -> AsyncIterator[AsyncIterator[Message]]:
    async with link(broker, "listener") as open_:
        await open_.subscribe(*topics)
        yield _acknowledged(open_)


async def _acknowledged(open_: Link) -> AsyncIterator[Message]:
    async for message in open_.messages():
        open_.acknowledge(message)
        yield message


async def first(messages: AsyncIterator[Message]) -> Message:
    async with asyncio.timeout(20):
        return await anext(messages)


# --- what the broker says no to ----------------------------------------------------------------


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


# --- a broker that goes ------------------------------------------------------------------------


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


# --- sessions and acknowledgements -------------------------------------------------------------


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
    async with Mosquitto(
        tmp_path / "narrow", {"office": "x"}, options=f"max_inflight_messages {most}"
    ) as narrow:
        secret = tmp_path / "password"
        secret.write_text("x")
        settings = MqttUplink(
            host="127.0.0.1",
            port=narrow.port,
            username="office",
            password_file=str(secret),
            plaintext="loopback",
        )
        async with TcpProxy(narrow.port, delay_s=0.01) as proxy:
            through = MqttUplink(
                host="127.0.0.1",
                port=proxy.port,
                username="office",
                password_file=str(secret),
                plaintext="loopback",
            )
            async with link(through) as busy, asyncio.TaskGroup() as group:
                assert busy._places._value == most
                for _ in range(20):
                    group.create_task(busy.publish("achivx/v1/a", b"x"))
        async with link(settings) as again:
            assert await again.publish("achivx/v1/a", b"x") is False


async def test_the_brokers_packet_size_is_known(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("x")
    async with Mosquitto(
        tmp_path / "small", {"office": "x"}, options="max_packet_size 4000"
    ) as small:
        settings = MqttUplink(
            host="127.0.0.1",
            port=small.port,
            username="office",
            password_file=str(secret),
            plaintext="loopback",
        )
        async with link(settings) as known:
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


# --- TLS ---------------------------------------------------------------------------------------


async def test_tls_with_a_client_certificate(tmp_path: Path, authority: Authority) -> None:
    tls = BrokerTls(authority.ca, *authority.sign("broker"))
    certificate, key = authority.sign("box-1")
    async with Mosquitto(tmp_path / "secure", {}, tls=tls) as secure:
        settings = MqttUplink(
            host="127.0.0.1",
            port=secure.port,
            ca_file=str(authority.ca),
            client_certificate_file=str(certificate),
            client_key_file=str(key),
        )
        async with link(settings, "box") as box:
            await box.subscribe(ACK)
            assert await box.publish(STATE, b"x" * 100_000) is False
            with pytest.raises(Denied):  # the certificate's name is who it is
                await box.publish("achivx/v1/box-2/state", b"")


async def test_tls_of_a_stranger_is_refused(
    tmp_path: Path, authority: Authority, stranger: Authority
) -> None:
    tls = BrokerTls(authority.ca, *authority.sign("broker"))
    certificate, key = stranger.sign("box-1")
    async with Mosquitto(tmp_path / "secure", {}, tls=tls) as secure:
        ours = MqttUplink(host="127.0.0.1", port=secure.port, ca_file=str(stranger.ca))
        with pytest.raises(CannotStart, match=r"no TLS with .*certificate verify failed"):
            async with link(ours, "box"):
                pass
        theirs = MqttUplink(
            host="127.0.0.1",
            port=secure.port,
            ca_file=str(authority.ca),
            client_certificate_file=str(certificate),
            client_key_file=str(key),
        )
        with pytest.raises(LinkDown):
            async with link(theirs, "box"):
                pass


def test_no_older_tls() -> None:
    assert client_context(Tls()).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_handshake_that_does_not_end(broker: Mosquitto, authority: Authority) -> None:
    async with TcpProxy(broker.port) as proxy:
        proxy.hole = True
        settings = MqttUplink(
            host="127.0.0.1", port=proxy.port, ca_file=str(authority.ca), username="a"
        )
        with pytest.raises(LinkDown, match="does not shake hands"):
            async with link(settings, timers=Timers(shake_s=0.2)):
                pass


async def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts join one another: each asks the network anew, and none is waited for alone."""
    asked: list[object] = []

    async def never(_loop: object, _socket: object, address: object) -> None:
        asked.append(address)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", never)
    monkeypatch.setattr("gateway.sync.mqtt_socket.AGAIN_S", 0.05)
    settings = MqttUplink(host="127.0.0.1", username="a", plaintext="loopback")
    with pytest.raises(LinkDown, match=r"127\.0\.0\.1 port 8883 does not answer"):
        async with link(settings, timers=Timers(connect_s=0.3)):
            pass
    assert len(asked) > 3


async def test_a_broker_without_tls_is_told(who: Who, authority: Authority) -> None:
    plain = who("box-1").port
    settings = MqttUplink(host="127.0.0.1", port=plain, ca_file=str(authority.ca), username="a")
    with pytest.raises(LinkDown, match="hung up while shaking hands"):
        async with link(settings):
            pass


async def test_a_broken_certificate_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    with pytest.raises(CannotStart, match=r"uplink: cannot use .*ca.pem"):
        async with link(MqttUplink(host="127.0.0.1", ca_file=str(broken)), "box"):
            pass


async def test_nothing_of_the_password_is_logged(
    who: Who, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with link(who("box-1")) as box:
        await box.publish(STATE, b"")
    assert "box-1-secret" not in caplog.text
