"""Ten thousand PINs against the door of the box itself, with a clock of the test's own."""

from collections import Counter
from pathlib import Path

import pytest

from gateway.access import Access
from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
from gateway.model import Role

GUESSES = 10_000
STAFF = (Staff(name="Anna"), Staff(name="Olga", role=Role.OWNER))


@pytest.fixture
def wall() -> list[float]:
    return [1_800_000_000.0]


def door_at(path: Path, wall: list[float]) -> Access:
    return Access(path, STAFF, Rules(), wall=lambda: wall[0])


async def test_delays_grow_to_an_hour_and_few_are_looked_at(
    tmp_path: Path, wall: list[float]
) -> None:
    path = tmp_path / "access.json"
    door = door_at(path, wall)
    await door.set_pin("Anna", "736251")
    said: Counter[str] = Counter()
    for guess in range(GUESSES):
        wall[0] += 1  # one a second: nearly three hours of it
        if guess % 2500 == 2499:
            door = door_at(path, wall)  # a restart forgives nobody
        with pytest.raises(Refused) as refused:
            await door.login("Anna", f"{guess:06}")
        said[refused.value.code] += 1
    assert said["bad_pin"] + said["locked_out"] == GUESSES
    assert said["bad_pin"] <= 15
    with pytest.raises(Refused) as locked:  # the right one helps nobody meanwhile
        await door.login("Anna", "736251")
    assert locked.value.code == "locked_out"


async def test_nobody_can_be_told_from_somebody(
    tmp_path: Path, wall: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words, the same lock-out, and the same work: one hash is verified for each."""
    door = door_at(tmp_path / "access.json", wall)
    await door.set_pin("Anna", "736251")
    verified: list[str] = []
    verify = door._verify

    def counted(hashed: str, pin: str) -> bool:
        verified.append(hashed.rpartition("$")[0].rpartition("$")[0])
        return verify(hashed, pin)

    monkeypatch.setattr(door, "_verify", counted)
    heard: dict[str, list[str]] = {}
    for name in ("Anna", "Olga", "Nobody"):  # with a PIN, without one, and not there at all
        for _ in range(8):
            with pytest.raises(Refused) as refused:
                await door.login(name, "0")
            heard.setdefault(name, []).append(f"{refused.value.code}: {refused.value}")
    assert heard["Anna"] == heard["Olga"] == heard["Nobody"]
    assert len(verified) == 3 * heard["Anna"].count("bad_pin: the name and the PIN do not fit")
    assert len(set(verified)) == 1  # the same parameters: the same time


async def test_made_up_names_do_not_fill_the_disk(tmp_path: Path, wall: list[float]) -> None:
    path = tmp_path / "access.json"
    door = door_at(path, wall)
    for guess in range(120):
        with pytest.raises(Refused):
            await door.login(f"stranger {guess} " + "x" * 1000, "0")
    assert path.stat().st_size < 20_000
