"""The paging self-test of a new release, and what each of its failures is told as."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.host import trial
from gateway.host.releases import Releases, Trial
from gateway.host.trial import Judge
from tests.host.conftest import NEW, OLD, make_release

TRIAL = Trial(release=NEW, back_to=OLD, working=("main",), pager="watch-1")
GOOD = {"version": "0.2.0", "transmitters": [{"name": "main", "state": "ok"}]}


class System:
    """Answers commands in the place of the box, and keeps them; its clock moves by waiting."""

    def __init__(self) -> None:
        self.said: list[list[str]] = []
        self.status: list[object] = [GOOD]
        self.fails: dict[str, str] = {}
        self.now_s = 0.0

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        line = [Path(words[0]).name, *map(str, words[1:])]
        self.said.append(line)
        for part, why in self.fails.items():
            if part in " ".join(line):
                return 1, why
        if line[1] == "status":
            answer = self.status.pop(0) if len(self.status) > 1 else self.status[0]
            return 0, answer if isinstance(answer, str) else json.dumps(answer)
        return 0, ""

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def did(self, part: str) -> bool:
        return any(part in " ".join(line) for line in self.said)


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def judge(home: Path, tmp_path: Path, system: System) -> Judge:
    make_release(home / "releases" / NEW)
    units = tmp_path / "units"
    units.mkdir()
    (units / "achivx-gateway.service").write_text(f"# of {OLD}\n")
    return Judge(
        Releases(home), units, run=system.run, sleep=system.sleep, monotonic=lambda: system.now_s
    )


def test_a_good_one_starts_and_pages(judge: Judge, system: System, tmp_path: Path) -> None:
    assert judge.why_not(TRIAL) == ""
    did = [" ".join(line[:3]) for line in system.said]
    assert did == [
        "achivx-gateway check",
        "systemctl daemon-reload",
        "systemctl restart achivx-gateway.service",
        "achivx-gateway status --json",
        "achivx-gateway page --to=watch-1",
        "systemctl try-restart achivx-access-point.service",
        "systemctl restart achivx-webui.service",
    ]
    assert (tmp_path / "units/achivx-gateway.service").read_text() == f"# of {NEW}\n"


def test_bad_settings_are_found_before_the_old_one_is_stopped(judge: Judge, system: System) -> None:
    system.fails["check"] = "error: pagers[0].address"
    assert "does not accept the settings: error: pagers[0].address" in judge.why_not(TRIAL)
    assert not system.did("restart")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("restart achivx-gateway", "its gateway does not start: said why"),
        ("page --to", "its test page did not go out: said why"),
        ("restart achivx-webui", "its page does not start: said why"),
        ("status", "its gateway does not answer: said why"),
    ],
)
def test_each_failure_has_its_words(judge: Judge, system: System, part: str, words: str) -> None:
    system.fails[part] = "said\n   why\n"
    assert judge.why_not(TRIAL) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            '{"page": "t", "receipt": {"state": "failed", "detail": "503 checksum errors"}}\n',
            "503 checksum errors",
        ),
        ('{"receipt": {"state": "unknown", "detail": ""}}', '"detail": ""}}'),
        ('{"receipt": 3}', '{"receipt": 3}'),
    ],
)
def test_why_a_page_did_not_go_out_is_told_in_the_transmitters_words(
    judge: Judge, system: System, said: str, words: str
) -> None:
    system.fails["page --to"] = said
    found = judge.why_not(TRIAL)
    assert found.startswith("its test page did not go out: ")
    assert found.endswith(words)


def test_a_transmitter_has_a_while_to_come_back(judge: Judge, system: System) -> None:
    starting = {"version": "0.2.0", "transmitters": [{"name": "main", "state": "starting"}]}
    system.status = [starting, starting, GOOD]
    assert judge.why_not(TRIAL) == ""
    assert system.now_s == 2 * trial.LOOK_S


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"version": "0.2.0", "transmitters": []}, "main: gone"),
        (
            {"version": "0.2.0", "transmitters": [{"name": "main", "state": "no answer"}]},
            "main: no answer",
        ),
        ({"version": "0.1.0", "transmitters": []}, "the version 0.1.0 runs, not 0.2.0"),
        ("no JSON", "nobody understands"),
        ({"version": "0.2.0", "transmitters": 3}, "nobody understands"),
    ],
)
def test_what_does_not_get_well_in_time_must_go(
    judge: Judge, system: System, answer: object, words: str
) -> None:
    system.status = [answer]
    assert words in judge.why_not(TRIAL)
    assert trial.WELL_S < system.now_s < trial.WELL_S + 3 * trial.LOOK_S


@pytest.mark.parametrize("change", [{"working": ()}, {"pager": ""}])
def test_a_shop_that_could_not_page_is_updated_all_the_same(
    judge: Judge, system: System, change: dict[str, object]
) -> None:
    one = Trial(**({"release": NEW, "back_to": OLD, "working": ("main",), "pager": "w"} | change))  # type: ignore[arg-type]
    assert judge.why_not(one) == ""
    assert not system.did("page")


def test_the_way_back_takes_the_units_along(judge: Judge, system: System, tmp_path: Path) -> None:
    unit = tmp_path / "units/achivx-gateway.service"
    judge.why_not(TRIAL)
    judge.start(OLD)
    assert unit.read_text() == f"# of {OLD}\n"
    assert system.said[-1] == ["systemctl", "restart", "achivx-webui.service"]


def test_a_unit_that_this_system_never_had_is_not_put(
    judge: Judge, home: Path, tmp_path: Path
) -> None:
    (home / "releases" / NEW / "systemd/achivx-new.service").write_text("x")
    judge.why_not(TRIAL)
    assert not (tmp_path / "units/achivx-new.service").exists()


class TestRun:
    def test_says_code_and_words(self) -> None:
        assert trial.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 5.0) == (3, "out\nerr\n")

    def test_a_command_that_is_missing_or_slow_is_a_failure(self) -> None:
        assert trial.run(["/no/such/command"], 5.0)[0] == -1
        assert trial.run(["sleep", "10"], 0.05) == (-1, "no end after 0 s")
