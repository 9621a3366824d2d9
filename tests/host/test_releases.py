"""Two trees and a trial between them: the power is cut before every step, in every order."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.errors import Refused
from gateway.host.releases import TRIES_MOST, Outcome, Releases, Trial
from tests.host.conftest import NEW, OLD, make_release

TRIAL = Trial(release=NEW, back_to=OLD, working=("main",), pager="watch-1")


class PowerCut(BaseException):
    """Nothing that runs survives it; no handler of the program may catch it."""


class Box:
    """The trees of a box whose power is cut before a step of our choice."""

    def __init__(self, home: Path, *, why_not: str = "") -> None:
        self.home = home
        self.why_not = why_not
        self.left: int | None = None
        self.steps: list[str] = []
        self.started: list[str] = []

    def step(self, name: str) -> None:
        self.works()
        self.steps.append(name)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise PowerCut(name)

    def works(self) -> None:
        """What must be so at every moment: what runs is there, and whole."""
        assert (self.home / "current/complete").exists()
        assert (self.home / "current/bin/achivx-gateway").exists()

    @property
    def releases(self) -> Releases:
        return Releases(self.home, self.step)

    def fill(self, place: Path) -> None:
        make_release(place, complete=False)

    def take(self) -> None:
        self.releases.add(NEW, self.fill)
        self.releases.begin(TRIAL)

    def look(self, _: Trial) -> str:
        self.step("look")
        self.started.append(self.releases.target("current"))
        return self.why_not

    def decide(self) -> None:
        self.releases.decide(self.look, self.started.append)

    def boot(self) -> None:
        """What starts by itself: the trial, where there is one."""
        if (self.home / "trial.json").exists():
            self.decide()

    def cut_after(self, steps: int, do: Callable[[], None]) -> bool:
        """Whether the power was cut before `do` came to its end."""
        self.left = steps
        try:
            do()
        except PowerCut:
            return True
        finally:
            self.left = None
        return False


class TestTrial:
    def test_a_good_release_is_kept(self, home: Path) -> None:
        box = Box(home)
        box.take()
        assert box.releases.target("current") == OLD
        box.decide()
        assert box.releases.target("current") == NEW
        assert box.releases.target("previous") == OLD
        assert box.releases.outcome() == Outcome(release=NEW, kept=True)
        assert box.releases.trial() is None
        assert box.started == [NEW]

    def test_a_bad_one_is_put_back_and_the_words_are_kept(self, home: Path) -> None:
        box = Box(home, why_not="its gateway does not start")
        box.take()
        box.decide()
        assert box.releases.target("current") == OLD
        assert box.started == [NEW, OLD]
        words = "its gateway does not start"
        assert box.releases.outcome() == Outcome(release=NEW, kept=False, words=words)
        assert not (home / "releases" / NEW).exists()

    def test_only_one_at_a_time(self, home: Path) -> None:
        box = Box(home)
        box.take()
        with pytest.raises(Refused, match="on trial"):
            box.releases.begin(TRIAL)

    def test_the_present_and_the_one_before_stay_and_no_older(self, home: Path) -> None:
        make_release(home / "releases/0.0.1-cccccccccccc")
        box = Box(home)
        box.take()
        box.decide()
        assert {path.name for path in (home / "releases").iterdir()} == {OLD, NEW}
        assert not (home / "staging").exists()

    def test_one_whose_files_are_gone_is_not_tried(self, home: Path) -> None:
        box = Box(home)
        box.take()
        (home / "releases" / NEW / "complete").unlink()
        box.decide()
        assert (box.releases.target("current"), box.started) == (OLD, [OLD])

    def test_a_damaged_note_leads_back(self, home: Path) -> None:
        box = Box(home)
        box.take()
        assert box.cut_after(3, box.decide)
        assert box.releases.target("current") == NEW
        (home / "trial.json").write_bytes(b"\xff{")
        box.boot()
        assert box.releases.target("current") == OLD
        assert box.releases.trial() is None

    def test_a_release_that_cannot_be_filled_leaves_nothing(self, home: Path) -> None:
        def full(place: Path) -> None:
            place.mkdir()
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space"):
            Releases(home).add(NEW, full)
        assert not (home / "releases" / NEW).exists()

    def test_two_cannot_change_the_trees_at_once(self, home: Path) -> None:
        with (
            Releases(home).locked(wait=True),
            pytest.raises(Refused, match="under way"),
            Releases(home).locked(wait=False),
        ):
            pass


def steps_of(home: Path, why_not: str) -> int:
    box = Box(home, why_not=why_not)
    box.take()
    box.decide()
    return len(box.steps)


@pytest.mark.parametrize("why_not", ["", "it does not page"])
def test_a_cut_before_any_step_leaves_a_box_that_works(tmp_path: Path, why_not: str) -> None:
    def box_at(name: str) -> Box:
        home = tmp_path / name
        make_release(home / "releases" / OLD)
        (home / "current").symlink_to(f"releases/{OLD}")
        return Box(home, why_not=why_not)

    steps = steps_of(box_at("whole").home, why_not)
    assert steps > 10
    for first in range(steps):
        box = box_at(f"cut {first}")

        def whole(box: Box = box) -> None:
            box.take()
            box.decide()

        assert box.cut_after(first, whole)
        box.works()
        box.boot()
        box.works()
        end = {OLD, NEW} if why_not == "" else {OLD}
        assert box.releases.target("current") in end
        assert box.releases.trial() is None
        if box.releases.target("current") == OLD:  # and it can be updated still
            box.take()
            box.decide()
            assert box.releases.target("current") == (NEW if why_not == "" else OLD)


def test_cut_again_and_again_in_the_trial_it_goes_back(home: Path) -> None:
    box = Box(home)
    box.take()
    looks = ["note", "current", "current in place", "look"]
    for _ in range(TRIES_MOST):
        # Always while the new one is being looked at: it may be what brings the box down.
        assert box.cut_after(looks.index("look"), box.boot)
        assert box.steps[-1] == "look"
        looks = ["note", "look"]  # current leads there already
    box.boot()
    assert box.releases.target("current") == OLD
    outcome = box.releases.outcome()
    assert outcome is not None
    assert outcome.words == f"its trial began {TRIES_MOST} times and never came to an end"


KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.host.releases import Releases
from tests.host.conftest import NEW, make_release
from tests.host.test_releases import TRIAL

left = int(sys.argv[2])
def step(name):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

releases = Releases(Path(sys.argv[1]), step)
if releases.trial() is None:
    releases.add(NEW, lambda place: make_release(place, complete=False))
    releases.begin(TRIAL)
releases.decide(lambda trial: "", lambda release: None)
"""


def test_a_process_that_is_killed_at_any_step_can_be_run_again(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    for steps in range(1, 14, 3):
        home = tmp_path / str(steps)
        make_release(home / "releases" / OLD)
        (home / "current").symlink_to(f"releases/{OLD}")

        def run(left: int, home: Path = home) -> int:
            words = [sys.executable, "-c", KILLED, str(home), str(left)]
            return subprocess.run(
                words,
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(root)},
                check=False,
                timeout=30,
            ).returncode

        assert run(steps) == -signal.SIGKILL
        assert (home / "current/complete").exists()
        assert run(1000) == 0
        assert Releases(home).target("current") == NEW
        assert msgspec.json.decode((home / "update.json").read_bytes(), type=Outcome).kept
