"""What goes wrong in a real shop: two at once, no mouse, a gateway or a network that goes away."""

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gateway.messages import GetAlerts, GetGrants, GetOffers, IssueGrant, Resolve, SimulatePress
from gateway.model import GrantState, Outcome
from gateway.simulator.tcp_proxy import TcpProxy
from tests.webui.live_shop import LiveShop
from tests.webui.sites import Site
from tests.webui.tour import Tour

RED, CALL = "exit-very-unhappy", "hall-call"
# Promised are 5, 15 and 3 seconds; a busy machine gets more.
AWAY_MS = 10_000
SILENT_MS = 25_000
BACK_MS = 8_000
TABS_MOST = 40


@pytest.fixture
def site(browser: Browser, shared_shop: LiveShop) -> Iterator[Site]:
    shop = shared_shop.shop
    started = Site(browser, shop.directory, "--control", str(shop.control_socket))
    yield started
    started.close()


@pytest.fixture
def tour(shared_shop: LiveShop, site: Site) -> Iterator[Tour]:
    yield Tour(shared_shop, site, "en")
    for view in shared_shop.ask(GetAlerts()):
        shared_shop.ask(Resolve(alert=view.alert.id, outcome=Outcome.FALSE_ALARM))


def at_once(*presses: Locator) -> None:
    """Click in different windows, none waiting for what the others come to."""
    for each in presses:
        each.evaluate("button => { setTimeout(() => button.click()); }")


def test_one_code_is_redeemed_by_two_at_once(tour: Tour) -> None:
    live = tour.live
    offer = live.ask(GetOffers(severity=2))[0].offer.name
    code = live.ask(IssueGrant(request="twice at once", offer=offer)).grant.code
    tills = [tour.window(who) for who in ("barista", "manager")]
    for till in tills:
        till.goto("/counter")
        till.locator("#code").fill(code)
    at_once(*(till.locator("#panel .big") for till in tills))
    for till in tills:
        expect(till.locator(".result")).to_have_count(1)
    verdicts = [till.locator(".result").get_attribute("class") or "" for till in tills]
    assert sorted(verdicts) == ["result redeemed", "result refused"]
    (grant,) = [view.grant for view in live.ask(GetGrants()) if view.grant.code == code]
    assert grant.state is GrantState.REDEEMED
    loser = tills["redeemed" in verdicts[0]]
    assert grant.redeemed_by is not None
    expect(loser.locator(".result")).to_contain_text(grant.redeemed_by)
    assert tour.site.complaints == []


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, and see that the focus can be seen."""
    for _ in range(TABS_MOST):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    assert wanted.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


def test_a_whole_incident_by_keyboard_alone(tour: Tour) -> None:
    page = tour.window("manager")
    tour.live.ask(SimulatePress(button=CALL))
    page.goto("/board")

    def enter(wanted: Locator) -> None:
        tab_to(page, wanted)
        page.keyboard.press("Enter")

    enter(page.get_by_role("button", name="I am going"))
    met = page.get_by_role("button", name="I am with the customer")
    expect(met).to_be_visible()
    enter(met)
    right = page.get_by_role("link", name="Put it right and close")
    expect(right).to_be_visible()
    enter(right)
    page.wait_for_url("**/case/*")
    enter(page.locator("[name=severity]").nth(1))
    expect(page.locator("#severity ~ form [aria-current]")).to_have_count(1)
    enter(page.locator("[name=offer]").first)
    code = page.locator(".promise .code").inner_text()
    enter(page.get_by_role("button", name="Recovered", exact=True))
    expect(page.locator("[id^=undo-]")).to_be_visible()
    enter(page.get_by_role("link", name="Counter"))
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator(".result.redeemed")).to_be_visible()
    assert tour.site.complaints == []


def open_board(page: Page) -> Locator:
    """A board with its stream; the banner that must not be there yet."""
    with page.expect_response("**/events"):
        page.goto("/board")
    away = page.locator("#away")
    expect(away).to_be_hidden()
    return away


def test_the_gateway_is_killed_and_comes_back(tour: Tour) -> None:
    page, live = tour.window("barista"), tour.live
    away = open_board(page)
    page.evaluate("window.sameDocument = true")
    assert live.shop.gateway is not None
    live.shop.gateway.process.send_signal(signal.SIGKILL)
    expect(away).to_be_visible(timeout=AWAY_MS)
    live.do(live.shop.start_gateway())
    expect(away).to_be_hidden(timeout=BACK_MS)
    live.ask(SimulatePress(button=RED))
    expect(page.locator("#alerts article")).to_have_count(1, timeout=BACK_MS)
    assert page.evaluate("window.sameDocument") is True


def test_the_network_goes_silent_and_comes_back(tour: Tour) -> None:
    """Nothing is refused and nothing is cut: what is sent vanishes."""
    live = tour.live
    proxy = TcpProxy(int(tour.site.url.rpartition(":")[2]))
    live.do(proxy.open())
    inside = tour.site.url
    tour.site.url = f"http://127.0.0.1:{proxy.port}"
    page = tour.window("barista")
    away = open_board(page)
    proxy.hole = True
    expect(away).to_be_visible(timeout=SILENT_MS)
    proxy.hole = False
    expect(away).to_be_hidden(timeout=BACK_MS)
    live.ask(SimulatePress(button=CALL))
    expect(page.locator("#alerts article")).to_have_count(1)
    tour.site.url = inside
    page.context.close()
    live.do(_close(proxy))


async def _close(proxy: TcpProxy) -> None:
    proxy.close()
