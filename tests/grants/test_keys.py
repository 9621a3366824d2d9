"""The keys of the codes: a new one signs, old ones verify for as long as they must."""

import random
import secrets
from pathlib import Path
from unittest import mock

import pytest

from gateway.errors import Refused
from gateway.grants import crockford
from gateway.grants.codes import LENGTH, Codes, shown
from gateway.grants.keys import KEY_BYTES, OLD_MOST, Keys, read_codes

FORGED = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grant.key"


@pytest.fixture
def codes(path: Path) -> Codes:
    return read_codes(path, "box-1")


def test_a_box_that_never_changed_its_key_has_one(path: Path, codes: Codes) -> None:
    assert path.read_bytes() == codes.keys[0]
    assert len(codes.keys) == 1
    assert read_codes(path, "box-1").keys == codes.keys


async def test_live_codes_survive_every_rotation_and_a_restart(path: Path, codes: Codes) -> None:
    keys = Keys(path, codes)
    live: list[str] = []
    for old in range(1, 5):
        live += [codes.new() for _ in range(3)]
        assert await keys.rotate(live) == old
    again = read_codes(path, "box-1")
    assert again.keys == codes.keys
    assert [again.parse(code) for code in live] == live
    assert codes.made_with(codes.keys[0], codes.new())
    assert [codes.made_with(codes.keys[0], code) for code in live] == [False] * len(live)


async def test_keys_go_with_their_last_code(path: Path, codes: Codes) -> None:
    keys = Keys(path, codes)
    first = codes.new()
    await keys.rotate([first])
    second = codes.new()
    await keys.rotate([first, second])
    await keys.let_go([first])
    assert len(codes.keys) == 2
    assert codes.parse(first) == first
    with pytest.raises(Refused) as refused:
        codes.parse(second)
    assert refused.value.code == "forged"
    await keys.let_go([])
    assert read_codes(path, "box-1").keys == codes.keys[:1]


async def test_the_key_that_just_signed_is_kept_without_a_look(path: Path, codes: Codes) -> None:
    """A code may be on its way into the journal."""
    on_its_way = codes.new()
    await Keys(path, codes).rotate([])
    assert codes.parse(on_its_way) == on_its_way


async def test_there_is_a_bound(path: Path, codes: Codes) -> None:
    keys = Keys(path, codes)
    live: list[str] = []
    for _ in range(OLD_MOST):
        live.append(codes.new())
        await keys.rotate(live)
    live.append(codes.new())
    with pytest.raises(Refused) as refused:
        await keys.rotate(live)
    assert refused.value.code == "too_many_keys"
    assert len(read_codes(path, "box-1").keys) == OLD_MOST + 1
    assert await keys.rotate(live[1:]) == OLD_MOST


async def test_a_disk_that_refuses_changes_nothing(path: Path, codes: Codes) -> None:
    before = codes.keys
    with (
        mock.patch("gateway.grants.keys.write_atomic", side_effect=OSError(28, "No space left")),
        pytest.raises(Refused, match="No space left"),
    ):
        await Keys(path, codes).rotate([])
    assert codes.keys == before


def test_a_key_that_was_cut_short_is_none(path: Path) -> None:
    path.write_bytes(bytes(KEY_BYTES) + b"half a key")
    assert read_codes(path, "box-1").keys == (bytes(KEY_BYTES),)


@pytest.mark.timeout(300)
def test_a_million_forged_codes_are_none_of_the_issued_ones() -> None:
    """Well-formed, of this shop, with a guessed MAC: the worst that a forger can do.

    A code passes its MAC once in 2^20 for each key; what it then needs is a row, and the row has
    the MAC too. So none of a million is a code that was issued.
    """
    chance = random.Random(11)
    codes = Codes(bytes(range(32)), "box-1", tuple(chance.randbytes(32) for _ in range(OLD_MOST)))
    with mock.patch("secrets.randbits", chance.getrandbits):
        issued = {codes.new() for _ in range(1000)}
    tag = codes.new()[:2]
    passed: list[str] = []
    for _ in range(FORGED):
        body = tag + crockford.encode(chance.getrandbits(45), LENGTH - 3)
        check = crockford.decode(body) % crockford.CHECK_MODULUS
        if check > 31:
            continue  # would have no check symbol
        try:
            passed.append(codes.parse(shown(body + crockford.ALPHABET[check])))
        except Refused as refusal:
            assert refusal.code == "forged"  # noqa: PT017 - a million times
    assert issued.isdisjoint(passed)
    assert len(passed) < 40  # 9 keys: 7.8 of 864,000 are expected


def test_codes_of_an_unknown_key_are_forged() -> None:
    codes = Codes(bytes(32), "box-1", (bytes(31) + b"1",))
    forger = Codes(secrets.token_bytes(32), "box-1")
    heard = set()
    for _ in range(300):
        with pytest.raises(Refused) as refused:
            codes.parse(forger.new())
        heard.add(refused.value.code)
    assert heard == {"forged"}
