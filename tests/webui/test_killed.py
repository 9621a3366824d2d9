"""The page's own process, killed as by a power cut and started again, the gateway beside it."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from gateway.simulator.shop import PINS
from tests.webui.live_shop import LiveShop
from tests.webui.sites import WAIT_S, PageProcess

GUESSES = 5
LOCKED = "Too many wrong tries."


class Visitor:
    """A browser without scripts: it keeps its cookies, and sends a form's token back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def read(self, path: str, **form: str) -> str:
        """The page that a path, or a form sent there, leads to in the end."""
        body = urlencode(form).encode() if form else None
        asked = Request(self.url + path, body, {"Accept-Language": "en"})  # noqa: S310 - http
        try:
            with self._opener.open(asked, timeout=WAIT_S) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            with error:
                return f"{error.code} {error.read().decode()}"

    def sign_in(self, name: str, pin: str) -> str:
        """Fill the login in; what the next page says."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.read("/login"))
        assert token
        return self.read("/login", csrf_token=unescape(token[1]), staff=name, pin=pin)


@pytest.fixture
def live(place: Path) -> Iterator[LiveShop]:
    """A shop whose lock-outs outlast any test."""
    started = LiveShop(place, fresh=False)
    started.do(started.shop.stop_gateway())
    file = started.shop.config_file
    file.write_text(f"{file.read_text()}\n[access]\nlockout_after = {GUESSES}\nlockout_s = 3600\n")
    started.do(started.shop.start_gateway())
    yield started
    started.close()


@pytest.fixture
def start(place: Path, live: LiveShop) -> Iterator[Callable[[], PageProcess]]:
    """Starts the page; what still runs in the end is ended."""
    with ExitStack() as ends:

        def started() -> PageProcess:
            page = PageProcess(place, "--control", str(live.shop.control_socket))
            ends.callback(page.end)
            return page

        yield started


def test_a_lock_out_and_a_session_outlive_a_power_cut(
    live: LiveShop, start: Callable[[], PageProcess]
) -> None:
    page = start()
    colleague, guesser = Visitor(page.url), Visitor(page.url)
    assert "manager" in colleague.sign_in("manager", PINS["manager"])
    for guess in range(GUESSES):
        assert LOCKED not in guesser.sign_in("barista", f"000{guess}")
    assert LOCKED in guesser.sign_in("barista", PINS["barista"])

    page.kill()
    assert live.shop.gateway is not None
    live.shop.gateway.process.send_signal(signal.SIGKILL)
    live.do(live.shop.start_gateway())
    page = start()

    afresh = Visitor(page.url)
    assert LOCKED in afresh.sign_in("barista", PINS["barista"])
    guesser.url = colleague.url = page.url
    assert LOCKED in guesser.sign_in("barista", PINS["barista"])
    assert 'id="alerts"' in colleague.read("/board")
    assert 'id="alerts"' not in guesser.read("/board")
