"""Labels of boxes: words, sheets, and what is not done."""

import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import segno

from gateway.grants import crockford
from gateway.host.network import access_point_ssid

SVG = "{http://www.w3.org/2000/svg}"
LONG = "a" * 61 + "-9"
TWELVE = [f"pager-{number}" for number in range(1, 13)]


@pytest.fixture
def label(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("label.py")


def words_of(drawing: ET.Element) -> list[str]:
    return [each.text or "" for each in drawing.iter(f"{SVG}text")]


def modules_of(path: ET.Element) -> list[list[int]]:
    """The dark and light squares that a QR code's path draws, with the white around them."""
    scale = re.search(r"scale\(([\d.]+)\)", path.get("transform", ""))
    assert scale
    side = round(20.5 / float(scale[1]))
    rows = [[0] * side for _ in range(side)]
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path.get("d", "")):
        rows[int(y)][int(x) : int(x) + int(width)] = [1] * int(width)
    return rows


def qr_of(text: str) -> list[list[int]]:
    return [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=4)]


def drawn(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - made here


@pytest.mark.parametrize("name", ["b", "pager-1", LONG])
def test_a_label_says_what_the_box_is_told(label: ModuleType, tmp_path: Path, name: str) -> None:
    assert label.main([name, "--out", str(tmp_path)]) == 0
    box = tomllib.loads((tmp_path / f"{name}-box.toml").read_text())
    svg = drawn(tmp_path / f"{name}.svg")
    assert (svg.get("width"), svg.get("height")) == ("90mm", "50mm")
    said = words_of(svg)
    together = "".join(said)
    for value in (name, box["claim_code"], f"http://{name}.local:8080", box["setup_password"]):
        assert value in together
    assert access_point_ssid(name) in said
    assert access_point_ssid(name) in (tmp_path / f"{name}.txt").read_text()
    page, wifi = (each for each in svg.iter(f"{SVG}path") if each.get("class") == "qr")
    code = crockford.normalise(box["claim_code"])
    assert modules_of(page) == qr_of(f"http://{name}.local:8080/setup?code={code}")
    network = f"WIFI:T:WPA;S:{access_point_ssid(name)};P:{box['setup_password']};;"
    assert modules_of(wifi) == qr_of(network)


def test_an_access_point_is_called_as_its_label_says_and_no_longer_than_it_may_be() -> None:
    assert access_point_ssid("pager-1") == "ACHIVX-pager-1"
    assert access_point_ssid(LONG) == "ACHIVX-" + "a" * 25


def test_what_means_something_to_a_phone_is_escaped(label: ModuleType) -> None:
    assert label.wifi("a;b,c", 'd:e\\f"g') == r"WIFI:T:WPA;S:a\;b\,c;P:d\:e\\f\"g;;"


def test_several_are_on_one_sheet_too(label: ModuleType, tmp_path: Path) -> None:
    assert label.main([*TWELVE[:10], "--out", str(tmp_path)]) == 0
    svg = drawn(tmp_path / "labels.svg")
    assert (svg.get("width"), svg.get("height")) == ("210mm", "297mm")
    said = words_of(svg)
    for name in TWELVE[:10]:
        assert (tmp_path / f"{name}.svg").exists()
        box = tomllib.loads((tmp_path / f"{name}-box.toml").read_text())
        assert {name, box["claim_code"], box["setup_password"]} <= set(said)
    assert len([each for each in svg.iter(f"{SVG}path") if each.get("class") == "cut"]) == 10


def test_what_one_sheet_does_not_hold_is_on_the_next(label: ModuleType, tmp_path: Path) -> None:
    assert label.main([*TWELVE, "--out", str(tmp_path)]) == 0
    sheets = [set(words_of(drawn(tmp_path / f"labels-{number}.svg"))) for number in (1, 2)]
    assert [[name in said for name in TWELVE] for said in sheets] == [
        [True] * 10 + [False] * 2,
        [False] * 10 + [True] * 2,
    ]
    assert not (tmp_path / "labels-3.svg").exists()
    assert not (tmp_path / "labels.svg").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_where_one_is_there_already_none_is_made(
    label: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert label.main(["b", "--out", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert label.main(["a", "b", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"There is a label already: {tmp_path / 'b.txt'}.\n"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b", "a"], "a is there twice"),
        (["a", "B"], "B is no name for a box"),
        (["a" * 64], "is no name for a box"),
        (["a", "labels"], "labels is what a sheet of labels is called"),
        (["labels-2", "a"], "labels-2 is what a sheet of labels is called"),
        ([], "NAME"),
    ],
)
def test_names_that_cannot_be(
    label: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    said: str,
) -> None:
    with pytest.raises(SystemExit):
        label.main([*names, "--out", str(tmp_path)])
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_box_may_be_called_as_a_sheet_when_it_is_alone(label: ModuleType, tmp_path: Path) -> None:
    assert label.main(["labels", "--out", str(tmp_path)]) == 0
    assert "labels" in words_of(drawn(tmp_path / "labels.svg"))
