#!/usr/bin/env python3
"""What is in an image, beside it: a manifest, and a bill of materials: image/build calls this.

The bill is CycloneDX 1.5 (ECMA-424): every Debian package by what dpkg says, every Python package
by what was installed. Both files depend on the tree and the image alone, not on when or where.
"""

import argparse
import hashlib
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

_NAMESPACE: Final = uuid.UUID("a3f5c2de-6f0b-4c39-9b1e-5d8e3b7a9c10")
RELEASES: Final = "opt/achivx-gateway/releases"


def debian_packages(status: str) -> list[dict[str, str]]:
    """The installed packages in dpkg's status file, by name: `name`, `version`, `architecture`."""
    found = []
    for paragraph in status.split("\n\n"):
        if not paragraph.strip():
            continue
        fields = HeaderParser().parsestr(paragraph, headersonly=True)
        if fields["Status"] != "install ok installed":
            continue
        package = {key: fields[key] for key in ("Package", "Version", "Architecture")}
        source = (fields["Source"] or fields["Package"]).partition(" ")[0]
        found.append({key.lower(): value for key, value in package.items()} | {"source": source})
    return sorted(found, key=lambda each: (each["package"], each["architecture"]))


def python_packages(tree: Path) -> list[dict[str, str]]:
    """The Python packages of the tree's releases, by name: `package`, `version`, `license`."""
    found = []
    for path in (tree / RELEASES).glob("*/lib/python3.*/site-packages/*.dist-info/METADATA"):
        fields = HeaderParser().parsestr(path.read_text("utf-8"), headersonly=True)
        words = {"package": fields["Name"], "version": fields["Version"]}
        if fields["License-Expression"]:
            words["license"] = fields["License-Expression"]
        found.append(words)
    return sorted(found, key=lambda each: each["package"].lower())


def bill(tree: Path, *, version: str, epoch: int) -> dict[str, Any]:
    """The bill of materials of a tree, as CycloneDX has it."""
    components = []
    for each in debian_packages((tree / "var/lib/dpkg/status").read_text("utf-8")):
        purl = f"pkg:deb/debian/{quote(each['package'])}@{quote(each['version'], safe='.~-')}"
        components.append(
            {
                "type": "library",
                "bom-ref": f"{purl}?arch={each['architecture']}",
                "name": each["package"],
                "version": each["version"],
                "purl": f"{purl}?arch={each['architecture']}",
                "properties": [{"name": "debian:source", "value": each["source"]}],
            }
        )
    for each in python_packages(tree):
        name = each["package"].lower().replace("_", "-")
        purl = f"pkg:pypi/{quote(name)}@{quote(each['version'])}"
        component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": each["package"]}
        component |= {"version": each["version"], "purl": purl}
        if "license" in each:
            component["licenses"] = [{"expression": each["license"]}]
        components.append(component)
    digest = hashlib.sha256(json.dumps(components).encode()).hexdigest()
    product = {"type": "operating-system", "name": "achivx-gateway-image", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, digest)}",
        "version": 1,
        "metadata": {"timestamp": _moment(epoch), "component": product},
        "components": components,
    }


def manifest(
    tree: Path, image: Path, packed: Path, *, version: str, suite: str, epoch: int
) -> dict[str, Any]:
    """What somebody asks who holds the file: is it whole, and what is it."""
    (release,) = sorted(path.name for path in (tree / RELEASES).iterdir())
    kernels = sorted(path.name for path in (tree / "usr/lib/modules").iterdir())
    return {
        "version": version,
        "release": release,
        "suite": suite,
        "architecture": "arm64",
        "kernels": kernels,
        "source_date_epoch": epoch,
        "made_from": _moment(epoch),
        "packed": {"name": packed.name, "bytes": packed.stat().st_size, "sha256": sha256(packed)},
        "image": {"bytes": image.stat().st_size, "sha256": sha256(image)},
        "debian_packages": len(debian_packages((tree / "var/lib/dpkg/status").read_text("utf-8"))),
        "python_packages": len(python_packages(tree)),
    }


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> int:
    """Write both files beside the packed image."""
    parser = argparse.ArgumentParser(description="Say what is in an image.")
    parser.add_argument("tree", type=Path)
    parser.add_argument("image", type=Path, help="unpacked")
    parser.add_argument("packed", type=Path, help="the .xz; what is written gets its name")
    parser.add_argument("--version", required=True)
    parser.add_argument("--suite", required=True)
    options = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    told = manifest(
        *(options.tree, options.image, options.packed),
        version=options.version,
        suite=options.suite,
        epoch=epoch,
    )
    stem = options.packed.name.removesuffix(".img.xz")
    for name, words in (
        (f"{stem}.manifest.json", told),
        (f"{stem}.cdx.json", bill(options.tree, version=options.version, epoch=epoch)),
    ):
        text = json.dumps(words, indent=1, ensure_ascii=False) + "\n"
        (options.packed.parent / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
