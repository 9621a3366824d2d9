"""What an attacker on the shop's network tries: each is refused, other pages go on answering."""

import re
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page

from gateway.model import Label
from tests.webui.live_shop import LiveShop, claimed

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway
    from tests.webui.sites import Site

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
NAME = "<script>document.title=1</script>"


@pytest.fixture
def scripted(live: LiveShop) -> FlaskClient:
    """A live box in whose every text somebody has put a script."""
    client = claimed(live, NAME)
    shop = {"name": SCRIPT, "account": "shop", "timezone": "UTC"}
    client.post("/setup/shop/set", data=shop)
    client.post("/settings/gateway/restart")
    return client


def test_a_page_is_answered_while_others_guess(scripted: FlaskClient) -> None:
    """Fifty boards, all of them answered, with eight guessers at the door of the same box."""
    app = scripted.application
    stop = threading.Event()
    guessed: list[int] = []

    def guess() -> None:
        client = app.test_client()
        while not stop.is_set():
            answer = client.post("/login", data={"staff": NAME, "pin": "0000"})
            guessed.append(answer.status_code)

    guessers = [threading.Thread(target=guess) for _ in range(8)]
    for guesser in guessers:
        guesser.start()
    try:
        answered = [scripted.get("/board").status_code for _ in range(50)]
    finally:
        stop.set()
        for guesser in guessers:
            guesser.join()
    assert answered == [200] * 50
    assert set(guessed) == {303}


class TestSessions:
    def test_a_cookie_that_was_planted_is_not_signed_in(self, client: FlaskClient) -> None:
        """Session fixation: what the browser had before is worth nothing after."""
        client.get("/login")
        planted = client.get_cookie("achivx")
        assert planted
        client.post("/login", data={"staff": "Anna", "pin": "1234"})
        signed = client.get_cookie("achivx")
        assert signed
        assert signed.value != planted.value
        other = client.application.test_client()
        other.set_cookie("achivx", planted.value)
        assert other.get("/board").status_code == 303

    def test_each_sign_in_is_a_session_of_its_own(
        self, client: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        for _ in range(2):
            client.post("/login", data={"staff": "Anna", "pin": "1234"})
        assert len(set(gateway.tokens)) == 2


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/static/../cli.py", "/static/..%2f..%2fcli.py", "/static/%2e%2e/secret.key",
            "/static//etc/passwd", "/static/vendor/../../../gateway/access.py",
            "/settings/../me", "/settings/history/..%2f1", "/board/..%2f..", "/%00", "/\\evil",
            "/settings/box/../../etc/passwd", "//evil.example/board",
        ],
    )  # fmt: skip
    def test_tricks_lead_nowhere(self, signed_in: FlaskClient, path: str) -> None:
        with signed_in.get(path) as answer:
            assert answer.status_code in (303, 308, 400, 403, 404)
            location = answer.headers.get("Location", "/").removeprefix("http://localhost")
            assert re.match("/(?!/)", location)
            assert b"import" not in answer.data
            assert b"root:" not in answer.data

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
    def test_no_other_method_does_anything(self, signed_in: FlaskClient, method: str) -> None:
        for path in ("/login", "/settings/box/backup", "/me/pin"):
            assert signed_in.open(path, method=method).status_code == 405


def screens_of(client: FlaskClient) -> list[str]:
    """Every address that shows something, without a parameter."""
    rules = client.application.url_map.iter_rules()
    return sorted(
        rule.rule
        for rule in rules
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.rule != "/events"
    )


def test_script_in_every_text_is_text_on_every_screen(scripted: FlaskClient) -> None:
    paths = screens_of(scripted)
    assert {"/board", "/me", "/settings", "/settings/audit", "/settings/box", "/login"} <= set(
        paths
    )
    shown = 0
    for path in paths:
        with scripted.get(path) as answer:
            assert answer.status_code < 500, path
            text = answer.get_data(as_text=True)
            if "html" in answer.headers["Content-Type"]:
                assert "<script>document" not in text, path
                assert not re.search(r"<img", text), path
                shown += "&lt;script&gt;document" in text
    assert shown >= 5


def test_no_script_runs_in_a_browser(site: "Site", gateway: "FakeGateway") -> None:
    """In Chromium, with the labels, notes and messages of the gateway itself hostile."""
    gateway.info = msgspec.structs.replace(gateway.info, shop=SCRIPT)
    gateway.raise_alert(zone=SCRIPT, words=Label(SCRIPT, SCRIPT))
    gateway.faults = (f"transmitter/{SCRIPT}: {SCRIPT}",)
    gateway.issue(alert="a1")
    page: Page = site.window()
    page.goto("/login")
    page.get_by_label("Anna").check()
    page.get_by_label("PIN").fill("1234")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/board")
    for path in ("/board", "/case/a1", "/counter", "/status", "/login?staff=" + SCRIPT):
        page.goto(path)
        assert page.title() != "owned"
        assert page.locator("main img, main script").count() == 0
    assert site.complaints == []
