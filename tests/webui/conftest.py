"""Apps, clients and browser windows, on a small gateway from memory or on the real one."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from tests.webui.fake_gateway import PINS, FakeGateway
from tests.webui.fake_host import FakeHost, fake_host, gateway_with_host
from tests.webui.fake_shop import FakeShop
from tests.webui.live_shop import LiveShop, claimed
from tests.webui.sites import ARGUMENTS, CHROMIUM, Site
from webui.app import create_app
from webui.options import Options


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory whose name is short enough for a Unix socket's."""
    link = Path("/tmp") / f"webui-{os.getpid()}-{threading.get_ident()}"  # noqa: S108
    link.symlink_to(tmp_path)
    yield link
    link.unlink()


@pytest.fixture
def gateway(place: Path) -> Iterator[FakeGateway]:
    fake = FakeGateway(place / "control.sock")
    yield fake
    fake.stop()


@pytest.fixture
def shop(place: Path, gateway: FakeGateway) -> Iterator[FakeShop]:
    fake = FakeShop(place / "simulator.sock", gateway)
    yield fake
    fake.stop()


def _app(control: Path, simulator_path: Path | None = None) -> Flask:
    app = create_app(
        Options(
            control=control,
            simulator=simulator_path,
            secret_key="k" * 32,
            allowed_hosts=("Board.Example",),
        )
    )
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # its own tests switch it on again
    return app


@pytest.fixture
def app(gateway: FakeGateway) -> Flask:
    return _app(gateway.path)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def signed_in(client: FlaskClient) -> FlaskClient:
    client.post("/login", data={"staff": "Anna", "pin": PINS["Anna"]})
    return client


@pytest.fixture
def demo(gateway: FakeGateway, shop: FakeShop) -> FlaskClient:
    return _app(gateway.path, shop.path).test_client()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def site(browser: Browser, place: Path, gateway: FakeGateway) -> Iterator[Site]:
    started = Site(browser, place, "--control", str(gateway.path))
    yield started
    started.close()


@pytest.fixture
def demo_site(browser: Browser, place: Path, shop: FakeShop) -> Iterator[Site]:
    sockets = ("--control", str(shop.gateway.path), "--simulator", str(shop.path))
    started = Site(browser, place, *sockets)
    yield started
    started.close()


@pytest.fixture(scope="module")
def shared_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One for a whole module, whose tests put back what they change."""
    yield from _shared(tmp_path_factory.mktemp("shared"), fresh=True)


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One that is set up already, with staff, for a whole module."""
    yield from _shared(tmp_path_factory.mktemp("shared"), fresh=False)


def _shared(directory: Path, *, fresh: bool) -> Iterator[LiveShop]:
    link = Path("/tmp") / f"webui-shared-{os.getpid()}"  # noqa: S108
    link.symlink_to(directory)
    started = LiveShop(link, fresh=fresh)
    yield started
    started.close()
    link.unlink()


@pytest.fixture
def live(place: Path) -> Iterator[LiveShop]:
    """A box as it comes out of its parcel."""
    started = LiveShop(place)
    yield started
    started.close()


@pytest.fixture
def owner(live: LiveShop) -> FlaskClient:
    """Whoever has just made that box theirs."""
    return claimed(live)


@pytest.fixture
def host(place: Path) -> Iterator[FakeHost]:
    with fake_host(place / "host.sock") as answering:
        yield answering


@pytest.fixture
def hosted(place: Path, host: FakeHost) -> Iterator[LiveShop]:
    """A box that has this host, as it comes out of its parcel."""
    assert not host.asked
    started = LiveShop(place, under=gateway_with_host(place / "host.sock"))
    yield started
    started.close()


@pytest.fixture
def live_site(browser: Browser, place: Path, live: LiveShop) -> Iterator[Site]:
    shop = live.shop
    sockets = ("--control", str(shop.control_socket), "--simulator", str(shop.socket))
    started = Site(browser, place, *sockets)
    yield started
    started.close()
