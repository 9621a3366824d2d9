"""The shop floor on a phone, the real gateway behind the real page, with and without scripts."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from gateway.customers.messages import GetCase, LookUpCustomer
from gateway.messages import (
    Acknowledge,
    AlertView,
    Contact,
    GetAlerts,
    GetGrants,
    IssueGrant,
    Resolve,
    SimulatePress,
)
from gateway.model import AlertState, GrantState, Outcome
from gateway.simulator.shop import PINS
from tests.webui.live_shop import LiveShop
from tests.webui.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BUTTONS = ("exit-very-unhappy", "hall-call", "exit-unhappy")
CARD = "29000001"
UNDO_MS = 20_000
"""Longer than a close can be taken back."""
SAYS = {
    "en": {
        "going": "I am going",
        "met": "I am with the customer",
        "right": "Put it right and close",
        "delay": "2. Delay or small error",
        "cause": "A long wait",
        "lookup": "Look up",
        "grant": "Grant: Souvenir",
        "recovered": "Recovered",
        "undo": "Undo: it is not over",
        "redeem": "Redeem",
        "good": "GOOD",
        "no": "NO",
        "twice": "Redeemed already",
    },
    "ru": {
        "going": "Иду",
        "met": "Я с клиентом",
        "right": "Уладить и закрыть",
        "delay": "2. Задержка или мелкая ошибка",
        "cause": "Долгое ожидание",
        "lookup": "Найти",
        "grant": "Выдать: Сувенир",
        "recovered": "Клиент доволен",
        "undo": "Отменить: ещё не всё",
        "redeem": "Погасить",
        "good": "ДА",
        "no": "НЕТ",
        "twice": "Уже выдано",
    },
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    link = Path("/tmp") / f"webui-floor-{os.getpid()}"  # noqa: S108
    link.symlink_to(tmp_path_factory.mktemp("floor"))
    started = LiveShop(link, fresh=False)
    yield started
    started.close()
    link.unlink()


@pytest.fixture(scope="module")
def floor(browser: "Browser", box: LiveShop) -> Iterator[Site]:
    started = Site(browser, box.shop.directory, "--control", str(box.shop.control_socket))
    yield started
    assert started.complaints == []
    started.close()


@pytest.fixture(autouse=True)
def calm(box: LiveShop) -> None:
    """Nothing is left of the test before."""
    for view in box.ask(GetAlerts()):
        box.ask(Resolve(alert=view.alert.id, outcome=Outcome.FALSE_ALARM))


def person(floor: Site, who: str = "barista", language: str = "en", **options: object) -> Page:
    page = floor.window(**options)
    page.context.add_cookies([{"name": "language", "value": language, "url": floor.url}])
    page.goto("/login")
    page.locator(f"[name=staff][value={who}]").check()
    page.locator("[name=pin]").fill(PINS[who])
    page.locator("main .big").click()
    page.wait_for_url("**/board")
    return page


def pressed(box: LiveShop) -> AlertView:
    """A new alert: of the first button that was not pressed a moment ago by another test."""
    for button in BUTTONS:
        box.ask(SimulatePress(button=button))
        if views := box.ask(GetAlerts()):
            return views[0]
    raise AssertionError


def met(box: LiveShop) -> str:
    alert = pressed(box).alert.id
    box.ask(Contact(alert=alert))
    return alert


def promise(box: LiveShop, number: int, offer: str = "souvenir", card: str | None = None) -> str:
    order = IssueGrant(
        request=f"{offer} {number}", offer=offer, customer=card, override="a fair claim"
    )
    return box.ask(order).grant.code


def scan(page: Page, text: str) -> None:
    """As a keyboard-wedge scanner does: keys without a pause, then Enter."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(
    ("language", "scripts"), [("en", True), ("ru", True), ("en", False), ("ru", False)]
)
def test_a_whole_recovery_in_few_taps(
    language: str, scripts: bool, floor: Site, box: LiveShop
) -> None:
    say = SAYS[language]
    page = person(floor, language=language, java_script_enabled=scripts)
    alert = pressed(box).alert.id
    page.goto("/board")
    taps = 0

    def tap(role: str, name: str) -> None:
        nonlocal taps
        page.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]
        taps += 1

    tap("button", say["going"])
    tap("button", say["met"])
    tap("link", say["right"])
    page.wait_for_url(f"**/case/{alert}")
    assert page.locator(".guidance li").count() == 4
    tap("button", say["delay"])
    tap("button", say["cause"])
    page.locator("[name=customer]").fill(CARD)
    tap("button", say["lookup"])
    expect(page.locator("#customer ~ .rows")).to_contain_text(f"card:{CARD}")
    tap("button", say["grant"])
    expect(page.locator(".promise .qr svg")).to_be_visible()
    if scripts:
        assert fits(page)
    page.locator("[name=note]").fill("cold soup")
    tap("button", say["recovered"])
    assert taps == 8
    page.wait_for_url("**/board")
    expect(page.get_by_role("button", name=say["undo"])).to_be_visible()
    expect(page.locator(".calm")).to_be_visible(timeout=UNDO_MS)
    case = box.ask(GetCase(alert=alert))
    found = case.view.alert
    assert (found.state, found.outcome) == (AlertState.RESOLVED, Outcome.RECOVERED)
    assert (found.severity, found.mishap, case.note) == (2, "delay", "cold soup")
    assert found.closed is not None
    assert found.closed.by == "barista"
    (grant,) = [each for each in box.ask(GetGrants()) if each.grant.alert == alert]
    assert grant.grant.account == f"card:{CARD}"


