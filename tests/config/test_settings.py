"""Settings on disk: nothing is lost whatever fails or is cut off, at whichever step."""

import errno
import fcntl
import hashlib
import itertools
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.check import ConfigError, check
from gateway.config.edit import Edit
from gateway.config.settings import HISTORY, Settings, SettingsError, Source
from gateway.errors import Refused

OLD = """\
# our shop
[device]
id = "cafe-1"

[shop]
name = "Old"  # on the sign
account = "store-1"
"""
NEW = OLD.replace("Old", "New")
BROKEN = OLD.replace('"cafe-1"', '"Cafe 1"')
OS_CALLS = ("open", "fsync", "replace", "chmod", "mkdir", "unlink")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "gateway.toml"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


@pytest.fixture
def settings(path: Path) -> Settings:
    settings = Settings(path)
    settings.load_or_last_good()
    return settings


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def litter(path: Path) -> list[str]:
    return [found.name for found in path.parent.rglob(".*")]


def texts(settings: Settings) -> list[str]:
    return [settings.past_text(past.number) for past in settings.history()]


# --- loading -------------------------------------------------------------------------------------


def test_a_good_file_is_loaded_and_kept_as_last_good(path: Path) -> None:
    loaded = Settings(path).load_or_last_good()
    assert loaded.config.shop.name == "Old"
    assert (loaded.source, loaded.problems, loaded.warnings) == (Source.FILE, (), ())
    assert (loaded.text, loaded.sha256) == (OLD, sha256(OLD))
    assert path.with_name("gateway.toml.last-good").read_text() == OLD


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", BROKEN.encode(), OLD.encode()[:60], b"\0" * 512, b"", None]
)
def test_a_broken_file_starts_on_the_last_good_one(
    settings: Settings, damage: bytes | None
) -> None:
    if damage is None:
        settings.path.unlink()
    else:
        settings.path.write_bytes(damage)
    loaded = Settings(settings.path).load_or_last_good()
    assert loaded.text == OLD
    assert loaded.source is Source.LAST_GOOD
    assert loaded.problems
    assert settings.last_good_path.read_text() == OLD


def test_two_broken_files_tell_both(settings: Settings) -> None:
    settings.path.write_text(BROKEN)
    settings.last_good_path.write_text("[shop")
    with pytest.raises(ConfigError) as caught:
        Settings(settings.path).load_or_last_good()
    assert [problem.where for problem in caught.value.problems] == [
        "device.id",
        str(settings.last_good_path),
    ]


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Settings(tmp_path / "gateway.toml").load_or_last_good()


def test_a_card_that_cannot_be_written_is_no_reason_not_to_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("gateway.config.settings.write_atomic", refuse)
    loaded = Settings(path).load_or_last_good()
    assert loaded.config.shop.name == "Old"
    assert ["Read-only" in warning.right for warning in loaded.warnings] == [True]


# --- writing -------------------------------------------------------------------------------------


def test_a_write_keeps_what_was_before(settings: Settings) -> None:
    change = settings.write(NEW)
    assert change.config.shop.name == "New"
    assert (change.text, change.sha256, change.keys) == (NEW, sha256(NEW), ("shop.name",))
    assert settings.path.read_text() == NEW
    assert settings.last_good_path.read_text() == OLD
    assert texts(settings) == [OLD]
    assert litter(settings.path) == []


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_the_files_are_for_the_gateway_and_its_group(settings: Settings, umask: int) -> None:
    before = os.umask(umask)
    try:
        settings.write(NEW)
    finally:
        os.umask(before)
    files = [settings.path, settings.last_good_path, *settings.history_path.iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o640}
    assert stat.S_IMODE(settings.history_path.stat().st_mode) & 0o007 == 0


def test_the_first_write_makes_the_file(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "gateway.toml")
    change = settings.write(OLD)
    assert settings.path.read_text() == OLD
    assert change.keys == ("device", "shop")
    assert settings.history() == ()


def test_a_broken_text_is_not_written(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"device\.id"):
        settings.write(BROKEN)
    assert settings.path.read_text() == OLD
    assert settings.history() == ()


def test_what_is_in_force_follows_every_write(settings: Settings) -> None:
    assert settings.in_force == (OLD, sha256(OLD))
    change = settings.write(NEW)
    assert settings.in_force == (NEW, change.sha256)


