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
from gateway.sync.reader import Reader
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted

PROOF_S: Final = 300.0
"""How long a proof holds: a database may be put back from a dump, without its unique index, beneath
a server that never went away."""

_Line = list[tuple[int, tuple[Action, ...]]]
"""One account's events by their place in the batch."""
Plan = Callable[[Record], tuple[Action, ...]]
"""The actions of a record. Raises `Rejected` to set it aside, `Held` to stand before it."""


class Recorder:
    """Records batches through one client.

    Args:
        client: Entered by its owner.

    Attributes:
        reader: Reads through the same client and gate.
    """

    def __init__(self, client: AchivxClient) -> None:
        self._client: Final = client
        self._gate: Final = AccountGate()
        self.reader: Final = Reader(client, self._gate)
        self._proven_at = -float("inf")

    @property
    def is_proven(self) -> bool:
        """Whether the latest proof is young enough."""
        return asyncio.get_running_loop().time() - self._proven_at < PROOF_S

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
        self._proven_at = asyncio.get_running_loop().time()

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
        results: list[GatewayError | None] = [
            each if isinstance(each, Rejected) else None for each in planned
        ]
        async with asyncio.TaskGroup() as group:
            for account, line in _by_account(planned).items():
                group.create_task(self._record(account, line, results))
        last = batch.first - 1
        aside: list[Aside] = []
        for record, result in zip(batch.records, results, strict=False):
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

    async def _record(self, account: str, line: _Line, results: list[GatewayError | None]) -> None:
        """Record one account's events, one after the other; notes at each what stood in its way."""
        for at, (place, actions) in enumerate(line):
            try:
                async with self._gate.passing(account):
                    await self._send(actions)
            except Rejected as error:
                results[place] = error
            except (AchivxError, Held) as error:
                results[place] = error
                for later, _ in line[at + 1 :]:
                    results[later] = Interrupted(f"an earlier event of {account} comes first")
                return

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


def _by_account(planned: list[tuple[Action, ...] | Rejected]) -> dict[str, _Line]:
    """What is to be called, in its order; a mapping never spreads an event over accounts."""
    lines: dict[str, _Line] = {}
    for place, actions in enumerate(planned):
        if actions and not isinstance(actions, Rejected):
            lines.setdefault(actions[0].account, []).append((place, actions))
    return lines


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
