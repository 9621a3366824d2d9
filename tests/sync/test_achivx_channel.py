"""Who may see the token: the plaintext policy, and TLS by real certificates."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.errors import CannotStart
from gateway.simulator.achivx_server import AchivxServer, ServerTls
from gateway.simulator.gamification import read
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import Retry
from gateway.sync.channel import (
    PLAINTEXT_ANYWHERE,
    PLAINTEXT_LOOPBACK,
    PLAINTEXT_NEVER,
    Tls,
    credentials,
)

TOKEN = "token"
CONFIG = read(b'{"actions": {"Earned": {"repeatable": true}}}')


class Pki(NamedTuple):
    """Paths of PEM files: an authority, and a certificate and key signed by it."""

    ca: Path
    certificate: Path
    key: Path


def openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def make_pki(place: Path) -> Pki:
    """An authority and one certificate for 127.0.0.1, good for a day."""
    place.mkdir()
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca, ca_key = place / "ca.pem", place / "ca.key"
    openssl(*new, "-days", "1", "-subj", "/CN=ca", "-keyout", ca_key, "-out", ca)
    certificate, key = place / "cert.pem", place / "cert.key"
    openssl(
        *new,
        *("-days", "1", "-subj", "/CN=achivx", "-keyout", key, "-out", certificate),
        *("-CA", ca, "-CAkey", ca_key, "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    return Pki(ca, certificate, key)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki") / "strange")


def server_tls(pki: Pki, *, ask_clients: bool = False) -> ServerTls:
    client_ca = pki.ca.read_bytes() if ask_clients else None
    return ServerTls(pki.certificate.read_bytes(), pki.key.read_bytes(), client_ca)


def client_to(server: AchivxServer, tls: Tls) -> AchivxClient:
    return AchivxClient(server.address, TOKEN, tls=tls, deadline_s=5)


async def test_tls_with_an_authority_of_our_own(pki: Pki) -> None:
    async with (
        AchivxServer(TOKEN, CONFIG, tls=server_tls(pki)) as server,
        client_to(server, Tls(ca_file=str(pki.ca))) as client,
    ):
        assert "Earned" in await client.check_token()


async def test_tls_with_client_certificates(pki: Pki) -> None:
    tls = Tls(str(pki.ca), str(pki.certificate), str(pki.key))
    async with (
        AchivxServer(TOKEN, CONFIG, tls=server_tls(pki, ask_clients=True)) as server,
        client_to(server, tls) as client,
        client_to(server, Tls(str(pki.ca))) as nameless,
    ):
        assert "Earned" in await client.check_token()
        with pytest.raises(Retry):
            await nameless.check_token()


async def test_a_server_that_the_authority_does_not_know_gets_nothing(
    pki: Pki, stranger: Pki
) -> None:
    async with AchivxServer(TOKEN, CONFIG, tls=server_tls(stranger)) as server:
        for ca_file in (str(pki.ca), None):  # None: the public authorities
            async with client_to(server, Tls(ca_file=ca_file)) as client:
                with pytest.raises(Retry, match="UNAVAILABLE"):
                    await client.check_token()
    assert server.peak_calls == 0


async def test_a_plaintext_server_gets_nothing_from_a_client_that_wants_tls(pki: Pki) -> None:
    async with (
        AchivxServer(TOKEN, CONFIG) as server,
        client_to(server, Tls(ca_file=str(pki.ca))) as client,
    ):
        with pytest.raises(Retry):
            await client.check_token()
    assert server.peak_calls == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_plaintext_on_this_machine(host: str) -> None:
    assert credentials(f"{host}:50051", PLAINTEXT_LOOPBACK, Tls()) is None


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "achivx.example", "localhost.example", "127.1", "[2001:db8::1]", "192.168.1.9"],
)
def test_no_plaintext_to_another_machine(host: str) -> None:
    with pytest.raises(CannotStart, match="is for a server on this machine"):
        AchivxClient(f"{host}:50051", TOKEN, plaintext=PLAINTEXT_LOOPBACK)


def test_plaintext_anywhere_only_when_the_risk_is_accepted() -> None:
    assert credentials("10.0.0.1:50051", PLAINTEXT_ANYWHERE, Tls()) is None
    assert credentials("10.0.0.1:50051", PLAINTEXT_NEVER, Tls()) is not None


@pytest.mark.parametrize("policy", ["", "always", "Loopback"])
def test_an_unknown_policy_stops_the_start(policy: str) -> None:
    with pytest.raises(CannotStart, match="plaintext cannot be"):
        credentials("127.0.0.1:50051", policy, Tls())


@pytest.mark.parametrize("address", ["", "host", "host:", ":1", "host:0", "host:99999", "host:x"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(CannotStart, match="host:port"):
        credentials(address, PLAINTEXT_NEVER, Tls())


def test_an_ipv6_address_needs_brackets() -> None:
    with pytest.raises(CannotStart, match="brackets"):
        credentials("::1:50051", PLAINTEXT_LOOPBACK, Tls())


def test_files_that_cannot_be_used_stop_the_start(pki: Pki, stranger: Pki, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("not a certificate")
    locked = tmp_path / "locked.key"
    openssl("pkey", "-in", pki.key, "-aes256", "-passout", "pass:secret", "-out", locked)
    certificate, key = str(pki.certificate), str(pki.key)
    for tls in (
        Tls(ca_file=str(tmp_path / "missing.pem")),
        Tls(ca_file=str(junk)),
        Tls(certificate_file=certificate, key_file=str(stranger.key)),
        Tls(certificate_file=certificate, key_file=str(locked)),
        Tls(certificate_file=str(junk), key_file=key),
    ):
        with pytest.raises(CannotStart, match="cannot use /"):
            credentials("achivx.example:443", PLAINTEXT_NEVER, tls)
    for half in (Tls(certificate_file=certificate), Tls(key_file=key)):
        with pytest.raises(CannotStart, match="both"):
            credentials("achivx.example:443", PLAINTEXT_NEVER, half)
