"""USB sticks on the page of the whole box, in a real browser and without its scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway.host import verbs
from gateway.host.verbs import OnStick, Reply, Stick
from tests.webui.fake_host import FakeHost
from tests.webui.live_shop import PASSWORD, LiveShop
from tests.webui.looks import Look
from tests.webui.sites import Site
from tests.webui.test_axe import faults
from tests.webui.test_host_page import await_end

LONG = "sdb1/achivx-store-gateway-0.2.0-for-the-box-at-the-entrance-of-the-shop-copy-2"
STICKS = (
    Stick(
        name="sda1",
        label="KINGSTON",
        free=14_300_000_000,
        updates=(OnStick(name="sda1/achivx-0.0.9.achivx", bytes=7, version="0.0.9"),),
    ),
    Stick(
        name="sdb1",
        label="ФЛЕШКА ИЗ ОФИСА",
        free=900_000,
        updates=(OnStick(name=f"{LONG}.achivx", bytes=7),),
        backups=(OnStick(name=f"{LONG}.achivx-backup", bytes=41_000_000),),
    ),
)

OLDER = Reply(code="older", words="0.0.9 is older than 0.1.0, which runs here")


@pytest.fixture
def live(hosted: LiveShop, host: FakeHost) -> LiveShop:
    host.sticks = STICKS
    host.refuse[verbs.ApplyUpdate] = OLDER
    return hosted


@pytest.fixture
def site(browser: Browser, place: Path, live: LiveShop) -> Iterator[Site]:
    started = Site(browser, place, "--control", str(live.shop.control_socket))
    yield started
    started.close()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_older_update_is_put_on_by_a_finger(
    site: Site, live: LiveShop, host: FakeHost, language: str
) -> None:
    page = site.window(java_script_enabled=False)
    page.goto("/setup")
    page.locator(f"button[value={language}]").click()
    page.fill("[name=code]", live.code)
    page.fill("[name=password]", PASSWORD)
    page.locator("form.card .big").click()
    install = page.locator("button[value='sda1/achivx-0.0.9.achivx']")
    older = page.locator("form", has=install).locator("[name=older]")

    def give() -> None:
        install.click()
        expect(page.locator(".note.good")).to_be_visible()
        await_end(live)
        page.goto("/settings/box")

    page.goto("/settings/box")
    expect(older).to_have_count(0)
    give()
    older.check()
    del host.refuse[verbs.ApplyUpdate]
    give()
    expect(older).to_have_count(0)
    asked = [(verb.stick, verb.allow_older) for verb in host.of(verbs.ApplyUpdate)]
    assert asked == [("sda1/achivx-0.0.9.achivx", False), ("sda1/achivx-0.0.9.achivx", True)]
    host.refuse[verbs.ApplyUpdate] = OLDER
    give()  # for the look: with everything that can be on the page
    state = page.context.storage_state()
    scripted = site.window(storage_state=state)
    scripted.goto("/settings/box")
    expect(scripted.locator("[name=older]")).to_have_count(3)
    assert list(faults(scripted, [Look("phone")])) == []
    assert site.complaints == []