def test_a_close_is_taken_back_in_time(floor: Site, box: LiveShop) -> None:
    alert = met(box)
    page = person(floor)
    page.goto(f"/case/{alert}")
    page.get_by_role("button", name="Misuse").click()
    expect(page.get_by_role("button", name="Undo: it is not over")).to_be_visible()
    page.goto(f"/case/{alert}")
    page.get_by_role("button", name="Undo: it is not over").click()
    page.wait_for_url("**/board")
    page.goto(f"/case/{alert}")
    page.get_by_role("button", name="Misuse").click()
    page.get_by_role("button", name="Undo: it is not over").click()
    expect(page.get_by_role("link", name="Put it right and close")).to_be_visible()
    assert box.ask(GetCase(alert=alert)).view.alert.state is AlertState.CONTACTED


def test_two_devices_want_the_same_alert(floor: Site, box: LiveShop) -> None:
    pages = [person(floor, who) for who in ("barista", "manager")]
    alert = pressed(box).alert.id
    for page in pages:
        expect(page.get_by_role("button", name="I am going")).to_be_visible()
    for page in pages:
        page.evaluate(f"document.getElementById('act-{alert}').click()")
    for page in pages:
        expect(page.get_by_role("button", name="I am with the customer")).to_be_visible()
    taken = box.ask(GetAlerts())[0].alert.acknowledged
    assert taken is not None
    loser = pages[1 if taken.by == "barista" else 0]
    expect(loser.get_by_text("Someone else has taken this alert.")).to_be_visible()
    for page in pages:
        expect(page.get_by_text(f"On the way: {taken.by}")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_scanner_at_the_counter(language: str, floor: Site, box: LiveShop) -> None:
    say = SAYS[language]
    code = promise(box, 1 if language == "en" else 2)
    page = person(floor, language=language)
    page.goto("/counter")
    expect(page.locator("#code")).to_be_focused()
    scan(page, code)
    expect(page.locator(".result.redeemed .verdict")).to_have_text(say["good"])
    size = page.locator(".verdict").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
    assert size >= 48  # a sign of 1/150 of the distance can be read; this is 12 mm on a tablet
    scan(page, code)
    expect(page.locator(".result.refused .verdict")).to_have_text(say["no"])
    expect(page.locator(".result.refused")).to_contain_text(say["twice"])
    scan(page, code[:-1])
    expect(page.locator(".result.refused .verdict")).to_have_text(say["no"])
    page.locator(f"#undo-{code}").click()
    page.wait_for_url("**/counter")
    expect(page.locator(f"#pick-{code}")).to_be_visible()
    (grant,) = [each.grant for each in box.ask(GetGrants()) if each.grant.code == code]
    assert (grant.state, grant.undone) == (GrantState.ISSUED, 1)
    page.locator(f"#pick-{code}").click()
    page.get_by_role("button", name=say["redeem"], exact=True).click()
    expect(page.locator(".result.redeemed")).to_be_visible()


def test_a_card_chooses_and_a_customer_is_known(floor: Site, box: LiveShop) -> None:
    card = "29000002"
    page = person(floor)
    page.goto("/counter")
    scan(page, card)
    expect(page.locator(".result.refused")).to_contain_text("nothing to redeem here")
    codes = {promise(box, number, card=card) for number in (10, 11)}
    scan(page, card)
    expect(page.get_by_role("heading", name="Which one?")).to_be_visible()
    shown = page.locator("#choose ~ .rows .code").all_text_contents()
    assert set(shown) == codes
    page.locator("#choose ~ .rows button").first.click()
    expect(page.locator(".result.redeemed")).to_contain_text("Souvenir")
    scan(page, card)
    for code in codes:
        expect(page.locator(f"#undo-{code}")).to_be_visible()
    page.locator("#code").fill(card)
    page.get_by_role("button", name="Who is this customer?").click()
    known = page.locator("#who ~ .rows")
    expect(known).to_contain_text(f"card:{card}")
    expect(known).to_contain_text("redeemed")


def test_tokens_are_given_and_spent(floor: Site, box: LiveShop) -> None:
    card = "29000003"
    page = person(floor, java_script_enabled=False)
    page.goto("/counter")
    code = promise(box, 20, "tokens", card)
    page.locator("#code").fill(code)
    page.get_by_role("button", name="Redeem", exact=True).click()
    expect(page.locator(".result.redeemed")).to_be_visible()
    expect(page.locator(f"#undo-{code}")).to_have_count(0)

    def balance() -> str:
        known = box.ask(LookUpCustomer(customer=card)).known
        return known.balance if known else ""

    for _ in range(100):
        if balance().startswith("5"):
            break
    page.locator("#code").fill(card)
    page.get_by_role("button", name="Who is this customer?").click()
    expect(page.get_by_text("Tokens: 5")).to_be_visible()
    page.locator("[name=tokens]").fill("2,25")
    page.get_by_role("button", name="Take the tokens").click()
    expect(page.get_by_text("Paid with tokens: 2.25. Left: 2.75.")).to_be_visible()
    page.locator("#code").fill(card)
    page.get_by_role("button", name="Who is this customer?").click()
    page.locator("[name=tokens]").fill("a lot")
    page.get_by_role("button", name="Take the tokens").click()
    expect(page.get_by_text("Tokens are above 0, in steps of 0.25.")).to_be_visible()


def test_a_manager_takes_a_promise_back_and_says_why(floor: Site, box: LiveShop) -> None:
    code = promise(box, 30)
    staff = person(floor)
    staff.goto("/counter")
    expect(staff.locator(f"#pick-{code}")).to_be_visible()
    expect(staff.locator(f"#void-{code}")).to_have_count(0)
    page = person(floor, "manager")
    page.goto("/counter")
    page.locator(f"#void-{code}").click()
    page.locator("[name=reason]").fill("given to the wrong guest")
    page.locator("main .big").click()
    expect(page.get_by_text(f"Taken back: the code {code} is worth nothing.")).to_be_visible()
    scan(page, code)
    expect(page.locator(".result.refused")).to_contain_text("This code has been taken back.")


def test_security_comes(floor: Site, box: LiveShop) -> None:
    alert = met(box)
    page = person(floor)
    page.goto(f"/case/{alert}")
    page.get_by_role("link", name="Call security").click()
    page.get_by_role("button", name="Yes, call security").click()
    expect(page.get_by_text("Security was called: barista")).to_be_visible()
    expect(page.get_by_text(re.compile("Security, watch-2: .*page"))).to_be_visible()
    expect(page.get_by_text("If there is danger, call 112.")).to_be_visible()


def test_somebody_else_finishes_meanwhile(floor: Site, box: LiveShop) -> None:
    view = pressed(box)
    box.ask(Acknowledge(alert=view.alert.id))
    page = person(floor)
    page.goto(f"/case/{view.alert.id}")
    box.ask(Resolve(alert=view.alert.id, outcome=Outcome.LEFT))
    expect(page.locator("#facts")).to_contain_text("The customer left", timeout=UNDO_MS)


def test_a_slip_prints_without_what_is_around_it(floor: Site, box: LiveShop) -> None:
    alert = met(box)
    code = box.ask(IssueGrant(request="slip", offer="souvenir", alert=alert)).grant.code
    page = person(floor)
    page.goto(f"/case/{alert}")
    page.get_by_role("link", name="Slip to print").click()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".slip .qr svg")).to_be_visible()
    expect(page.locator(".slip .code")).to_have_text(code)
