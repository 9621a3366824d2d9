"""What the control socket's requests about the centre do."""

from collections.abc import Callable
from typing import Any, Final

from gateway.clock import NS_PER_S, Clock
from gateway.control import Asker
from gateway.grants.known import KnownBoard
from gateway.request import Request
from gateway.sync.lookup import Lookup
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView


class CentreService:
    """Answers them.

    Args:
        lookup: What the centre said.
        clock: The time.
        may_show: Whether a person's account may be shown to others.
    """

    def __init__(self, lookup: Lookup, clock: Clock, may_show: Callable[[str], bool]) -> None:
        self._lookup: Final = lookup
        self._clock: Final = clock
        self._may_show: Final = may_show

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {GetLeaderBoards: self._boards}

    async def _boards(self, _: GetLeaderBoards, __: Asker) -> tuple[LeaderBoardView, ...]:
        return tuple(map(self._view, await self._lookup.boards()))

    def _view(self, board: KnownBoard) -> LeaderBoardView:
        now = self._clock.now()
        age_ns = now.wall_ns - board.as_of_wall_ns
        return LeaderBoardView(
            name=board.name,
            lines=tuple(each for each in board.lines if each.shop or self._may_show(each.account)),
            updated_at=board.updated_at,
            age_s=age_ns / NS_PER_S if now.synced and age_ns >= 0 else None,
        )
