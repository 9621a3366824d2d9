"""What a page is looked at for: axe-core's rules, room for a finger, room on a narrow screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, ViewportSize

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
SIZES: dict[str, ViewportSize] = {
    "narrow": {"width": 320, "height": 640},
    "phone": {"width": 360, "height": 740},
    "tablet": {"width": 768, "height": 1024},
    "desktop": {"width": 1280, "height": 800},
}
_RUN_AXE = """async () => {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const options = {runOnly: tags, resultTypes: ['violations', 'incomplete'], iframes: false};
  const found = await axe.run(document, options);
  const told = each => each.nodes.map(node => each.id + ': ' + node.html.slice(0, 160)
    + ' -- ' + node.any.concat(node.all, node.none).map(one => one.message).join('; '));
  return [...found.violations, ...found.incomplete].flatMap(told);
}"""
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_TOO_SMALL = """() => {
  const targets = 'a, button, summary, select, textarea, input:not([type=hidden])';
  const box = one => (one.closest('label.choice') || one).getBoundingClientRect();
  return [...document.querySelectorAll(targets)]
    .map(one => [box(one), one.outerHTML.slice(0, 160)])
    .filter(([box]) => box.width > 1 && (box.height < 44 || box.width < 44))
    .map(([box, html]) => `${Math.round(box.width)}x${Math.round(box.height)} px: ${html}`);
}"""


class Look(NamedTuple):
    """How a page is shown: one of `SIZES`, in `light` or `dark`."""

    size: str
    scheme: Any = "light"

    def put_on(self, page: Page) -> None:
        """Show the page so."""
        page.emulate_media(color_scheme=self.scheme)
        page.set_viewport_size(SIZES[self.size])

    def __str__(self) -> str:
        return f"{self.size}, {self.scheme}"


def axe(page: Page) -> list[str]:
    """Everything that axe-core finds wrong, or cannot decide, with the elements."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)  # by the devtools protocol, which no content security policy holds up
    found: list[str] = page.evaluate(_RUN_AXE)
    return found


def ill_fitting(page: Page) -> Iterator[str]:
    """What is cut off at the side, or too small for a finger, as the page is shown now."""
    if (too_wide := page.evaluate(_TOO_WIDE)) > 0:
        yield f"{too_wide} px wider than the screen"
    yield from page.evaluate(_TOO_SMALL)
