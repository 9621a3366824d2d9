import re
import socket
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.messages import Login
from webui.security import BODY_BYTES, is_own_address, own_names

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

ANNA = {"staff": "Anna", "pin": "1234"}
NOWHERE = "0.0.0.0"  # noqa: S104


@pytest.fixture
def strict(app: Flask) -> FlaskClient:
    """With CSRF checks, as in earnest."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = True
    return app.test_client()


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found[1]


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "board.example",
            "localhost.",
        ],
    )
    def test_own_names_and_allowed_ones_pass(self, client: FlaskClient, host: str) -> None:
        assert client.get("/login", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example", "", NOWHERE, "192.0.2.1", "localhost.evil.example", "[", "a b", "[::",
            "evil@localhost", "localhost@evil.example", "localhost/evil", "localhost?evil",
            "localhost#evil", "localhost\\evil", "localhost,evil.example", "localhost..",
            "localhost:80:80", "localhost:http", "localhost:123456", "127.1", "2130706433",
            "0x7f000001", "127.0.0.1.nip.io", "[127.0.0.1]", "[fe80::1%25eth0]", "::1", "лока",
            "a" * 300, ".", "-",
        ],
    )  # fmt: skip
    def test_others_do_not(self, client: FlaskClient, host: str) -> None:
        answer = client.get("/login", headers={"Host": host})
        assert answer.status_code == 400
        assert "Sign in" not in answer.text

    def test_even_files_are_guarded(self, client: FlaskClient) -> None:
        headers = {"Host": "evil.example"}
        assert client.get("/static/app.css", headers=headers).status_code == 400

    def test_a_request_to_a_proxy_is_for_another_host(self, client: FlaskClient) -> None:
        for target in ("http://evil.example/login", "http://localhost/login", "evil.example:80"):
            answer = client.get("/login", environ_overrides={"RAW_URI": target})
            assert answer.status_code == 400

    def test_the_machines_own_name_is_known(self) -> None:
        short = socket.gethostname().lower().split(".")[0]
        assert {short, f"{short}.local", "localhost"} <= own_names()

    def test_addresses_are_asked_of_the_kernel(self) -> None:
        assert is_own_address("127.0.0.1")
        assert is_own_address("::1")
        assert not any(map(is_own_address, ("192.0.2.1", "2001:db8::1", NOWHERE, "::", "x")))


class TestForms:
    def test_without_a_token_nothing_is_done(
        self, strict: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        answer = strict.post("/login", data=ANNA)
        assert answer.status_code == 400
        assert "This form was too old, so nothing was done." in answer.text
        assert gateway.asked(Login) == []

    def test_with_the_forms_token(self, strict: FlaskClient) -> None:
        token = csrf_of(strict.get("/login").text)
        assert strict.post("/login", data={**ANNA, "csrf_token": token}).status_code == 303

    def test_with_the_token_that_htmx_sends(
        self, strict: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        token = csrf_of(strict.get("/login").text)
        strict.post("/login", data={**ANNA, "csrf_token": token})
        gateway.raise_alert()
        page = strict.get("/board").text
        sent = re.search(r'hx-headers=\'{"X-CSRFToken":"([^"]+)"}\'', page)
        assert sent
        headers = {"X-CSRFToken": sent[1], "HX-Request": "true"}
        assert strict.post("/board/a1/acknowledge", headers=headers).status_code == 303

    def test_every_form_of_every_page_has_a_token(
        self, signed_in: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        gateway.raise_alert()
        gateway.issue()
        for path in ("/board", "/case/a1", "/counter", "/status", "/login"):
            for form in re.findall(r"<form.*?</form>", signed_in.get(path).text, re.DOTALL):
                assert 'method="post"' in form
                assert 'name="csrf_token"' in form

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost", ""])
    def test_another_sites_form_is_refused(self, client: FlaskClient, origin: str) -> None:
        assert client.post("/login", data=ANNA, headers={"Origin": origin}).status_code == 400

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_what_the_browser_says_is_foreign_is_refused(
        self, client: FlaskClient, site: str
    ) -> None:
        answer = client.post("/login", data=ANNA, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400

    def test_this_sites_own_form_passes(self, client: FlaskClient) -> None:
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert client.post("/login", data=ANNA, headers=headers).status_code == 303

    def test_no_address_changes_anything_by_get(self, app: Flask, signed_in: FlaskClient) -> None:
        changing = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
        assert len(changing) >= 8
        for rule in changing:
            if rule.rule != "/login":  # which shows its form
                path = re.sub("<.*?>", "a1", rule.rule)
                assert signed_in.get(path).status_code in (404, 405), path


class TestBodies:
    def test_a_large_one_is_refused(self, client: FlaskClient) -> None:
        answer = client.post("/login", data={"staff": "x" * BODY_BYTES, "pin": "1"})
        assert answer.status_code == 413
        assert "more than this page takes" in answer.text

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"\xff\xfe\x00staff=%ff%00", "application/x-www-form-urlencoded"),
            (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
            (b"no boundary", "multipart/form-data"),
            (b'{"staff": "Anna", "pin": "1234"}', "application/json"),
            (b"&" * 5000, "application/x-www-form-urlencoded"),
        ],
    )
    def test_nonsense_signs_nobody_in(self, client: FlaskClient, body: bytes, kind: str) -> None:
        answer = client.post("/login", data=body, content_type=kind)
        assert answer.status_code in (303, 400, 413)
        with client.session_transaction() as session:
            assert "token" not in session

    def test_one_that_does_not_say_its_length_is_not_read(self, client: FlaskClient) -> None:
        headers = {"Transfer-Encoding": "chunked"}
        for path in ("/login", "/settings/box/restore", "/nothing"):
            assert client.post(path, data=ANNA, headers=headers).status_code == 411

    @pytest.mark.parametrize("cookie", ["x", "eyJ0b2tlbiI6MX0.aaaa.bbbb", "\x7f"])
    def test_a_made_up_cookie_is_nobody(self, client: FlaskClient, cookie: str) -> None:
        client.set_cookie("achivx", cookie)
        assert client.get("/board").location == "/login?next=/board"


class TestHeaders:
    @pytest.mark.parametrize("path", ["/login", "/board", "/nothing", "/static/app.css"])
    def test_each_answer_has_them(self, client: FlaskClient, path: str) -> None:
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"

    def test_pages_are_not_kept_and_files_are(self, client: FlaskClient) -> None:
        page = client.get("/login")
        assert page.headers["Cache-Control"] == "no-store"
        sheet = re.search(r'href="(/static/app.css\?v=\w{12})"', page.text)
        assert sheet
        with client.get(sheet[1]) as answer:
            assert "max-age=31536000" in answer.headers["Cache-Control"]

    def test_no_page_has_inline_scripts_or_styles(
        self, signed_in: FlaskClient, demo: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        gateway.raise_alert()
        demo.post("/login", data=ANNA)
        pages = [signed_in.get(path).text for path in ("/board", "/case/a1", "/counter", "/status")]
        for text in [*pages, demo.get("/demo").text]:
            assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:", text)
            assert all("src=" in script for script in re.findall("<script[^>]*>", text))
