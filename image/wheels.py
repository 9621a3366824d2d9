#!/usr/bin/env python3
"""Fills a directory with the wheels of a lock for arm64 or amd64: image/kept calls it.

All come by the lock, hashes and all. For lgpio, which has no wheel for Debian 13's Python, it is
the source that the lock knows; it is compiled here, with nothing emulated.
Runs in a virtual environment, whose pip does the work.
"""

import argparse
import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from pip._vendor.packaging.markers import Marker

SOURCE: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "scripts"))
from make_release import LOCK, Target, find_target, pins_for  # noqa: E402

_NEWEST_GLIBC: Final = 41  # of Debian 13


def lgpio_pin(lock: str) -> str:
    """The lock's pin of lgpio with its hashes and without its marker.

    Raises:
        ValueError: There is none.
    """
    found = re.search(r"^(lgpio==[^\s;]+)[^\\]*\\\n((?: +--hash=.*\n)+)", lock, re.MULTILINE)
    if found is None:
        raise ValueError(f"{LOCK} has no lgpio")
    return f"{found[1]} \\\n{found[2]}"


def download(pins: str, *words: str) -> None:
    """Have pip fetch what a requirements text names.

    Raises:
        subprocess.CalledProcessError: It could not; its words are on stderr.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(pins)
        file.flush()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes", "-r", file.name, *words]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


def download_wheels(lock: str, target: Target, into: Path) -> None:
    """All packages of the lock that the target wants."""
    version = f"3.{target.minor}"
    words = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", version]
    for platform in ("manylinux2014", *(f"manylinux_2_{n}" for n in range(17, _NEWEST_GLIBC + 1))):
        words += ["--platform", f"{platform}_{target.machine}"]
    environment = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "platform_machine": target.machine,
    }
    pins = pins_for(lock, lambda marker: Marker(marker).evaluate(environment))
    download(pins, *words, "--dest", str(into))


def build_lgpio(lock: str, target: Target, sysroot: Path, into: Path) -> None:
    """The wheel of lgpio for a Python that has none.

    Args:
        lock: The text that has its source's hash.
        target: The Python, and its processor.
        sysroot: The headers of that Python for that processor.
        into: Where the wheel goes.

    Raises:
        subprocess.CalledProcessError: The compiler or pip failed.
    """
    minor, triplet = target.minor, f"{target.machine}-linux-gnu"
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        pin = lgpio_pin(lock)
        download(pin, "--no-binary", ":all:", "--no-build-isolation", "--dest", scratch)
        (archive,) = work.glob("lgpio-*.tar.gz")
        # Not tarfile: its safe way of unpacking is missing in Debian 12's Python.
        subprocess.run(["tar", "-xf", str(archive)], cwd=work, check=True)
        source = archive.with_name(archive.name.removesuffix(".tar.gz"))
        subprocess.run(["swig", "-python", "-o", "wrap.c", "lgpio.i"], cwd=source, check=True)
        # What its own setup.py compiles for a wheel of the package index.
        sources = [*sorted(source.glob("src/lg*.c")), source / "src/rgpiod.c"]
        include = sysroot / "usr/include"
        headers = (include / f"python3.{minor}", include, include / triplet)
        command = [f"{triplet}-gcc", "-O2", "-fPIC", "-shared", "-Wl,-s"]
        command += [f"-ffile-prefix-map={source}=."]
        command += [f"-I{path}" for path in (headers[0], headers[2] / f"python3.{minor}")]
        # Only Python's headers are the target's: the C library is the cross compiler's, which is
        # never newer than the target's.
        command += [f"-idirafter{path}" for path in headers[1:]]
        command += ["-Isrc", "wrap.c", *(str(path.relative_to(source)) for path in sources)]
        module = f"_lgpio.cpython-3{minor}-{triplet}.so"
        subprocess.run([*command, "-o", module], cwd=source, check=True)
        metadata = (source / "PKG-INFO").read_bytes()
        files = {name: (source / name).read_bytes() for name in ("lgpio.py", module)}
        tag = f"cp3{minor}-cp3{minor}-manylinux_2_{_NEWEST_GLIBC}_{target.machine}"
        write_wheel(into, source.name, tag, files, metadata)


def write_wheel(into: Path, stem: str, tag: str, files: dict[str, bytes], metadata: bytes) -> Path:
    """A wheel by the binary distribution format (PEP 427), the same bytes each time."""
    info = f"{stem}.dist-info"
    generator = f"Wheel-Version: 1.0\nGenerator: {Path(__file__).name}\nRoot-Is-Purelib: false\n"
    all_files = files | {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"{generator}Tag: {tag}\n".encode(),
    }
    lines = []
    for name, content in all_files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    all_files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    wheel = into / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in all_files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return wheel


def main() -> int:
    """Fill the directory."""
    parser = argparse.ArgumentParser(description="Fetch and build the wheels of a release.")
    parser.add_argument("--lock", type=Path, default=LOCK, help="default: a release's")
    parser.add_argument("tree", type=Path, help="the system that they are for")
    parser.add_argument("sysroot", type=Path, help="that has the headers of its Python")
    parser.add_argument("into", type=Path)
    options = parser.parse_args()
    target = find_target(options.tree.resolve(), None)
    try:
        lock = options.lock.read_text(encoding="utf-8")
        download_wheels(lock, target, options.into)
        if not list(options.into.glob("lgpio-*.whl")):
            build_lgpio(lock, target, options.sysroot.resolve(), options.into)
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd[:4])} … failed; its words are above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
