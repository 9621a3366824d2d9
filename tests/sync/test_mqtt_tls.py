"""TLS to a real mosquitto: certificates, and handshakes that come to nothing."""

import asyncio
import logging
import ssl
from pathlib import Path

import pytest

from gateway.config import MqttUplink
from gateway.errors import CannotStart
from gateway.simulator.mosquitto import BrokerTls, Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync.mqtt import Denied, Timers
from gateway.sync.mqtt_socket import LinkDown
from gateway.sync.tls import Tls, client_context
from tests.sync.authority import Authority
from tests.sync.bridges import Who
from tests.sync.links import ACK, STATE, link


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
