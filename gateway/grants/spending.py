"""Paying with tokens at the counter, with the server there or not.

The journal decides, as it does for a grant: once for each request, and never more than the account
had by the server's last word, less what was spent here and that word cannot know of. An answer of
just now needs no more. On a remembered one the shop takes a risk, because the same tokens may have
been spent elsewhere: then all that the server does not know of yet stays within what the owner has
set.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.config import Spending
from gateway.errors import Refused
from gateway.events import TokensSpent
from gateway.grants.known import KnownAccount
from gateway.grants.words import check_names
from gateway.journal import rewards
from gateway.journal.rewards import Spent
from gateway.journal.store import Journal, Transaction

_TOKENS_BELOW: Final = 1 << 24

Find = Callable[[str], Awaitable[KnownAccount | None]]
"""What is known of an account: as the server says now, else as the box remembers it."""


class SpendDesk:
    """Takes tokens for what a customer wants.

    Args:
        journal: Decides and keeps.
        find: Knows balances.
        limits: What may be spent while the server does not answer.
    """

    def __init__(self, journal: Journal, find: Find, limits: Spending) -> None:
        self._journal: Final = journal
        self._find: Final = find
        self._limits: Final = limits

    async def spend(
        self, request: str, account: str, tokens: float, *, by: str, at: Stamp
    ) -> Spent:
        """Spend tokens of an account; a repeat of the same request spends nothing more.

        Args:
            request: The caller's id of it.
            account: Whose tokens.
            tokens: How many: above 0, in quarters, below 2^24.
            by: Who takes them.
            at: Now.

        Raises:
            Refused: `bad_request`, `bad_tokens`, `request_reused`, `no_balance` where nobody knows
                what the account has, `over_balance`, or `over_exposure` while the server is away.
            JournalError: It could not be kept, and so nothing was spent.
        """
        _check(request, account, tokens)
        known = await self._find(account)

        def work(transaction: Transaction) -> Spent:
            done = rewards.find_spent(transaction.connection, request)
            if done is not None and (done.account, done.tokens) != (account, tokens):
                raise Refused("request_reused", f"request {request!r} spent something else")
            if known is None:
                if done is not None:
                    return done
                raise Refused(
                    "no_balance",
                    f"nobody knows what {account} has: the server has no such account, or has not"
                    " answered since this customer was last here",
                )
            left = _left(transaction, known)
            if done is not None:
                return msgspec.structs.replace(done, left=max(left, 0.0))
            self._limit(transaction, known, left, tokens)
            event = TokensSpent(
                request=request,
                account=account,
                tokens=tokens,
                by=by,
                balance=float(known.balance),
            )
            transaction.append(event, at)
            return Spent(request=request, account=account, tokens=tokens, by=by, left=left - tokens)

        return await asyncio.wrap_future(self._journal.transact(work))

    def _limit(
        self, transaction: Transaction, known: KnownAccount, left: float, tokens: float
    ) -> None:
        if tokens > left:
            raise Refused("over_balance", f"{known.account} has {max(left, 0):g} tokens to spend")
        if known.fresh:
            return
        most = self._limits.offline_tokens
        open_ = rewards.unconfirmed(transaction.connection)
        if open_ + tokens > most:
            raise Refused(
                "over_exposure",
                f"the server is away, and without it at most {most:g} tokens may be spent here in"
                f" all: {max(most - open_, 0):g} of them are left",
            )


def _left(transaction: Transaction, known: KnownAccount) -> float:
    """Its balance, less what was spent here in events that the server may not have had by then.

    Told by sequence and not by time: a clock that jumps frees nothing.
    """
    upto = known.upto if known.epoch == transaction.epoch else 0
    spent = rewards.spent_after(transaction.connection, known.account, upto)
    return float(known.balance) - spent


def _check(request: str, account: str, tokens: float) -> None:
    check_names(request, account)
    # Every quarter below that is exact in the server's 32-bit float; `nan` is no quarter.
    if not (0 < tokens < _TOKENS_BELOW and tokens * 4 % 1 == 0):
        raise Refused("bad_tokens", f"tokens are above 0, in steps of 0.25, below {_TOKENS_BELOW}")
