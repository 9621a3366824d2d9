"""The simulated shop with the real gateway, for tests that run on no event loop."""

import asyncio
import re
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from flask.testing import FlaskClient

from gateway import messages as say
from gateway.setup import claim
from gateway.simulator import shop as simulated
from gateway.simulator.shop import SimulatedShop
from webui.app import create_app
from webui.authority import Authority
from webui.options import Options

T = TypeVar("T")

PASSWORD = "coffee and cake"
"""Of whoever claims a box."""


class LiveShop:
    """A simulated shop with the real gateway, on an event loop in a thread of its own.

    `code` claims a `fresh` box; a shop that is set up already has none.
    """

    def __init__(self, directory: Path, *, fresh: bool = True, under: tuple[str, ...] = ()) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.shop = SimulatedShop(directory, fresh=fresh, under=under)
            self.do(self.shop.__aenter__())
            self.code = claim.read(directory / "state") if fresh else ""
        except BaseException:
            self._end()
            raise

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def ask(self, request: say.Request[T]) -> T:
        return self.do(self.shop.ask(request))

    def close(self) -> None:
        try:
            self.do(self.shop.__aexit__(None, None, None))
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def visitor(live: LiveShop, authority: Authority | None = None) -> FlaskClient:
    """A client of a box's page, in English; nobody has signed in with it yet."""
    app = create_app(
        Options(control=live.shop.control_socket, secret_key="k" * 32, authority=authority)
    )
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    client = app.test_client()
    client.set_cookie("language", "en")
    return client


def claimed(live: LiveShop, name: str = "Olga") -> FlaskClient:
    """The client of whoever has just made a fresh box theirs, with `PASSWORD`."""
    client = visitor(live)
    form = {"code": live.code, "password": PASSWORD, "name": name}
    client.post("/setup/claim/set", data=form)
    return client


def signed_in_at(live: LiveShop, name: str, authority: Authority | None = None) -> FlaskClient:
    """The client of somebody of the simulated shop's staff."""
    client = visitor(live, authority)
    client.post("/login", data={"staff": name, "pin": simulated.PINS[name]})
    return client


def said(client: FlaskClient, path: str, data: Mapping[str, object]) -> str:
    """What the page says to a form, in its notes."""
    answer = client.post(path, data=data, follow_redirects=True)
    return " ".join(re.findall(r'<p class="note \w+">.*?</svg>(.*?)</p>', answer.text))
