"""Makes labels of boxes, and the files that tell the boxes the same: image/label NAME...

Of each box NAME.svg is its label to print, NAME.txt says the same as text, and NAME-box.toml is
copied to the card's first partition as achivx-box.toml, beside whatever else it says, before the
card's first boot. Of several boxes labels.svg is an A4 sheet to cut up, or labels-1.svg,
labels-2.svg and so on where one does not hold them.
"""

import argparse
import errno
import itertools
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import segno

from gateway.grants import crockford
from gateway.host.keyfiles import ADDRESS
from gateway.host.network import PASSWORD_SYMBOLS, access_point_ssid
from gateway.setup import claim

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SHEET_NAME: Final = re.compile(r"labels(-[0-9]+)?")
PORT: Final = 8080

# The drawings are in mm.
LABEL: Final = (90.0, 50.0)
SHEET: Final = (210.0, 297.0)
COLUMNS: Final = 2
ROWS: Final = 5
GAP: Final = 4.0
"""Between two labels of a sheet: room for the cut marks of both."""
MARK: Final = (0.5, 1.4)
"""How far from its corner a cut mark begins, and how long it is."""
MARGIN: Final = 3.0
LINE: Final = 1.2
"""How high a line is, by the size of its letters."""
ADVANCE: Final = 0.6
"""How wide a monospaced letter is, by its size; `textLength` makes it so in whatever font."""
CAPTION_ADVANCE: Final = 0.56
"""The same of the captions' letters, on the average."""
CAPTION: Final = 2.1
QR: Final = 20.5
QR_X: Final = LABEL[0] - QR - 1.5
QUIET: Final = 4
"""Modules of white around a QR code: the standard's (ISO/IEC 18004)."""


class Box(msgspec.Struct, frozen=True):
    """What a label says.

    Attributes:
        name: The box's name on the network.
        code: The claim code, without its dash.
        password: Of the set-up access point.
    """

    name: str
    code: str
    password: str

    @property
    def shown_code(self) -> str:
        """The claim code as people read it."""
        return f"{self.code[:4]}-{self.code[4:]}"

    @property
    def ssid(self) -> str:
        """What the set-up access point is called."""
        return access_point_ssid(self.name)

    @property
    def page(self) -> str:
        """Where the box is on the shop's network."""
        return f"http://{self.name}.local:{PORT}"

    @property
    def page_there(self) -> str:
        """Where it is for a phone at its access point."""
        return f"http://{ADDRESS}:{PORT}/setup"


def url(box: Box) -> str:
    """Where the page's QR code leads: ready to claim."""
    return f"{box.page}/setup?code={box.code}"


def wifi(ssid: str, password: str) -> str:
    """What the other QR code says: phones offer to join that Wi-Fi.

    As https://github.com/zxing/zxing/wiki/Barcode-Contents has it: a backslash before a character
    that means something there.
    """
    plain = str.maketrans({each: f"\\{each}" for each in '\\;,:"'})
    return f"WIFI:T:WPA;S:{ssid.translate(plain)};P:{password.translate(plain)};;"


def label_text(box: Box) -> str:
    """The label as text."""
    return (
        f"ACHIVX Store Gateway  {box.name}\n"
        f"Set-up code           {box.shown_code}\n"
        f"Page                  {box.page}\n"
        f"Wi-Fi for set-up      {box.ssid}\n"
        f"  its password        {box.password}\n"
        f"  the page there      {box.page_there}\n"
    )


def box_file(box: Box) -> str:
    """What the box itself is told."""
    return (
        f'name = "{box.name}"\nclaim_code = "{box.shown_code}"\nsetup_password = "{box.password}"\n'
    )


# --- the drawings: labels and sheets -------------------------------------------------------------


