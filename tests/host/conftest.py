"""A box's trees, root's helper, a key, and bundles by the program that makes real ones."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from gateway.host.bundle import model_of
from gateway.host.verbs import Reply

ROOT = Path(__file__).parent.parent.parent
OLD = "0.1.0-aaaaaaaaaaaa"
NEW = "0.2.0-bbbbbbbbbbbb"
ME = pwd.getpwuid(os.getuid()).pw_name
MODEL = model_of(os.uname().machine, sys.version_info.minor)


class Activated:
    """systemd-socket-activate with Accept=yes and standard input, as the units have it."""

    def __init__(self, root: Path, socket_path: Path, user: str) -> None:
        self.path = socket_path
        found = shutil.which("systemd-socket-activate")
        assert found, "systemd-socket-activate is missing: scripts/apt-install systemd"
        words = [found, "--accept", "--inetd", f"--listen={socket_path}", "-E", "PYTHONPATH"]
        words += [sys.executable, "-m", "gateway.host", f"--root={root}", f"--user={user}"]
        self.log = (root / "log").open("w+")
        self.process = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=self.log
        )
        for _ in range(500):  # its socket is there a moment before it listens
            if "Listening on" in self.said():
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        assert "Listening on" in self.said()

    def said(self) -> str:
        return (Path(self.log.name)).read_text()

    def send(self, data: bytes) -> Reply:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.path))
            connection.sendall(data)
            with connection.makefile("rb") as answer:
                return msgspec.json.decode(answer.readline(), type=Reply)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


def load_script(name: str) -> ModuleType:
    """A program of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


signing: Any = load_script("sign_release")


def make_release(place: Path, *, complete: bool = True) -> Path:
    """A small release: a program, a link, a folder, a unit."""
    library = place / f"lib/python3.{sys.version_info.minor}/site-packages"
    library.mkdir(parents=True)
    (library / "gateway.py").write_text(f"# of {place.name}\n")
    (place / "bin").mkdir()
    (place / "bin/achivx-gateway").write_text("#!/bin/sh\n")
    (place / "bin/achivx-gateway").chmod(0o755)
    (place / "bin/python3").symlink_to("/usr/bin/python3")
    (place / "systemd").mkdir()
    (place / "systemd/achivx-gateway.service").write_text(f"# of {place.name}\n")
    if complete:
        (place / "complete").touch()
    return place


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`/opt/achivx-gateway` of a box on which the old release runs."""
    found = tmp_path / "box/opt/achivx-gateway"
    make_release(found / "releases" / OLD)
    (found / "current").symlink_to(f"releases/{OLD}")
    return found


@pytest.fixture
def root(home: Path) -> Path:
    """The file system of the box whose trees are at `home`: ROOT/opt/achivx-gateway."""
    return home.parents[1]


@pytest.fixture
def helper(root: Path, tmp_path: Path) -> Iterator[Activated]:
    """Root's half of that box, which this very user may ask."""
    activated = Activated(root, tmp_path / "host.sock", ME)
    yield activated
    activated.close()


@dataclass(frozen=True)
class Keys:
    private: Path
    public: Path


def make_keys(place: Path, name: str) -> Keys:
    keys = Keys(place / f"{name}.key", place / f"{name}.pem")
    words: list[str | Path] = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", keys.private]
    subprocess.run(words, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "pkey", "-in", keys.private, "-pubout", "-out", keys.public],
        check=True,
        capture_output=True,
    )
    return keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path, "ours")


MakeBundle = Callable[..., Path]


@pytest.fixture
def make_bundle(tmp_path: Path, keys: Keys) -> MakeBundle:
    """Makes a signed bundle of a small release."""

    def make(
        *,
        release: str = NEW,
        model: str = MODEL,
        needs: str = "0.1.0",
        key: Path | None = None,
    ) -> Path:
        work = tmp_path / f"work {release}"
        work.mkdir(exist_ok=True)
        tree = tmp_path / "built" / release
        if not tree.exists():
            make_release(tree)
        bundle = tmp_path / f"{release}.achivx"
        made = signing.Release(path=tree, name=release, model=model, needs=needs)
        signing.pack(made, key or keys.private, bundle, work)
        return bundle

    return make
