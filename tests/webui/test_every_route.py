"""Every route there is, on a real gateway: a GET changes nothing, and neither does a POST that is
not this page's own, or not its asker's to send."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from flask.testing import FlaskClient

from gateway.events import Pressed, Record
from gateway.messages import Acknowledge, GetAlerts, GetRecords, GetSettings, IssueGrant
from gateway.messages import SimulatePress as Press
from gateway.simulator.shop import PINS
from tests.webui.live_shop import LiveShop
from webui.app import create_app
from webui.options import Options

if TYPE_CHECKING:
    from werkzeug.routing import Rule


SAFE: Final = {"GET", "HEAD", "OPTIONS"}
OPEN_TO_ALL: Final = {"login.enter", "login.leave", "language.switch", "setup.claim"}
"""What somebody who is not signed in may post: a PIN, a code, and what concerns his browser."""
OWNERS: Final = ("/settings", "/setup")
FOREIGN: Final = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.fixture(scope="module")
def words(shared_shop: "LiveShop") -> dict[str, Any]:
    """What stands in the routes' places: things that are there."""
    shared_shop.ask(Press(button="exit-very-unhappy"))
    alert = shared_shop.ask(GetAlerts())[0].alert.id
    shared_shop.ask(Acknowledge(alert=alert))
    code = shared_shop.ask(IssueGrant(request="r", offer="souvenir", alert=alert)).grant.code
    return {
        "alert": alert, "code": code, "name": "shop", "at": 0, "number": 1, "step": "shop",
        "filename": "app.css",
    }  # fmt: skip


class Page:
    """The page of the shop, in the browser of one of its people or of nobody.

    Attributes:
        token: What a form of this browser's session carries.
    """

    def __init__(self, live: "LiveShop", who: str | None) -> None:
        shop = live.shop
        self._live = live
        self.app = create_app(
            Options(control=shop.control_socket, secret_key="k" * 32, simulator=shop.socket)
        )
        self.browser: FlaskClient = self.app.test_client()
        self.token = self._token()
        if who is not None:
            form = {"staff": who, "pin": PINS[who], "csrf_token": self.token}
            assert self.browser.post("/login", data=form).location == "/"
            self.token = self._token()

    def _token(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get("/login").text)
        assert found
        return found[1]

    def rules(self, *, changing: bool) -> "Iterator[Rule]":
        """All routes of one kind, but the stream, which has no end."""
        for rule in self.app.url_map.iter_rules():
            if bool((rule.methods or set()) - SAFE) is changing and rule.rule != "/events":
                yield rule

    def path(self, rule: "Rule", words: dict[str, Any]) -> str:
        with self.app.test_request_context():
            adapter = self.app.url_map.bind("localhost")
            return adapter.build(rule.endpoint, {key: words[key] for key in rule.arguments})

    def kept(self) -> dict[str, Any]:
        """All that people can change: what they did, settings, PINs, sessions, lock-outs."""
        records: tuple[Record, ...] = self._live.ask(GetRecords(most=1000))
        state = Path(self._live.shop.config.paths.state)
        access = json.loads((state / "access.json").read_bytes())
        return {
            # Pages and receipts come by themselves.
            "deeds": [
                each.seq
                for each in records
                if isinstance(each.event, Pressed) or hasattr(each.event, "by")
            ],
            "settings": self._live.ask(GetSettings()).text,
            "doors": (access["pins"], access["lockouts"], sorted(access["sessions"])),
            "files": {
                path.name: path.read_bytes()
                for path in sorted(state.iterdir())
                if path.suffix in (".json", ".key", ".code", ".token")
                and path.name not in ("access.json", "grants.json")
            },
        }


@pytest.mark.parametrize("who", [*PINS, None])
def test_no_get_changes_anything(
    shared_shop: "LiveShop", words: dict[str, Any], who: str | None
) -> None:
    page = Page(shared_shop, who)
    before = page.kept()
    answered = set()
    for rule in page.rules(changing=False):
        path = page.path(rule, words)
        for way in (page.browser.get, page.browser.head, page.browser.options):
            with way(path) as answer:
                assert answer.status_code < 500, path
                answered.add(answer.status_code)
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
                if rule.endpoint != "static":  # nobody finds it on the tablet afterwards
                    assert answer.headers["Cache-Control"] == "no-store", path
        assert page.kept() == before, path
    assert 200 in answered


def test_no_get_reaches_what_changes(shared_shop: "LiveShop", words: dict[str, Any]) -> None:
    page = Page(shared_shop, "owner")
    routes = list(page.rules(changing=True))
    assert len(routes) > 40
    for rule in routes:
        assert (rule.methods or set()) <= {"POST", "OPTIONS"}, rule.rule
        if rule.rule != "/login":
            # Some also name a screen: those were all seen above to change nothing.
            assert page.browser.get(page.path(rule, words)).status_code in (303, 403, 404, 405)


