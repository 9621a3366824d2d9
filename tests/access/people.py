"""Three people with PINs on a real file, and what they are refused."""

import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from gateway.access import Access
from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
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
