"""What is said on the control socket about the centre."""

import msgspec

from gateway.request import Request


class LeaderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a leader board, see `grants/known.py`.

    Attributes:
        name: This shop's, or whose of its staff the account is; empty where it is neither.
    """

    rank: int
    account: str
    score: float
    shop: bool = False
    name: str = ""


class LeaderBoardView(msgspec.Struct, frozen=True, kw_only=True):
    """A leader board of shops or staff, best first.

    Attributes:
        lines: Of shops, and of those of this shop's staff who agreed to be shown. Their ranks count
            everybody.
        updated_at: When the server counted it, ISO 8601 in its words.
        age_s: How long ago the server was asked; None while the box's clock is not to be trusted.
    """

    name: str
    lines: tuple[LeaderLine, ...]
    updated_at: str
    age_s: float | None


class GetLeaderBoards(Request[tuple[LeaderBoardView, ...]], frozen=True, tag="leader_boards"):
    """The leader boards, as the box has them: also while the centre is away."""


AnyCentreRequest = GetLeaderBoards
