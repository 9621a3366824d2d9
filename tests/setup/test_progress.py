from pathlib import Path

import pytest

from gateway.setup.messages import SetupStep, StepState
from gateway.setup.progress import Progress


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "setup.json"


def test_it_goes_on_where_it_stopped(path: Path) -> None:
    progress = Progress(path)
    assert progress.current is SetupStep.SHOP
    progress.set(SetupStep.SHOP, StepState.DONE)
    progress.set(SetupStep.TRANSMITTER, StepState.SKIPPED)
    progress.touch(SetupStep.BUTTONS, {"buttons": [{"name": "x"}]})
    again = Progress(path)
    assert again.current is SetupStep.BUTTONS
    assert again.state(SetupStep.TRANSMITTER) is StepState.SKIPPED
    assert again.before(SetupStep.BUTTONS) == [[{"name": "x"}]]
    assert not again.is_finished


def test_the_first_touch_counts_until_the_step_is_undone(path: Path) -> None:
    progress = Progress(path)
    progress.touch(SetupStep.SHOP, {"shop": {"name": "old"}})
    progress.touch(SetupStep.SHOP, {"shop": {"name": "new"}})
    assert progress.before(SetupStep.SHOP) == ["old", None, None]
    progress.set(SetupStep.SHOP, StepState.OPEN)
    assert progress.before(SetupStep.SHOP) is not None
    progress.undone(SetupStep.SHOP)
    assert progress.before(SetupStep.SHOP) is None


def test_it_ends_for_good(path: Path) -> None:
    progress = Progress(path)
    for step in SetupStep:
        progress.set(step, StepState.DONE)
    assert progress.current is SetupStep.REHEARSAL
    progress.finish()
    assert Progress(path).is_finished


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b'{"states": {"moon": "done"}}'])
def test_a_damaged_file_begins_anew(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    progress = Progress(path)
    assert progress.current is SetupStep.SHOP
    progress.set(SetupStep.SHOP, StepState.DONE)
    assert Progress(path).current is SetupStep.TRANSMITTER


def test_without_a_disk_it_goes_on_until_the_restart(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "missing" / "setup.json")
    progress.set(SetupStep.SHOP, StepState.DONE)
    assert progress.current is SetupStep.TRANSMITTER
