"""Settings on disk: loaded, written, kept, put back and edited."""

import errno
import fcntl
import os
import shutil
import stat
from pathlib import Path

import pytest

from gateway.config.check import ConfigError
from gateway.config.edit import Edit
from gateway.config.settings import HISTORY, Settings, SettingsError, Source
from gateway.errors import Refused
from tests.config.settings_files import BROKEN, NEW, OLD, litter, sha256, texts


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
