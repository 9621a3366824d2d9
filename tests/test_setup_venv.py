"""scripts/setup-venv with an interpreter that only pretends to install: quick, and offline."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = (
    "pyproject.toml",
    "requirements/dev.lock",
    "requirements/run.lock",
    "scripts/apt-install",
    "scripts/setup-venv",
)

# Answers what setup-venv asks of a Python; `pip` and `venv` are only noted down. FAKE_PIP is what
# pip does, FAKE_LACKS a module that is not there.
FAKE_PYTHON = f"""#!/bin/bash
here=$(dirname -- "${{BASH_SOURCE[0]}}")
case "$*" in
  "-m venv "*)
    echo "venv" >>"$FAKE_LOG"
    mkdir -p "$3/bin" "$3/lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    cp "${{BASH_SOURCE[0]}}" "$3/bin/python"
    echo "command = $0 -m venv $3" >"$3/pyvenv.cfg" ;;
  "-m pip "*)
    echo "pip ${{*: -1}}" >>"$FAKE_LOG"
    eval "${{FAKE_PIP:-}}" ;;
  *ensurepip*) [[ -z "${{FAKE_LACKS:-}}" ]] ;;
  *base_prefix*) true ;;
  *) exec {sys.executable} "$@" ;;
esac
"""


class Tree:
    """A copy of what setup-venv needs, with a PATH on which nothing can be installed."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a tree"
        self.log = root / "log"
        for name in FILES:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.tools = root / "tools"
        self.tools.mkdir()
        self.tool("python", FAKE_PYTHON)
        self.tool("id", "#!/bin/sh\necho 1000\n")
        self.tool("sudo", "#!/bin/sh\nexit 1\n")
        self.tool("dpkg-query", "#!/bin/sh\nexit 1\n")

    def tool(self, name: str, text: str) -> None:
        path = self.tools / name
        path.write_text(text)
        path.chmod(0o755)

    def start(self, profile: str = "run", **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "scripts/setup-venv", profile],
            env={
                "PATH": f"{self.tools}:{os.defpath}",
                "PYTHON": str(self.tools / "python"),
                "FAKE_LOG": str(self.log),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # it can be killed with all that it started
        )

    def run(self, profile: str = "run", **environment: str) -> tuple[int, str]:
        """The status and what was said; nothing may go to stdout."""
        process = self.start(profile, **environment)
        out, said = process.communicate(timeout=30)
        assert out == ""
        return process.returncode, said

    def gate(self) -> tuple[Path, str]:
        """A FIFO, and what makes pip wait for a line in it before it installs a lock."""
        path = self.root.parent / "gate"
        os.mkfifo(path)
        return path, f'[[ "$*" != *.lock ]] || read -r <"{path}"'

    def done(self) -> list[str]:
        """What was done since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


INSTALLED = ["pip requirements/run.lock", "pip .", "pip check"]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_first_run_installs_and_the_second_has_nothing_to_do_or_say(tree: Tree) -> None:
    status, said = tree.run()
    assert (status, tree.done()) == (0, ["venv", *INSTALLED])
    assert said.endswith(".venv is ready.\n")
    assert (tree.run(), tree.done()) == ((0, ""), [])


def test_dev_serves_the_demo_but_not_the_other_way_round(tree: Tree) -> None:
    tree.run("run")
    tree.done()
    assert tree.run("dev")[0] == 0
    assert tree.done() == ["pip requirements/dev.lock", *INSTALLED[1:]]
    assert (tree.run("run"), tree.done()) == ((0, ""), [])


@pytest.mark.parametrize("name", ["requirements/run.lock", "pyproject.toml"])
def test_a_change_of_what_it_rests_on_runs_pip_again(tree: Tree, name: str) -> None:
    tree.run()
    tree.done()
    with (tree.root / name).open("a") as file:
        file.write("# changed\n")
    assert tree.run()[0] == 0
    assert tree.done() == INSTALLED


def test_packages_are_shown_as_they_come(tree: Tree) -> None:
    _, said = tree.run(
        FAKE_PIP="echo Looking in places; echo 'Collecting segno==1.6.6 (from -r run.lock)';"
        "echo 'Processing ./my wheels/tinydb-4.9.0-py3-none-any.whl'"
    )
    assert "  segno==1.6.6\n  tinydb==4.9.0\n" in said
    assert "Looking" not in said


def test_a_failure_of_pip_is_told_and_tried_again(tree: Tree) -> None:
    status, said = tree.run(FAKE_PIP="echo 'ERROR: No space left on device'; exit 1")
    assert status == 1
    assert "  | ERROR: No space left on device" in said
    assert "internet" not in said
    assert tree.done() == ["venv", INSTALLED[0]]
    assert tree.run()[0] == 0
    assert tree.done() == INSTALLED


def test_no_network_says_what_to_do(tree: Tree) -> None:
    status, said = tree.run(FAKE_PIP="echo 'WARNING: Retrying (Retry(total=4))'; exit 1")
    assert status == 1
    assert "Connect this machine to the internet" in said
    assert "Without internet" in said


def test_an_interrupted_setup_is_made_anew(tree: Tree) -> None:
    gate, hold = tree.gate()
    process = tree.start(FAKE_PIP=hold)
    with gate.open("w"):  # returns when pip is at work
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    tree.done()
    status, said = tree.run()
    assert (status, tree.done()) == (0, ["venv", *INSTALLED])
    assert "making it anew" in said


def test_packages_that_do_not_fit_are_never_taken_as_good(tree: Tree) -> None:
    status, said = tree.run(FAKE_PIP='[[ "$*" != *check ]] || { echo "a needs b"; exit 1; }')
    assert status == 1
    assert "a needs b" in said
    tree.done()
    assert tree.run()[0] == 0
    assert tree.done() == ["venv", *INSTALLED]


def test_a_broken_interpreter_is_replaced(tree: Tree) -> None:
    tree.run()
    tree.done()
    (tree.root / ".venv/bin/python").unlink()
    (tree.root / ".venv/bin/python").symlink_to("/nonexistent/python3")
    assert tree.run()[0] == 0
    assert tree.done() == ["venv", *INSTALLED]


def test_a_moved_tree_is_made_anew(tree: Tree) -> None:
    tree.run()
    tree.done()
    tree.root = tree.root.rename(tree.root.with_name("moved"))
    assert tree.run()[0] == 0
    assert tree.done() == ["venv", *INSTALLED]


def test_two_at_once_install_once(tree: Tree) -> None:
    """The first is held inside pip until the second says that it waits."""
    gate, hold = tree.gate()
    first = tree.start(FAKE_PIP=hold)
    with gate.open("w") as opened:  # returns when the first one's pip reads
        second = tree.start(FAKE_PIP=hold)
        assert second.stderr is not None
        assert "waiting" in second.stderr.readline()
        opened.write("go\n")
    for process in (first, second):
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert tree.done() == ["venv", *INSTALLED]


class TestInterpreter:
    def test_without_the_venv_module_and_without_root_it_says_what_to_type(
        self, tree: Tree
    ) -> None:
        status, said = tree.run(FAKE_LACKS="ensurepip")
        assert status == 1
        assert "sudo apt-get install --no-install-recommends python3 python3-venv\n" in said
        assert not (tree.root / ".venv").exists()

    @pytest.mark.parametrize("may", ["id", "sudo"])
    def test_with_root_or_sudo_it_installs_the_module(self, tree: Tree, may: str) -> None:
        """apt-get, here, is what makes ensurepip be there."""
        lacking = tree.root.parent / "lacking"
        lacking.touch()
        python = FAKE_PYTHON.replace('-z "${FAKE_LACKS:-}"', f'! -e "{lacking}"')
        tree.tool("python", python)
        tree.tool("id", f"#!/bin/sh\necho {0 if may == 'id' else 1000}\n")
        if may == "sudo":
            tree.tool("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
        tree.tool("apt-get", f'#!/bin/sh\ncase "$*" in *python3-venv) rm "{lacking}";; esac\n')
        status, said = tree.run()
        assert status == 0
        assert "Installing Debian packages" in said
        assert tree.done() == ["venv", *INSTALLED]

    def test_one_that_is_not_there_is_named(self, tree: Tree) -> None:
        status, said = tree.run(PYTHON="/nonexistent/python3")
        assert status == 1
        assert said == (
            "PYTHON=/nonexistent/python3 is not a Python 3.11 or newer that runs here.\n"
        )

    def test_an_incomplete_one_of_its_own_is_not_debians_business(self, tree: Tree) -> None:
        tree.tool("python", FAKE_PYTHON.replace("*base_prefix*) true", "*base_prefix*) false"))
        status, said = tree.run(FAKE_LACKS="ssl")
        assert status == 1
        assert "lacks one of its own modules" in said
        assert "apt" not in said


def test_an_unknown_profile_is_refused(tree: Tree) -> None:
    assert tree.run("prod") == (1, "usage: scripts/setup-venv [run|dev]\n")
