"""Benchmarks of the disk work on a disk: what is in memory is refused before anything is run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import idle, press_to_wire, sync

MEMORY = Path("/dev", "shm")  # a tmpfs on every Linux
MAINS = [pytest.param(each.main, id=each.__name__) for each in (idle, press_to_wire, sync)]


@pytest.mark.parametrize("main", MAINS)
def test_a_directory_in_memory_is_refused(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--directory", str(MEMORY)])
    words = f"{MEMORY} is in memory (tmpfs): name a directory on the disk"
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("main", MAINS)
def test_a_directory_that_is_not_there_is_named(
    main: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(SystemExit):
        main(["--directory", str(missing)])
    assert f"there is no directory {missing}" in capsys.readouterr().err
