"""What a box asks of the centre and what it is told: MQTT 5 requests and responses (section 4.10).

The same questions go straight to a server by the direct uplink. docs/mqtt.md says it for people.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.grants.known import Balance
from gateway.sync.wire import FORMAT, Words

ASK: Final = "ask"
TOLD: Final = "told"
CORRELATION_BYTES: Final = 64
"""The longest correlation data that a bridge sends back."""
BOARDS_MOST: Final = 20
LINES_MOST: Final = 100

Account = Annotated[str, Meta(min_length=1, max_length=200)]


class AskAccount(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", tag="account"):
    """`ask`, up: what the server knows of an account."""

    format: int = FORMAT
    account: Account


class AskBoards(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", tag="boards"):
    """`ask`, up: the leader boards."""

    format: int = FORMAT


class AccountTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="account"):
    """`told`, down: an account, with the names of its unlocked achievements."""

    format: int = FORMAT
    account: Account
    level: int
    experience: int
    balance: Balance
    achievements: tuple[str, ...] = ()


class NoAccountTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="no_account"):
    """`told`, down: the server has no such account."""

    format: int = FORMAT
    account: Account


class BoardEntry(msgspec.Struct, frozen=True):
    """One line of a leader board; the account is empty where this box may not know it."""

    account: str
    score: float
    shop: bool = False


class Board(msgspec.Struct, frozen=True):
    """A leader board, best first; `updated_at` is the server's, ISO 8601."""

    name: str
    updated_at: str
    lines: Annotated[tuple[BoardEntry, ...], Meta(max_length=LINES_MOST)]


class BoardsTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="boards"):
    """`told`, down: the leader boards that the server has filled."""

    format: int = FORMAT
    boards: Annotated[tuple[Board, ...], Meta(max_length=BOARDS_MOST)]


class NotTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="nothing"):
    """`told`, down: no answer, and why.

    Attributes:
        problem: `busy`: asked too much, later. `away`: the server does not answer. `server`: its
            token or configuration. `binding`: this box may not know that. `unreadable`: no question
            of ours.
        words: For a person.
    """

    format: int = FORMAT
    problem: Annotated[str, Meta(max_length=40)]
    words: Words


BUSY: Final = "busy"

Question = AskAccount | AskBoards
Told = AccountTold | NoAccountTold | BoardsTold
Reply = Told | NotTold
