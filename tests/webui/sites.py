"""The page's own process, and browser windows on it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE: Any = {"width": 360, "height": 740}
WAIT_S = 10


class PageProcess:
    """The page's own process, at the `url` that it listens at, as it `said` itself.

    Another one in the same place goes on with the state of the one before.
    """

    def __init__(self, place: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "webui.cli"),
                *("--listen", "127.0.0.1:0", "--state", f"{place}/state", *options),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.said = self._process.stdout.readline()
        found = re.search(r"http[^\s,]+", self.said)
        assert found
        self.url = found[0]

    def end(self) -> None:
        """Ask it to end, as systemd does, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=WAIT_S)

    def kill(self) -> None:
        """End it as a power cut does: it can do nothing about it."""
        self._process.kill()
        self._process.communicate(timeout=WAIT_S)


class Site:
    """The page's process, and a browser window on it that notes every complaint."""

    def __init__(self, browser: Browser, place: Path, *options: str) -> None:
        self._browser = browser
        self._windows: list[BrowserContext] = []
        self.complaints: list[str] = []
        self._process = PageProcess(place, *options)
        self.url = self._process.url

    def window(self, **options: Any) -> Page:
        context = self._browser.new_context(viewport=PHONE, base_url=self.url, **options)
        context.set_default_timeout(WAIT_S * 1000)
        self._windows.append(context)
        page = context.new_page()
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def close(self) -> None:
        for window in self._windows:
            window.close()
        self._process.end()
