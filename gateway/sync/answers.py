"""What may be asked of the ACHIVX server, and what its answers mean: no I/O and no gRPC in here.

The server is ACHIVX-COM/reward-system. Its database's error numbers leak out as gRPC codes (a lost
database host is number 6, which reads ALREADY_EXISTS), so a code alone never decides: only the
server's own words do, and whatever is not one of its plain answers means "try again".

AchivxError(GatewayError)
├── Retry              it may or may not be recorded: the same call, with the same key, again
├── Rejected           it will never be taken: set it aside and show it
├── NoAccount          the account does not exist yet
├── Unauthenticated    the token is not the server's: stop the queue and show it
├── AlreadyRecorded    the same account, action and key is there: nothing more to do
├── TokenUnchecked     a call before the token was known to be good
└── IndexMissing       the server records one key twice: nothing may be sent
"""

import math
import struct
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from gateway.errors import GatewayError

RESERVED: Final = "achivx."  # actions that the server records itself, e.g. an unlocked achievement
_ALREADY: Final = "Action already exists"
_NO_ACCOUNT: Final = "Account not found"
_REWARD_LIMIT: Final = 2**24  # float32 holds whole numbers exactly up to here
_XP_LIMIT: Final = 2**31
_KEY_CHARS: Final = 128
_WORDS: Final = 300


class AchivxError(GatewayError):
    """The root: what the ACHIVX server, or the way to it, said no with."""


class Retry(AchivxError):
    """Nobody can tell whether it is recorded; the same call with the same key finds out.

    Attributes:
        code: The gRPC status code's name, e.g. `UNAVAILABLE`.
    """

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"{code}: {details[:_WORDS]}")
        self.code = code


class Rejected(AchivxError, ValueError):
    """A call that the server will never take, whether it said so or was not even asked."""


class AlreadyRecorded(AchivxError):
    """This account, action and key is on the server; the repeat changed nothing."""


class NoAccount(AchivxError):
    """The account does not exist on the server."""


class Unauthenticated(AchivxError):
    """The server does not know this token."""


class TokenUnchecked(AchivxError):
    """`check_token` has to succeed first: some calls crash the server when the token is wrong."""


class IndexMissing(AchivxError):
    """The server recorded one key twice: its unique index is gone, and grants would pay twice."""


class Recorded(StrEnum):
    """How an action came to be on the server. Either way it is there exactly once."""

    NOW = "now"
    ALREADY = "already"


class ActionRule(msgspec.Struct, frozen=True):
    """One action as the server is configured.

    Attributes:
        xp: Experience that the account gets.
        reward: Tokens that the account gets; a 32-bit float on the wire.
        repeatable: Whether an account may have it many times, each under its own key.
    """

    xp: int
    reward: float
    repeatable: bool


class AccountDetails(msgspec.Struct, frozen=True):
    """One account. Times are ISO 8601 in the server's words, None where it has none."""

    id: str
    balance: Decimal
    level: int
    experience: int
    last_active_at: str | None
    registered_at: str | None


class Achievement(msgspec.Struct, frozen=True):
    """One achievement of one account; `unlocked_at` is None while it is locked."""

    name: str
    progress: float
    max_progress: float
    unlocked_at: str | None


class Leader(msgspec.Struct, frozen=True):
    """One line of a leader board."""

    account: str
    score: float


class LeaderBoard(msgspec.Struct, frozen=True):
    """A leader board, best first, as its job left it at `updated_at`."""

    name: str
    leaders: tuple[Leader, ...]
    updated_at: str


def refusal(code: str, details: str) -> AchivxError:
    """What a failed call means: the error to raise.

    Args:
        code: The gRPC status code's name.
        details: The server's words.

    INVALID_ARGUMENT is the one code taken at its word, since the database has no error number 3.
    UNAUTHENTICATED is too, since stopping the queue loses nothing.
    """
    if code == "INVALID_ARGUMENT":
        return Rejected(f"{code}: {details[:_WORDS]}")
    if code == "UNAUTHENTICATED":
        return Unauthenticated(f"{code}: {details[:_WORDS]}")
    if code == "ALREADY_EXISTS" and details == _ALREADY:
        return AlreadyRecorded(details)
    if code == "NOT_FOUND" and details == _NO_ACCOUNT:
        return NoAccount(details)
    return Retry(code, details)


def check_action(
    rules: Mapping[str, ActionRule],
    account: str,
    action: str,
    key: str,
    *,
    xp: int | None,
    reward: float | None,
) -> None:
    """Refuse what the server would mishandle.

    Negative experience fails for ever on an account that has none, and a reward that a 32-bit
    float cannot hold exactly is credited as another amount: neither may reach the wire.

    Args:
        rules: The actions the server is configured with.
        account: Any printable name.
        action: One of `rules`, and repeatable.
        key: 1 to 128 printable ASCII characters without blanks.
        xp: Experience instead of the configured one, from 0 up.
        reward: Tokens instead of the configured ones: a multiple of 1/4 below 2^24.

    Raises:
        Rejected: It says which rule is broken.
    """
    check_account(account)
    rule = rules.get(action)
    if rule is None:
        raise Rejected(f"the server is not configured with an action {action!r}")
    if not rule.repeatable:
        raise Rejected(f"the server's action {action} is not repeatable: it cannot have a key")
    if not (0 < len(key) <= _KEY_CHARS and all("!" <= letter <= "~" for letter in key)):
        raise Rejected(f"a key is 1 to {_KEY_CHARS} ASCII characters without blanks, not {key!r}")
    effective_xp = rule.xp if xp is None else xp
    if not 0 <= effective_xp < _XP_LIMIT:
        raise Rejected(f"experience of {action} must be from 0 to 2^31 - 1, not {effective_xp}")
    if reward is not None and not is_exact(reward):
        raise Rejected(f"a reward must be a multiple of 1/4 below 2^24, not {reward!r}")


def check_account(account: str) -> None:
    """Refuse an account id that the wire cannot carry.

    Raises:
        Rejected: It is empty or has unprintable characters.
    """
    if not account or not account.isprintable():
        raise Rejected(f"an account id must be printable text, not {account!r}")


def is_exact(reward: float) -> bool:
    """Whether a 32-bit float holds this many tokens exactly: quarters, below 2^24."""
    if not math.isfinite(reward) or abs(reward) >= _REWARD_LIMIT or (reward * 4) % 1:
        return False
    (sent,) = struct.unpack("<f", struct.pack("<f", reward))
    return bool(sent == reward)
