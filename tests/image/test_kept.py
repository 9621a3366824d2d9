"""What image/build, image/guest and image/suite share, without building anything."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def shared(words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash with image/kept read in, as the three read it."""
    return subprocess.run(
        ["bash", "-Eeuo", "pipefail", "-c", f"top=/ cache=/; . {ROOT}/image/kept; {words}"],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def apt_that_knows(place: Path, archives: str) -> str:
    """A PATH with an apt-get that prints these."""
    apt = place / "apt-get"
    apt.write_text(f"#!/bin/sh\n{archives}\n")
    apt.chmod(0o755)
    return f"{place}:{os.defpath}"


class TestMirror:
    def test_it_is_found_in_a_list_longer_than_a_pipe_holds(self, tmp_path: Path) -> None:
        archives = "echo http://deb.example/debian; yes http://deb.example/other | head -n 20000"
        done = shared("own_mirror", PATH=apt_that_knows(tmp_path, archives))
        assert (done.returncode, done.stdout) == (0, "http://deb.example/debian\n"), done.stderr

    def test_where_there_is_none_it_says_so(self, tmp_path: Path) -> None:
        path = apt_that_knows(tmp_path, "echo http://deb.example/debian-security")
        done = shared("mirror=$(own_mirror); echo went on", PATH=path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "This machine's apt knows no Debian archive.\n"


class TestLaidOver:
    def test_modes_are_not_those_of_the_checkout(self, tmp_path: Path) -> None:
        source, tree = tmp_path / "source", tmp_path / "tree"
        for path, mode in (("etc/hosts", 0o640), ("bin/grow", 0o750), ("bin/__pycache__/x", 0o600)):
            (source / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (source / path).touch()
            (source / path).chmod(mode)
        (tree / "etc").mkdir(parents=True)
        (tree / "etc").chmod(0o750)
        done = shared(f"umask 022; lay_over {source} {tree}")
        assert done.returncode == 0, done.stderr
        modes = {
            str(path.relative_to(tree)): path.stat().st_mode & 0o777 for path in tree.rglob("*")
        }
        # The system's own directory stays as it is.
        assert modes == {"etc": 0o750, "etc/hosts": 0o644, "bin": 0o755, "bin/grow": 0o755}
