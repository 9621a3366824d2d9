"""What an attacker on the shop's network tries: each is refused, other pages go on answering."""

import re
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page

from gateway.access import Access
from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
from gateway.model import Label, Role
from webui.app import create_app
from webui.options import Options

if TYPE_CHECKING:
    from tests.webui.conftest import FakeGateway, LiveShop, Site

GUESSES = 10_000
STAFF = (Staff(name="Anna"), Staff(name="Olga", role=Role.OWNER))
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
NAME = "<script>document.title=1</script>"


class TestGuesses:
    """Ten thousand PINs, against the door itself, with a clock of the test's own."""

    @pytest.fixture
    def wall(self) -> list[float]:
        return [1_800_000_000.0]

    def door(self, path: Path, wall: list[float]) -> Access:
        return Access(path, STAFF, Rules(), wall=lambda: wall[0])

    async def test_delays_grow_to_an_hour_and_few_are_looked_at(
        self, tmp_path: Path, wall: list[float]
    ) -> None:
        path = tmp_path / "access.json"
        door = self.door(path, wall)
        await door.set_pin("Anna", "736251")
        said: Counter[str] = Counter()
        for guess in range(GUESSES):
            wall[0] += 1  # one a second: nearly three hours of it
            if guess % 2500 == 2499:
                door = self.door(path, wall)  # a restart forgives nobody
            with pytest.raises(Refused) as refused:
                await door.login("Anna", f"{guess:06}")
            said[refused.value.code] += 1
        assert said["bad_pin"] + said["locked_out"] == GUESSES
        assert said["bad_pin"] <= 15
        with pytest.raises(Refused) as locked:  # the right one helps nobody meanwhile
            await door.login("Anna", "736251")
        assert locked.value.code == "locked_out"

    async def test_nobody_can_be_told_from_somebody(
        self, tmp_path: Path, wall: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same words, the same lock-out, and the same work: one hash is verified for each."""
        door = self.door(tmp_path / "access.json", wall)
        await door.set_pin("Anna", "736251")
        verified: list[str] = []
        verify = door._verify

        def counted(hashed: str, pin: str) -> bool:
            verified.append(hashed.rpartition("$")[0].rpartition("$")[0])
            return verify(hashed, pin)

        monkeypatch.setattr(door, "_verify", counted)
        heard: dict[str, list[str]] = {}
        for name in ("Anna", "Olga", "Nobody"):  # with a PIN, without one, and not there at all
            for _ in range(8):
                with pytest.raises(Refused) as refused:
                    await door.login(name, "0")
                heard.setdefault(name, []).append(f"{refused.value.code}: {refused.value}")
        assert heard["Anna"] == heard["Olga"] == heard["Nobody"]
        assert len(verified) == 3 * heard["Anna"].count("bad_pin: the name and the PIN do not fit")
        assert len(set(verified)) == 1  # the same parameters: the same time

    async def test_made_up_names_do_not_fill_the_disk(
        self, tmp_path: Path, wall: list[float]
    ) -> None:
        path = tmp_path / "access.json"
        door = self.door(path, wall)
        for guess in range(120):
            with pytest.raises(Refused):
                await door.login(f"stranger {guess} " + "x" * 1000, "0")
        assert path.stat().st_size < 20_000


@pytest.fixture
def scripted(live: "LiveShop") -> FlaskClient:
    """A live box in whose every text somebody has put a script."""
    app = create_app(Options(control=live.shop.control_socket, secret_key="k" * 32))
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    client = app.test_client()
    client.set_cookie("language", "en")
    claim = {"code": live.code, "password": "coffee and cake", "name": NAME}
    client.post("/setup/claim/set", data=claim)
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
