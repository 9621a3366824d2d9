"""The application's two trees: the release that works, and the one that is on trial.

    releases/NAME    a release, never changed once it has its file `complete`
    current          the release that runs: scripts/install and an update switch it in one step
    previous         the one to go back to by hand
    judge            the one that worked when an update began; its programs try the new one
    trial.json       there while an update is on trial, whatever happens to power and processes
    update.json      what came of the latest update

`trial.json` is written last when an update is taken and removed last when it is decided, and
`achivx-trial.path` starts the trial whenever it is there. So a cut before it is written leaves
the old release and some rubbish, a cut after that leaves a trial which begins again; after
`TRIES_MOST` beginnings that came to no end the old release is put back. `current` always leads to
a complete release.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import Refused
from gateway.files import sync_directory, write_atomic

TRIES_MOST: Final = 3
COMPLETE: Final = "complete"
TRIAL: Final = "trial.json"
OUTCOME: Final = "update.json"
STAGING: Final = "staging"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """An update that is not decided.

    Attributes:
        release: What is tried.
        back_to: What worked before.
        working: The transmitters that worked with it.
        pager: Where the test page goes; empty: nowhere.
        tries: How often the trial has begun.
        bad: Why the release is not kept; from then on the old one is being put back.
    """

    release: str
    back_to: str
    working: tuple[str, ...] = ()
    pager: str = ""
    tries: int = 0
    bad: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the latest update: `words` say why it was not kept, and are empty else."""

    release: str
    kept: bool
    words: str = ""


class Releases:
    """The trees under one directory.

    Args:
        home: `/opt/achivx-gateway`.
        step: Called before every lasting change with its name: tests cut the power there.
    """

    def __init__(self, home: Path, step: Callable[[str], None] = lambda _: None) -> None:
        self._home: Final = home
        self._step: Final = step

    @property
    def home(self) -> Path:
        """The directory."""
        return self._home

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A new directory to look at a bundle in, for root alone; gone afterwards."""
        place = self._home / STAGING
        shutil.rmtree(place, ignore_errors=True)  # a power cut may have left it
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def path(self, release: str) -> Path:
        """The tree of a release."""
        return self._home / "releases" / release

    def target(self, link: str) -> str:
        """The release that `current`, `previous` or `judge` leads to; empty: none."""
        with contextlib.suppress(OSError):
            return (self._home / link).readlink().name
        return ""

    @contextlib.contextmanager
    def locked(self, *, wait: bool) -> Iterator[None]:
        """Hold what scripts/install holds too: two never change the trees at once.

        Raises:
            Refused: `busy`, unless `wait`.
        """
        handle = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Refused("busy", "another update is under way: wait for its end") from error
        finally:
            os.close(handle)

    # --- taking an update ------------------------------------------------------------------

    def add(self, release: str, fill: Callable[[Path], None]) -> None:
        """Put a new tree beside the others, and make it last.

        Args:
            release: Its name.
            fill: Makes the directory it is given, and everything in it.

        Raises:
            Refused: By `fill`; what it left is taken away.
            OSError: It cannot be written.
        """
        place = self.path(release)
        if (place / COMPLETE).exists():
            return
        self._step("clear")
        shutil.rmtree(place, ignore_errors=True)  # a power cut may have left a part
        try:
            fill(place)
            self._step("flush")
            os.sync()  # some thousand files: one call for all of them
            (place / COMPLETE).touch()
            self._step("complete")
            os.sync()
        except (Refused, OSError):
            shutil.rmtree(place, ignore_errors=True)
            raise

    def begin(self, trial: Trial) -> None:
        """Put a complete release on trial.

        Raises:
            Refused: `busy`: another one is on trial.
            OSError: It cannot be written.
        """
        if self.trial() is not None:
            raise Refused("busy", "another update is on trial: wait for its end")
        self._point("judge", trial.back_to)
        self._keep(trial)

    def trial(self) -> Trial | None:
        """What is on trial.

        Raises:
            OSError: It cannot be read.
        """
        try:
            return msgspec.json.decode((self._home / TRIAL).read_bytes(), type=Trial)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not by a power cut, but a card that forgets: the one that worked is put back.
            words = "the note about the trial was damaged"
            return Trial(release="", back_to=self.target("judge"), bad=words)

    # --- deciding ---------------------------------------------------------------------------

    def decide(self, why_not: Callable[[Trial], str], start: Callable[[str], None]) -> None:
        """Bring the trial to its end, if there is one.

        Args:
            why_not: Starts what `current` leads to and tries it; says why it must go, or nothing.
            start: Starts the release again that worked, by its name.

        Raises:
            OSError: The disk fails; the next call goes on from there.
        """
        trial = self.trial()
        if trial is None:
            return
        if not trial.bad:
            trial = self._tried(trial, why_not)
        if not trial.bad:
            self._point("previous", trial.back_to)
            self._end(Outcome(release=trial.release, kept=True))
            return
        self._keep(trial)
        if trial.back_to:
            self._point("current", trial.back_to)
            start(trial.back_to)
        self._end(Outcome(release=trial.release, kept=False, words=trial.bad))

    def _tried(self, trial: Trial, why_not: Callable[[Trial], str]) -> Trial:
        if trial.tries >= TRIES_MOST:
            words = f"its trial began {trial.tries} times and never came to an end"
            return msgspec.structs.replace(trial, bad=words)
        if not (self.path(trial.release) / COMPLETE).exists():
            return msgspec.structs.replace(trial, bad="its files are not all there")
        trial = msgspec.structs.replace(trial, tries=trial.tries + 1)
        self._keep(trial)
        self._point("current", trial.release)
        return msgspec.structs.replace(trial, bad=why_not(trial))

    def outcome(self) -> Outcome | None:
        """What came of the latest update, if there was one and it can be read."""
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode((self._home / OUTCOME).read_bytes(), type=Outcome)
        return None

    # --- how --------------------------------------------------------------------------------

    def _keep(self, trial: Trial) -> None:
        self._step("note")
        write_atomic(self._home / TRIAL, msgspec.json.encode(trial), mode=0o644)

    def _end(self, outcome: Outcome) -> None:
        self._step("outcome")
        write_atomic(self._home / OUTCOME, msgspec.json.encode(outcome), mode=0o644)
        self._step("end")
        (self._home / TRIAL).unlink()
        sync_directory(self._home)
        self._prune()

    def _point(self, link: str, release: str) -> None:
        """In one step: at every moment it leads to the old or to the new."""
        if self.target(link) == release:
            return
        self._step(link)
        beside = self._home / f"{link}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(f"releases/{release}")
        self._step(f"{link} in place")
        beside.replace(self._home / link)
        sync_directory(self._home)

    def _prune(self) -> None:
        """Take away all but the present release and the one to go back to."""
        self._step("prune")
        kept = {self.target("current"), self.target("previous"), self.target("judge")}
        for path in (self._home / "releases").iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self._home / STAGING, ignore_errors=True)