def test_the_same_text_changes_nothing(settings: Settings) -> None:
    before = settings.path.stat().st_mtime_ns
    assert settings.write(OLD).keys == ()
    assert settings.path.stat().st_mtime_ns == before
    assert settings.history() == ()


def test_an_edit_by_hand_is_not_overwritten_unseen(settings: Settings) -> None:
    by_hand = OLD.replace("Old", "By hand")
    settings.path.write_text(by_hand)
    with pytest.raises(Refused) as caught:
        settings.write(NEW)
    assert caught.value.code == "settings_changed"
    assert settings.path.read_text() == by_hand
    settings.write(NEW, overwrite=True)
    assert settings.path.read_text() == NEW
    assert texts(settings) == [by_hand]
    assert settings.last_good_path.read_text() == by_hand


def test_settings_that_were_never_loaded_are_not_overwritten(path: Path) -> None:
    with pytest.raises(Refused):
        Settings(path).write(NEW)


def test_two_people_at_once(settings: Settings) -> None:
    settings.write(NEW, replaces=sha256(OLD))
    with pytest.raises(Refused) as caught:
        settings.write(OLD.replace("Old", "Third"), replaces=sha256(OLD))
    assert caught.value.code == "settings_changed"
    assert settings.path.read_text() == NEW


def test_one_writer_at_a_time(settings: Settings) -> None:
    other = os.open(settings.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused) as caught:
            settings.write(NEW)
        assert caught.value.code == "settings_busy"
    finally:
        os.close(other)
    settings.write(NEW)
    assert settings.path.read_text() == NEW


@pytest.mark.parametrize("broken", [BROKEN.encode(), "[shop] # Кафе".encode("cp1251")])
def test_a_broken_file_is_replaced_without_touching_the_last_good_one(
    settings: Settings, broken: bytes
) -> None:
    settings.path.write_bytes(broken)
    again = Settings(settings.path)
    again.load_or_last_good()
    again.write(NEW)
    assert again.path.read_text() == NEW
    assert again.last_good_path.read_text() == OLD
    # Somebody's work, broken or not.
    assert [path.read_bytes() for path in again.history_path.iterdir()] == [broken]


def test_a_directory_that_is_gone(settings: Settings) -> None:
    shutil.rmtree(settings.path.parent)
    with pytest.raises(SettingsError, match="No such file"):
        settings.write(NEW)


# --- history -------------------------------------------------------------------------------------


def test_history_is_bounded_and_the_latest_is_first(settings: Settings) -> None:
    versions = [OLD.replace("Old", f"Shop {number}") for number in range(HISTORY + 5)]
    for text in versions:
        settings.write(text)
    past = settings.history()
    assert len(past) == HISTORY
    assert [each.number for each in past] == sorted((each.number for each in past), reverse=True)
    assert texts(settings) == versions[-2 : -HISTORY - 2 : -1]


def test_restore_can_itself_be_undone(settings: Settings) -> None:
    settings.write(NEW)
    change = settings.restore(settings.history()[0].number)
    assert change.config.shop.name == "Old"
    assert settings.path.read_text() == OLD
    settings.restore(settings.history()[0].number)
    assert settings.path.read_text() == NEW


def test_there_is_no_such_past(settings: Settings) -> None:
    with pytest.raises(Refused) as caught:
        settings.restore(7)
    assert caught.value.code == "no_such_past"


def test_a_past_that_is_broken_is_not_restored(settings: Settings) -> None:
    settings.path.write_text(BROKEN)
    again = Settings(settings.path)
    again.load_or_last_good()
    again.write(NEW)
    with pytest.raises(ConfigError):
        again.restore(again.history()[0].number)
    assert again.path.read_text() == NEW


# --- faults --------------------------------------------------------------------------------------


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


# --- editing -------------------------------------------------------------------------------------


def test_an_edit_goes_through_the_same_door(settings: Settings) -> None:
    change = settings.edit([Edit(("shop", "name"), "New")], replaces=sha256(OLD))
    assert change.text == NEW
    assert change.keys == ("shop.name",)
    assert settings.path.read_text() == NEW
    with pytest.raises(ConfigError):
        settings.edit([Edit(("device", "id"), "Cafe 1")])
    assert settings.path.read_text() == NEW


def test_an_edit_starts_from_the_last_good_text(settings: Settings) -> None:
    settings.path.write_text("[shop")
    again = Settings(settings.path)
    again.load_or_last_good()
    again.edit([Edit(("shop", "name"), "New")])
    assert again.path.read_text() == NEW
