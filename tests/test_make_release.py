"""What scripts/make_release.py decides around pip, and what pip and it write down of a release."""

import base64
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import Marker

from gateway import __version__
from gateway.host.bundle import model_of, verified
from tests.host.conftest import load_script, make_keys

SCRIPT = Path(__file__).parent.parent / "scripts" / "make_release.py"
ELF = {"aarch64": b"\x7fELF\x02\x01".ljust(18, b"\0") + b"\xb7\0"}
ELF["x86_64"] = ELF["aarch64"][:18] + b"\x3e\0"
ELF["armv7l"] = b"\x7fELF\x01\x01".ljust(18, b"\0") + b"\x28\0"


make_release = load_script("make_release")


def tree_with(place: Path, version: str, machine: str = "aarch64") -> Path:
    """The tree of a Debian whose python3 is this version."""
    (place / "usr/bin").mkdir(parents=True)
    (place / f"usr/bin/python{version}").write_bytes(ELF[machine])
    (place / "usr/bin/python3").symlink_to(f"python{version}")
    return place


class TestTarget:
    @pytest.mark.parametrize(("version", "machine"), [("3.11", "aarch64"), ("3.13", "x86_64")])
    def test_is_the_systems_python(self, tmp_path: Path, version: str, machine: str) -> None:
        target = make_release.find_target(tree_with(tmp_path, version, machine), None)
        assert str(target.path) == f"/usr/bin/python{version}"
        assert (f"3.{target.minor}", target.machine) == (version, machine)

    def test_a_newer_one_beside_an_old_default_will_do(self, tmp_path: Path) -> None:
        tree = tree_with(tmp_path, "3.9")
        (tree / "usr/bin/python3.12").write_bytes(ELF["aarch64"])
        assert make_release.find_target(tree, None).minor == 12

    def test_links_lead_inside_the_tree(self, tmp_path: Path) -> None:
        tree = tree_with(tmp_path, "3.11")
        (tree / "usr/bin/chosen").symlink_to("/usr/bin/python3")
        target = make_release.find_target(tree, "/usr/bin/chosen")
        assert str(target.path) == "/usr/bin/python3.11"

    def test_too_old_is_told_with_what_is_there(self, tmp_path: Path) -> None:
        with pytest.raises(make_release.CannotBuild, match=r"3\.11 or newer.*only python3\.9"):
            make_release.find_target(tree_with(tmp_path, "3.9"), None)

    def test_none_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(make_release.CannotBuild, match="install python3"):
            make_release.find_target(tmp_path, None)

    def test_links_in_a_circle_lead_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "usr/bin").mkdir(parents=True)
        (tmp_path / "usr/bin/python3").symlink_to("python3")
        with pytest.raises(make_release.CannotBuild):
            make_release.find_target(tmp_path, None)

    def test_32_bit_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(make_release.CannotBuild, match="64-bit"):
            make_release.find_target(tree_with(tmp_path, "3.11", "armv7l"), None)


class TestPins:
    LOCK = (
        "gpiozero==2.0.1 \\\n    --hash=sha256:aa\n    # via us\n"
        "lgpio==0.2.2.0 ; python_full_version < '3.13' \\\n    --hash=sha256:bb\n"
    )

    @pytest.mark.parametrize(("version", "kept"), [("3.11", True), ("3.13", False)])
    def test_are_the_targets(self, version: str, kept: bool) -> None:
        environment = {"python_full_version": f"{version}.0"}
        pins = make_release.pins_for(self.LOCK, lambda text: Marker(text).evaluate(environment))
        assert "gpiozero==2.0.1 \\\n    --hash=sha256:aa\n" in pins
        assert ("lgpio==0.2.2.0 \\\n    --hash=sha256:bb\n" in pins) is kept
        assert ";" not in pins

    def test_of_the_real_lock_are_all_there(self) -> None:
        lock = make_release.LOCK.read_text(encoding="utf-8")
        pins = make_release.pins_for(lock, lambda _: True)
        assert pins.count("==") == lock.count("==")
        assert pins.count("--hash=") == lock.count("--hash=")

    def test_without_a_hash_are_refused(self) -> None:
        with pytest.raises(make_release.CannotBuild, match="flask"):
            make_release.pins_for("flask>=3\n", lambda _: True)


