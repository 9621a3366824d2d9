"""Sessions: how long they last, whose they are, and where they are kept."""

import json
from pathlib import Path

import pytest

from gateway.access import SESSIONS_MOST, Access
from gateway.config import Staff
from gateway.errors import Refused
from gateway.model import Role
from tests.access.people import HOUR_S, PIN, YEAR_S, Wall, again, on_disk


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
