#!/usr/bin/env python3
"""Builds one release of the gateway beside those that run: scripts/install calls this.

A release is a virtual environment by PEP 405 with nothing in it but what runs: the locked packages,
the gateway itself, its documents and its system files. It never changes once it is complete. It is
put together by this machine's Python for the one in the tree, which may be another version and
another processor's: so an image is made without emulation. With --bundle it is also packed as a
signed update (sign_release.py).
"""

import argparse
import compileall
import contextlib
import errno
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

sys.path.append(str(Path(__file__).parent))  # -I leaves it out
import sign_release
from release_target import CannotBuild, Target, find_target

SOURCE: Final = Path(__file__).resolve().parent.parent
HOME: Final = "/opt/achivx-gateway"
PARTS: Final = ("gateway", "webui", "systemd", "docs", "pyproject.toml", "README.md", "LICENSE")
LOCK: Final = SOURCE / "requirements" / "run.lock"
COMPLETE: Final = "complete"
NEEDED_MB: Final = 300
_NEWEST_GLIBC: Final = {11: 36, 12: 36, 13: 41}  # of the Debian that has this Python, or older
_COMMANDS: Final = {"achivx-gateway": "gateway.cli", "achivx-webui": "webui.cli"}
_PIN: Final = re.compile(r"(?P<pin>[\w.-]+==[^\s;]+)(?: ; (?P<marker>.+?))? \\$")
_LEFT_OUT: Final = re.compile(
    r"(\.\./)+(?P<beside>[^,]+),|(?P<url>[^/,]+\.dist-info/direct_url\.json),"
)
_NO_NETWORK: Final = re.compile(r"Retrying|HTTPSConnectionPool|NameResolution|timed out|ProxyError")


# --- what a release is made from -----------------------------------------------------------------


