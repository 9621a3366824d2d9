from pathlib import Path

import pytest

from gateway.grants import crockford
from gateway.setup import claim
from gateway.setup.claim import NAME, ClaimCode


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    ClaimCode(tmp_path)
    printed = claim.read(tmp_path)
    assert len(printed) == 9
    assert ClaimCode(tmp_path).fits(printed)
    assert claim.read(tmp_path) == printed
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("typed", ["1A0B-2C3D", "1a0b2c3d", " iaOb 2c3d ", "1А0В–2С3D"])
def test_it_is_taken_as_people_type_it(tmp_path: Path, typed: str) -> None:
    (tmp_path / NAME).write_text("1A0B2C3D\n")
    assert ClaimCode(tmp_path).fits(typed)


@pytest.mark.parametrize("typed", ["", "1A0B2C3", "1A0B2C3E", "1A0B2C3D1", "\ud800", "Ж" * 8])
def test_no_other_is(tmp_path: Path, typed: str) -> None:
    (tmp_path / NAME).write_text("1A0B2C3D\n")
    assert not ClaimCode(tmp_path).fits(typed)


@pytest.mark.parametrize("damage", [b"", b"1A0B", b"\xff\xfe\x00", b"U" * 8])
def test_a_damaged_one_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / NAME).write_bytes(damage)
    code = ClaimCode(tmp_path)
    assert code.fits(claim.read(tmp_path))
    assert set((tmp_path / NAME).read_text().strip()) <= set(crockford.ALPHABET)


def test_without_a_disk_nobody_can_know_it(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing"
    assert not ClaimCode(nowhere).fits("")
    with pytest.raises(FileNotFoundError):
        claim.read(nowhere)
