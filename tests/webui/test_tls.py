"""The box's authority, the two ports of the server, and what leaves them."""

import http.client
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
import pytest

from tests.webui.sites import PageProcess
from webui.authority import LEAF_DAYS, RENEW_DAYS, Authority, CannotCertify, given
from webui.security import own_names

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

DAY_S = 86400
NOW = 1_800_000_000.0
WAIT_S = 10
ANNA = {"staff": "Anna", "pin": "1234"}


def names_of(path: Path) -> set[str]:
    return set(json.loads((path / "page.pem").read_text().partition("\n")[0])["names"])


def handshake(server: ssl.SSLContext, root: bytes, name: str) -> str:
    """Both ends in memory; the name that was verified, else the error."""
    client = ssl.create_default_context(cadata=root)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return str(ours.version())


class TestAuthority:
    def test_browsers_trust_it_for_the_boxs_own_names(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path, own_names())
        context = authority.context("127.0.0.1")
        for name in ("localhost", "127.0.0.1"):
            assert handshake(context, authority.root, name) == "TLSv1.3"
        assert "mismatch" in handshake(context, authority.root, "box.example")

    def test_a_stolen_key_is_of_no_use_elsewhere(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path, ["box.local"])
        authority.context("127.0.0.1")
        signer = str(tmp_path / "authority.pem")
        key, forged = tmp_path / "k", tmp_path / "c"
        words = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bank")
        # No authority itself: Python 3.13 would say what such a one lacks before all else.
        more: tuple[str, ...] = ("-addext", "basicConstraints=critical,CA:FALSE")
        more += ("-addext", "subjectAltName=DNS:bank.example", "-CA", signer, "-CAkey", signer)
        files = ("-keyout", str(key), "-out", str(forged))
        subprocess.run((*words, *more, *files), check=True, capture_output=True, timeout=WAIT_S)
        said = handshake(given(forged, key), authority.root, "bank.example")
        assert said == "permitted subtree violation"

    def test_only_names_within_its_bounds_are_certified(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path, ["localhost", "box", "box.local", "box.example"])
        authority.context("192.0.2.7")
        assert names_of(tmp_path) == {"localhost", "box.local"}
        authority.context("192.168.1.7")
        authority.context("fe80::1%eth0")
        assert names_of(tmp_path) == {"localhost", "box.local", "192.168.1.7", "fe80::1"}

    def test_the_root_stays_and_the_certificate_is_renewed(self, tmp_path: Path) -> None:
        wall = [NOW]
        authority = Authority(tmp_path, ["box.local"], wall=lambda: wall[0])
        root, first = authority.root, authority.context("10.0.0.2")
        wall[0] += (LEAF_DAYS - RENEW_DAYS) * DAY_S - 1
        assert authority.context("10.0.0.2") is first
        wall[0] += 2
        assert authority.context("10.0.0.2") is not first
        assert authority.root == root
        assert Authority(tmp_path, ["box.local"], wall=lambda: wall[0]).root == root

    def test_one_of_a_wrong_clock_is_made_anew_once_it_is_right(self, tmp_path: Path) -> None:
        wall = [NOW + 5000 * DAY_S]
        authority = Authority(tmp_path, ["box.local"], wall=lambda: wall[0])
        first = authority.context("10.0.0.2")
        wall[0] = NOW
        assert authority.context("10.0.0.2") is not first

    def test_a_damaged_certificate_is_made_anew(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path, ["box.local"])
        authority.context("10.0.0.2")
        (tmp_path / "page.pem").write_text("not a certificate")
        again = Authority(tmp_path, ["box.local"])
        again.context("10.0.0.2")
        assert again.root == authority.root

    def test_keys_are_for_nobody_else_and_the_root_tells_none(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "tls", ["box.local"])
        authority.context("10.0.0.2")
        assert b"PRIVATE" not in authority.root
        for path in (tmp_path / "tls").iterdir():
            assert path.stat().st_mode & 0o077 == 0
        assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", authority.fingerprint)

    def test_what_it_gave_and_cannot_be_used_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(CannotCertify, match=r"nothing\.pem"):
            given(tmp_path / "nothing.pem", tmp_path / "key.pem")
        (tmp_path / "file").touch()
        with pytest.raises(CannotCertify, match="kept"):
            Authority(tmp_path / "file", ["box.local"]).context("10.0.0.2")


