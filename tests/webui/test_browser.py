"""A real browser against the real server process and the fake gateway."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from gateway.customers.messages import RedeemScanned
from gateway.messages import Resolve, VoidGrant
from gateway.model import AlertState, GrantState, Outcome

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway
    from tests.webui.fake_shop import FakeShop
    from tests.webui.sites import Site

WAIT_S = 10
UNDO_MS = 20_000
"""Longer than a close can be taken back."""


def sign_in(page: Page) -> None:
    page.goto("/board")
    page.get_by_label("Anna").check()
    page.get_by_label("PIN").fill("1234")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Anna, staff")).to_be_visible()


def await_subscriber(gateway: "FakeGateway") -> None:
    with gateway.rung:
        assert gateway.rung.wait_for(lambda: gateway.subscribers > 0, WAIT_S)


def test_from_the_press_to_the_counter(site: "Site", gateway: "FakeGateway") -> None:
    gateway.beat_s = 60  # so that only the doorbell can bring what follows
    page = site.window()
    sign_in(page)
    expect(page.get_by_text("All calm.")).to_be_visible()
    await_subscriber(gateway)
    page.evaluate("window.sameDocument = true")
    gateway.raise_alert()
    expect(page.get_by_role("heading", name="Exit")).to_be_visible(timeout=2000)
    expect(page).to_have_title(re.compile(r"^\(1\) Board"))
    expect(page.locator("#count")).to_have_text("1 open alert")
    gateway.beat_s = 1
    page.get_by_role("button", name="I am going").click()
    page.get_by_role("button", name="I am with the customer").click()
    expect(page.get_by_text("With the customer: Anna")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    page.get_by_role("link", name="Put it right and close").click()
    page.get_by_role("button", name="2. Delay or small error").click()
    page.get_by_role("button", name="Grant: Free coffee").click()
    expect(page.get_by_text("Granted. The code is GIFT-0000.")).to_be_visible()
    page.get_by_role("button", name="Recovered", exact=True).click()
    expect(page.get_by_text("All calm.")).to_be_visible(timeout=UNDO_MS)
    (resolved,) = gateway.asked(Resolve)
    assert (resolved.outcome, gateway.alerts["a1"].severity) == (Outcome.RECOVERED, 2)
    page.get_by_role("link", name="Counter").click()
    expect(page.get_by_label("Code, card or phone")).to_be_focused()
    page.keyboard.type("gift-0000")  # as a scanner does: keys, then Enter
    page.keyboard.press("Enter")
    expect(page.locator(".result.redeemed")).to_contain_text("Free coffee")
    expect(page.get_by_text("every promise has been kept")).to_be_visible()
    expect(page.get_by_label("Code, card or phone")).to_be_focused()
    assert site.complaints == []


def test_a_scanner_finds_the_code_field_by_itself(site: "Site", gateway: "FakeGateway") -> None:
    page = site.window()
    sign_in(page)
    page.goto("/counter")
    page.get_by_role("heading", name="Open grants").click()
    page.get_by_role("button", name="Redeem").focus()
    page.keyboard.type("NO-SUCH")
    page.keyboard.press("Enter")
    expect(page.locator(".result.refused")).to_contain_text("Do not hand over")
    assert gateway.asked(RedeemScanned) == [RedeemScanned(text="NO-SUCH")]
    assert site.complaints == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_form_that_met_no_gateway_is_not_sent_twice(
    site: "Site", gateway: "FakeGateway", *, scripts: bool
) -> None:
    page = site.window(java_script_enabled=scripts)
    sign_in(page)
    page.goto("/counter/void?code=ABCD-1234")
    page.locator("[name=reason]").fill("A mistake")
    gateway.stop()
    page.locator("form.card .big").click()
    expect(page.get_by_role("heading", name="The gateway does not answer")).to_be_visible()
    gateway.start_again()
    expect(page.locator("[name=reason]")).to_be_visible()
    assert page.url.endswith("/counter/void?code=ABCD-1234")
    assert gateway.asked(VoidGrant) == []


def test_all_of_it_without_scripts(site: "Site", gateway: "FakeGateway") -> None:
    gateway.raise_alert()
    page = site.window(java_script_enabled=False)
    sign_in(page)
    page.get_by_role("button", name="I am going").click()
    page.get_by_role("button", name="I am with the customer").click()
    page.get_by_role("link", name="Put it right and close").click()
    page.get_by_role("button", name="1. Inattention").click()
    page.get_by_role("button", name="Grant: Souvenir").click()
    page.get_by_role("button", name="The customer left").click()
    expect(page.get_by_role("button", name="Undo: it is not over")).to_be_visible()
    expect(page.get_by_text("Ended lately")).to_be_visible(timeout=UNDO_MS)
    expect(page.get_by_text("The customer left · Anna")).to_be_visible()
    page.get_by_role("link", name="Counter").click()
    page.get_by_role("link", name="Take the code GIFT-0000").click()
    page.get_by_role("button", name="Redeem").click()
    expect(page.locator(".result.redeemed")).to_contain_text("Souvenir")
    assert gateway.grants["GIFT-0000"].state is GrantState.REDEEMED
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_label("Код, карта или телефон")).to_be_visible()
    assert site.complaints == []


def test_the_page_says_when_the_gateway_is_away_and_recovers(
    site: "Site", gateway: "FakeGateway"
) -> None:
    page = site.window()
    sign_in(page)
    await_subscriber(gateway)
    away = page.get_by_role("alert")
    expect(away).to_be_hidden()
    gateway.stop()
    expect(away).to_be_visible(timeout=2000)
    gateway.raise_alert()
    gateway.start_again()
    expect(page.get_by_role("heading", name="Exit")).to_be_visible(timeout=WAIT_S * 1000)
    expect(away).to_be_hidden()


def test_a_finger_on_a_button_is_not_disturbed(site: "Site", gateway: "FakeGateway") -> None:
    gateway.raise_alert()
    page = site.window()
    sign_in(page)
    await_subscriber(gateway)
    page.get_by_role("button", name="I am going").hover()
    page.mouse.down()
    with page.expect_response("**/board/alerts"):
        gateway.raise_alert("a2", age_s=0)
    page.mouse.up()
    expect(page.get_by_text("On the way: Anna")).to_be_visible()
    expect(page.get_by_role("heading", name="Exit")).to_have_count(2)
    assert gateway.alerts["a1"].state is AlertState.ACKNOWLEDGED


def test_the_demo_tells_the_whole_story_on_one_page(demo_site: "Site", shop: "FakeShop") -> None:
    page = demo_site.window()
    page.goto("/")
    page.get_by_role("button", name="Awful").click()
    expect(page.locator(".watch.buzzing")).to_have_count(2)
    expect(page.locator("#messages")).to_contain_text("Pressed. It counts.")
    expect(page.locator("#ledger")).to_contain_text("press_red")
    page.get_by_role("button", name="Sign in as Boris").click()
    page.get_by_role("button", name="I am going").click()
    page.get_by_role("button", name="I am with the customer").click()
    page.get_by_role("link", name="Put it right and close").click()
    page.get_by_role("button", name="Grant: Free coffee").click()
    page.get_by_role("button", name="Recovered", exact=True).click()
    page.get_by_role("link", name="Take the code GIFT-0000").click()
    page.get_by_role("button", name="Redeem").click()
    expect(page.locator(".result.redeemed")).to_contain_text("Free coffee")
    assert page.url.endswith("#counter")
    assert shop.gateway.grants["GIFT-0000"].redeemed_by == "Boris"
    assert demo_site.complaints == []


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_every_screen_fits_and_every_target_can_be_hit(
    width: int, demo_site: "Site", gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    gateway.issue()
    page = demo_site.window()
    page.set_viewport_size({"width": width, "height": 740})
    page.context.add_cookies([{"name": "language", "value": "ru", "url": demo_site.url}])
    page.goto("/demo")
    page.get_by_role("button", name="Войти: Anna").click()
    cases = ("/case/a1", "/case/a1/security")
    for path in ("/demo", "/board", *cases, "/counter", "/status", "/login"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        small = page.evaluate(
            """[...document.querySelectorAll('a, button, input:not([type=hidden]), textarea')]
            .map(one => [one.closest('label.choice') || one, one.outerHTML])
            .map(([one, text]) => [one.getBoundingClientRect(), text])
            .filter(([box]) => box.width > 1 && (box.height < 44 || box.width < 44))
            .map(([box, text]) => text)"""
        )
        assert small == [], path


def test_the_keyboard_shows_where_it_is(site: "Site") -> None:
    page = site.window()
    page.goto("/login")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
