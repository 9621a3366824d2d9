"""The books of the ACHIVX stand-in: accounts, actions and payments in memory.

It follows the rules of ACHIVX-COM/reward-system, its oddities included: a reward arrives as a
32-bit float, negative experience fails on an account that has none, what is taken is cut to the
balance as it was before the action. No I/O and no clock: the time is an argument, and every method
either does all of its work or none.
"""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

import msgspec

from gateway.simulator.gamification import UNLOCK, Achievement, ActionBoard, Gamification
from gateway.simulator.messages import LedgerAccount, LedgerEntry

_DECIMAL128: Final = Context(prec=34, traps=[])  # the database's number type for balances

Meta = tuple[tuple[str, str], ...]


class Refusal(Exception):
    """An answer that is not a success.

    Attributes:
        code: The gRPC status code's name.
        details: The server's words.
    """

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details


class Recorded(msgspec.Struct, frozen=True):
    """One action as it was kept; `reward` before any cut."""

    account: str
    action: str
    key: str | None
    created_at: str
    experience: int
    reward: float


class Payment(msgspec.Struct, frozen=True):
    """One change of a balance, with what the server notes about its reason."""

    id: str
    account: str
    amount: Decimal
    timestamp: str
    meta: Meta


class Account(msgspec.Struct):
    """One account, and how often it did what."""

    id: str
    registered_at: str
    balance: Decimal = Decimal(0)
    experience: int = 0
    rewarded_level: int = 0  # a level lost and reached again is not paid again
    last_active_at: str = ""
    done: Counter[str] = msgspec.field(default_factory=Counter)
    unlocked: dict[str, str] = msgspec.field(default_factory=dict)


class Progress(msgspec.Struct, frozen=True):
    """How far an account is with one achievement; `unlocked_at` is empty while it is locked."""

    name: str
    progress: int
    threshold: int
    unlocked_at: str


class Board(msgspec.Struct, frozen=True):
    """One leader board as its job left it."""

    leaders: tuple[tuple[str, int], ...]
    updated_at: str