class _Column:
    """Words below one another."""

    def __init__(self, x: float, y: float, right: float) -> None:
        self.svg: Final[list[str]] = []
        self.y = y
        self._x: Final = x
        self._width: Final = right - x

    def caption(self, words: str) -> None:
        """What the next value is."""
        self.svg.append(_caption(self._x, self.y, words, self._width))
        self.y += LINE * CAPTION

    def value(self, text: str, size: float, least: float = 0) -> None:
        """What somebody types, in letters of at most this size, and the space below it.

        Where they would be smaller than `least`, it takes two lines of that.
        """
        length = len(text)
        if self._width < ADVANCE * least * length:
            length, size = math.ceil(length / 2), least
        size = min(size, self._width / (ADVANCE * length))
        for begin in range(0, len(text), length):
            part = text[begin : begin + length]
            self.svg.append(
                f'<text x="{self._x:g}" y="{self.y + 0.9 * size:.2f}" font-size="{size:.2f}"'
                f' textLength="{ADVANCE * size * len(part):.2f}" lengthAdjust="spacingAndGlyphs"'
                f' class="value">{part}</text>'
            )
            self.y += LINE * size
        self.y += 1.2


def _caption(x: float, y: float, words: str, most: float) -> str:
    width = min(most, CAPTION_ADVANCE * CAPTION * len(words))
    return (
        f'<text x="{x:g}" y="{y + 0.9 * CAPTION:.2f}" textLength="{width:.2f}"'
        f' lengthAdjust="spacingAndGlyphs" class="caption">{words}</text>'
    )


def _drawing(box: Box) -> str:
    """One label: words on the left, QR codes on the right."""
    right = QR_X - 1
    words = _Column(MARGIN, MARGIN, right)
    words.caption("ACHIVX Store Gateway")
    words.value(box.name, 4.4, least=3)
    words.caption("Код настройки · Set-up code")
    words.value(box.shown_code, 5)
    words.caption("Страница · Page")
    words.value(box.page, 2.8, least=2.4)
    words.caption("Wi-Fi для настройки · Wi-Fi for set-up")
    words.value(box.ssid, 2.8)
    middle = MARGIN + 26
    password = _Column(MARGIN, words.y, middle)
    password.caption("Пароль · Password")
    password.value(box.password, 2.8)
    there = _Column(middle + 2, words.y, right)
    there.caption("Страница там · Page there")
    there.value(box.page_there, 2.8)
    drawn = [*words.svg, *password.svg, *there.svg]
    y = 1.5
    for text, caption in ((url(box), "Страница · Page"), (wifi(box.ssid, box.password), "Wi-Fi")):
        drawn.append(_qr(text, QR_X, y))
        drawn.append(_caption(QR_X + 2, y + QR, caption, QR - 4))
        y += QR + 3.4
    return "\n".join(drawn)


def _qr(text: str, x: float, y: float) -> str:
    # M: a label is scratched.
    symbol = segno.make_qr(text, error="m")
    scale = QR / symbol.symbol_size(border=QUIET)[0]
    return (
        f'<path transform="translate({x:g} {y:g}) scale({scale:.5f})" class="qr"'
        f' d="{"".join(_runs(symbol))}"/>'
    )


def _runs(symbol: segno.QRCode) -> Iterator[str]:
    """The dark modules: those beside each other are one rectangle, so that no seam shows."""
    for y, row in enumerate(symbol.matrix_iter(border=QUIET)):
        x = 0
        for is_dark, modules in itertools.groupby(row):
            width = len(list(modules))
            if is_dark:
                yield f"M{x} {y}h{width}v1h-{width}z"
            x += width


def _paper(size: tuple[float, float], drawing: str) -> str:
    """A drawing of that size, which a browser prints as it is."""
    width, height = (f"{side:g}" for side in size)
    return f"""\
<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm"
  viewBox="0 0 {width} {height}">
<style>@page{{size:{width}mm {height}mm;margin:0}}
.caption{{font-family:sans-serif;font-size:{CAPTION:g}px}}
.value{{font-family:monospace;font-weight:bold}}
.qr{{shape-rendering:crispEdges}}
.cut{{stroke:#000;stroke-width:.1}}</style>
<rect width="{width}" height="{height}" fill="#fff"/>
{drawing}
</svg>
"""


