"""Insights on a shop with a month behind it: the real gateway, its journal, and a real browser."""

import csv
import gzip
import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from gateway.config import DEFAULT_STEPS
from gateway.insights.messages import GetInsights, GetRules, InsightsView
from gateway.messages import GetSettings
from gateway.model import ButtonKind, Outcome, PressFlag, Role
from gateway.setup.messages import (
    AddPerson,
    EditSettings,
    GetSetup,
    PlaceButton,
    ReplaceSettings,
    SettingsEdit,
    SetTransmitter,
)
from tests.insights.filling import Entry, at, fill, incident, press
from tests.webui.live_shop import LiveShop, claimed, visitor
from tests.webui.sites import Site
from webui.look import STATIC

OWNER, MANAGER, STAFF = "Owner", "Boris", "Anna"
PIN = "tea and cake"
DAY_S = 86_400.0
INCIDENTS = 40


def month(now_s: float, red: str) -> Iterator[Entry]:
    """Forty incidents and 400 other presses of the last twenty days; nothing of today."""
    midnight = datetime.fromtimestamp(now_s, UTC).replace(hour=0, minute=0, second=0)
    begin = (midnight - timedelta(days=20)).timestamp()
    for number in range(INCIDENTS):
        when = begin + number * DAY_S / 2 + 10 * 3600
        yield from incident(f"case{number}", when, Outcome.RECOVERED, red)
        for each in range(10):
            flag = PressFlag.REPEAT if each == 9 else None
            yield press(ButtonKind.VERY_HAPPY, flag=flag), at(when + 400 + each)


@pytest.fixture(scope="module")
def owner(shared_live: LiveShop) -> FlaskClient:
    """The signed-in owner of that shop."""
    client = claimed(shared_live, OWNER)
    (port,) = shared_live.ask(GetSetup()).ports
    shared_live.ask(SetTransmitter(port=port.path, driver="tap", address="1001"))
    placed = shared_live.ask(PlaceButton(pin=17, kind=ButtonKind.VERY_UNHAPPY))
    shared_live.ask(AddPerson(name=MANAGER, role=Role.MANAGER, pin=PIN))
    shared_live.ask(AddPerson(name=STAFF, pin=PIN))
    shared_live.do(shared_live.shop.stop_gateway())
    fill(
        Path(shared_live.shop.directory) / "state" / "journal.db",
        month(time.time(), placed.buttons[0].name),
    )
    shared_live.do(shared_live.shop.start_gateway())
    return client


def _signed_in(live: LiveShop, name: str) -> FlaskClient:
    client = visitor(live)
    client.post("/login", data={"staff": name, "pin": PIN})
    return client


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_figures_of_a_month_are_told(owner: FlaskClient) -> None:
    text = _text(owner.get("/insights?days=28").text)
    assert "440 presses · 40 incidents" in text
    for figure in (
        "Happy index 90 n = 400",
        "Unhappy presses 10 %",
        "Presses that do not count 9.1 %",
        "From the press to the page 0.5 s p50 0.5 s p90",
        "Until somebody goes 20 s p50 20 s p90",
        "Until somebody is with the customer 1 min 0 s p50",
        "Met in time 100 %",
        "Called further up the ladder 0 %",
        "The same cause again 97.5 %",
        "Grants to the same few too few: 0 of 30",
    ):
        assert figure in text
    assert "Nobody has agreed to be shown." in text


def test_a_day_without_a_press_tells_why_there_is_nothing(owner: FlaskClient) -> None:
    text = _text(owner.get("/insights?since=2020-01-01&until=2020-01-01").text)
    assert "0 presses · 0 incidents" in text
    assert text.count("too few: 0 of 30") >= 15
    assert "Nobody has pressed in these days." in text


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-02-30",
        "since=2026-02-03&until=2026-02-01",
        "days=0",
        "days=100000000000",
        "since=2001-01-01",
        "since=x' OR 1",
    ],
)
def test_days_that_are_none_are_a_sentence(owner: FlaskClient, query: str) -> None:
    answer = owner.get(f"/insights?{query}")
    assert answer.status_code == 422
    assert "These are no days to show" in answer.text
    assert owner.get(f"/insights/table.csv?{query}").status_code == 303


def test_everything_comes_as_a_table(owner: FlaskClient, shared_live: LiveShop) -> None:
    answer = owner.get("/insights/table.csv?days=28")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    table = list(csv.reader(io.StringIO(answer.data.decode(), newline="")))
    view: InsightsView = shared_live.ask(GetInsights(days=28))
    names = {row[1] for row in table if row[0] == "figure"}
    assert names == {figure.name for figure in view.figures}
    assert len([row for row in table if row[0] == "hours"]) == 24
    assert ["zones", "hall", "index", "90.00", "", "400", "30"] in table