class TestSentences:
    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ("ERROR: [Errno 28] No space left on device", "The disk is full"),
            ("WARNING: Retrying (Retry(total=4)) after NewConnectionError", "--wheels DIR"),
            (
                "ERROR: Could not find x\nERROR: No matching distribution found for msgspec==1",
                "pip said: ERROR: No matching distribution found for msgspec==1",
            ),
        ],
    )
    def test_of_pips_failures(self, said: str, sentence: str) -> None:
        told = make_release.why(said)
        assert sentence in told
        assert "\n" not in told

    def test_no_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = shutil.disk_usage(tmp_path)._replace(free=12_000_000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        name, target = "1", make_release.find_target(tree_with(tmp_path / "tree", "3.11"), None)
        build = make_release.Build(name, target, None, tmp_path)
        with pytest.raises(make_release.CannotBuild, match="Only 12 MB are free"):
            build.run()
        assert not build.path.exists()

    def test_no_such_wheels(self, tmp_path: Path) -> None:
        tree = tree_with(tmp_path / "tree", "3.11")
        words: list[str | Path] = [sys.executable, SCRIPT, "--root", tree]
        done = subprocess.run(
            [*words, "--wheels", tmp_path / "none"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        sentence = f"There is no directory {tmp_path / 'none'}: --wheels names one."
        assert done.stderr.splitlines()[-1] == sentence


class TestBundle:
    """Packing; what a box makes of it is tested beside the box's own half, in tests/host."""

    def run(self, tree: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", SCRIPT, "--root", tree, *words],
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        """The tree of a system with a complete release."""
        tree = tree_with(tmp_path / "tree", "3.11", "aarch64")
        target = make_release.find_target(tree, None)
        release = target.inside(f"{make_release.HOME}/releases/{make_release.release_name(target)}")
        (release / "bin").mkdir(parents=True)
        (release / "bin/achivx-gateway").write_text("#!/bin/sh\n")
        (release / make_release.COMPLETE).touch()
        return tree

    def test_is_signed_and_says_what_it_is_for(self, tmp_path: Path, tree: Path) -> None:
        keys = make_keys(tmp_path, "ours")
        bundle = tmp_path / "update.achivx"
        done = self.run(tree, "--bundle", bundle, "--sign", keys.private, "--needs", "0.0.1")
        assert (done.returncode, done.stderr) == (0, "")
        manifest = verified(bundle, keys.public, tmp_path / "seal")
        assert manifest.release == done.stdout.strip()
        assert (manifest.version, manifest.needs) == (__version__, "0.0.1")
        assert manifest.model == model_of("aarch64", 11)
        assert manifest.unpacked == len("#!/bin/sh\n")

    def test_a_key_that_is_none_is_told(self, tmp_path: Path, tree: Path) -> None:
        key = tmp_path / "key"
        key.write_text("no key")
        done = self.run(tree, "--bundle", tmp_path / "update.achivx", "--sign", key)
        assert done.returncode == 1
        assert "`openssl genpkey -algorithm ed25519` makes one" in done.stderr
        assert not (tmp_path / "update.achivx").exists()

    def test_a_bundle_without_a_key_is_told(self, tmp_path: Path, tree: Path) -> None:
        done = self.run(tree, "--bundle", tmp_path / "update.achivx")
        assert done.returncode == 2
        assert "--bundle FILE and --sign KEY go together" in done.stderr


class TestName:
    def test_is_version_and_what_it_is_made_from(self, tmp_path: Path) -> None:
        target = make_release.find_target(tree_with(tmp_path / "a", "3.11"), None)
        other = make_release.find_target(tree_with(tmp_path / "b", "3.13"), None)
        name = make_release.release_name(target)
        assert name.rpartition("-")[0] == __version__
        assert name == make_release.release_name(target)
        assert name != make_release.release_name(other)

    def test_what_is_complete_is_not_built_again(self, tmp_path: Path) -> None:
        target = make_release.find_target(tree_with(tmp_path / "tree", "3.11"), None)
        build = make_release.Build("1", target, tmp_path / "no wheels", tmp_path)
        build.path.mkdir(parents=True)
        (build.path / make_release.COMPLETE).touch()
        build.run()
        assert list(build.path.iterdir()) == [build.path / make_release.COMPLETE]


def digest_of(content: bytes) -> str:
    """As RECORD has it (PEP 376): base64 without its padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def write_wheel(into: Path, stem: str, files: dict[str, bytes]) -> str:
    """A wheel for any Python; its line of a lock."""
    rows = [f'"{name}",sha256={digest_of(data)},{len(data)}\n' for name, data in files.items()]
    record = f"{stem}.dist-info/RECORD"
    wheel = into / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(record, "".join([*rows, f"{record},,\n"]))
    name, _, version = stem.partition("-")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def setuptools_again(into: Path) -> str:
    """The wheel that this environment's setuptools came from, as far as it takes to build."""
    found = distribution("setuptools")
    by_pip = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    files = {
        str(path): path.read_binary()
        for path in found.files or ()
        if ".." not in path.parts and path.suffix != ".pyc"
        if len(path.parts) > 2 or path.name not in by_pip
    }
    return write_wheel(into, f"setuptools-{found.version}", files)


def toolbox(into: Path) -> str:
    """A package with everything that pip puts where a release does not want it."""
    info = "toolbox-1.0.dist-info"
    files = {
        "toolbox/__init__.py": b"",
        "toolbox/data, more.txt": b"a name with a comma\n",
        "toolbox-1.0.data/scripts/toolbox-old": b"#!python\n",
        "toolbox-1.0.data/data/share/man/man1/toolbox.1": b"a manual\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: toolbox\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\ntoolbox = toolbox:main\n",
    }
    return write_wheel(into, "toolbox-1.0", files)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of a release: a real build of this tree by the real pip, offline."""
    place = tmp_path_factory.mktemp("release")
    wheels, lock = place / "wheels", place / "run.lock"
    wheels.mkdir()
    lock.write_text(setuptools_again(wheels) + toolbox(wheels), encoding="utf-8")
    version = f"3.{sys.version_info.minor}"
    tree = tree_with(place / "tree", version, os.uname().machine)
    words = ["make_release.py", "--root", str(tree), "--wheels", str(wheels)]
    before = os.umask(0o077)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(make_release, "LOCK", lock)
            patch.setattr(make_release, "release_name", lambda _target: "1")
            patch.setattr(sys, "argv", words)
            assert make_release.main() == 0
    finally:
        os.umask(before)
    return tree / f"opt/achivx-gateway/releases/1/lib/python{version}/site-packages"


class TestRecord:
    """What pip wrote down of each package, and this program after it."""

    def rows(self, site: Path) -> list[tuple[str, str, str]]:
        """What the records list, but for themselves: path, digest, bytes."""
        found: list[tuple[str, str, str]] = []
        for record in site.glob("*.dist-info/RECORD"):
            with record.open(encoding="utf-8", newline="") as file:
                rows = [(path, digest, size) for path, digest, size in csv.reader(file)]
            itself = (f"{record.parent.name}/RECORD", "", "")
            assert rows.count(itself) == 1
            found += [row for row in rows if row != itself]
        return found

    def test_three_packages_are_in_it(self, site: Path) -> None:
        names = {path.parent.name.partition("-")[0] for path in site.glob("*.dist-info/RECORD")}
        assert names == {"setuptools", "toolbox", "achivx_store_gateway"}

    def test_everybody_can_read_it(self, site: Path) -> None:
        release = site.parents[2]
        shut = [
            path
            for path in (release, *release.rglob("*"))
            if not path.is_symlink() and ~path.stat().st_mode & 0o044
        ]
        assert shut == []

    def test_each_file_is_listed_as_it_is(self, site: Path) -> None:
        rows = self.rows(site)
        assert len(rows) > 500
        for path, digest, size in rows:
            content = (site / path).read_bytes()
            assert (digest, size) == (f"sha256={digest_of(content)}", str(len(content))), path

    def test_nothing_is_there_that_is_not_listed(self, site: Path) -> None:
        records = list(site.glob("*.dist-info/RECORD"))
        there = [
            str(path.relative_to(site))
            for path in site.rglob("*")
            if path.is_file() and path.suffix != ".pyc" and path not in records
        ]
        listed = [path for path, _, _ in self.rows(site)]
        assert sorted(there) == sorted(listed)

    def test_no_command_of_a_package_and_no_trace_of_the_build(self, site: Path) -> None:
        assert [name for name in ("bin", "share") if (site / name).exists()] == []
        assert list(site.rglob("direct_url.json")) == []
        commands = sorted(path.name for path in (site.parents[2] / "bin").iterdir())
        assert commands == ["achivx-gateway", "achivx-webui", "python3"]
