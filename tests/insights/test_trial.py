"""The process that tries other settings, and how its failures are told."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from gateway.errors import JournalError
from gateway.insights import trial
from gateway.insights.messages import TrialView
from gateway.insights.trial import Trial
from gateway.model import ButtonKind
from tests.insights.filling import at, fill, press
from tests.insights.small_shop import PAGED, RULE

SETTINGS = f"""\
[device]
id = "box"
[shop]
name = "Shop"
account = "1"
[paths]
state = "STATE"
[[buttons]]
name = "unhappy"
pin = 5
kind = "unhappy"
label = {{ ru = "Плохо", en = "Bad" }}
zone = "hall"
{PAGED}"""


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """Of a shop with two unhappy presses in its journal."""
    reds = [(press(ButtonKind.UNHAPPY), at(1_760_000_000 + second)) for second in (0, 60)]
    fill(tmp_path / "journal.db", reds)
    return SETTINGS.replace("STATE", str(tmp_path))


async def test_another_process_tells_what_would_have_been(settings: str) -> None:
    found = await trial.tried(Trial(settings + RULE, since_s=1_759_990_000))
    assert found.presses == 2
    assert {(each.name, each.would, each.really) for each in found.by_rule} == {
        ("red", 2, 0),
        ("row", 1, 0),
    }
    assert (len(found.differences), found.more) == (3, 0)
    assert sum(each.would for each in found.by_calls) == 3
    assert all(each.would for each in found.differences)


async def test_it_tells_how_often_the_ladder_would_have_called(settings: str) -> None:
    """Nobody took the first red: the ladder called again before the other came, a minute later."""

    async def calls(more: str) -> list[tuple[str, int]]:
        found = await trial.tried(Trial(settings + more, since_s=1_759_990_000))
        return [(each.name, each.would) for each in found.by_calls]

    assert await calls("") == [("00001", 1), ("00002", 1)]
    once = '[[ladder.steps]]\nafter_s = 0\nto = ["everyone"]\n'
    assert await calls(once + "[ladder]\nrepeat_s = 15\n") == [("00001", 1), ("00005", 1)]
    settings = settings.replace("[shop]", '[shop]\nholidays = ["10-09"]')
    assert await calls("") == [("00000", 2)]


async def test_of_very_many_differences_the_latest_are_told(
    settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await trial.tried(Trial(settings + RULE, since_s=1_759_990_000))
    monkeypatch.setattr(trial, "DIFFERENCES_MOST", 1)
    told = _run(Trial(settings + RULE, since_s=1_759_990_000), monkeypatch)
    assert (told.differences, told.more) == (whole.differences[-1:], 2)


@pytest.mark.parametrize(
    ("broken", "words"), [("[device]\n", "device.id"), ("STATE", "cannot read the journal")]
)
async def test_what_went_wrong_is_told(broken: str, words: str, tmp_path: Path) -> None:
    text = SETTINGS.replace("STATE", str(tmp_path)) if broken == "STATE" else broken
    with pytest.raises(JournalError, match=words):
        await trial.tried(Trial(text, since_s=0))


def test_it_runs_as_any_other_where_the_unit_forbids_less(
    settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(Trial(settings, since_s=0), monkeypatch).presses == 2


def _run(wanted: Trial, monkeypatch: pytest.MonkeyPatch) -> TrialView:
    """The other process's work in this one, which must not lower its own priority."""

    def forbid(_: int) -> int:
        raise PermissionError

    out = io.BytesIO()
    monkeypatch.setattr(os, "nice", forbid)
    told = SimpleNamespace(buffer=io.BytesIO(msgspec.json.encode(wanted)))
    monkeypatch.setattr(sys, "stdin", told)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    assert trial.main() == 0
    return msgspec.json.decode(out.getvalue(), type=TrialView)