class Ports(PageProcess):
    """The server's process with both of its ports."""

    def __init__(self, place: Path, gateway: "FakeGateway", *options: str) -> None:
        super().__init__(place, "--tls", "127.0.0.1:0", "--control", str(gateway.path), *options)
        found = re.search(r":(\d+), with TLS at port (\d+)", self.said)
        assert found
        self.plain, self.tls = int(found[1]), int(found[2])

    def ask(
        self, path: str, *, root: bytes | None = None, form: dict[str, str] | None = None,
        cookie: str = "",
    ) -> tuple[http.client.HTTPResponse, bytes]:  # fmt: skip
        link: http.client.HTTPConnection
        if root is None:
            link = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=WAIT_S)
        else:
            context = ssl.create_default_context(cadata=root)
            link = http.client.HTTPSConnection(
                "127.0.0.1", self.tls, timeout=WAIT_S, context=context
            )
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        if root is not None:  # as a browser does
            headers["Referer"] = f"https://127.0.0.1:{self.tls}{path}"
        body = None if form is None else urlencode(form)
        link.request("GET" if form is None else "POST", path, body, headers)
        answer = link.getresponse()
        content = answer.read()
        link.close()
        return answer, content

    def sign_in(self, root: bytes | None) -> http.client.HTTPResponse:
        answer, page = self.ask("/login", root=root)
        jar = SimpleCookie(answer.headers["Set-Cookie"])
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())
        token = re.search(rb'name="csrf_token" value="([^"]+)"', page)
        assert token
        form = {**ANNA, "csrf_token": token[1].decode()}
        return self.ask("/login", root=root, form=form, cookie=cookie)[0]


@pytest.fixture
def ports(place: Path, gateway: "FakeGateway") -> Iterator[Ports]:
    started = Ports(place, gateway)
    yield started
    started.end()


def root_of(ports: Ports) -> bytes:
    answer, root = ports.ask("/certificate/achivx-box.crt")
    assert answer.headers["Content-Type"] == "application/x-x509-ca-cert"
    return root


class TestPorts:
    def test_the_plain_one_leads_to_the_other(self, ports: Ports) -> None:
        answer, _ = ports.ask("/board?x=1")
        assert answer.status == 303
        assert answer.headers["Location"] == f"https://127.0.0.1:{ports.tls}/board?x=1"
        assert ports.ask("/login", root=root_of(ports))[0].status == 200

    def test_nobody_signs_in_without_tls(self, ports: Ports, gateway: "FakeGateway") -> None:
        answer, _ = ports.ask("/login", form=ANNA)
        assert answer.status in (303, 400)
        assert gateway.tokens == {}

    def test_the_cookie_never_leaves_tls(self, ports: Ports) -> None:
        cookie = ports.sign_in(root_of(ports)).headers["Set-Cookie"]
        assert cookie.startswith("__Host-achivx=")
        for mark in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert f"; {mark}" in cookie
        assert "Domain" not in cookie

    def test_the_certificate_and_its_page_are_for_everybody(self, ports: Ports) -> None:
        page = ports.ask("/certificate")[1].decode()
        assert "Android" in page
        assert re.search("([0-9A-F]{2}:){31}", page)

    def test_until_the_box_has_an_owner_it_is_set_up_without(
        self, ports: Ports, gateway: "FakeGateway"
    ) -> None:
        gateway.info = msgspec.structs.replace(gateway.info, claimed=False, staff=())
        assert ports.ask("/setup")[0].status == 200

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Ssl"]
    )
    def test_nobody_is_believed_to_have_come_by_tls(self, ports: Ports, header: str) -> None:
        """Also where the environment, which gunicorn reads by itself, names somebody to believe."""
        link = http.client.HTTPConnection("127.0.0.1", ports.plain, timeout=WAIT_S)
        says = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Protocol": "ssl",
            "X-Forwarded-Ssl": "on",
        }
        headers = {header: says[header], "X-Forwarded-Host": "evil.example", "SCRIPT_NAME": "/evil"}
        link.request("GET", "/board", headers=headers)
        answer = link.getresponse()
        assert answer.headers["Location"] == f"https://127.0.0.1:{ports.tls}/board"
        link.close()

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_only_tls_of_today_is_spoken(self, ports: Ports) -> None:
        context = ssl.create_default_context(cadata=root_of(ports))
        context.set_ciphers("ALL:@SECLEVEL=0")
        for version, spoken in (
            (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
            (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True),
        ):  # fmt: skip
            context.maximum_version = version
            context.minimum_version = version
            plain = socket.create_connection(("127.0.0.1", ports.tls), WAIT_S)
            with ExitStack() as held:
                held.enter_context(plain)
                if not spoken:
                    held.enter_context(pytest.raises((ssl.SSLError, ConnectionError)))
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()

    def test_no_strict_transport(self, ports: Ports) -> None:
        answer, _ = ports.ask("/login", root=root_of(ports))
        assert "Strict-Transport-Security" not in answer.headers

    def test_what_is_no_tls_is_hung_up_on_and_all_goes_on(self, ports: Ports) -> None:
        root = root_of(ports)
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 300):
            with socket.create_connection(("127.0.0.1", ports.tls), WAIT_S) as link:
                link.sendall(nonsense)
                link.shutdown(socket.SHUT_WR)
                while link.recv(4096):
                    pass
        assert ports.ask("/login", root=root)[0].status == 200


def test_plain_http_where_it_is_wanted(place: Path, gateway: "FakeGateway") -> None:
    ports = Ports(place, gateway, "--plain-http")
    try:
        cookie = ports.sign_in(None).headers["Set-Cookie"]
    finally:
        ports.end()
    assert cookie.startswith("achivx=")
    assert "Secure" not in cookie
