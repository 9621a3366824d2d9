"""Signing in, and the lock-out after wrong PINs."""

import asyncio
import json
from pathlib import Path

import pytest

from gateway.access import Access
from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.model import Role
from tests.access.people import (
    HOUR_S,
    PIN,
    STAFF,
    START_S,
    YEAR_S,
    Wall,
    again,
    locked_s,
    on_disk,
    refusal,
    wrong,
)


class TestLogin:
    async def test_gives_a_session_with_the_persons_role(self, access: Access) -> None:
        session = await access.login("Max", PIN)
        assert (session.staff, session.role) == ("Max", Role.MANAGER)
        assert access.session(session.token) == session

    async def test_tells_nobody_who_works_here(self, access: Access) -> None:
        said = set()
        for name in ("Max", "Anna", "Nobody", "", "x" * 100_000):
            with pytest.raises(Refused) as refused:
                await access.login(name, "0000")
            said.add((refused.value.code, str(refused.value)))
        assert said == {("bad_pin", "the name and the PIN do not fit")}

    async def test_checks_a_hash_for_every_name(
        self, access: Access, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked: list[str] = []
        real = access._verify

        def verify(hashed: str, pin: str) -> bool:
            checked.append(hashed.partition("$v=")[0])
            return real(hashed, pin)

        monkeypatch.setattr(access, "_verify", verify)
        for name in ("Max", "Anna", "Nobody"):
            await refusal(access.login(name, "0000"))
        assert checked == ["$argon2id"] * 3

    async def test_of_somebody_who_left_opens_nothing(
        self, access: Access, path: Path, wall: Wall
    ) -> None:
        session = await access.login("Max", PIN)
        after = again(path, wall, staff=STAFF[:1])
        assert await refusal(after.login("Max", PIN)) == "bad_pin"
        with pytest.raises(Refused, match="sign in"):
            after.session(session.token)

    async def test_hashes_with_argon2id_of_the_chosen_cost(
        self, access: Access, path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        access = again(path, wall)
        for person in STAFF:
            await access.set_pin(person.name, PIN)
        await access.login("Max", PIN)
        pins = on_disk(path)["pins"]
        assert pins.keys() == {person.name for person in STAFF}
        assert all(each.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for each in pins.values())

    @pytest.mark.usefixtures("access")
    async def test_with_a_damaged_hash_is_a_wrong_pin(
        self, path: Path, wall: Wall, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = on_disk(path)
        kept["pins"] |= {"Max": "$argon2id$cut", "Olga": "plain"}
        write_atomic(path, json.dumps(kept).encode())
        after = again(path, wall)
        assert await refusal(after.login("Max", PIN)) == "bad_pin"
        assert await refusal(after.login("Olga", PIN)) == "bad_pin"
        assert "set anew" in caplog.text
        await after.set_pin("Max", PIN)
        assert (await after.login("Max", PIN)).staff == "Max"


class TestLockOut:
    async def test_grows_with_each_wrong_pin_to_an_hour(self, access: Access, wall: Wall) -> None:
        assert await wrong(access, times=3) == ["bad_pin"] * 3
        waits = []
        for _ in range(9):
            waits.append(await locked_s(access))
            wall.now_s += waits[-1]
            assert await wrong(access) == ["bad_pin"]
        assert waits == [30, 60, 120, 240, 480, 960, 1920, HOUR_S, HOUR_S]

    async def test_holds_against_the_right_pin_and_ends(self, access: Access, wall: Wall) -> None:
        await wrong(access, times=3)
        assert await refusal(access.login("Max", PIN)) == "locked_out"
        wall.now_s += 30
        await access.login("Max", PIN)
        assert await wrong(access, times=2) == ["bad_pin"] * 2  # the count began anew
        await access.login("Max", PIN)

    async def test_is_one_persons(self, access: Access) -> None:
        await wrong(access, times=3)
        assert (await access.login("Olga", PIN)).staff == "Olga"

    async def test_outlives_a_restart(self, access: Access, path: Path, wall: Wall) -> None:
        await wrong(access, times=3)
        assert await locked_s(again(path, wall)) == 30

    async def test_is_the_same_for_a_name_that_nobody_has(
        self, access: Access, path: Path, wall: Wall
    ) -> None:
        for name in ("Nobody", "Anna"):  # a stranger, and a person without a PIN
            assert await wrong(access, name, times=3) == ["bad_pin"] * 3
            assert await locked_s(access, name) == 30
            assert await locked_s(again(path, wall), name) == 30

    async def test_of_strangers_does_not_fill_the_disk(self, access: Access, path: Path) -> None:
        for number in range(200):
            await wrong(access, f"{number}" * 5_000)
        assert len(json.dumps(on_disk(path))) < 20_000
        assert await wrong(access, times=3) == ["bad_pin"] * 3
        assert await locked_s(access) == 30  # a person is counted all the same

    async def test_of_strangers_costs_no_more_the_more_there_are(
        self, access: Access, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A guesser with a new name for each guess has few hashes made, and little written."""
        hashes: list[str] = []
        writes: list[Path] = []

        def verify(hashed: str, _: str) -> bool:
            hashes.append(hashed)
            return False

        monkeypatch.setattr(access, "_verify", verify)
        monkeypatch.setattr("gateway.access.write_atomic", lambda path, _: writes.append(path))
        for number in range(1000):
            await wrong(access, f"stranger {number}")
        assert len(hashes) == len(writes) < 80
        assert await wrong(access, times=3) == ["bad_pin"] * 3

    async def test_leaves_the_way_back_to_whoever_is_signed_in(self, access: Access) -> None:
        """Somebody who guesses from afar can lock a person's door, but not shut them out."""
        await access.set_pin("Max", "8264")
        token = (await access.login("Max", "8264")).token
        await wrong(access, "Max", times=3)
        assert await locked_s(access, "Max") == 30
        assert access.session(token).staff == "Max"
        await access.set_pin("Max", "9375")  # as an owner does, or root at the box
        await access.login("Max", "9375")

    async def test_is_over_with_a_new_pin(self, access: Access) -> None:
        await wrong(access, times=3)
        await access.set_pin("Max", "8264")
        await access.login("Max", "8264")

    async def test_guesses_at_once_are_counted_one_by_one(self, access: Access) -> None:
        tries = [access.login("Max", "0000") for _ in range(10)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        codes = [each.code for each in answers if isinstance(each, Refused)]
        assert codes == ["bad_pin"] * 3 + ["locked_out"] * 7

    @pytest.mark.parametrize("back_s", [HOUR_S, YEAR_S, START_S])
    async def test_is_not_longer_when_the_clock_is_set_back(
        self, access: Access, path: Path, wall: Wall, back_s: float
    ) -> None:
        await wrong(access, times=3)
        wall.now_s -= back_s
        for each in (access, again(path, wall)):
            before = wall.now_s
            assert await locked_s(each) == 30
            wall.now_s += 29
            assert await refusal(each.login("Max", PIN)) == "locked_out"
            wall.now_s += 2
            await each.login("Max", PIN)
            wall.now_s = before
            await wrong(access, times=3)

    async def test_ends_early_at_worst_when_the_clock_is_set_forward(
        self, access: Access, wall: Wall
    ) -> None:
        await wrong(access, times=4)
        wall.now_s += YEAR_S
        await access.login("Max", PIN)
