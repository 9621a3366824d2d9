"""Pictures of every screen in every state, in Russian and English, small and large, light and dark.

scripts/screenshots [--into DIR] [NAME...]   of the stops of tests/webui/tour.py with these names,
                                             or of all of them; into screenshots/, which git ignores
"""

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.webui.live_shop import LiveShop
from tests.webui.looks import Look
from tests.webui.sites import ARGUMENTS, CHROMIUM, Site
from tests.webui.tour import SETUP, SHOP, Stop, Tour

ROOT = Path(__file__).parents[2]
LOOKS = [Look(*each) for each in product(("phone", "desktop"), ("light", "dark"))]


def main() -> int:
    """Walk the tour in both languages, and print a line for every picture."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "screenshots")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a stop; none: every stop")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language, stops in product(("ru", "en"), (SETUP, SHOP)):
            _walk(browser, stops, language, options.into / language, set(options.names))
        browser.close()
    return 0


def _walk(
    browser: Browser, stops: tuple[Stop, ...], language: str, into: Path, names: set[str]
) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shots-") as directory:
        place = Path(directory)
        live = LiveShop(place, fresh=stops is SETUP)
        sockets = ("--control", str(live.shop.control_socket))
        more = ("--simulator", str(live.shop.socket), "--tls", "127.0.0.1:0", "--plain-http")
        site = Site(browser, place, *sockets, *more)
        tour = Tour(live, site, language)
        for stop in stops:
            page = stop.reach(tour)
            for look in LOOKS if not names or stop.name in names else ():
                look.put_on(page)
                picture = into / f"{stop.name}-{look.size}-{look.scheme}.png"
                page.screenshot(path=picture, full_page=True, animations="disabled")
                print(picture)
        site.close()
        live.close()


if __name__ == "__main__":
    sys.exit(main())
