"""PINs, lock-outs and sessions, on a real file and with a clock that may lie."""

import asyncio
import json
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import argon2
import msgspec
import pytest

from gateway.access import SESSIONS_MOST, Access
from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.model import Role

RULES = Rules(lockout_after=3, lockout_s=30.0, session_hours=12.0)
STAFF = (
    Staff(name="Olga", role=Role.OWNER),
    Staff(name="Max", role=Role.MANAGER),
    Staff(name="Anna"),
)
PIN = "7193"
HOUR_S = 3600.0
YEAR_S = 365 * 24 * HOUR_S
START_S = 1_800_000_000.0


class Wall:
    """Unix time as the test wants it."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that costs next to nothing."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", lambda **_: cheap)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.json"


@pytest.fixture
async def access(path: Path, wall: Wall) -> Access:
    access = Access(path, STAFF, RULES, wall=wall)
    for person in STAFF[:2]:
        await access.set_pin(person.name, PIN)
    return access


def again(path: Path, wall: Wall, staff: tuple[Staff, ...] = STAFF) -> Access:
    """As after a restart."""
    return Access(path, staff, RULES, wall=wall)


def on_disk(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(path.read_bytes())
    return kept


async def refusal(asked: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refused:
        await asked
    return refused.value.code


async def wrong(access: Access, name: str = "Max", times: int = 1) -> list[str]:
    return [await refusal(access.login(name, "0000")) for _ in range(times)]


async def locked_s(access: Access, name: str = "Max") -> float:
    """How long a lock-out lasts yet, in the words of the refusal."""
    with pytest.raises(Refused, match="wait") as refused:
        await access.login(name, PIN)
    assert refused.value.code == "locked_out"
    return float(str(refused.value).split("wait ")[1].split(" s")[0])


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


class TestSession:
    async def test_outlives_a_restart_and_is_kept_as_a_hash(
        self, access: Access, path: Path, wall: Wall
    ) -> None:
        session = await access.login("Max", PIN)
        assert session.token not in json.dumps(on_disk(path))
        assert again(path, wall).session(session.token) == session

    async def test_ends_in_its_time(self, access: Access, wall: Wall) -> None:
        session = await access.login("Max", PIN)
        wall.now_s += 12 * HOUR_S
        access.session(session.token)
        wall.now_s += 1
        with pytest.raises(Refused, match="sign in"):
            access.session(session.token)

    async def test_ends_with_logging_out(self, access: Access, path: Path, wall: Wall) -> None:
        first, second = await access.login("Max", PIN), await access.login("Max", PIN)
        await access.logout(first.token)
        await access.logout("never a token")
        for each in (access, again(path, wall)):
            assert each.session(second.token) == second
            with pytest.raises(Refused, match="sign in"):
                each.session(first.token)

    async def test_ends_with_a_new_pin(self, access: Access, path: Path, wall: Wall) -> None:
        mine, others = await access.login("Max", PIN), await access.login("Olga", PIN)
        await access.set_pin("Max", "8264")
        for each in (access, again(path, wall)):
            with pytest.raises(Refused, match="sign in"):
                each.session(mine.token)
            assert each.session(others.token) == others

    async def test_has_the_role_that_its_person_has_now(
        self, access: Access, path: Path, wall: Wall
    ) -> None:
        session = await access.login("Max", PIN)
        demoted = again(path, wall, staff=(Staff(name="Max"),))
        assert demoted.session(session.token).role is Role.STAFF

    async def test_does_not_last_for_years_when_the_clock_is_set_back(
        self, access: Access, wall: Wall
    ) -> None:
        wall.now_s += YEAR_S
        session = await access.login("Max", PIN)
        wall.now_s -= YEAR_S
        access.session(session.token)  # nobody is signed out by it
        wall.now_s += 12 * HOUR_S + 1
        with pytest.raises(Refused, match="sign in"):
            access.session(session.token)

    async def test_there_are_only_so_many_the_newest(self, access: Access, path: Path) -> None:
        tokens = [(await access.login("Max", PIN)).token for _ in range(SESSIONS_MOST + 2)]
        assert len(on_disk(path)["sessions"]) == SESSIONS_MOST
        access.session(tokens[2])
        with pytest.raises(Refused, match="sign in"):
            access.session(tokens[1])

    @pytest.mark.parametrize("token", ["", "x", "🙂" * 1000])
    async def test_a_made_up_token_is_nobodys(self, access: Access, token: str) -> None:
        with pytest.raises(Refused, match="sign in"):
            access.session(token)


class TestSetPin:
    @pytest.mark.parametrize(
        "pin", ["", "123", "0000", "1234", "4321", "7890", "9876", "aaaaaa", "x" * 33]
    )
    async def test_refuses_a_weak_one(self, access: Access, pin: str) -> None:
        assert await refusal(access.set_pin("Max", pin)) == "weak_pin"
        await access.login("Max", PIN)

    @pytest.mark.parametrize("pin", ["1357", "пароль", "x" * 31 + "y", "1243"])
    async def test_takes_any_other(self, access: Access, pin: str) -> None:
        await access.set_pin("Max", pin)
        await access.login("Max", pin)
        assert await refusal(access.login("Max", PIN)) == "bad_pin"

    async def test_is_for_configured_people(self, access: Access) -> None:
        assert await refusal(access.set_pin("Nobody", PIN)) == "unknown_staff"


class TestADiskThatRefuses:
    @pytest.fixture
    def full(self, access: Access, monkeypatch: pytest.MonkeyPatch) -> Access:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("gateway.access.write_atomic", refuse)
        return access

    async def test_does_not_keep_people_from_signing_in_and_out(
        self, full: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        session = await full.login("Max", PIN)
        assert full.session(session.token) == session
        await full.logout(session.token)
        with pytest.raises(Refused, match="sign in"):
            full.session(session.token)
        assert "No space left" in caplog.text

    async def test_still_counts_wrong_pins(self, full: Access) -> None:
        assert await wrong(full, times=3) == ["bad_pin"] * 3
        assert await locked_s(full) == 30

    async def test_leaves_the_old_pin_in_force(self, full: Access, path: Path, wall: Wall) -> None:
        session = await full.login("Max", PIN)
        assert await refusal(full.set_pin("Max", "8264")) == "not_kept"
        assert full.session(session.token) == session
        await full.login("Max", PIN)
        await again(path, wall).login("Max", PIN)


class TestClaim:
    async def test_is_an_owners_pin(self, path: Path, wall: Wall) -> None:
        claimed = []
        access = again(path, wall)
        for name in ("Anna", "Olga"):
            claimed.append(access.is_claimed)
            await access.set_pin(name, PIN)
        assert [*claimed, access.is_claimed] == [False, False, True]
        assert again(path, wall).is_claimed

    async def test_is_anybodys_pin_where_there_is_no_owner(self, path: Path, wall: Wall) -> None:
        access = again(path, wall, STAFF[2:])
        await access.set_pin("Anna", PIN)
        assert access.is_claimed

    async def test_ends_with_a_reset_of_the_owners_alone(
        self, access: Access, path: Path, wall: Wall
    ) -> None:
        owner, manager = await access.login("Olga", PIN), await access.login("Max", PIN)
        await access.reset_owner()
        for each in (access, again(path, wall)):
            assert not each.is_claimed
            assert await refusal(each.login("Olga", PIN)) == "bad_pin"
            with pytest.raises(Refused, match="sign in"):
                each.session(owner.token)
            assert each.session(manager.token) == manager


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"pins": 7}',
        b"\xff\xfe",
        b'{"pins": {"Max": "\xff"}}',
        b'{"x": ' + b"[" * 100_000,
        os.urandom(100_000),
    ],
)
def test_a_damaged_file_is_one_kind_of_error(path: Path, wall: Wall, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(msgspec.DecodeError):
        again(path, wall)
    assert path.read_bytes() == text


def test_a_file_that_cannot_be_read_is_an_os_error(path: Path, wall: Wall) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        again(path, wall)
