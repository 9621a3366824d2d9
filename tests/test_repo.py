"""The repo itself: its scripts, locks and licences, and what may not be written in its files."""

import os
import re
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import Distribution, distribution
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = {name: ROOT / "requirements" / f"{name}.lock" for name in ("run", "dev")}

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC"}
    | {"MIT", "MIT-0", "PSF-2.0", "Unlicense"}
)
# What older metadata says in its own words.
SPDX_OF_WORDS = {
    "3-Clause BSD License": {"BSD-3-Clause"},
    "BSD": {"BSD-2-Clause", "BSD-3-Clause"},
    "BSD License": {"BSD-2-Clause", "BSD-3-Clause"},
    "MIT License": {"MIT"},
    "unlicense.org": {"Unlicense"},
}


class Pin(NamedTuple):
    version: str
    marker: str
    hashes: frozenset[str]


def read_lock(text: str) -> dict[str, Pin]:
    pins: dict[str, Pin] = {}
    head = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$")
    for block in re.split(r"\n(?=\w)", text):
        found = head.match(block.partition("\n")[0])
        assert found, f"a line of the lock that is not a pin: {block[:60]!r}"
        hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", block))
        pins[canonicalize_name(found["name"])] = Pin(
            found["version"], found["marker"] or "", hashes
        )
    return pins


