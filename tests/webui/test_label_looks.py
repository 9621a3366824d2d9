"""The labels of image/label as a browser draws them: nothing overlaps, is cut, or is unreadable."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Browser, Page

from gateway.host.network import access_point_ssid

LABEL = Path(__file__).parents[2] / "image/label.py"
NAMES = ["b", "shop-17-entrance-hall", "n" * 41, "w" * 61 + "-9"]
DOTS = 300 / 25.4
"""What a usual printer makes of a mm."""
# The browser measures letters in whole pixels, so they are made big.
GROW = """times => {
    const drawing = document.documentElement;
    for (const side of ["width", "height"])
        drawing.setAttribute(side, parseFloat(drawing.getAttribute(side)) * times + "mm");
}"""
# In px of CSS, of which 96 are an inch.
BOXES = """selector => [...document.querySelectorAll(selector)].map(one => {
    const {left, top, right, bottom} = one.getBoundingClientRect();
    return [left, top, right, bottom].map(px => px / 96 * 25.4);
})"""
# How dark the middle of each square of a QR code is, of `side` squares in a row.
SAMPLES = """async ([text, width, height, x, y, size, side, dots]) => {
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    await image.decode();
    const canvas = new OffscreenCanvas(width * dots, height * dots);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    const at = (n) => (n + 0.5) / side * size;
    const dark = (dx, dy) => pen.getImageData((x + dx) * dots, (y + dy) * dots, 1, 1).data[0] < 128;
    const squares = [...Array(side).keys()];
    return squares.map(row => squares.map(column => Number(dark(at(column), at(row)))));
}"""
Area = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("labels")
    words = [sys.executable, str(LABEL), *NAMES, "--out", str(place)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return place


@pytest.fixture
def page(browser: Browser) -> Any:
    opened = browser.new_page(viewport={"width": 800, "height": 1130})
    yield opened
    opened.close()


def areas(page: Page, selector: str) -> list[Area]:
    found: list[Area] = page.evaluate(BOXES, selector)
    return found


def apart(one: Area, other: Area) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def ink(box: Area) -> Area:
    """What letters darken of a line's box, which fonts make higher than any letter of ours is."""
    left, top, right, bottom = box
    height = bottom - top
    return left, top + 0.17 * height, right, bottom - 0.05 * height


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_and_nothing_is_cut(name: str, made: Path, page: Page) -> None:
    page.goto((made / f"{name}.svg").as_uri())
    (paper,) = areas(page, "svg")
    assert (paper[2] - paper[0], paper[3] - paper[1]) == pytest.approx((90, 50), abs=0.1)
    page.evaluate(GROW, 20)
    words, codes = areas(page, "text"), areas(page, ".qr")
    assert len(codes) == 2
    drawn = [*map(ink, words), *codes]
    for place, area in enumerate(drawn):
        left, top, right, bottom = (side / 20 for side in area)
        assert 1.5 <= left < right <= 88.5
        assert 1.5 <= top < bottom <= 48.5
        assert all(apart(area, other) for other in drawn[place + 1 :]), place


@pytest.mark.parametrize("name", NAMES)
def test_the_codes_are_whole_as_printed(name: str, made: Path, page: Page) -> None:
    box = tomllib.loads((made / f"{name}-box.toml").read_text())
    texts = (
        f"http://{name}.local:8080/setup?code={box['claim_code'].replace('-', '')}",
        f"WIFI:T:WPA;S:{access_point_ssid(name)};P:{box['setup_password']};;",
    )
    drawing = (made / f"{name}.svg").read_text("utf-8")
    for number, text in enumerate(texts):
        symbol = segno.make_qr(text, error="m")
        side = symbol.symbol_size(border=4)[0]
        where = [90, 50, 68, 1.5 + 23.9 * number, 20.5, side, DOTS]
        seen = page.evaluate(SAMPLES, [drawing, *where])
        assert seen == [list(row) for row in symbol.matrix_iter(border=4)]


def test_the_labels_of_a_sheet_do_not_touch(made: Path, page: Page) -> None:
    page.goto((made / "labels.svg").as_uri())
    (paper,) = areas(page, "svg")
    assert (paper[2] - paper[0], paper[3] - paper[1]) == pytest.approx((210, 297), abs=0.1)
    labels, marks = areas(page, "g"), areas(page, ".cut")
    assert len(labels) == len(marks) == len(NAMES)
    for place, label in enumerate(labels):
        assert all(apart(label, other) for other in labels[place + 1 :])
        assert min(label) >= 5  # what a printer leaves white
        assert label[2] <= 205
        assert label[3] <= 292
