"""What the box knows of the centre: accounts and leader boards, each as of a moment."""

from typing import Annotated

import msgspec
from msgspec import Meta

Balance = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""Tokens, as a decimal number in plain digits."""


class KnownAccount(msgspec.Struct, frozen=True):
    """One account on the ACHIVX server.

    Attributes:
        achievements: The names of the unlocked ones.
        as_of_wall_ns: When the server said so, by this box's clock.
        fresh: Whether it was asked just now; else it is what the box remembers.
        epoch: The journal's, when it was asked.
        upto: The events of that journal that the server had when it was asked, at least: what was
            spent in them is no longer in the balance.
    """

    account: str
    level: int
    experience: int
    balance: Balance
    achievements: tuple[str, ...]
    as_of_wall_ns: int
    fresh: bool
    epoch: str = ""
    upto: int = 0


class BoardLine(msgspec.Struct, frozen=True):
    """One line of a leader board. `rank` counts from 1, over lines too that are not shown."""

    rank: int
    account: str
    score: float
    shop: bool = False


class KnownBoard(msgspec.Struct, frozen=True):
    """A leader board, best first.

    Attributes:
        updated_at: When the server counted it, ISO 8601 in its words.
        as_of_wall_ns: When the server was asked, by this box's clock.
    """

    name: str
    lines: tuple[BoardLine, ...]
    updated_at: str
    as_of_wall_ns: int
