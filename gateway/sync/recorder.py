"""Batches onto the ACHIVX server: what the direct uplink and the bridge have in common.

Events go out at once over different accounts and in order within one; what is done with is the
unbroken run from the first. After an answer that says neither yes nor no, the very same calls are
made again: the server's uniqueness makes that harmless.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.errors import GatewayError
from gateway.events import Record
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import (
    AchivxError,
    ActionRule,
    IndexMissing,
    Rejected,
    TokenUnchecked,
    Unauthenticated,
)
from gateway.sync.gate import AccountGate
from gateway.sync.mapping import CANARY, REQUIRED, Action, UnknownMapping, actions_of
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted

Plan = Callable[[Record], tuple[Action, ...]]
"""The actions of a record. Raises `Rejected` to set it aside, `Held` to stand before it."""


class Recorder:
    """Records batches through one client.

    Args:
        client: Entered by its owner.
    """

    def __init__(self, client: AchivxClient) -> None:
        self._client: Final = client
        self._gate: Final = AccountGate()

    async def prove(self, account: str, key: str) -> None:
        """Make sure that what is recorded now is recorded once: token, actions, unique index.

        Args:
            account: Where the canary is recorded.
            key: The canary's key; the same one may be used again.

        Raises:
            Held: The server is there, and something wrong that no retry mends.
            Interrupted: It is not there.
        """
        try:
            await self._check_actions()
            await self._client.canary(account, CANARY, key)
        except (Unauthenticated, IndexMissing, Rejected) as error:
            raise Held(str(error)) from error
        except AchivxError as error:
            raise Interrupted(str(error)) from error

    async def record(self, batch: Batch, plan: Plan = actions_of) -> Acknowledged:
        """Record as much of a batch as can be; returns what is done with, from its first on.

        Args:
            batch: At least one record.
            plan: What a record's actions are.

        Raises:
            Interrupted: Not even the first record is done with.
            Held: The same, and no retry mends it.
        """
        planned, stopped = _planned(batch, plan)
        blocked: set[str] = set()
        async with asyncio.TaskGroup() as group:
            # Tasks begin in this order, and the gate is first come, first served: events of one
            # account go out in the journal's order.
            tasks = [group.create_task(self._record(each, blocked)) for each in planned]
        last = batch.first - 1
        aside: list[Aside] = []
        for record, task in zip(batch.records, tasks, strict=False):
            result = task.result()
            if isinstance(result, Rejected):
                aside.append(Aside(record.seq, str(result)))
            elif result is not None:
                stopped = result
                break
            last = record.seq
        if last < batch.first:
            held = isinstance(stopped, Held | Unauthenticated | TokenUnchecked | UnknownMapping)
            raise (Held if held else Interrupted)(str(stopped)) from stopped
        return Acknowledged(
            device=batch.device,
            epoch=batch.epoch,
            first=batch.first,
            last=last,
            aside=tuple(aside),
        )

    async def _record(
        self, actions: tuple[Action, ...] | Rejected, blocked: set[str]
    ) -> GatewayError | None:
        """Record one event's actions; returns what stood in the way, None when it is done."""
        if isinstance(actions, Rejected):
            return actions
        if not actions:
            return None
        account = actions[0].account  # a mapping never spreads an event over accounts
        async with self._gate.passing(account):
            if account in blocked:
                return Interrupted(f"an earlier event of {account} comes first")
            try:
                await self._send(actions)
            except Rejected as error:
                return error
            except (AchivxError, Held) as error:
                blocked.add(account)
                return error
        return None

    async def _send(self, actions: tuple[Action, ...]) -> None:
        """Make an event's calls.

        Raises:
            Rejected: It will never be taken: refused twice, the configuration in order between.
            Held: The server's configuration is not in order.
            AchivxError: As `AchivxClient.record`.
        """
        try:
            await self._call(actions)
        except Rejected:
            # The server may have been configured anew since it was connected to.
            await self._check_actions()
            await self._call(actions)

    async def _call(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            await self._client.record(
                action.account, action.action, action.key, reward=action.reward
            )

    async def _check_actions(self) -> None:
        rules = await self._client.check_token()
        unfit = sorted(name for name in REQUIRED if not _is_fit(rules.get(name)))
        if unfit:
            raise Held(
                f"the server's configuration lacks {', '.join(unfit)}, or has them otherwise than"
                " docs/achivx/gamification.json: take them from there"
            )


def _planned(
    batch: Batch, plan: Plan
) -> tuple[list[tuple[Action, ...] | Rejected], GatewayError | None]:
    """What is to be done about the first records, and why not about all of them."""
    planned: list[tuple[Action, ...] | Rejected] = []
    for record in batch.records:
        try:
            planned.append(plan(record))
        except Rejected as error:
            planned.append(error)
        except (UnknownMapping, Held) as error:
            return planned, error
    return planned, None


def _is_fit(rule: ActionRule | None) -> bool:
    """Whether keyed actions can be recorded under this rule, also on an account with no xp."""
    return rule is not None and rule.repeatable and rule.xp >= 0