def test_no_form_is_taken_without_its_token(shared_shop: "LiveShop", words: dict[str, Any]) -> None:
    page = Page(shared_shop, "owner")
    stranger = Page(shared_shop, None).token
    before = page.kept()
    for rule in page.rules(changing=True):
        path = page.path(rule, words)
        for form in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": stranger}):
            assert page.browser.post(path, data=form).status_code == 400, path
        assert page.browser.post(path, json={"csrf_token": page.token}).status_code == 400, path
    assert page.kept() == before
    assert page.browser.post("/me/sessions/end", data={"csrf_token": page.token}).status_code == 303


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_form_of_another_site_is_taken(
    shared_shop: "LiveShop", words: dict[str, Any], headers: dict[str, str]
) -> None:
    page = Page(shared_shop, "owner")
    before = page.kept()
    form = {"csrf_token": page.token}
    for rule in page.rules(changing=True):
        path = page.path(rule, words)
        assert page.browser.post(path, data=form, headers=headers).status_code == 400, path
    assert page.kept() == before


def test_nobody_changes_anything_without_signing_in(
    shared_shop: "LiveShop", words: dict[str, Any]
) -> None:
    page = Page(shared_shop, None)
    before = page.kept()
    form = {"csrf_token": page.token, "sure": "yes", "do": "open", **dict.fromkeys(words, "x")}
    tried = 0
    for rule in page.rules(changing=True):
        # The demo's buttons are those on the wall of its shop: whoever is there presses them.
        if rule.endpoint in OPEN_TO_ALL or rule.endpoint == "demo.press":
            continue
        answer = page.browser.post(page.path(rule, words), data=form)
        assert answer.status_code in (303, 403), rule.rule
        tried += 1
    assert tried > 40
    assert page.kept() == before


@pytest.mark.parametrize("who", ["barista", "manager"])
def test_only_an_owner_changes_the_box(
    shared_shop: "LiveShop", words: dict[str, Any], who: str
) -> None:
    page = Page(shared_shop, who)
    before = page.kept()
    form = {"csrf_token": page.token, "sure": "yes", "do": "open", "name": "x", "staff": "owner",
            "pin": "739164", "new": "739164", "ssid": "x", "typed": "demo-cafe"}  # fmt: skip
    tried = 0
    for rule in page.rules(changing=True):
        if rule.rule.startswith(OWNERS) and rule.endpoint not in OPEN_TO_ALL:
            answer = page.browser.post(page.path(rule, words), data=form)
            assert answer.status_code in (303, 403), rule.rule
            tried += 1
    assert tried > 20
    assert page.kept() == before


NAMES: Final = """
    address alert at back button case cause code customer days device do driver form framing
    frequency kind language name new next normally_closed note number offer old outcome pager
    passphrase password person pin port reason request role say session severity sha256 since ssid
    staff start_s step sure tag text time timezone to token tokens typed until zone state
"""
"""What the page's forms and addresses are made of, and more."""
NONSENSE: Final = (
    "", "\x00", "-1", "nan", "٣", "9" * 20, "a\r\nSet-Cookie: x=y", "\ud7ff\U0010ffff\u202e",
    "x" * 9000, "0000-01-01T00:00",
)  # fmt: skip
ENDINGS: Final = frozenset({"login.leave", "settings.restart", "steps.apply", "setup.finish"})
"""What ends the session or starts the gateway anew: the rest would not be tried."""


@pytest.mark.timeout(600)
def test_no_nonsense_breaks_the_page(place: Path) -> None:
    live = LiveShop(place, fresh=False)
    try:
        page = Page(live, "owner")
        rules = [rule for rule in page.app.url_map.iter_rules() if rule.endpoint not in ENDINGS]
        for rule, nonsense in product(rules, NONSENSE):
            if rule.rule == "/events":
                continue
            part = nonsense[:200].replace("/", "").strip(".") or "x"
            words = {**dict.fromkeys(rule.arguments, part), "at": 99, "number": 10**20}
            path = page.path(rule, words)
            form = {**dict.fromkeys(NAMES.split(), nonsense), "csrf_token": page.token}
            way = page.browser.get if "GET" in (rule.methods or ()) else page.browser.post
            sent = {"query_string": form} if way == page.browser.get else {"data": form}
            with way(path, **sent) as answer:
                assert answer.status_code < 500, (path, nonsense)
                assert "x=y" not in str(answer.headers.getlist("Set-Cookie")), (path, nonsense)
                assert b"root:x" not in answer.data
    finally:
        live.close()