@pytest.mark.parametrize("path", ["/insights", "/insights/table.csv", "/insights/rules"])
def test_only_managers_and_owners_see_them(
    path: str, owner: FlaskClient, shared_live: LiveShop
) -> None:
    assert owner.get(path).status_code == 200
    assert _signed_in(shared_live, MANAGER).get(path).status_code == 200
    staff = _signed_in(shared_live, STAFF)
    assert staff.get(path).status_code == 403
    assert "Insights" not in staff.get("/board").text
    assert visitor(shared_live).get(path).location.startswith("/login")


def test_the_pages_are_small_and_strict(owner: FlaskClient) -> None:
    for path in ("/insights?days=28", "/insights/rules"):
        text = owner.get(path).text
        names = set(re.findall(r'"/static/([\w./-]+)\?', text))
        files = [gzip.compress((STATIC / name).read_bytes()) for name in names]
        assert len(gzip.compress(text.encode())) + sum(map(len, files)) <= 80_000
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script", text)


def test_who_agreed_is_on_the_leader_board_and_nobody_else(
    owner: FlaskClient, shared_live: LiveShop
) -> None:
    before = shared_live.ask(GetSettings())
    names = [person.name for person in shared_live.ask(GetSetup()).staff]
    agreed = SettingsEdit(("staff", names.index(STAFF), "leaderboard"), True)
    shared_live.ask(EditSettings(edits=(agreed,), replaces_sha256=before.sha256))
    owner.post("/settings/gateway/restart")
    text = _text(owner.get("/insights?days=28").text)
    assert f"{STAFF} 40 40" in text
    assert f"{MANAGER} 0 0" not in text
    after = shared_live.ask(GetSettings())
    shared_live.ask(ReplaceSettings(text=before.text, replaces_sha256=after.sha256))
    owner.post("/settings/gateway/restart")


class TestRules:
    QUERY = "try=1&days=28&n0.on=yes&n0.share=0.05&n0.least=1&n0.window_s=600"

    def test_other_rules_are_tried_and_nothing_is_written(
        self, owner: FlaskClient, shared_live: LiveShop
    ) -> None:
        before = shared_live.ask(GetSettings())
        text = _tried(owner, self.QUERY)
        assert "440 presses were replayed." in text, text
        assert "unhappy-share 40 0" in text
        assert "would alert ·" in text
        assert shared_live.ask(GetSettings()) == before

    @pytest.mark.usefixtures("owner")
    def test_a_manager_may_try_and_not_save(self, shared_live: LiveShop) -> None:
        manager = _signed_in(shared_live, MANAGER)
        assert "An owner can save these rules." in _tried(manager, self.QUERY)
        manager.post("/insights/rules/save", data={"n1.on": "yes", "sha256": "x"})
        assert "You may not do this." in manager.get("/insights/rules").text

    def test_what_is_not_understood_stands_at_its_field(self, owner: FlaskClient) -> None:
        answer = owner.get("/insights/rules?try=1&n1.on=yes&n1.count=many")
        assert answer.status_code == 422
        assert 'id="wrong-n1.count"' in answer.text
        assert 'value="many"' in answer.text

    def test_what_the_box_would_not_take_is_said(self, owner: FlaskClient) -> None:
        answer = owner.get("/insights/rules?try=1&n1.on=yes&n1.count=-3")
        assert answer.status_code == 422
        assert "rules[0]" in answer.text

    def test_saved_rules_are_in_force_and_go_again(
        self, owner: FlaskClient, shared_live: LiveShop
    ) -> None:
        before = shared_live.ask(GetSettings())
        data = {"n0.on": "yes", "n1.on": "yes", "n1.count": "4", "ladder.fresh_s": "700"}
        owner.post("/insights/rules/save", data={**data, "sha256": before.sha256})
        assert "Saved, and in force." in owner.get("/insights/rules").text
        text = shared_live.ask(GetSettings()).text
        assert "count = 4" in text
        assert "fresh_s = 700" in text
        data = {"r0.on": "no", "r1.on": "no", "ladder.fresh_s": "600"}
        sha = shared_live.ask(GetSettings()).sha256
        owner.post("/insights/rules/save", data={**data, "sha256": sha})
        assert "[[rules]]" not in shared_live.ask(GetSettings()).text

    def test_steps_climb_at_other_times(self, owner: FlaskClient, shared_live: LiveShop) -> None:
        before = shared_live.ask(GetSettings())
        text = owner.get("/insights/rules").text
        assert "Step 3 of the ladder: whoever is on duty in the zone, the managers" in text
        # A red of that month was taken after 20 s: by then the second step has gone out, too.
        tried = _tried(owner, "try=1&days=28&s1.after_s=10")
        assert "440 presses were replayed." in tried
        assert "1 time 0 40 2 times 40 0" in tried
        assert shared_live.ask(GetSettings()) == before
        late = owner.get("/insights/rules?try=1&s1.after_s=90")
        assert late.status_code == 422
        assert "ladder.steps[2].after_s: more than the 90 of the step before" in late.text
        saved = {"s1.after_s": "10", "ladder.fresh_s": "700", "sha256": before.sha256}
        owner.post("/insights/rules/save", data=saved)
        ladder = shared_live.ask(GetRules()).ladder
        assert [step.after_s for step in ladder.steps] == [0, 10, 80, 120]
        assert [step.to for step in ladder.steps] == [step.to for step in DEFAULT_STEPS]
        assert ladder.fresh_s == 700
        sha = shared_live.ask(GetSettings()).sha256
        owner.post("/insights/rules/save", data={"s2.after_s": "30", "sha256": sha})
        now = shared_live.ask(GetSettings())
        assert [step.after_s for step in shared_live.ask(GetRules()).ladder.steps][2] == 30
        shared_live.ask(ReplaceSettings(text=before.text, replaces_sha256=now.sha256))
        owner.post("/settings/gateway/restart")

    def test_two_who_save_at_once_do_not_overwrite(
        self, owner: FlaskClient, shared_live: LiveShop
    ) -> None:
        before = shared_live.ask(GetSettings())
        owner.post("/insights/rules/save", data={"n1.on": "yes", "sha256": "0" * 64})
        assert "changed meanwhile" in owner.get("/insights/rules").text
        assert shared_live.ask(GetSettings()) == before