class Ledger:
    """Everything the stand-in knows. It outlives the server, as a database does.

    Args:
        config: What actions, levels and achievements are worth.

    Attributes:
        index_missing: While true, nothing keeps one key from being recorded twice.
    """

    def __init__(self, config: Gamification) -> None:
        self.config: Final = config
        self.accounts: dict[str, Account] = {}
        self.actions: list[Recorded] = []
        self.payments: list[Payment] = []
        self.boards: dict[str, Board] = {}
        self.index_missing = False
        self._keys: set[tuple[str, str, str | None]] = set()

    def snapshot(self) -> tuple[tuple[LedgerAccount, ...], tuple[LedgerEntry, ...]]:
        """Every account and every action as they are now, in order of arrival."""
        accounts = tuple(
            LedgerAccount(
                id=account.id,
                balance=str(account.balance),
                experience=account.experience,
                level=self.config.level_at(account.experience),
            )
            for account in self.accounts.values()
        )
        actions = tuple(
            LedgerEntry(
                account=each.account,
                action=each.action,
                key=each.key or "",
                created_at=each.created_at,
                experience=each.experience,
                reward=each.reward,
            )
            for each in self.actions
        )
        return accounts, actions

    def account(self, name: str) -> Account:
        """One account.

        Raises:
            Refusal: There is none, or no name.
        """
        if not name:
            raise Refusal("INVALID_ARGUMENT", "Missing account ID")
        if name not in self.accounts:
            raise Refusal("NOT_FOUND", "Account not found")
        return self.accounts[name]

    def upsert(self, name: str, registered_at: str) -> Account:
        """One account, made now if there is none.

        Raises:
            Refusal: There is no name.
        """
        if not name:
            raise Refusal("INVALID_ARGUMENT", "Missing account ID")
        return self.accounts.setdefault(name, Account(name, registered_at))

    def track(self, name: str, moment: str) -> Account:
        """Note that an account was active.

        Raises:
            Refusal: It is not there, `moment` is no time, or it was active later or never.
        """
        account = self.account(name)
        try:
            datetime.fromisoformat(moment)
        except ValueError:
            raise Refusal("UNKNOWN", "Cast to date failed") from None
        if not account.last_active_at or account.last_active_at >= moment:
            raise Refusal("ALREADY_EXISTS", "A more recent activity is already tracked")
        account.last_active_at = moment
        return account

    def create_action(
        self,
        name: str,
        action: str,
        key: str | None,
        now: str,
        *,
        xp: int | None = None,
        reward: float | None = None,
    ) -> Recorded:
        """Record one action with everything that follows from it.

        Args:
            name: The account.
            action: An action of the configuration.
            key: None when the request has none.
            now: The server's time, ISO 8601.
            xp: Experience instead of the configured one.
            reward: Tokens instead of the configured ones.

        Raises:
            Refusal: As the server would answer; nothing has changed then.
        """
        if not name or not action:
            missing = "account ID" if not name else "action name"
            raise Refusal("INVALID_ARGUMENT", f"Missing {missing}")
        account = self.account(name)
        self._check_key(action, key)
        rule = self.config.actions[action]
        kept = Recorded(
            account=name,
            action=action,
            key=key,
            created_at=now,
            experience=rule.xp if xp is None else xp,
            reward=rule.reward if reward is None else reward,
        )
        if math.isnan(kept.reward):
            raise Refusal("UNKNOWN", "Action validation failed: reward: Cast to Number failed")
        if (name, action, key) in self._keys and not self.index_missing:
            raise Refusal("ALREADY_EXISTS", "Action already exists")
        if kept.experience < 0 and account.experience == 0:
            raise Refusal("UNKNOWN", "The expression evaluated to a falsy value")
        self._apply(account, kept, account.balance)
        return kept

    def pay(self, name: str, amount: Decimal, now: str, meta: Meta) -> Payment:
        """Change a balance. Not idempotent.

        Raises:
            Refusal: The account is not there, which this one call tells in its own way.
        """
        if name not in self.accounts:
            raise Refusal("FAILED_PRECONDITION", "Account not found")
        account = self.accounts[name]
        payment = Payment(f"{len(self.payments) + 1:024x}", name, amount, now, meta)
        account.balance = _DECIMAL128.add(account.balance, amount)
        self.payments.append(payment)
        return payment

    def achievements(self, name: str) -> Iterator[Progress]:
        """Every achievement with an account's progress.

        Raises:
            Refusal: The account is not there.
        """
        account = self.account(name)
        for title, achievement in self.config.achievements.items():
            since = account.unlocked.get(title, "")
            done = achievement.threshold if since else _progress(account, achievement)
            yield Progress(title, done, achievement.threshold, since)

    def run_boards(self, now: str) -> None:
        """The server's leader board jobs.

        Like the server's, an action-based board is cut to its size in the order the accounts came
        in: it sorts by a field that is gone by then.
        """
        for title, board in self.config.leader_boards.items():
            if isinstance(board, ActionBoard):
                rows = [
                    (account.id, _weight(account, board.actions))
                    for account in self.accounts.values()
                    if any(account.done[action] for action in board.actions)
                ]
            else:
                rows = [(account.id, account.experience) for account in self.accounts.values()]
                rows.sort(key=lambda row: row[1], reverse=True)
            self.boards[title] = Board(tuple(rows[: board.size]), now)

    def board(self, title: str) -> Board:
        """One leader board.

        Raises:
            Refusal: There is none, or its job has not run.
        """
        if not title:
            raise Refusal("INVALID_ARGUMENT", "Missing leader board name")
        if title not in self.config.leader_boards:
            raise Refusal("NOT_FOUND", f"Leader board {title} not found")
        if title not in self.boards:
            words = f"Leader board {title} is not initialized. Please run its job first."
            raise Refusal("FAILED_PRECONDITION", words)
        return self.boards[title]

    def _check_key(self, action: str, key: str | None) -> None:
        if action not in self.config.actions:
            raise Refusal("INVALID_ARGUMENT", f"Unknown action name: {action}")
        if self.config.actions[action].repeatable and not key:
            words = f"Action {action} is repeatable but key is not provided"
            raise Refusal("INVALID_ARGUMENT", words)
        if not self.config.actions[action].repeatable and key:
            words = f"Action {action} is not repeatable but key is provided"
            raise Refusal("INVALID_ARGUMENT", words)

    def _apply(self, account: Account, kept: Recorded, balance_before: Decimal) -> None:
        """Record it, then experience, payment and achievements, in the server's order."""
        self._keys.add((kept.account, kept.action, kept.key))
        self.actions.append(kept)
        account.done[kept.action] += 1
        if self.config.actions[kept.action].track_activity:
            account.last_active_at = max(account.last_active_at, kept.created_at)
        account.experience = max(0, account.experience + kept.experience)
        self._pay_levels(account, kept.created_at)
        self._pay_reward(account, kept, balance_before)
        for title, achievement in self.config.achievements.items():
            if kept.action in achievement.actions and title not in account.unlocked:
                self._unlock(account, title, kept.created_at, balance_before)

    def _pay_levels(self, account: Account, now: str) -> None:
        level = self.config.level_at(account.experience)
        if level <= account.rewarded_level:
            return
        reward = sum(each.reward for each in self.config.levels[account.rewarded_level : level])
        if reward > 0:
            meta = (
                ("levelupReward", "true"),
                ("levelupFrom", str(account.rewarded_level)),
                ("levelupTo", str(level)),
            )
            self.pay(account.id, decimal(reward), now, meta)
        account.rewarded_level = level

    def _pay_reward(self, account: Account, kept: Recorded, balance_before: Decimal) -> None:
        amount = decimal(kept.reward)
        if amount < 0:
            amount = max(amount, -balance_before)
        if amount:
            meta = (("action", kept.action), ("actionKey", kept.key or ""))
            self.pay(account.id, amount, kept.created_at, meta)

    def _unlock(self, account: Account, title: str, now: str, balance_before: Decimal) -> None:
        achievement = self.config.achievements[title]
        if _progress(account, achievement) < achievement.threshold:
            return
        account.unlocked[title] = now
        unlocked = Recorded(
            account=account.id,
            action=UNLOCK,
            key=title,
            created_at=now,
            experience=achievement.xp,
            reward=achievement.reward,
        )
        self._apply(account, unlocked, balance_before)


def decimal(number: float) -> Decimal:
    """A number as the server writes it into a balance: the shortest digits that name it."""
    whole = math.isfinite(number) and number % 1 == 0
    return Decimal(int(number)) if whole else Decimal(repr(number))


def _weight(account: Account, weights: dict[str, int]) -> int:
    return sum(account.done[action] * weight for action, weight in weights.items())


def _progress(account: Account, achievement: Achievement) -> int:
    return max(0, min(achievement.threshold, _weight(account, achievement.actions)))
