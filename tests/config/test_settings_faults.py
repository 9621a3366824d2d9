"""Any step of writing settings may fail or be cut off: the old ones stand, or the new ones."""

import errno
import itertools
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.check import check
from gateway.config.settings import Settings, SettingsError, Source
from tests.config.settings_files import NEW, OLD, litter, texts

OS_CALLS = ("open", "fsync", "replace", "chmod", "mkdir", "unlink")


def stands(path: Path) -> str:
    """What a fresh start finds, with everything that must hold after any fault."""
    loaded = Settings(path).load_or_last_good()
    assert loaded.source is Source.FILE
    assert loaded.text in (OLD, NEW)
    kept = [loaded.text, path.with_name("gateway.toml.last-good").read_text()]
    history = path.with_name("gateway.toml.history")
    kept += [file.read_text() for file in history.glob("*.toml")] if history.exists() else []
    assert OLD in kept
    assert all(check(text)[0] is not None for text in kept)
    return loaded.text


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[str]]]:
    """Make the nth of the calls that change the disk fail; the list says which it was."""
    with monkeypatch.context() as patched:

        def arm(step: int) -> list[str]:
            counter = itertools.count(1)
            failed: list[str] = []

            def guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*args: Any, **kwargs: Any) -> Any:
                    if next(counter) == step:
                        failed.append(name)
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    return real(*args, **kwargs)

                return call

            patched.undo()
            for name in OS_CALLS:
                patched.setattr(os, name, guarded(name, getattr(os, name)))
            return failed

        yield arm


def test_any_step_may_fail(tmp_path: Path, fail_at: Callable[[int], list[str]]) -> None:
    failures: list[str] = []
    for step in itertools.count(1):
        path = tmp_path / str(step) / "gateway.toml"
        path.parent.mkdir()
        path.write_text(OLD)
        settings = Settings(path)
        settings.load_or_last_good()
        failed = fail_at(step)
        try:
            settings.write(NEW)
        except SettingsError as error:
            message = str(error)
        else:
            message = "done"
        fail_at(0)
        assert stands(path) == (OLD if "not changed" in message else NEW), (step, failed)
        if not failed:
            assert message == "done"
            break
        failures += failed
        assert "No space left" in message, failed
        settings.write(NEW)  # the same again, once there is room
        assert stands(path) == NEW
        assert texts(settings) == [OLD]
        assert litter(path) == []
    assert set(failures) == {"open", "fsync", "replace", "chmod", "mkdir"}


def test_a_full_card(settings: Settings) -> None:
    """The kernel itself refuses the bytes, in the middle of a file."""
    big = NEW + "#" * 100_000 + "\n"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(SettingsError, match="were not changed"):
            settings.write(big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stands(settings.path) == OLD
    assert litter(settings.path) == []
    settings.write(big)
    assert settings.path.read_text() == big


# One child per step, forked from a small interpreter: no clean-up code runs after the cut.
CUTTER = """
import itertools, os, sys
from pathlib import Path
from gateway.config.settings import Settings

root, new, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split()
old = (root / "old.toml").read_text()
for step in itertools.count(1):
    path = root / str(step) / "gateway.toml"
    path.parent.mkdir()
    path.write_text(old)
    settings = Settings(path)
    settings.load_or_last_good()
    child = os.fork()
    if child == 0:
        counter = itertools.count(1)
        def cut(real):
            def call(*args, **kwargs):
                if next(counter) == step:
                    os._exit(9)
                return real(*args, **kwargs)
            return call
        for name in names:
            setattr(os, name, cut(getattr(os, name)))
        settings.write(new)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


def test_power_may_be_cut_before_any_step(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text(OLD)
    command = [sys.executable, "-c", CUTTER, str(tmp_path), NEW, " ".join(OS_CALLS)]
    subprocess.run(command, check=True, timeout=60)
    found: list[str] = []
    for step in range(1, len(list(tmp_path.iterdir()))):
        path = tmp_path / str(step) / "gateway.toml"
        found.append(stands(path))
        settings = Settings(path)
        settings.load_or_last_good()
        settings.write(NEW.replace("New", "Newer"))
        assert litter(path) == []
    assert found[0] == OLD
    assert found[-1] == NEW
    assert found == sorted(found, reverse=True)  # OLD until one moment, NEW ever after
    assert len(found) > 10