def _tried(client: FlaskClient, query: str) -> str:
    """The page once the trial is over; each look waits some seconds in the gateway itself."""
    for _ in range(20):
        text = client.get(f"/insights/rules?{query}").text
        if "being replayed" not in text:
            break
    return _text(text)


# --- in a browser ---


@pytest.fixture
def site(
    browser: Browser,
    tmp_path: Path,
    shared_live: LiveShop,
    owner: FlaskClient,  # noqa: ARG001 - the shop has one
) -> Iterator[Site]:
    started = Site(browser, tmp_path, "--control", str(shared_live.shop.control_socket))
    yield started
    started.close()


def _open(site: Site, width: int, language: str, scheme: str = "light") -> Page:
    page = site.window(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 740})
    page.context.add_cookies([{"name": "language", "value": language, "url": site.url}])
    page.goto("/login")
    page.get_by_label(MANAGER).check()
    page.locator("input[name=pin]").fill(PIN)
    page.locator("main button").click()
    expect(page.locator(".who")).to_contain_text(MANAGER)
    return page


@pytest.mark.parametrize(
    ("language", "words"),
    [("ru", ("440 нажатий · 40 случаев", "Формула")), ("en", ("440 presses", "Formula"))],
)
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_a_browser_shows_them_with_formulas_on_tap(
    site: Site, language: str, words: tuple[str, str], width: int
) -> None:
    page = _open(site, width, language)
    page.goto("/insights?days=28")
    expect(page.locator("main")).to_contain_text(words[0])
    formula = page.locator("#happy_index details")
    expect(formula.locator("p")).to_be_hidden()
    formula.locator("summary").click()
    expect(formula.locator("p")).to_be_visible()
    assert page.locator("svg.chart rect:not(.untold)").count() >= 2
    for path in ("/insights?days=28", "/insights/rules?try=1&days=28&n0.on=yes&n0.least=1"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        small = page.evaluate(
            """[...document.querySelectorAll('main a, button, summary, main input, select')]
            .filter(one => one.type !== 'hidden').map(one => one.getBoundingClientRect())
            .filter(box => box.height < 44 || box.width < 44).length"""
        )
        assert small == 0, path
    assert site.complaints == []


def test_from_the_navigation_to_other_rules_without_scripts(site: Site) -> None:
    page = _open(site, 360, "en")
    page.get_by_role("link", name="Insights").click()
    page.get_by_role("link", name="28 days").click()
    expect(page.locator("a[aria-current=true]")).to_have_text("28 days")
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as a table").click()
    assert download.value.suggested_filename.startswith("insights-")
    page.get_by_role("link", name="Try other rules").click()
    page.locator("select[name='n1.on']").select_option("yes")
    page.locator("input[name='n1.count']").fill("2")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_text("were replayed.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("An owner can save these rules.")).to_be_visible()
    assert site.complaints == []
