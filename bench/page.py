"""The local page: how quick it is with many boards open, how heavy, and from the press to the card.

python -m bench.page [--json] [--requests 300] [--presses 40]

The real `gateway run` with a TAP terminal on a pty, and the page as `achivx-webui` serves it. With
0, 8 and 20 boards open, a bare Flask route under the same server takes turns with the board and its
fragment, while alerts come and go. Then a button is pressed, and Chromium's board, one of 20 that
are open, is watched for its card.
"""

import argparse
import asyncio
import contextlib
import gzip
import http.client
import random
import re
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import tomlkit
from playwright.sync_api import Page, sync_playwright

from bench.common import BenchError, percentile, print_report
from bench.common import Child as Program
from bench.proc import resident_mb
from gateway.client import Client
from gateway.clock import NS_PER_S
from gateway.messages import Acknowledge, Contact, GetAlerts, Resolve, SetPin, SimulatePress
from gateway.model import Outcome
from gateway.setup.messages import SetupStep
from gateway.simulator.children import Child
from gateway.simulator.tap_terminal import TapTerminal
from webui.app import create_app
from webui.look import STATIC
from webui.options import Options
from webui.sections import SECTIONS

OPEN: Final = (0, 8, 20)
BOARDS_MOST_MS: Final = 100.0
CARD_MOST_MS: Final = 1000.0
PAGE_MOST_KB: Final = 80.0
RSS_MOST_MB: Final = 70.0
GAP_S: Final = (0.01, 0.03)
"""From one request's answer to the next request: a random time."""
PRESS_S: Final = (0.5, 0.9)
"""From one press to the next: each button's turn comes again after its response interval."""
KEPT_OPEN: Final = 3
"""Alerts on the board while it is measured."""
BUTTONS: Final = 16
CHROMIUM: Final = "/usr/bin/chromium"
AS_UNIT: Final = {"MALLOC_ARENA_MAX": "1"}
"""What systemd/achivx-webui.service puts into its environment."""
_OWNER: Final = "owner"
_PIN: Final = "5656"
# When each card was drawn, in milliseconds of Unix time, by its alert.
_WATCH: Final = """() => {
  window.drawn = {};
  const look = () => requestAnimationFrame(() => {
    for (const card of document.querySelectorAll('#alerts h2[id^=name-]'))
      window.drawn[card.id.slice(5)] ??= Date.now();
  });
  new MutationObserver(look).observe(document.getElementById('alerts'),
    {childList: true, subtree: true});
}"""


class Shop(threading.Thread):
    """Customers and staff: presses, and answers the oldest alert of those that are open.

    Args:
        control: The gateway's control socket.
    """

    def __init__(self, control: Path) -> None:
        super().__init__(name="shop", daemon=True)
        self._client: Final = Client(control, timeout_s=30.0)
        self._over: Final = threading.Event()
        self._turn = 0
        self._moments: Final = random.Random(1)  # noqa: S311 - the same in every run

    def run(self) -> None:
        """Until `close`."""
        while not self._over.wait(self._moments.uniform(*PRESS_S)):
            self.press()

    def press(self) -> tuple[str, int]:
        """One press; the alert it made, and the wall clock's nanoseconds at its edge.

        Raises:
            BenchError: It made none.
        """
        button = f"b{self._turn % BUTTONS}"
        self._turn += 1
        offset_ns = time.time_ns() - time.monotonic_ns()
        view = self._client.call(SimulatePress(button=button))
        views = self._client.call(GetAlerts())
        found = [each.alert.id for each in views if each.alert.button == button]
        if not found:
            raise BenchError(f"the press of {button} made no alert: {view.verdicts}")
        if len(views) > KEPT_OPEN:
            self._answer(views[0].alert.id)
        return found[-1], view.pressed_ns + offset_ns

    def _answer(self, alert: str) -> None:
        self._client.call(Acknowledge(alert=alert))
        self._client.call(Contact(alert=alert))
        self._client.call(Resolve(alert=alert, outcome=Outcome.RECOVERED))

    def close(self) -> None:
        """Nobody presses any more."""
        self._over.set()
        if self.is_alive():
            self.join()
        self._client.close()


