import re
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from webui.look import STATIC

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

SHEET = (STATIC / "app.css").read_text()
PAGE_BYTES = 80_000
SHEET_BYTES = 10_000
LEAST_CONTRAST = 5.0

# Text on its ground, as the sheet combines them.
PAIRS = [
    *product(("ink", "soft", "bad", "good", "warn"), ("paper", "card")),
    ("on-go", "go"),
    ("paper", "ink"),
    ("card", "bad"),
    ("card", "good"),
    ("ink", "bad-card"),
    ("bad", "bad-card"),
    ("warn", "warn-card"),
    ("good", "good-card"),
    ("ink", "good-card"),
    ("on-lcd", "lcd"),
]


def tokens(sheet: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", sheet))


LIGHT, DARK = (tokens(part) for part in SHEET.split("@media (prefers-color-scheme: dark)"))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out(text: str, ground: str, scheme: dict[str, str]) -> None:
    assert contrast(scheme[text], scheme[ground]) >= LEAST_CONTRAST


@pytest.mark.parametrize("scheme", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
def test_edges_of_fields_stand_out(scheme: dict[str, str]) -> None:
    """WCAG 2.2, 1.4.11: three to one for what is not text."""
    assert contrast(scheme["edge"], scheme["paper"]) >= 3
    assert contrast(scheme["edge"], scheme["card"]) >= 3


def test_the_measure_of_contrast_is_right() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


def test_the_sheet_is_small() -> None:
    assert len(SHEET.encode()) <= SHEET_BYTES


@pytest.mark.parametrize("path", ["/board", "/counter"])
def test_a_page_with_all_its_files_is_small(
    path: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    for number in range(3):
        gateway.raise_alert(f"a{number}")
        gateway.issue(f"CODE-{number}")
    text = signed_in.get(path).text
    names = set(re.findall(r'"/static/([\w./-]+)\?', text))
    assert {"app.css", "app.js", "vendor/htmx.min.js", "vendor/sse.min.js"} <= names
    total = len(text.encode()) + sum((STATIC / name).stat().st_size for name in names)
    assert total <= PAGE_BYTES


def test_vendored_files_are_what_they_say() -> None:
    script = Path(__file__).parents[2] / "scripts" / "vendor-web"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("vendor", [STATIC / "vendor", Path(__file__).parent / "vendor"])
def test_every_vendored_file_is_listed_with_version_sum_and_licence(vendor: Path) -> None:
    listed = tomllib.loads((vendor / "VENDORED.toml").read_text())["file"]
    there = {path.name for path in vendor.iterdir()} - {"VENDORED.toml"}
    assert {entry["name"] for entry in listed} == there
    for entry in listed:
        assert entry.keys() == {"name", "package", "version", "path", "sha256", "licence"}
