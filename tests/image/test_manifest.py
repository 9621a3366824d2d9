"""What is written beside an image, from a tree that holds just enough."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

EPOCH = 1_767_225_600
STATUS = """\
Package: zlib1g
Status: install ok installed
Architecture: arm64
Source: zlib (1:1.3.dfsg-2)
Version: 1:1.3.dfsg+really1.3.1-1
Description: compression library
 with a second line

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.152
"""
METADATA = """\
Metadata-Version: 2.4
Name: Flask_Babel
Version: 4.0.0
License-Expression: BSD-3-Clause

A text about it.
Version: 9
"""


@pytest.fixture
def manifest(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("manifest.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "var/lib/dpkg").mkdir(parents=True)
    (tree / "var/lib/dpkg/status").write_text(STATUS)
    (tree / "usr/lib/modules/7.3.4-arm64").mkdir(parents=True)
    site = tree / "opt/achivx-gateway/releases/1.2.3-abc/lib/python3.13/site-packages"
    info = site / "flask_babel-4.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    return tree


class TestBill:
    def test_has_every_installed_package_once_and_no_other(
        self, manifest: ModuleType, tree: Path
    ) -> None:
        bill = manifest.bill(tree, version="1.2.3", epoch=EPOCH)
        assert [each["purl"] for each in bill["components"]] == [
            "pkg:deb/debian/adduser@3.152?arch=all",
            "pkg:deb/debian/zlib1g@1%3A1.3.dfsg%2Breally1.3.1-1?arch=arm64",
            "pkg:pypi/flask-babel@4.0.0",
        ]

    def test_names_sources_and_licences(self, manifest: ModuleType, tree: Path) -> None:
        adduser, zlib, babel = manifest.bill(tree, version="1.2.3", epoch=EPOCH)["components"]
        assert adduser["properties"][0]["value"] == "adduser"
        assert zlib["properties"][0]["value"] == "zlib"
        assert babel["licenses"] == [{"expression": "BSD-3-Clause"}]

    def test_references_are_unique_and_the_number_follows_from_the_content(
        self, manifest: ModuleType, tree: Path
    ) -> None:
        bill = manifest.bill(tree, version="1.2.3", epoch=EPOCH)
        references = [each["bom-ref"] for each in bill["components"]]
        assert len(set(references)) == len(references)
        assert manifest.bill(tree, version="1.2.3", epoch=EPOCH) == bill
        (tree / "var/lib/dpkg/status").write_text(STATUS.replace("3.152", "3.153"))
        other = manifest.bill(tree, version="1.2.3", epoch=EPOCH)
        assert other["serialNumber"] != bill["serialNumber"]
        assert bill["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"


class TestMain:
    def test_writes_both_beside_the_image(
        self,
        manifest: ModuleType,
        tree: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        image, packed = tmp_path / "card.img", tmp_path / "box-1.2.3.img.xz"
        image.write_bytes(b"the card")
        packed.write_bytes(b"card")
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
        words = ["manifest.py", str(tree), str(image), str(packed)]
        monkeypatch.setattr("sys.argv", [*words, "--version", "1.2.3", "--suite", "trixie"])
        assert manifest.main() == 0
        told = json.loads((tmp_path / "box-1.2.3.manifest.json").read_text())
        assert told["image"] == {"bytes": 8, "sha256": hashlib.sha256(b"the card").hexdigest()}
        assert told["packed"]["sha256"] == hashlib.sha256(b"card").hexdigest()
        assert (told["release"], told["kernels"]) == ("1.2.3-abc", ["7.3.4-arm64"])
        assert (told["debian_packages"], told["python_packages"]) == (2, 1)
        assert json.loads((tmp_path / "box-1.2.3.cdx.json").read_text())["bomFormat"] == "CycloneDX"