class Served:
    """One server of pages, asked as a browser asks: a connection for each answer.

    Args:
        program: Running; its first line tells its address.
    """

    def __init__(self, program: Program) -> None:
        self.program: Final = program
        found = re.search(r"http://127\.0\.0\.1:(\d+)", program.hear_line())
        if found is None:
            raise BenchError("the server did not tell its address")
        self.port: Final = int(found[1])
        self.cookie = ""

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Status, kind and body."""
        answer, body = self._ask("GET", path)
        return answer.status, answer.headers.get_content_type(), body

    def timed(self, path: str) -> int:
        """Nanoseconds until the answer is whole.

        Raises:
            BenchError: It is not a page.
        """
        began_ns = time.perf_counter_ns()
        status, _, body = self.get(path)
        took_ns = time.perf_counter_ns() - began_ns
        if status != 200 or not body:
            raise BenchError(f"{path} answered {status}")
        return took_ns

    def sign_in(self) -> None:
        """As the shop's owner, by the form."""
        answer, body = self._ask("GET", "/login")
        self._keep(answer)
        token = re.search(rb'name="csrf_token" value="([^"]+)"', body)
        if token is None:
            raise BenchError("the login has no form")
        form = {"staff": _OWNER, "pin": _PIN, "csrf_token": token[1].decode()}
        answer, _ = self._ask("POST", "/login", urlencode(form))
        if answer.status != 303:
            raise BenchError(f"the login answered {answer.status}")
        self._keep(answer)

    def _keep(self, answer: http.client.HTTPResponse) -> None:
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    def _ask(
        self, method: str, path: str, form: str | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, path, form, headers)
            answer = connection.getresponse()
            return answer, answer.read()


def ask_in_turns(page: Served, bare: Served, requests: int) -> dict[str, list[int]]:
    """So many answers of each, in nanoseconds."""
    moments = random.Random(2)  # noqa: S311 - the same in every run
    times: dict[str, list[int]] = {"board": [], "fragment": [], "bare": []}
    for _ in range(requests):
        for name, server, path in (
            ("board", page, "/board"),
            ("fragment", page, "/board/alerts"),
            ("bare", bare, "/"),
        ):
            times[name].append(server.timed(path))
            time.sleep(moments.uniform(*GAP_S))
    return times


@contextlib.contextmanager
def chromium(page: Served) -> Iterator[Page]:
    """A signed-in board in a real browser, which notes when it draws each card."""
    name, _, value = page.cookie.partition("=")
    url = f"http://127.0.0.1:{page.port}"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        with contextlib.closing(browser.new_context()) as window:
            window.add_cookies([{"name": name, "value": value, "url": url}])
            board = window.new_page()
            with board.expect_response("**/events"):
                board.goto(f"{url}/board")
            board.evaluate(_WATCH)
            yield board
        browser.close()


def from_press_to_card(shop: Shop, board: Page, presses: int) -> list[int]:
    """Nanoseconds from each press's edge until its card is drawn.

    Raises:
        BenchError: A card does not come.
    """
    moments = random.Random(3)  # noqa: S311 - the same in every run
    took: list[int] = []
    for _ in range(presses):
        alert, edge_ns = shop.press()
        drawn = board.wait_for_function("alert => window.drawn[alert]", arg=alert, timeout=30_000)
        took.append(round(drawn.json_value() * 1e6) - edge_ns)
        time.sleep(moments.uniform(*PRESS_S))
    return took


def weights(page: Served) -> dict[str, tuple[int, int]]:
    """Bytes of every page with all its files, as sent and compressed."""
    found = {}
    for path in _paths():
        status, kind, body = page.get(path)
        if status == 200 and kind == "text/html":
            names = set(re.findall(rb'"/static/([\w./-]+)\?', body))
            files = [body, *((STATIC / name.decode()).read_bytes() for name in sorted(names))]
            found[path] = (sum(map(len, files)), sum(len(gzip.compress(each)) for each in files))
    return found


def _paths() -> Iterator[str]:
    """Everything that can be looked at without knowing an alert."""
    app = create_app(Options(control=Path("none"), secret_key=secrets.token_hex()))
    known = {"step": [step.value for step in SetupStep], "name": list(SECTIONS)}
    urls = app.url_map.bind("box")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in ("static", "streams.events"):
            continue
        if not rule.arguments:
            yield urls.build(rule.endpoint)
        elif rule.arguments <= known.keys():
            (argument,) = rule.arguments
            yield from (urls.build(rule.endpoint, {argument: each}) for each in known[argument])


def resident(program: Program) -> float:
    """Megabytes of a server with its workers; what a worker shares with others counts once.

    Linux's own figures (proc(5), smaps_rollup): all of the server's, and the workers' private ones.
    """
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    kept = "".join(Path(f"/proc/{child}/smaps_rollup").read_text() for child in children)
    private_kb = re.findall(r"^Private_\w+: +(\d+) kB", kept, re.MULTILINE)
    return resident_mb(program.pid) + sum(map(int, private_kb)) / 1024


async def measure(directory: Path, requests: int, presses: int) -> dict[str, Any]:
    """Open a shop, and measure its page."""
    with TapTerminal(pagers={"101"}) as terminal:
        config = directory / "gateway.toml"
        config.write_text(_settings(directory, terminal.port), encoding="utf-8")
        words = ("gateway", "run", "--config", str(config))
        gateway = await Child.start("the gateway", words, directory / "gateway.log", ready=True)
        try:
            return await asyncio.to_thread(_measure, directory, requests, presses)
        finally:
            await gateway.stop()


