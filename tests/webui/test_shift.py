"""The board through a whole shift: its sound, and a network that goes and comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from gateway.messages import SimulatePress
from gateway.simulator.shop import PINS
from gateway.simulator.tcp_proxy import TcpProxy
from tests.webui.live_shop import LiveShop
from tests.webui.sites import Site
from tests.webui.test_browser import await_subscriber, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.webui.fake_gateway import FakeGateway

SILENT_MS = 15_000
BACK_MS = 3_000
COUNTED = """
let rung = 0;
window.AudioContext = class {
  constructor() { this.state = 'suspended'; this.currentTime = 0; }
  become(state) { this.state = state; this.onstatechange(); return Promise.resolve(); }
  resume() { return this.become('running'); }
  suspend() { return this.become('suspended'); }
  createGain() { return {gain: {}, connect: next => next}; }
  createOscillator() {
    const start = () => { document.documentElement.dataset.tones = ++rung; };
    return {frequency: {}, connect: next => next, start, stop() {}};
  }
};
"""
TONES = 3
"""Of one ring."""


def expect_rung(page: Page, times: int) -> None:
    expect(page.locator("html")).to_have_attribute("data-tones", str(times * TONES))


def test_it_rings_from_the_start_of_a_shift_to_its_end(site: Site, gateway: "FakeGateway") -> None:
    page = site.window()
    page.add_init_script(COUNTED)
    sign_in(page)
    await_subscriber(gateway)
    off = page.get_by_text("Sound is off")
    expect(off).to_be_visible()
    gateway.raise_alert("a1")
    expect(page.get_by_role("heading", name="Exit")).to_have_count(1)
    expect(page.locator("html[data-tones]")).to_have_count(0)
    page.get_by_role("button", name="Start shift").click()
    expect(off).to_be_hidden()
    expect_rung(page, 1)  # so that it is heard how loud it is
    gateway.raise_alert("a2")
    expect_rung(page, 2)
    page.get_by_role("button", name="I am going").first.click()
    expect(page.get_by_text("On the way: Anna")).to_be_visible()
    expect_rung(page, 2)
    page.reload()
    expect(off).to_be_visible()
    page.get_by_role("heading", name="Exit").first.click()  # any touch: the shift goes on
    expect(off).to_be_hidden()
    page.get_by_role("button", name="End shift").click()
    expect(off).to_be_visible()
    page.get_by_role("heading", name="Exit").first.click()
    expect(off).to_be_visible()
    assert site.complaints == []


def test_a_real_browser_lets_it_sound_after_a_touch(site: Site, gateway: "FakeGateway") -> None:
    page = site.window()
    sign_in(page)
    await_subscriber(gateway)
    page.get_by_role("button", name="Start shift").click()
    expect(page.get_by_text("It rings at every new alert.")).to_be_visible()
    gateway.raise_alert()
    expect(page.get_by_role("heading", name="Exit")).to_be_visible()
    assert site.complaints == []


def test_without_scripts_nobody_is_promised_a_sound(site: Site) -> None:
    page = site.window(java_script_enabled=False)
    sign_in(page)
    expect(page.get_by_text("Sound is off")).to_be_hidden()


@pytest.fixture
def box(place: Path) -> Iterator[LiveShop]:
    started = LiveShop(place, fresh=False)
    yield started
    started.close()


def test_a_network_that_is_lost_in_silence(browser: "Browser", place: Path, box: LiveShop) -> None:
    site = Site(browser, place, "--control", str(box.shop.control_socket))
    proxy = TcpProxy(urlsplit(site.url).port or 0)
    box.do(proxy.__aenter__())
    page = site.window()
    page.goto("/login")
    page.locator("[name=staff][value=barista]").check()
    page.locator("[name=pin]").fill(PINS["barista"])
    page.locator("main .big").click()
    page.goto(f"http://127.0.0.1:{proxy.port}/board")
    away = page.get_by_role("alert")
    expect(page.locator(".calm")).to_be_visible()
    expect(away).to_be_hidden()
    proxy.hole = True
    expect(away).to_be_visible(timeout=SILENT_MS)
    box.ask(SimulatePress(button="exit-very-unhappy"))
    proxy.hole = False
    expect(away).to_be_hidden(timeout=BACK_MS)
    expect(page.get_by_role("button", name="I am going")).to_be_visible(timeout=BACK_MS)
    box.do(proxy.__aexit__(None, None, None))
    site.close()
