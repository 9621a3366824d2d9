"""What the control socket's requests about the centre do."""

from typing import Any, Final

from gateway.clock import NS_PER_S, Clock
from gateway.config import Shop
from gateway.consent import Consent
from gateway.control import Asker
from gateway.grants.known import BoardLine, KnownBoard
from gateway.request import Request
from gateway.sync.lookup import Lookup
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView, LeaderLine


class CentreService:
    """Answers them.

    Args:
        lookup: What the centre said.
        clock: The time.
        consent: Whose accounts may be shown to others.
        shop: Whose box this is.
    """

    def __init__(self, lookup: Lookup, clock: Clock, consent: Consent, shop: Shop) -> None:
        self._lookup: Final = lookup
        self._clock: Final = clock
        self._consent: Final = consent
        self._shop: Final = shop

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
            lines=tuple(
                self._line(each)
                for each in board.lines
                if each.shop or self._consent.may_show(each.account)
            ),
            updated_at=board.updated_at,
            age_s=age_ns / NS_PER_S if now.synced and age_ns >= 0 else None,
        )

    def _line(self, line: BoardLine) -> LeaderLine:
        is_ours = line.shop and line.account == self._shop.account
        return LeaderLine(
            rank=line.rank,
            account=line.account,
            score=line.score,
            shop=line.shop,
            name=self._shop.name if is_ours else self._consent.name_of(line.account),
        )
