import stat
from pathlib import Path

import pytest

from webui.secret import BadSecret, kept, read


def test_a_key_is_made_once_for_our_eyes_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    key = kept(state)
    assert len(key) == 64
    assert kept(state) == key
    assert stat.S_IMODE((state / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("damage", ["", "short", "\xff" * 40])
def test_a_damaged_key_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(damage, "latin-1")
    path.chmod(0o600)
    key = kept(tmp_path)
    assert len(key) == 64
    assert read(path) == key


def test_a_key_that_others_can_read_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("k" * 64)
    path.chmod(0o644)
    assert kept(tmp_path) != "k" * 64


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSecret, match="name a directory of your own with --state"):
        kept(tmp_path / "file")


def test_a_key_of_ones_own_must_be_good(tmp_path: Path) -> None:
    path = tmp_path / "own"
    with pytest.raises(BadSecret, match="cannot read"):
        read(path)
    path.write_text("short")
    path.chmod(0o600)
    with pytest.raises(BadSecret, match="shorter than 32"):
        read(path)
    path.write_text("k" * 32 + "\n")
    assert read(path) == "k" * 32
    path.chmod(0o640)
    with pytest.raises(BadSecret, match="chmod 600"):
        read(path)
