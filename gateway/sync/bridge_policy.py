"""What a box may write: pure, apart from the day's count of tokens that it keeps.

The topic names the box, since the broker lets each box write on its own topics alone. Everything
in a message is the box's claim, and a stolen box may claim anything: nothing of it decides whose
permission is looked at.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from gateway.events import Record
from gateway.sync.answers import Rejected
from gateway.sync.bridge_config import ANY_ACCOUNT, ANY_DEVICE, Device
from gateway.sync.mapping import Action, actions_of
from gateway.sync.uplink import Held

STAFF_ACTIONS: Final = frozenset(
    {
        "AlertAnswered",
        "AlertAnsweredInTime",
        "CustomerContacted",
        "CustomerRecovered",
        "ShiftWithoutMiss",
    }
)
SPENDING: Final = "TokensSpent"
CUSTOMER_ACTIONS: Final = frozenset({"RecoveryTokens", "GrantRedeemed", SPENDING})
"""Who an action is for. All others are for the shop; a redeemed grant may be for either."""


_ID: Final = re.compile(r"[a-z0-9-]{1,40}")
"""As `[device] id`: with a dot in it, one box's event ids could be another's."""


def _form(account: str) -> re.Pattern[str]:
    """The accounts that an entry's may stand for."""
    return re.compile(re.escape(account).replace(r"\{device\}", _ID.pattern))


class NotBound(Held):
    """The box records for another shop than it is bound to."""


class CapReached(Held):
    """The tokens that this box may pay today are used up."""


class Binding(msgspec.Struct, frozen=True):
    """One box, and what it may write.

    Attributes:
        device: Its id, as its topic has it.
        ids: Those its records may carry.
        account: The shop's own account.
    """

    device: str
    ids: frozenset[str]
    account: str
    staff: tuple[str, ...]
    customers: tuple[str, ...]
    reward_most: float
    reward_day: float


class Policy:
    """Which box may write what.

    Args:
        devices: The entries of bridge.toml.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self._entries: Final = {device.id: device for device in devices}
        self._shops: Final = [_form(device.account) for device in self._entries.values()]
        self._day: date | None = None
        self._moved: dict[tuple[str, bool], dict[str, float]] = {}  # paid, and taken, by device

    def binding(self, device: str) -> Binding | None:
        """What a box may write, None for one that has no entry."""
        entry = self._entries.get(device) or self._entries.get(ANY_DEVICE)
        if entry is None or _ID.fullmatch(device) is None:
            return None

        def filled(begins: Iterable[str]) -> tuple[str, ...]:
            return tuple(
                "" if begin == ANY_ACCOUNT else begin.replace("{device}", device)
                for begin in begins
            )

        return Binding(
            device=device,
            ids=frozenset({device, *entry.former_ids}),
            account=entry.account.replace("{device}", device),
            staff=filled(entry.staff),
            customers=filled(entry.customers),
            reward_most=entry.reward_most,
            reward_day=entry.reward_day,
        )

    def is_shop(self, account: str) -> bool:
        """Whether an account is a shop's, of any box."""
        return any(shop.fullmatch(account) for shop in self._shops)

    def plan(self, binding: Binding, record: Record, today: date) -> tuple[Action, ...]:
        """The actions of a record, if the box may have it recorded.

        Raises:
            Rejected: This event never may: it is set aside, and the line goes on.
            NotBound: The box, or its entry, is not what it should be: somebody must look.
            CapReached: Not today.
            UnknownMapping: The box is newer than this program.
        """
        if record.account != binding.account:
            raise NotBound(
                f"{binding.device} records for the shop account {record.account!r}, and the bridge"
                f" has it bound to {binding.account!r}: put the one or the other right"
            )
        actions = actions_of(record)
        for action in actions:
            _check(binding, action)
        tokens = sum(action.reward or 0.0 for action in actions)
        if tokens:
            self._count(binding, record.id, tokens, today)
        return actions

    def _count(self, binding: Binding, event: str, tokens: float, today: date) -> None:
        """Add to the day's sum of its direction; an event that comes again is the same one."""
        if today != self._day:
            self._day, self._moved = today, {}
        moved = self._moved.setdefault((binding.device, tokens > 0), {})
        if event not in moved and sum(moved.values()) + abs(tokens) > binding.reward_day:
            raise CapReached(
                f"{binding.device} may {'pay' if tokens > 0 else 'take'} {binding.reward_day:g}"
                " tokens a day, and that is used up: the line stands until tomorrow (UTC), or until"
                " reward_day is raised"
            )
        moved[event] = abs(tokens)


def _check(binding: Binding, action: Action) -> None:
    """Refuse an action that this box must not have recorded."""
    allowed = _allowed(binding, action)
    if not allowed:
        raise Rejected(f"{binding.device} may not record {action.action} on {action.account!r}")
    if action.reward is None:
        return
    verb, tokens = ("take", -action.reward) if action.action == SPENDING else ("pay", action.reward)
    if not 0 < tokens <= binding.reward_most:
        raise Rejected(
            f"{binding.device} may {verb} up to {binding.reward_most:g} tokens at once,"
            f" not {tokens!r}"
        )


def _allowed(binding: Binding, action: Action) -> bool:
    if action.action in STAFF_ACTIONS:
        return action.account.startswith(binding.staff)
    own = action.account == binding.account
    if action.action in CUSTOMER_ACTIONS:
        return action.account.startswith(binding.customers) or (own and action.reward is None)
    return own
