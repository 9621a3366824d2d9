"""Files that are old or new, and never in between."""

import os
import stat
from pathlib import Path

import pytest

from gateway.files import clear_leftovers, key_file, write_atomic


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def test_a_file_is_replaced_whole_and_for_its_owner_only(path: Path) -> None:
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_data_and_then_its_name_are_flushed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bytes | None]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        seen.append((kind, path.read_bytes() if path.exists() else None))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(path, b"data")
    assert seen == [("file", None), ("directory", b"data")]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_failure_leaves_the_old_file_and_no_litter(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_atomic(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, refuse)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_power_cut_left_is_cleared_and_nothing_else(path: Path) -> None:
    litter = path.with_name(".kept.json.0123abcd")
    others = [
        path,
        path.with_name(".kept.json.mine"),
        path.with_name(".other.json.0123abcd"),
        path.with_name("kept.json.0123abcd"),
    ]
    for each in (litter, *others):
        each.write_bytes(b"")
    clear_leftovers(path)
    assert sorted(path.parent.iterdir()) == sorted(others)


def test_nothing_to_clear_is_no_trouble(tmp_path: Path) -> None:
    clear_leftovers(tmp_path / "nowhere" / "file")


def test_a_key_is_made_once(path: Path) -> None:
    key = key_file(path)
    assert len(key) == 32
    assert key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_cut_short_is_made_anew(path: Path) -> None:
    path.write_bytes(b"short")
    key = key_file(path)
    assert len(key) == 32
    assert key_file(path) == key != key_file(path.with_name("another"))


def test_a_key_that_cannot_be_read_is_not_made_anew(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        key_file(path)