def release_name(target: Target) -> str:
    """`VERSION-HASH`: the same sources for the same Python are the same release."""
    digest = hashlib.sha256(f"3.{target.minor} {target.machine} {target.path}".encode())
    for path in (LOCK, Path(__file__), *_sources()):
        digest.update(f"\n{path.relative_to(SOURCE)} ".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    with (SOURCE / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    return f"{version}-{digest.hexdigest()[:12]}"


def _sources() -> list[Path]:
    found: list[Path] = []
    for part in PARTS:
        path = SOURCE / part
        found += [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def pins_for(lock: str, holds: Callable[[str], bool]) -> str:
    """The lock without the packages that the target does not want, and without markers.

    pip judges markers by the Python that runs it, whatever --python-version says.

    Args:
        lock: The text of a requirements file with hashes.
        holds: Whether a marker is true for the target.

    Raises:
        CannotBuild: The lock holds something else than pins.
    """
    kept: list[str] = []
    for block in re.split(r"\n(?=\w)", lock.strip()):
        head, _, rest = block.partition("\n")
        found = _PIN.fullmatch(head)
        if found is None:
            raise CannotBuild(f"{LOCK} holds a line that is no pin with hashes: {head}")
        if found["marker"] is None or holds(found["marker"]):
            kept.append(f"{found['pin']} \\\n{rest}\n")
    return "".join(kept)


# --- building ------------------------------------------------------------------------------------


class Build:
    """One release in the making.

    Args:
        name: What `release_name` says.
        target: The Python it is for.
        wheels: A directory to install from instead of the package index.
        work: A scratch directory.
    """

    def __init__(self, name: str, target: Target, wheels: Path | None, work: Path) -> None:
        self._target: Final = target
        self._work: Final = work
        self._home: Final = f"{HOME}/releases/{name}"
        self.path: Final = target.inside(self._home)
        self._site: Final = self.path / f"lib/python3.{target.minor}/site-packages"
        self._tool: Final = work / "tool"
        self._index: Final = ["--no-index", "--find-links", str(wheels)] if wheels else []
        self._wheels: Final = wheels

    def run(self) -> None:
        """Build it, unless it is there already.

        Raises:
            CannotBuild: It could not be built; what was begun is taken away.
        """
        if (self.path / COMPLETE).exists():
            return
        shutil.rmtree(self.path, ignore_errors=True)  # a power cut may have left a part
        print("Building the release; this takes a minute on a Raspberry Pi.", file=sys.stderr)
        if self._wheels is not None and not self._wheels.is_dir():
            raise CannotBuild(f"There is no directory {self._wheels}: --wheels names one.")
        self._site.mkdir(parents=True)
        try:
            _need_room(self.path)
            venv.create(self._tool, with_pip=True)
            self._install_packages()
            self._install_ourselves()
            self._write_environment()
            self._copy_documents()
            self._compile()
            (self.path / COMPLETE).touch()
            os.sync()  # before anything points here
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def _install_packages(self) -> None:
        pins = self._work / "run.lock"
        pins.write_text(pins_for(LOCK.read_text(encoding="utf-8"), self._holds), encoding="utf-8")
        # Wheels only: a shop's box has no compiler, and a build runs code that no hash covers.
        self._pip("install", *self._index, "--require-hashes", *self._into_site(), "-r", str(pins))
        for wheel in self._own_lgpio():
            self._pip("install", "--no-index", *self._into_site(), str(wheel))

    def _own_lgpio(self) -> list[Path]:
        """The lgpio of whoever filled the directory, for a Python that the lock has none for."""
        tag = f"cp3{self._target.minor}"
        if self._wheels is None or (self._site / "lgpio.py").exists():
            return []
        return sorted(self._wheels.glob(f"lgpio-*-{tag}-{tag}-*{self._target.machine}.whl"))[-1:]

    def _holds(self, marker: str) -> bool:
        version = f"3.{self._target.minor}"
        environment = {
            "python_version": version,
            "python_full_version": f"{version}.0",
            "platform_machine": self._target.machine,
        }
        # pip's own judge, out of the environment that was made for the build.
        site = f"lib/python3.{sys.version_info[1]}/site-packages"
        sys.path.append(str(self._tool / site))
        markers: Any = importlib.import_module("pip._vendor.packaging.markers")
        return bool(markers.Marker(marker).evaluate(environment))

    def _into_site(self) -> list[str]:
        """The words that tell pip where the packages go and which fit there."""
        words = ["--no-deps", "--no-compile", "--only-binary", ":all:", "--target", str(self._site)]
        if self._target.is_this:
            return words
        words += ["--implementation", "cp", "--python-version", f"3.{self._target.minor}"]
        machine, newest = self._target.machine, _NEWEST_GLIBC.get(self._target.minor, 41)
        for platform in ["manylinux2014", *(f"manylinux_2_{n}" for n in range(17, newest + 1))]:
            words += ["--platform", f"{platform}_{machine}"]
        return words

    def _install_ourselves(self) -> None:
        copy = self._work / "source"
        for path in _sources():
            there = copy / path.relative_to(SOURCE)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
        built = self._work / "built"
        offline = ("--no-index", "--no-deps")
        self._pip(
            *("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(built), str(copy)),
            PYTHONPATH=str(self._site),  # setuptools is in the lock
        )
        (wheel,) = built.glob("*.whl")
        self._pip("install", "--no-index", *self._into_site(), str(wheel))
        for record in self._site.glob("*.dist-info/RECORD"):
            lines = record.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not self._left_out(line)]
            record.write_text("".join(kept), "utf-8")

    def _left_out(self, line: str) -> bool:
        """Whether a line of a RECORD is of a file that no release has, which is removed with it.

        Commands and manuals of packages are not ours, and pip puts them elsewhere than it notes;
        where our wheel was differs from build to build.
        """
        found = _LEFT_OUT.match(line)
        if found is None:
            return False
        path = self._site / (found["beside"] or found["url"])
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is something else in it
            os.removedirs(path.parent)
        return True

    def _write_environment(self) -> None:
        """What PEP 405 asks of a virtual environment, and our two commands."""
        # Debian's python3-lgpio is the only one for 3.13: there the system's packages come last.
        outside = "true" if self._target.minor >= 13 else "false"
        (self.path / "pyvenv.cfg").write_text(
            f"home = {self._target.path.parent}\n"
            f"include-system-site-packages = {outside}\n"
            f"version = 3.{self._target.minor}\n"
        )
        commands = self.path / "bin"
        commands.mkdir()
        (commands / "python3").symlink_to(self._target.path)
        for name, module in _COMMANDS.items():
            command = commands / name
            # -I: no variable and no folder of whoever calls it decides what is imported.
            command.write_text(
                f"#!{self._home}/bin/python3 -I\n"
                f"from {module} import main\n\n"
                "raise SystemExit(main())\n"
            )
            command.chmod(0o755)

    def _copy_documents(self) -> None:
        for part in ("systemd", "docs"):
            shutil.copytree(SOURCE / part, self.path / part, copy_function=shutil.copyfile)

    def _compile(self) -> None:
        """The release is read-only when it runs: what is not compiled now never is."""
        if self._target.is_this:
            compileall.compile_dir(self._site, quiet=2, stripdir=str(self._target.root))
            return
        inside = f"{self._home}/bin/python3"
        command = ["chroot", str(self._target.root), inside, "-m", "compileall", "-qq", self._home]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            print(
                "This machine cannot run the tree's Python, so the release is not byte-compiled: "
                "the gateway starts slowly.",
                file=sys.stderr,
            )

    def _pip(self, *words: str, **environment: str) -> None:
        command = [str(self._tool / "bin" / "python"), "-m", "pip", *words, "--quiet", "--no-input"]
        done = subprocess.run(
            [*command, "--disable-pip-version-check"],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotBuild(why(done.stderr))


def pack(options: argparse.Namespace, name: str, target: Target, work: Path) -> None:
    """Pack a complete release as a signed update; raises `sign_release.CannotSign`."""
    release = sign_release.Release(
        path=target.inside(f"{HOME}/releases/{name}"),
        name=name,
        model=f"achivx-store-gateway/{target.machine}/python3.{target.minor}",
        needs=options.needs,
    )
    sign_release.pack(release, options.sign, options.bundle, work)


def why(said: str) -> str:
    """One sentence about what pip said when it failed."""
    last = [line.strip() for line in said.splitlines() if "ERROR:" in line][-1:]
    told = f" pip said: {last[0]}" if last else ""
    if "No space left on device" in said:
        return f"The disk is full: {NEEDED_MB} MB are needed under {HOME}."
    if _NO_NETWORK.search(said):
        return (
            "The packages could not be downloaded: connect this machine to the internet, or "
            "bring them along (docs/operations.md, without internet) and add --wheels DIR."
        )
    return f"The packages could not be installed.{told}"


def _need_room(path: Path) -> None:
    free_mb = shutil.disk_usage(path).free // 1_000_000
    if free_mb < NEEDED_MB:
        raise CannotBuild(
            f"Only {free_mb} MB are free under {HOME}, and {NEEDED_MB} are needed: "
            "remove what is not used, or take a bigger card."
        )


def main() -> int:
    """Build it, and print its name."""
    parser = argparse.ArgumentParser(description="Build one release; scripts/install does it all.")
    parser.add_argument("--root", type=Path, default=Path("/"), help="a tree, default %(default)s")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="install from here, offline")
    parser.add_argument("--python", metavar="PATH", help="inside the tree; else the system's")
    parser.add_argument("--name-only", action="store_true", help="build nothing")
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="pack it as an update, too")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="the private key, for --bundle")
    parser.add_argument("--needs", default="0.1.0", metavar="VERSION", help="what can take it")
    options = parser.parse_args()
    if bool(options.bundle) != bool(options.sign):
        parser.error("--bundle FILE and --sign KEY go together")
    os.umask(0o022)  # whoever builds it, its daemons read it
    try:
        target = find_target(options.root.resolve(), options.python or None)
        name = release_name(target)
        if not options.name_only:
            with tempfile.TemporaryDirectory(prefix="achivx-release-") as work:
                Build(name, target, options.wheels, Path(work)).run()
                if options.bundle:
                    pack(options, name, target, Path(work))
    except (CannotBuild, sign_release.CannotSign) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        sentence = f"The disk is full: {NEEDED_MB} MB are needed under {HOME}."
        print(sentence if full else f"The release could not be built: {error}.", file=sys.stderr)
        return 1
    print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
