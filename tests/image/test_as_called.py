"""image/label and image/test as anyone calls them: from anywhere, with no environment prepared."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIME_OUT_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project at a place with a space in its name; its setup-venv gives it this Python."""
    copy = tmp_path / "the project"
    shutil.copytree(ROOT / "image", copy / "image", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("gateway", "tests"):
        (copy / folder).symlink_to(ROOT / folder)
    python = copy / ".venv/bin/python"
    setup = copy / "scripts/setup-venv"
    setup.parent.mkdir()
    setup.write_text(
        f'#!/bin/sh\nmkdir -p "{python.parent}"\n'
        f'printf \'#!/bin/sh\\nexec {sys.executable} "$@"\\n\' >"{python}"\n'
        f'chmod +x "{python}"\necho "$1" >"{copy}/profile"\n'
    )
    setup.chmod(0o755)
    return copy


def call(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call a program of image/ from a folder that has one named as the package is."""
    here = root.parent / "elsewhere"
    (here / "gateway").mkdir(parents=True)
    return subprocess.run(
        [root / words[0], *words[1:]],
        cwd=here,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=TIME_OUT_S,
        check=False,
    )


def test_a_label_is_made(root: Path) -> None:
    done = call(root, "image/label", "pager-1", "--out", "labels here")
    assert done.returncode == 0, done.stderr
    made = {each.name for each in (root.parent / "elsewhere/labels here").iterdir()}
    assert made == {"pager-1.txt", "pager-1.svg", "pager-1-box.toml"}
    assert (root / "profile").read_text() == "run\n"


def test_a_box_is_tested(root: Path) -> None:
    done = call(root, "image/test", "no such.img", "--short")
    assert done.returncode == 1
    assert done.stderr == "There is no image no such.img: image/build makes one.\n"
    assert (root / "profile").read_text() == "dev\n"
