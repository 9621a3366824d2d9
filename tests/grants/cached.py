"""Grants, an account and a board for a cache, and what is in one."""

from pathlib import Path

import msgspec

from gateway.clock import Stamp
from gateway.grants.cache import GrantCache
from gateway.grants.grant import Grant
from gateway.grants.known import BoardLine, KnownAccount, KnownBoard
from gateway.grants.playbook import STARTER
from gateway.model import GrantState, OfferKind


def grant(number: int, *, ended: int | None = None) -> Grant:
    """Issued at `number`, and ended at `ended`."""
    issued = Stamp("boot", number, number, synced=True)
    made = Grant(
        code=f"C{number}",
        request=f"r-{number}",
        offer="coupon",
        kind=OfferKind.COUPON,
        issued_by="Anna",
        issued=issued,
        expires=issued,
    )
    if ended is None:
        return made
    return msgspec.structs.replace(
        made,
        state=GrantState.REDEEMED,
        redeemed_by="Boris",
        redeemed=Stamp("boot", ended, ended, synced=True),
    )


ZOE = KnownAccount("zoe", 3, 250, "12.75", ("FirstRecovery",), 1_000, fresh=False)
BOARD = KnownBoard("Shops", (BoardLine(1, "shop", 7.5, shop=True),), "2027-01-01", 1_000)

NEWEST_FIRST = [grant(number, ended=number if number % 2 else None) for number in range(9, 0, -1)]


def held(cache: GrantCache) -> dict[str, Grant]:
    return {each.code: each for each in cache.grants()}


def by_code(grants: list[Grant]) -> dict[str, Grant]:
    return {each.code: each for each in grants}


def filled(path: Path) -> GrantCache:
    cache = GrantCache(path)
    cache.rebuild(STARTER, NEWEST_FIRST)
    cache.keep_account(ZOE)
    cache.keep_boards((BOARD,))
    cache.flush()
    return cache
