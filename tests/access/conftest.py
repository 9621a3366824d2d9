"""PINs on a real file, with a clock that may lie."""

from pathlib import Path

import argon2
import pytest

from gateway.access import Access
from tests.access.people import PIN, RULES, STAFF, Wall


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
