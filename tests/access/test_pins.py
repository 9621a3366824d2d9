"""PINs: setting them, claiming the box, and a file or a disk that is damaged."""

import os
from pathlib import Path

import msgspec
import pytest

from gateway.access import Access
from gateway.errors import Refused
from tests.access.people import PIN, STAFF, Wall, again, locked_s, refusal, wrong


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