def label_svg(box: Box) -> str:
    """A label alone."""
    return _paper(LABEL, _drawing(box))


def sheet_svgs(boxes: Sequence[Box]) -> list[str]:
    """Sheets with cut marks, as many as the labels take."""
    most = COLUMNS * ROWS
    pages = (boxes[begin : begin + most] for begin in range(0, len(boxes), most))
    return [_paper(SHEET, "\n".join(_on_sheet(page))) for page in pages]


def _on_sheet(boxes: Sequence[Box]) -> Iterator[str]:
    width, height = LABEL
    left = (SHEET[0] - COLUMNS * (width + GAP) + GAP) / 2
    top = (SHEET[1] - ROWS * (height + GAP) + GAP) / 2
    for place, box in enumerate(boxes):
        row, column = divmod(place, COLUMNS)
        x, y = left + column * (width + GAP), top + row * (height + GAP)
        yield f'<g transform="translate({x:g} {y:g})">\n{_drawing(box)}\n{_marks()}\n</g>'


def _marks() -> str:
    away, length = MARK
    lines = "".join(
        f"M{x + side * away:g} {y:g}h{side * length:g}M{x:g} {y + end * away:g}v{end * length:g}"
        for x, side in ((0, -1), (LABEL[0], 1))
        for y, end in ((0, -1), (LABEL[1], 1))
    )
    return f'<path class="cut" d="{lines}"/>'


# --- the files -----------------------------------------------------------------------------------


def files(boxes: Sequence[Box]) -> Iterator[tuple[str, str]]:
    """Each file's name and what is in it."""
    for box in boxes:
        yield f"{box.name}.txt", label_text(box)
        yield f"{box.name}-box.toml", box_file(box)
        yield f"{box.name}.svg", label_svg(box)
    sheets = sheet_svgs(boxes) if len(boxes) > 1 else []
    for number, sheet in enumerate(sheets, 1):
        yield f"labels-{number}.svg" if len(sheets) > 1 else "labels.svg", sheet


def write(place: Path, boxes: Sequence[Box]) -> list[Path]:
    """Write all the files; the ones of an earlier label are not written over.

    Raises:
        FileExistsError: There is one of them already; then none is written.
    """
    made = {place / name: text for name, text in files(boxes)}
    for path in made:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    for path, text in made.items():
        # Whoever has the code becomes the box's owner.
        made_now = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made_now, "w", encoding="utf-8") as file:
            file.write(text)
    return list(made)


def _names(words: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    for name in words:
        if not _NAME.fullmatch(name):
            parser.error(f"{name} is no name for a box: 1 to 63 of a-z, 0-9 and -")
        if words.count(name) > 1:
            parser.error(f"{name} is there twice")
        if len(words) > 1 and _SHEET_NAME.fullmatch(name):
            parser.error(f"{name} is what a sheet of labels is called: make its label alone")
    return list(words)


def main(arguments: list[str] | None = None) -> int:
    """Make labels."""
    parser = argparse.ArgumentParser(prog="image/label", description="Make labels of boxes.")
    parser.add_argument(
        "names", metavar="NAME", nargs="+", help="a-z, 0-9 and -; the page is at NAME.local"
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="default: here")
    options = parser.parse_args(arguments)
    boxes = [
        Box(name, crockford.random(claim.SYMBOLS), crockford.random(PASSWORD_SYMBOLS))
        for name in _names(options.names, parser)
    ]
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        paths = write(options.out, boxes)
    except FileExistsError as error:
        print(f"There is a label already: {error.filename}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The label could not be written: {error}.", file=sys.stderr)
        return 1
    print("\n".join(map(str, paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