def files() -> Iterator[Path]:
    """All that is or could be committed, which also holds for a tree without its history."""
    ignored = [line.strip().strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    ignored = [pattern for pattern in ignored if pattern] + [".git"]

    def is_kept(name: str) -> bool:
        return not any(fnmatch(name, pattern) for pattern in ignored)

    for folder, folders, names in os.walk(ROOT):
        folders[:] = filter(is_kept, folders)
        yield from (Path(folder, name) for name in names if is_kept(name))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        if not stat.S_ISREG(path.lstat().st_mode):
            continue  # a link, or a pipe, which would be read for ever
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a font


SCRIPTS = sorted(path for path, text in texts() if text.startswith("#!"))
SHELL_SCRIPTS = [
    path for path in SCRIPTS if re.match(r"#!.*\b(ba|da)?sh\b", path.read_text().partition("\n")[0])
]


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locks() -> dict[str, dict[str, Pin]]:
    return {name: read_lock(path.read_text(encoding="utf-8")) for name, path in LOCKS.items()}


class TestScripts:
    def test_those_that_the_documents_name_are_there(self) -> None:
        there = {named(path) for path in SHELL_SCRIPTS}
        assert there >= {".ci/run", "scripts/demo", "scripts/lock", "scripts/setup-venv"}
        assert "scripts/test" in there

    @pytest.mark.parametrize("script", SCRIPTS, ids=named)
    def test_is_executable(self, script: Path) -> None:
        assert os.access(script, os.X_OK)

    @pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=named)
    def test_shell_reads_it(self, script: Path) -> None:
        shell = "bash" if "bash" in script.read_text().partition("\n")[0] else "sh"
        done = subprocess.run([shell, "-n", script], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
    def test_shellcheck_is_content(self) -> None:
        done = subprocess.run(
            ["shellcheck", *SHELL_SCRIPTS], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout

    def test_debian_packages_are_names_with_a_reason(self) -> None:
        for line in (ROOT / "scripts" / "debian-packages.txt").read_text().splitlines():
            assert re.fullmatch(r"#.*|[a-z0-9][a-z0-9.+-]+ +# \S.*", line), line


class TestLocks:
    @pytest.mark.parametrize("name", LOCKS)
    def test_every_pin_has_hashes(self, name: str, locks: dict[str, dict[str, Pin]]) -> None:
        assert len(locks[name]) > 20
        assert [package for package, pin in locks[name].items() if not pin.hashes] == []

    def test_every_dependency_is_locked(
        self, pyproject: dict[str, Any], locks: dict[str, dict[str, Pin]]
    ) -> None:
        project = pyproject["project"]
        run = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
        wanted = {"run": run, "dev": [*run, *pyproject["dependency-groups"]["dev"]]}
        for lock, lines in wanted.items():
            for requirement in map(Requirement, lines):
                pin = locks[lock].get(canonicalize_name(requirement.name))
                assert pin, f"{requirement} is not in {lock}.lock: run scripts/lock"
                assert requirement.specifier.contains(pin.version, prereleases=True), requirement

    def test_dev_holds_all_of_run(self, locks: dict[str, dict[str, Pin]]) -> None:
        differing = {name for name, pin in locks["run"].items() if locks["dev"].get(name) != pin}
        assert differing == set()

    @pytest.mark.parametrize("name", LOCKS)
    def test_the_project_itself_can_be_installed(
        self, name: str, pyproject: dict[str, Any], locks: dict[str, dict[str, Pin]]
    ) -> None:
        """setup-venv builds the project with what the lock holds, in no other environment."""
        for requirement in map(Requirement, pyproject["build-system"]["requires"]):
            assert requirement.specifier.contains(locks[name][requirement.name].version)

    def test_no_lock_says_where_to_download(self) -> None:
        for path in LOCKS.values():
            assert not re.search(r"://|^-|-url|--find-links", path.read_text(), re.MULTILINE)


class TestLicences:
    def said(self, package: Distribution) -> set[str]:
        """The SPDX names that a package's own metadata allows."""
        metadata = package.metadata
        if expressions := metadata.get_all("License-Expression"):
            return set(expressions[0].split(" OR "))
        words = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or []]
        words += metadata.get_all("License") or []
        found: set[str] = set()
        for word in words:
            found |= SPDX_OF_WORDS.get(word, {word} & PERMISSIVE)
        return found

    def listed(self) -> dict[str, str]:
        text = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
        return dict(re.findall(r"^\| ([a-z0-9-]+) \| ([A-Za-z0-9.-]+) \|$", text, re.MULTILINE))

    def test_the_list_is_the_lock(self, locks: dict[str, dict[str, Pin]]) -> None:
        listed = self.listed()
        listed.pop("package")
        assert listed.keys() == locks["run"].keys()

    def test_each_is_permissive_by_its_own_words(self, locks: dict[str, dict[str, Pin]]) -> None:
        listed = self.listed()
        for name, pin in locks["run"].items():
            assert listed[name] in PERMISSIVE
            if not pin.marker or Marker(pin.marker).evaluate():
                assert listed[name] in self.said(distribution(name)), name

    def test_ours_is_mit(self, pyproject: dict[str, Any]) -> None:
        assert pyproject["project"]["license"] == "MIT"
        licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
        assert licence.startswith("MIT License\n")
        assert pyproject["project"]["authors"][0]["name"] in licence


class TestTexts:
    # Package registries and the machine that a file happened to be written on.
    FORBIDDEN = re.compile(
        r"pypi\.(org|io)|pythonhosted\.org|piwheels\.org|registry\.npmjs|unpkg\.com|jsdelivr\.net"
        r"|(?<![\w.])/(work|root|home/\w+)/(main|shared|\.|[a-z]+/)|\.pyenv/"
    )

    def test_no_registry_and_no_ones_machine(self) -> None:
        found = [
            f"{named(path)}: {hit[0]}"
            for path, text in texts()
            if path != Path(__file__)  # which has to name them
            for hit in self.FORBIDDEN.finditer(text)
        ]
        assert found == []

    def test_a_pipe_is_passed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "text").write_text("words")
        monkeypatch.setitem(globals(), "files", tmp_path.iterdir)
        assert list(texts()) == [(tmp_path / "text", "words")]

    @pytest.mark.parametrize(
        "text", ["see https://pypi.org/simple", "/root/.cache/x", "cd /work/main", "/home/a/b/c"]
    )
    def test_such_a_text_would_be_found(self, text: str) -> None:
        assert self.FORBIDDEN.search(text)

    def test_links_between_documents_lead_somewhere(self) -> None:
        dead = [
            f"{named(path)}: {target}"
            for path, text in texts()
            if path.suffix == ".md"
            for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
            if not (path.parent / target).exists()
        ]
        assert dead == []
