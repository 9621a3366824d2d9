"""The trial of an update: it must start, be well, and bring a page to a pager's transmitter.

Run by achivx-trial.service, with the programs of the release that worked (`judge`), whenever
`trial.json` is there: after an update was taken, and again after a power cut in the middle.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gateway import logs
from gateway.files import write_atomic
from gateway.host.releases import Releases, Trial

HOME: Final = Path("/opt/achivx-gateway")
UNITS: Final = Path("/usr/local/lib/systemd/system")
START_S: Final = 150.0
"""A start may take TimeoutStartSec= of the unit, 120 s, and a stop before it 10 s."""
COMMAND_S: Final = 120.0
WELL_S: Final = 90.0
"""How long a transmitter may take to answer again."""
LOOK_S: Final = 2.0
_SAID_CHARS: Final = 200
_GATEWAY: Final = "achivx-gateway.service"
_PAGE: Final = "achivx-webui.service"
_ACCESS_POINT: Final = "achivx-access-point.service"

Run = Callable[[Sequence[str | Path], float], tuple[int, str]]


def run(words: Sequence[str | Path], timeout_s: float) -> tuple[int, str]:
    """Run a command to its end: its exit code and all it said, -1 when it took too long."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {timeout_s:.0f} s"
    except OSError as error:
        return -1, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


class Judge:
    """Tries a release on the running box.

    Args:
        releases: The trees.
        units: Where systemd finds the units.
        run: Runs a command.
        sleep: Waits, in seconds.
        monotonic: The time, in seconds.
    """

    def __init__(
        self,
        releases: Releases,
        units: Path,
        *,
        run: Run = run,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._releases: Final = releases
        self._units: Final = units
        self._run: Final = run
        self._sleep: Final = sleep
        self._monotonic: Final = monotonic
        self._command: Final = releases.home / "current/bin/achivx-gateway"

    def why_not(self, trial: Trial) -> str:
        """Why the release that `current` leads to must go; nothing when it is well."""
        # What would keep it from starting is found while the old one still pages.
        code, said = self._run([self._command, "check"], COMMAND_S)
        if code:
            return f"it does not accept the settings: {_end_of(said)}"
        if words := self._start(trial.release):
            return words
        version = trial.release.rpartition("-")[0]
        if words := self._is_well(version, trial.working):
            return words
        if words := self._pages(version, trial):
            return words
        code, said = self._start_rest()
        return f"its page does not start: {_end_of(said)}" if code else ""

    def start(self, release: str) -> None:
        """Put the release's units in place and start them: the way back."""
        if words := self._start(release):
            logs.log.error("the release %s does not start either: %s", release, words)
        self._start_rest()

    def _start(self, release: str) -> str:
        self._put_units(self._releases.path(release) / "systemd")
        code, said = self._run(["systemctl", "restart", _GATEWAY], START_S)
        return f"its gateway does not start: {_end_of(said)}" if code else ""

    def _start_rest(self) -> tuple[int, str]:
        """What else runs all the time; what came of the page."""
        # Where there is one: it only watches the radio, so nothing is judged by it.
        self._run(["systemctl", "try-restart", _ACCESS_POINT], COMMAND_S)
        return self._run(["systemctl", "restart", _PAGE], START_S)

    def _put_units(self, source: Path) -> None:
        """The units go with the release; those that this system never had are left alone."""
        changed = False
        for unit in sorted(source.glob("achivx-*.*")):
            there = self._units / unit.name
            if there.exists() and there.read_bytes() != unit.read_bytes():
                write_atomic(there, unit.read_bytes(), mode=0o644)
                changed = True
        if changed:
            self._run(["systemctl", "daemon-reload"], COMMAND_S)

    def _is_well(self, version: str, working: Sequence[str]) -> str:
        deadline = self._monotonic() + WELL_S
        while words := self._what_ails(version, working):
            if self._monotonic() > deadline:
                return words
            self._sleep(LOOK_S)
        return ""

    def _what_ails(self, version: str, working: Sequence[str]) -> str:
        code, said = self._run([self._command, "status", "--json"], COMMAND_S)
        if code:
            return f"its gateway does not answer: {_end_of(said)}"
        try:
            status = json.loads(said)
            states = {each["name"]: each["state"] for each in status["transmitters"]}
            found = status["version"]
        except (ValueError, KeyError, TypeError):
            return f"its gateway answers what nobody understands: {_end_of(said)}"
        if found != version:
            return f"the version {found} runs, not {version}"
        ill = [
            f"{name}: {states.get(name, 'gone')}" for name in working if states.get(name) != "ok"
        ]
        return f"a transmitter that worked does not any more: {'; '.join(ill)}" if ill else ""

    def _pages(self, version: str, trial: Trial) -> str:
        """A test page must reach the transmitter, unless none took one before."""
        if not (trial.working and trial.pager):
            return ""
        words = ["page", f"--to={trial.pager}", f"--text=ACHIVX {version} TEST"]
        code, said = self._run([self._command, *words], COMMAND_S)
        return f"its test page did not go out: {_why_not_sent(said)}" if code else ""


def _end_of(said: str) -> str:
    return " ".join(said.split())[-_SAID_CHARS:]


def _why_not_sent(said: str) -> str:
    """The transmitter's words from what `page` prints, or the end of what it said instead."""
    try:
        detail = json.loads(said)["receipt"]["detail"]
    except (ValueError, KeyError, TypeError):
        return _end_of(said)
    return _end_of(detail) if isinstance(detail, str) and detail else _end_of(said)


def main() -> int:
    """Decide what is on trial."""
    logs.set_up()
    releases = Releases(HOME, lambda name: logs.log.info("update: %s", name))
    judge = Judge(releases, UNITS)
    try:
        with releases.locked(wait=True):
            releases.decide(judge.why_not, judge.start)
    except OSError as error:
        logs.log.error("the trial could not be brought to its end: %s", error)
        return 1
    outcome = releases.outcome()
    if outcome is not None:
        kept = "is kept" if outcome.kept else f"was put back: {outcome.words}"
        logs.log.info("the release %s %s", outcome.release, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
