"""Guessing codes is slow, mistyping them is not."""

import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.errors import Refused
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.guesses import MOST, WINDOW_S
from gateway.journal.store import Journal
from gateway.model import Role

NOW = Stamp("boot-1", 100 * NS_PER_S, 1_000_000 * NS_PER_S, synced=True)
CODES = Codes(bytes(32), "box-1")
FORGER = Codes(bytes(31) + b"x", "box-1")


@pytest.fixture
def desk(kept: Journal) -> GrantDesk:
    return GrantDesk(kept, CODES, (), lambda _: None)


def later(seconds: float) -> Stamp:
    return Stamp("boot-1", NOW.mono_ns + int(seconds * NS_PER_S), NOW.wall_ns, synced=True)


async def refused(desk: GrantDesk, typed: str, by: str = "Anna", at: Stamp = NOW) -> str:
    with pytest.raises(Refused) as error:
        await desk.redeem(typed, by=by, at=at)
    return error.value.code


async def test_after_some_guesses_a_person_waits(desk: GrantDesk) -> None:
    grant = await desk.issue("r-1", "apology", by="Anna", role=Role.STAFF, at=NOW)
    for number in range(MOST):
        wanted, maker = (("forged", FORGER), ("unknown_code", CODES))[number % 2]
        assert await refused(desk, maker.new()) == wanted
    for typed in (grant.code, CODES.new(), "XXXX"):
        assert await refused(desk, typed) == "too_many_guesses"
        assert await refused(desk, typed, at=later(WINDOW_S)) == "too_many_guesses"
    with pytest.raises(Refused, match="wrong codes"):
        await desk.void(grant.code, by="Anna", reason="x", at=NOW)
    redeemed = await desk.redeem(grant.code, by="Boris", at=NOW)  # somebody else goes on
    assert redeemed.redeemed_by == "Boris"
    assert await refused(desk, CODES.new(), at=later(WINDOW_S + 1)) == "unknown_code"


async def test_slips_of_the_hand_count_for_nothing(desk: GrantDesk) -> None:
    grant = await desk.issue("r-1", "apology", by="Anna", role=Role.STAFF, at=NOW)
    last = "0" if grant.code[-1] != "0" else "1"
    for _ in range(MOST + 1):
        assert await refused(desk, grant.code[:-1] + last) == "mistyped"
        assert await refused(desk, Codes(bytes(32), "box-2").new()) == "foreign_shop"
    assert (await desk.redeem(grant.code, by="Anna", at=NOW)).redeemed_by == "Anna"
