"""Pictures of every screen in every state, in Russian and English, small and large, light and dark.

scripts/screenshots [--into DIR] [NAME...]   of the stops of tests/webui/tour.py with these names,
                                             or of all of them; into screenshots/, which git ignores
scripts/screenshots --readme                 those that README.md shows, into docs/screenshots/
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.webui.live_shop import LiveShop
from tests.webui.looks import Look
from tests.webui.sites import ARGUMENTS, CHROMIUM, Site
from tests.webui.tour import SETUP, SHOP, Stop, Tour

ROOT = Path(__file__).parents[2]
LOOKS = [Look(*each) for each in product(("phone", "desktop"), ("light", "dark"))]
PHONE: ViewportSize = {"width": 360, "height": 920}
README: dict[str, tuple[str, ViewportSize]] = {
    "board": ("board", PHONE),
    "setup-buttons-learned": ("set-up", PHONE),
    "counter-redeemed": ("counter", PHONE),
    "insights": ("insights", {"width": 1280, "height": 660}),
}
"""By stop, what README.md calls its picture, and how much of the page that shows."""
_CLOSE = "document.querySelectorAll('details').forEach(one => { one.open = false; })"

Take = Callable[[Stop, Page], Iterable[Path]]
"""Takes the pictures that are wanted of a page at a stop."""


def main() -> int:
    """Walk the tour, and print a line for every picture."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="renew those of README.md alone")
    parser.add_argument("--into", type=Path, default=ROOT / "screenshots")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a stop; none: every stop")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language, stops in product(("ru",) if options.readme else ("ru", "en"), (SETUP, SHOP)):
            if options.readme:
                _walk(browser, stops, language, _for_readme(ROOT / "docs" / "screenshots"))
            else:
                take = _of_every_look(options.into / language, set(options.names))
                _walk(browser, stops, language, take)
        browser.close()
    return 0


def _of_every_look(into: Path, names: set[str]) -> Take:
    into.mkdir(parents=True, exist_ok=True)

    def take(stop: Stop, page: Page) -> Iterable[Path]:
        for look in LOOKS if not names or stop.name in names else ():
            look.put_on(page)
            picture = into / f"{stop.name}-{look.size}-{look.scheme}.png"
            page.screenshot(path=picture, full_page=True, animations="disabled")
            yield picture

    return take


def _for_readme(into: Path) -> Take:
    def take(stop: Stop, page: Page) -> Iterable[Path]:
        if stop.name in README:
            name, size = README[stop.name]
            page.set_viewport_size(size)
            page.evaluate(_CLOSE)
            picture = into / f"{name}.png"
            page.screenshot(path=picture, animations="disabled")
            yield picture

    return take


def _walk(browser: Browser, stops: tuple[Stop, ...], language: str, take: Take) -> None:
    with tempfile.TemporaryDirectory(prefix="shots-") as directory:
        place = Path(directory)
        live = LiveShop(place, fresh=stops is SETUP)
        sockets = ("--control", str(live.shop.control_socket))
        more = ("--simulator", str(live.shop.socket), "--tls", "127.0.0.1:0", "--plain-http")
        site = Site(browser, place, *sockets, *more)
        tour = Tour(live, site, language)
        for stop in stops:
            for picture in take(stop, stop.reach(tour)):
                print(picture)
        site.close()
        live.close()


if __name__ == "__main__":
    sys.exit(main())
