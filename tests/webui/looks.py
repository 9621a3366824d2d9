"""What a page is looked at for: axe-core's rules, contrast, and room for fingers and text."""

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
# The page swaps nothing under a finger: axe-core loses its way where elements are replaced.
_RUN_AXE = """async () => {
  document.dispatchEvent(new Event('pointerdown'));
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const options = {runOnly: tags, resultTypes: ['violations', 'incomplete'], iframes: false};
  const found = await axe.run({exclude: ['svg text']}, options);
  document.dispatchEvent(new Event('pointercancel'));
  const told = each => each.nodes.map(node => each.id + ': ' + node.html.slice(0, 160)
    + ' -- ' + node.any.concat(node.all, node.none).map(one => one.message).join('; '));
  return [...found.violations, ...found.incomplete].flatMap(told);
}"""
_TOO_PALE = """least => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const part = value => value <= 10.31 ? value / 3294.6 : ((value / 255 + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b) + .05;
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = one => {
    const style = getComputedStyle(one);
    const ink = rgb(one instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(one))];
    return Math.max(a, b) / Math.min(a, b);
  };
  const speaks = one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll('*')]
    .filter(one => speaks(one) && one.getBoundingClientRect().width > 1)
    .map(one => [contrast(one), one.outerHTML.slice(0, 160)])
    .filter(([ratio]) => ratio < least)
    .map(([ratio, html]) => `${ratio.toFixed(2)} to one is too pale: ${html}`);
}"""
LEAST_CONTRAST = 5.0
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_TOO_SMALL = """() => {
  const targets = 'a, button, summary, select, textarea, input:not([type=hidden])';
  const box = one => (one.closest('label.choice') || one).getBoundingClientRect();
  return [...document.querySelectorAll(targets)]
    .map(one => [box(one), one.outerHTML.slice(0, 160)])
    .filter(([box]) => box.width > 1 && (box.height < 44 || box.width < 44))
    .map(([box, html]) => `${Math.round(box.width)}x${Math.round(box.height)} px: ${html}`);
}"""

# A short word on two lines, where no hyphen says so; names of files and codes may break anywhere.
_TORN = """() => {
  const words = /(?<=^|[\\s(«“])\\p{L}{2,12}(?=$|[\\s.,:;!?…)»”])/gu;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const torn = [];
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (getComputedStyle(text.parentElement).hyphens === 'auto') continue;
    for (const word of text.data.matchAll(words)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(line => line.top)).size > 1)
        torn.push(`torn in two: ${word[0]} in ${text.parentElement.outerHTML.slice(0, 160)}`);
    }
  }
  return torn;
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
    """Everything that axe-core finds wrong, or cannot decide, with the elements.

    Text in drawings is left to `pale`: axe-core takes a drawing for a picture, undecidable.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)  # by the devtools protocol, which no content security policy holds up
    found: list[str] = page.evaluate(_RUN_AXE)
    if found:  # or an element was replaced meanwhile: what is wrong is so the second time too
        again = page.evaluate(_RUN_AXE)
        found = [fault for fault in found if fault in again]
    return found


def pale(page: Page) -> list[str]:
    """Texts that stand out from their ground by less than `LEAST_CONTRAST` (WCAG 2.2, 1.4.3)."""
    found: list[str] = page.evaluate(_TOO_PALE, LEAST_CONTRAST)
    return found


def ill_fitting(page: Page) -> Iterator[str]:
    """What is cut off at the side, torn, or too small for a finger, as the page is shown now."""
    if (too_wide := page.evaluate(_TOO_WIDE)) > 0:
        yield f"{too_wide} px wider than the screen"
    yield from page.evaluate(_TOO_SMALL)
    yield from page.evaluate(_TORN)
