"""Updates of a running box: one that was tampered with, one that cannot page, and a good one."""

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.host.bundle import model_of
from gateway.host.messages import GetHost, HostView
from gateway.messages import GetStatus
from gateway.simulator.tap_terminal import TapTerminal
from image.proof.machine import Machine
from image.proof.report import Failed, demand, expect, run, until

TRIAL_S: Final = 600.0
_SIGNER: Final = Path(__file__).parents[2] / "scripts/sign_release.py"
_KEY: Final = "update.key"

Give = Callable[[Path], str]
"""Hands a bundle to the box; why it was refused, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An update: the file, and the release in it."""

    path: Path
    release: str

    @property
    def version(self) -> str:
        """What the gateway says of itself once it runs."""
        return self.release.rpartition("-")[0]


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """What is handed over: `mute` is signed and starts, but no terminal takes its pages."""

    good: Bundle
    tampered: Bundle
    mute: Bundle


def make_key(work: Path) -> str:
    """Make whoever makes updates; the public key, PEM."""
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", work / _KEY)
    return run("openssl", "pkey", "-in", work / _KEY, "-pubout")


def make(release: Path, processor: str, work: Path) -> Bundles:
    """Make three updates of what runs on a box.

    Args:
        release: A copy of the release that runs there.
        processor: In the words of `uname -m`.
        work: Where `make_key` left the key, and where they go.

    Raises:
        Failed: The release is not as expected.
    """
    good = _packed(_newer(release, work, 1), processor, work)
    bent = work / "tampered.achivx"
    shutil.copyfile(good.path, bent)
    with bent.open("r+b") as file:
        file.seek(good.path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes((byte[0] ^ 1,)))
    newest = _newer(release, work, 2)
    # A wrong checksum: the terminal answers, lets it in, and takes nothing.
    (codec,) = newest.glob("lib/python3*/site-packages/gateway/paging/drivers/tap_codec.py")
    _replace(codec, "bytes(0x30 + ", "bytes(0x31 + ")
    mute = _packed(newest, processor, work)
    return Bundles(good=good, tampered=Bundle(path=bent, release=good.release), mute=mute)


def _newer(release: Path, work: Path, steps: int) -> Path:
    """The same release under a later version, as scripts/make_release.py would name it."""
    version = release.name.rpartition("-")[0]
    head, _, last = version.rpartition(".")
    later = f"{head}.{int(last) + steps}"
    there = work / f"{later}-{hashlib.sha256(later.encode()).hexdigest()[:12]}"
    shutil.copytree(release, there, symlinks=True)
    (package,) = there.glob("lib/python3*/site-packages/gateway/__init__.py")
    _replace(package, f'"{version}"', f'"{later}"')
    for command in there.glob("bin/achivx-*"):
        _replace(command, release.name, there.name)
    return there


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise Failed(f"{path.name} of the release does not say {old!r}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _packed(release: Path, processor: str, work: Path) -> Bundle:
    """Signed by what signs the updates of shops."""
    spec = importlib.util.spec_from_file_location("sign_release", _SIGNER)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a file
    signer: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(signer)
    (library,) = release.glob("lib/python3*")
    described = signer.Release(
        path=release,
        name=release.name,
        model=model_of(processor, int(library.name.removeprefix("python3."))),
        needs="0.1.0",
    )
    bundle = work / f"{release.name}.achivx"
    signer.pack(described, work / _KEY, bundle, work)
    shutil.rmtree(release)
    return Bundle(path=bundle, release=release.name)


# --- on the box -----------------------------------------------------------------------------------


def prove(machine: Machine, terminal: TapTerminal, bundles: Bundles, give: Give) -> None:
    """Refuse the one, put back the other, keep the third.

    Raises:
        Failed: Something else happens.
    """
    before = running(machine)
    words = give(bundles.tampered.path)
    demand(words, f"update: one that was tampered with is refused: {words}")
    expect(running(machine), before, f"update: {before} runs on")
    words = give(bundles.mute.path)
    expect(words, "", "update: one whose pages no terminal takes is signed, and taken")
    outcome = _decided(machine, bundles.mute)
    demand(not outcome.kept, f"update: it is put back by itself: {outcome.why}")
    expect(running(machine), before, f"update: {before} runs again")
    seen = len(terminal.pages)
    expect(give(bundles.good.path), "", "update: a good one is taken")
    outcome = _decided(machine, bundles.good)
    expect(outcome.why, "", "update: nothing speaks against it")
    version = bundles.good.version
    expect(running(machine), version, f"update: {version} runs")
    texts = [page.text for page in terminal.pages[seen:]]
    demand(f"ACHIVX {version} TEST" in texts, "update: it proved itself by a page")


def running(machine: Machine) -> str:
    """The version that answers on the box."""
    return until(lambda: machine.ask(GetStatus()).version, "the gateway's answer")


def _decided(machine: Machine, bundle: Bundle) -> HostView:
    """What came of its trial."""

    def outcome() -> HostView | None:
        host = machine.ask(GetHost())
        return host if host.latest == bundle.release and not host.on_trial else None

    host = until(outcome, f"the trial of {bundle.version}", TRIAL_S)
    assert host is not None  # noqa: S101 - `until` gives what is true
    return host
