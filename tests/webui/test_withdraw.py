"""The wrong alert tapped: ten seconds to take it back, on the board and on the recovery card."""

import itertools
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from gateway.alerts import timing
from gateway.errors import Refused
from gateway.events import AnswerStood, AnswerWithdrawn
from gateway.messages import (
    Acknowledge,
    AlertView,
    GetAlerts,
    GetRecords,
    Resolve,
    SimulatePress,
    Withdraw,
)
from gateway.model import AlertState, Outcome
from gateway.simulator.shop import PINS
from tests.webui.live_shop import LiveShop
from tests.webui.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.webui.fake_gateway import FakeGateway

BUTTONS = ("exit-very-unhappy", "hall-call", "exit-unhappy")
OVER_MS = 20_000
"""Longer than an answer can be taken back."""
SAYS = {
    "en": ("I am going", "Undo: I am not going", "Undo: I am not with the customer"),
    "ru": ("Иду", "Отменить: я не иду", "Отменить: я не с клиентом"),
}


# --- by plain forms, in front of the small gateway ---------------------------------------------


def test_who_goes_can_take_it_back_and_nobody_else(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    assert "Undo" not in signed_in.get("/board").text
    signed_in.post("/board/a1/acknowledge")
    text = signed_in.get("/board").text
    assert re.search(r"Undo: I am not going\s+<span[^>]+data-seconds=\"9\"", text)
    boris = signed_in.application.test_client()
    boris.post("/login", data={"staff": "Boris", "pin": "5678"})
    assert "On the way: Anna" in boris.get("/board").text
    assert "Undo" not in boris.get("/board").text
    assert signed_in.post("/board/a1/withdraw").location == "/board"
    assert gateway.asked(Withdraw) == [Withdraw(alert="a1")]
    text = signed_in.get("/board").text
    assert "I am going" in text
    assert "Undo" not in text


def test_who_is_with_the_customer_after_all_is_not_goes_on_from_before(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    signed_in.post("/board/a1/acknowledge")
    signed_in.post("/board/a1/contact")
    text = signed_in.get("/board").text
    assert "Undo: I am not with the customer" in text
    assert "Undo: I am not going" not in text
    signed_in.post("/board/a1/withdraw")
    assert "On the way: Anna" in signed_in.get("/board").text


def test_on_the_recovery_card_it_leads_back_to_the_card(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    signed_in.post("/case/a1/contact")
    assert 'action="/case/a1/withdraw"' in signed_in.get("/case/a1").text
    assert signed_in.post("/case/a1/withdraw").location == "/case/a1#facts"
    assert "How serious is it?" not in signed_in.get("/case/a1").text


def test_while_a_close_can_be_undone_there_is_one_thing_to_undo(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    signed_in.post("/board/a1/contact")
    signed_in.post("/case/a1/resolve", data={"outcome": "left"})
    for path in ("/board", "/case/a1"):
        text = signed_in.get(path).text
        assert "Undo: it is not over" in text
        assert "Undo: I am" not in text
    signed_in.post("/board/a1/undo")


def test_what_stands_offers_no_way_back(signed_in: FlaskClient, gateway: "FakeGateway") -> None:
    gateway.raise_alert()
    signed_in.post("/board/a1/acknowledge")
    gateway.change("a1", answer=None)
    assert "Undo" not in signed_in.get("/board").text
    signed_in.post("/board/a1/withdraw")
    assert "It is too late to take this back" in signed_in.get("/board").text


@pytest.mark.parametrize(
    ("code", "language", "words"),
    [
        ("answer_stands", "ru", "Отменить уже нельзя"),
        ("not_your_answer", "en", "Only the person who said it may take it back."),
        ("not_your_answer", "ru", "Отменить может только тот, кто это сказал."),
    ],
)
def test_a_refusal_says_why(
    code: str, language: str, words: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    signed_in.set_cookie("language", language)
    gateway.refuse[Withdraw] = Refused(code, "")
    for path in ("/board/a1/withdraw", "/case/a1/withdraw"):
        signed_in.post(path)
        assert words in signed_in.get("/board").text


def test_it_goes_by_itself_when_its_time_is_over(site: Site, gateway: "FakeGateway") -> None:
    gateway.raise_alert()
    page = site.window()
    enter(page, "Anna", "1234")
    page.get_by_role("button", name="I am going").click()
    undo = page.locator("#withdraw-a1")
    expect(undo).to_be_visible()
    page.mouse.down()  # while a finger is on the page nothing on it is fetched anew
    undo.locator(".time").evaluate("part => { part.dataset.seconds = 1; }")
    expect(undo).to_have_count(0)
    assert gateway.alerts["a1"].answer is not None
    assert site.complaints == []


# --- on a phone, with the real gateway ---------------------------------------------------------


@pytest.fixture(scope="module")
def floor(browser: "Browser", shared_shop: LiveShop) -> Iterator[Site]:
    control = str(shared_shop.shop.control_socket)
    started = Site(browser, shared_shop.shop.directory, "--control", control)
    yield started
    assert started.complaints == []
    started.close()


@pytest.fixture
def alert(shared_shop: LiveShop) -> Iterator[str]:
    """A new one: of the first button that was not pressed a moment ago."""
    views: tuple[AlertView, ...] = ()
    for button in itertools.cycle(BUTTONS):
        shared_shop.ask(SimulatePress(button=button))
        views = shared_shop.ask(GetAlerts())
        if views:
            break
        threading.Event().wait(0.1)  # each counts again five seconds after it counted
    (view,) = views
    yield view.alert.id
    shared_shop.ask(Resolve(alert=view.alert.id, outcome=Outcome.FALSE_ALARM))


def enter(page: Page, who: str, pin: str) -> None:
    page.goto("/board")
    page.locator(f"[name=staff][value={who}]").check()
    page.locator("[name=pin]").fill(pin)
    page.locator("main .big").click()
    page.wait_for_url("**/board")


def state_of(box: LiveShop, alert: str) -> AlertState:
    (view,) = (each for each in box.ask(GetAlerts()) if each.alert.id == alert)
    return view.alert.state


def said_of(box: LiveShop, alert: str) -> list[AnswerStood | AnswerWithdrawn]:
    events = [record.event for record in box.ask(GetRecords(most=1000))]
    found = [each for each in events if isinstance(each, AnswerStood | AnswerWithdrawn)]
    return [each for each in found if each.alert == alert]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is just now, there is time to take it back."""
    monkeypatch.setattr(timing, "UNDO_S", 300)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    ("language", "scripts"), [("en", True), ("ru", True), ("en", False), ("ru", False)]
)
def test_a_slip_of_the_finger_is_taken_back(
    language: str, scripts: bool, floor: Site, shared_shop: LiveShop, alert: str
) -> None:
    going, not_going, not_met = SAYS[language]
    page = floor.window(java_script_enabled=scripts)
    page.context.add_cookies([{"name": "language", "value": language, "url": floor.url}])
    enter(page, "barista", PINS["barista"])
    page.get_by_role("button", name=going, exact=True).click()
    page.get_by_role("button", name=not_going).click()
    expect(page.get_by_role("button", name=going, exact=True)).to_be_visible()
    assert state_of(shared_shop, alert) is AlertState.OPEN
    (view,) = shared_shop.ask(GetAlerts())
    assert view.next_page_s is not None
    page.get_by_role("button", name=going, exact=True).click()
    expect(page.get_by_role("button", name=not_going)).to_be_visible()
    page.goto(f"/case/{alert}")
    page.locator("form[action$='/contact'] .big").click()
    page.get_by_role("button", name=not_met).click()
    expect(page.locator("form[action$='/contact'] .big")).to_be_visible()
    expect(page.get_by_role("button", name=not_going)).to_have_count(0)  # that stands by now
    assert state_of(shared_shop, alert) is AlertState.ACKNOWLEDGED
    kinds = [(type(each), each.state) for each in said_of(shared_shop, alert)]
    assert kinds == [
        (AnswerWithdrawn, AlertState.OPEN),
        (AnswerStood, AlertState.ACKNOWLEDGED),
        (AnswerWithdrawn, AlertState.ACKNOWLEDGED),
    ]


@pytest.mark.usefixtures("unhurried")
def test_by_keyboard_alone(floor: Site, shared_shop: LiveShop, alert: str) -> None:
    page = floor.window()
    enter(page, "barista", PINS["barista"])
    page.locator(f"#act-{alert}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#withdraw-{alert}")).to_be_visible()
    page.locator(f"#act-{alert}").focus()
    page.keyboard.press("Tab")
    expect(page.locator(f"#withdraw-{alert}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="I am going", exact=True)).to_be_visible()
    assert state_of(shared_shop, alert) is AlertState.OPEN


def test_when_the_time_is_over_the_way_back_is_gone_and_the_answer_stands(
    floor: Site, shared_shop: LiveShop, alert: str
) -> None:
    page = floor.window()
    enter(page, "barista", PINS["barista"])
    page.get_by_role("button", name="I am going", exact=True).click()
    undo = page.locator(f"#withdraw-{alert}")
    expect(undo).to_be_visible()
    other = floor.window()
    enter(other, "manager", PINS["manager"])
    expect(other.get_by_text("On the way: barista")).to_be_visible()
    expect(other.locator(f"#withdraw-{alert}")).to_have_count(0)
    expect(undo).to_have_count(0, timeout=OVER_MS)
    expect(page.get_by_role("button", name="I am with the customer")).to_be_visible()
    assert state_of(shared_shop, alert) is AlertState.ACKNOWLEDGED


def test_what_was_said_by_command_is_not_the_pages_to_take_back(
    floor: Site, shared_shop: LiveShop, alert: str
) -> None:
    shared_shop.ask(Acknowledge(alert=alert))
    page = floor.window(java_script_enabled=False)
    enter(page, "barista", PINS["barista"])
    expect(page.get_by_role("button", name="I am with the customer")).to_be_visible()
    expect(page.locator(f"#withdraw-{alert}")).to_have_count(0)
