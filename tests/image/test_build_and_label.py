"""What image/build refuses before it does anything, and what image/label writes."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

IMAGE = Path(__file__).parents[2] / "image"


def build(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(IMAGE / "build"), *words],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )


class TestBuild:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--fast"], "--fast is no option"),
            (["--suite"], "--suite needs a value"),
            (["--mirror", "--out"], "--mirror needs a value"),
            (["--suite", "../etc"], "--suite names a release"),
        ],
    )
    def test_wrong_words_are_refused(self, words: list[str], said: str) -> None:
        done = build(*words)
        assert done.returncode == 1
        assert said in done.stderr

    def test_help_names_every_option(self) -> None:
        done = build("--help")
        assert done.returncode == 0
        for option in ("--suite", "--kernel-suite", "--mirror", "--out", "--cache", "--fresh"):
            assert option in done.stdout

    def test_missing_tools_are_told_with_what_to_type(self, tmp_path: Path) -> None:
        for name in ("bash", "uname", "env", "cat", "sed"):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
        # A PATH of its own, which the script adds /usr/sbin to.
        done = build("--check", PATH=str(tmp_path))
        assert done.returncode == 1
        assert "sudo apt-get install" in done.stderr
        (line,) = (each for each in done.stderr.splitlines() if "apt-get" in each)
        packages = line.split()[4:]
        assert {"mmdebstrap", "mtools", "swig"} <= set(packages)
        assert len(set(packages)) == len(packages)

    def test_a_compiler_without_a_c_library_is_told_of(self, tmp_path: Path) -> None:
        for name in ("bash", "uname", "dirname", "cat"):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
        compiler = tmp_path / "aarch64-linux-gnu-gcc"
        compiler.write_text("#!/bin/sh\necho libc.so\n")  # not found: the name as it was asked
        compiler.chmod(0o755)
        packages = build("--check", PATH=str(tmp_path)).stderr.split()
        assert "gcc-aarch64-linux-gnu" not in packages
        assert [each for each in packages if each.startswith("libc6-dev")]


class TestLabel:
    def test_label_and_box_file_say_the_same(
        self, load: Callable[[str], ModuleType], tmp_path: Path
    ) -> None:
        assert load("label.py").main(["pager-1", "--out", str(tmp_path)]) == 0
        box = tomllib.loads((tmp_path / "pager-1-box.toml").read_text())
        assert box["name"] == "pager-1"
        label = (tmp_path / "pager-1.txt").read_text()
        assert box["claim_code"] in label
        assert box["setup_password"] in label
        # The file is one that the box takes.
        provision = load("overlay/usr/local/lib/achivx/provision.py")
        assert provision.read_box((tmp_path / "pager-1-box.toml").read_text()) == box
        assert (tmp_path / "pager-1.svg").read_text().startswith("<?xml")
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())

    def test_the_code_leads_to_the_page(self, load: Callable[[str], ModuleType]) -> None:
        label = load("label.py")
        found = label.url(label.Box("pager-1", "ABCDEFG1", "x"))
        assert found == "http://pager-1.local:8080/setup?code=ABCDEFG1"

    def test_a_label_is_not_written_over(
        self,
        load: Callable[[str], ModuleType],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        label = load("label.py")
        label.main(["pager-1", "--out", str(tmp_path)])
        before = (tmp_path / "pager-1.txt").read_text()
        assert label.main(["pager-1", "--out", str(tmp_path)]) == 1
        assert (tmp_path / "pager-1.txt").read_text() == before
        assert "already" in capsys.readouterr().err

    def test_a_name_that_no_network_has_is_refused(self, load: Callable[[str], ModuleType]) -> None:
        with pytest.raises(SystemExit):
            load("label.py").main(["Pager 1"])
