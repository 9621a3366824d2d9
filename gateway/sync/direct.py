"""The direct uplink: one shop straight into its own ACHIVX server, by gRPC.

Events go out at once over different accounts and in order within one; what is acknowledged is the
unbroken run from the first. After an answer that says neither yes nor no, the very same calls are
made again: the server's uniqueness makes that harmless.
"""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from gateway.config import AchivxUplink
from gateway.errors import GatewayError
from gateway.events import Record
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import (
    AchivxError,
    IndexMissing,
    Rejected,
    TokenUnchecked,
    Unauthenticated,
)
from gateway.sync.gate import AccountGate
from gateway.sync.mapping import CANARY, REQUIRED, Action, UnknownMapping, actions_of
from gateway.sync.uplink import Acknowledged, Aside, Batch, Held, Interrupted


class DirectTransport:
    """Delivers batches through one client.

    Args:
        client: Entered and left together with this.
    """

    def __init__(self, client: AchivxClient) -> None:
        self._client: Final = client
        self._gate: Final = AccountGate()

    @classmethod
    def from_config(cls, config: AchivxUplink) -> Self:
        """What `[uplink] kind = "achivx"` describes.

        Raises:
            CannotStart: The token or a certificate cannot be read, or plaintext is not permitted.
        """
        return cls(AchivxClient.from_config(config))

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def connect(self, device: str, epoch: str, account: str) -> None:
        """See `Transport`: token, actions and the unique index, in this order."""
        try:
            configured = await self._client.check_token()
            missing = sorted(REQUIRED - configured.keys())
            if missing:
                raise Held(
                    f"the server's configuration lacks {', '.join(missing)}: add the actions of"
                    " docs/achivx/gamification.json there"
                )
            await self._client.canary(account, CANARY, f"{device}.{epoch}.canary")
        except (Unauthenticated, IndexMissing, Rejected) as error:
            raise Held(str(error)) from error
        except AchivxError as error:
            raise Interrupted(str(error)) from error

    async def deliver(self, batch: Batch) -> Acknowledged:
        """See `Transport`."""
        results = await asyncio.gather(*self._record_all(batch.records))
        last = batch.first - 1
        aside: list[Aside] = []
        stopped: GatewayError | None = None
        for record, result in zip(batch.records, results, strict=True):
            if isinstance(result, Rejected):
                aside.append(Aside(record.seq, str(result)))
            elif result is not None:
                stopped = result
                break
            last = record.seq
        if last < batch.first:
            held = isinstance(stopped, Unauthenticated | TokenUnchecked | UnknownMapping)
            raise (Held if held else Interrupted)(str(stopped)) from stopped
        return Acknowledged(
            device=batch.device,
            epoch=batch.epoch,
            first=batch.first,
            last=last,
            aside=tuple(aside),
        )

    def _record_all(self, records: Iterable[Record]) -> "list[asyncio.Task[GatewayError | None]]":
        """One task a record; tasks of one account are given the gate in the records' order."""
        return [asyncio.create_task(self._record(record)) for record in records]

    async def _record(self, record: Record) -> GatewayError | None:
        """Record one event's actions; returns what stood in the way, None when it is done."""
        try:
            for action in actions_of(record):
                await self._call(action)
        except (AchivxError, UnknownMapping) as error:
            return error
        return None

    async def _call(self, action: Action) -> None:
        async with self._gate.passing(action.account):
            await self._client.record(
                action.account, action.action, action.key, reward=action.reward
            )
