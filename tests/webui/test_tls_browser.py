"""From the set-up over plain HTTP to the board over TLS, in a browser, with the real gateway."""

import base64
import hashlib
import http.client
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, expect

from tests.webui.sites import ARGUMENTS, CHROMIUM, PHONE, WAIT_S

if TYPE_CHECKING:
    from tests.webui.live_shop import LiveShop

PASSWORD = "coffee and cake"


class Box:
    """The page with both of its ports in front of the real gateway."""

    def __init__(self, place: Path, live: "LiveShop") -> None:
        words = ("--listen", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--state", f"{place}/page")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webui.cli", *words, "--control", live.shop.control_socket],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        found = re.search(r":(\d+), with TLS at port (\d+)", self.process.stdout.readline())
        assert found
        self.plain, self.tls = f"http://127.0.0.1:{found[1]}", f"https://127.0.0.1:{found[2]}"
        self.plain_port, self.port = int(found[1]), int(found[2])

    def trusted_key(self) -> str:
        """What the page's certificate is recognised by, once the box's root has vouched for it."""
        plain = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=WAIT_S)
        plain.request("GET", "/certificate/achivx-box.crt")
        context = ssl.create_default_context(cadata=plain.getresponse().read())
        plain.close()
        with (
            socket.create_connection(("127.0.0.1", self.port), WAIT_S) as link,
            context.wrap_socket(link, server_hostname="127.0.0.1") as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
        assert certificate
        pem = ssl.DER_cert_to_PEM_cert(certificate).encode()
        key = _openssl(b"x509", b"-pubkey", b"-noout", said=pem)
        return base64.b64encode(
            hashlib.sha256(_openssl(b"pkey", b"-pubin", b"-outform", b"der", said=key)).digest()
        ).decode()

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=WAIT_S)


def _openssl(*words: bytes, said: bytes) -> bytes:
    done = subprocess.run((b"openssl", *words), input=said, capture_output=True, check=True)
    return done.stdout


@pytest.fixture
def box(place: Path, live: "LiveShop") -> Iterator[Box]:
    started = Box(place, live)
    yield started
    started.close()


def test_set_up_ends_at_https_and_the_board_is_there(
    box: Box, live: "LiveShop", browser: Browser
) -> None:
    trust = f"--ignore-certificate-errors-spki-list={box.trusted_key()}"
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, trust])
    window = chromium.new_context(viewport=PHONE, locale="en", base_url=box.plain)
    window.set_default_timeout(WAIT_S * 1000)
    page = window.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto("/")
        page.get_by_role("button", name="English").click()
        page.get_by_label("Code from the box").fill(live.code)
        page.get_by_label("A password of your own").fill(PASSWORD)
        page.get_by_role("button", name="It is my box").click()
        expect(page.get_by_label("What is the shop called?")).to_be_visible()
        (plain,) = (each for each in window.cookies() if "achivx" in each.get("name", ""))
        assert plain["name"] == "achivx"
        asked: list[str] = []
        page.goto("/setup/rehearsal")
        page.get_by_role("button", name="Finish without a rehearsal").click()
        page.wait_for_url(f"{box.tls}/**")
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{box.tls}/login")
        page.get_by_label("PIN").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{box.tls}/board")
        expect(page.get_by_text("All calm.")).to_be_visible()
        (secret,) = (each for each in window.cookies() if each["name"] == "__Host-achivx")
        assert (secret["secure"], secret["httpOnly"], secret["path"]) == (True, True, "/")
        assert page.evaluate("isSecureContext") is True
        assert "achivx" not in page.evaluate("document.cookie")
        assert {url.partition("/")[0] for url in asked} == {"https:"}
        # Back over plain HTTP one is led to TLS again, and stays signed in there alone.
        page.goto(f"{box.plain}/settings")
        page.wait_for_url(f"{box.tls}/settings")
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert complaints == []
    finally:
        chromium.close()