def _measure(directory: Path, requests: int, presses: int) -> dict[str, Any]:
    control = directory / "control.sock"
    with Client(control) as client:
        client.call(SetPin(staff=_OWNER, pin=_PIN))
    with contextlib.ExitStack() as parts:

        def start(*words: str) -> Program:
            log = directory / f"{words[0]}.log"
            return parts.enter_context(Program(words, log, env=AS_UNIT))

        place = ("--control", str(control), "--state", str(directory / "webui"))
        page = Served(start("webui.cli", "--listen", "127.0.0.1:0", *place))
        page.sign_in()
        bare = Served(start("bench.bare_page"))
        boards = start("bench.boards", str(page.port), page.cookie)
        report: dict[str, Any] = {"weights": weights(page)}
        shop = parts.enter_context(contextlib.closing(Shop(control)))
        shop.start()
        for count in OPEN:
            boards.send(count)
            boards.hear(int)
            report[f"boards{count}"] = ask_in_turns(page, bare, requests)
        shop.close()
        report["rss_mb"] = resident(page.program)
        boards.send(OPEN[-1] - 1)
        boards.hear(int)
        pressing = parts.enter_context(contextlib.closing(Shop(control)))
        with chromium(page) as board:
            report["press_to_card"] = from_press_to_card(pressing, board, presses)
        boards.check()
    return report


def _settings(directory: Path, port: str) -> str:
    button = {"kind": "very_unhappy", "label": {"ru": "Ужасно", "en": "Very unhappy"}}
    settings: dict[str, Any] = {
        "device": {"id": "bench"},
        "shop": {"name": "Bench", "account": "shop"},
        "paths": {"state": str(directory / "state"), "control_socket": f"{directory}/control.sock"},
        "inputs": {"simulated": True},
        "buttons": [
            button | {"name": f"b{n}", "pin": 5 + n, "zone": f"zone {n}", "panel": f"p{n}"}
            for n in range(BUTTONS)
        ],
        "pagers": [{"name": "watch", "address": "101", "transmitter": "radio"}],
        "staff": [{"name": _OWNER, "role": "owner", "pager": "watch"}],
        "transmitters": [{"name": "radio", "driver": "tap", "port": port}],
    }
    return tomlkit.dumps(settings)


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """What the report says."""
    report: dict[str, Any] = {
        name: {
            what: {"p50_ms": _ms(values, 50), "p95_ms": _ms(values, 95)}
            for what, values in measured[name].items()
        }
        for name in (f"boards{count}" for count in OPEN)
    }
    most = report[f"boards{OPEN[-1]}"]
    heaviest = max(measured["weights"], key=lambda path: measured["weights"][path][1])
    raw, compressed = measured["weights"][heaviest]
    return report | {
        "press_to_card_p50_ms": _ms(measured["press_to_card"], 50),
        "press_to_card_p95_ms": _ms(measured["press_to_card"], 95),
        "boards20_p95_ms": max(most["board"]["p95_ms"], most["fragment"]["p95_ms"]),
        "over_bare_flask_p95": round(most["fragment"]["p95_ms"] / most["bare"]["p95_ms"], 2),
        "heaviest_page": heaviest,
        "heaviest_page_raw_kb": _kb(raw),
        "heaviest_page_kb": _kb(compressed),
        "board_raw_kb": _kb(measured["weights"]["/board"][0]),
        "counter_raw_kb": _kb(measured["weights"]["/counter"][0]),
        "rss_mb": round(measured["rss_mb"], 1),
    }


def _ms(values: list[int], percent: float) -> float:
    return round(percentile(values, percent) * 1000 / NS_PER_S, 1)


def _kb(size: int) -> float:
    return round(size / 1000, 1)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when all of it is reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--requests", type=int, default=300, help="of each kind, for each count")
    parser.add_argument("--presses", type=int, default=40, help="from press to card")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="achivx-bench-") as directory:
        measured = asyncio.run(measure(Path(directory), options.requests, options.presses))
    report = summary(measured)
    reached = {
        f"boards20_p95_ms <= {BOARDS_MOST_MS:g}": report["boards20_p95_ms"] <= BOARDS_MOST_MS,
        f"press_to_card_p95_ms < {CARD_MOST_MS:g}": report["press_to_card_p95_ms"] < CARD_MOST_MS,
        f"heaviest_page_kb <= {PAGE_MOST_KB:g}": report["heaviest_page_kb"] <= PAGE_MOST_KB,
        f"rss_mb <= {RSS_MOST_MB:g}": report["rss_mb"] <= RSS_MOST_MB,
    }
    print_report(report | {"reached": reached}, as_json=options.json)
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
