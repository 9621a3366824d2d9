"""The direct uplink: one shop straight into its own ACHIVX server, by gRPC."""

from types import TracebackType
from typing import Final, Self

from gateway.config import AchivxUplink
from gateway.sync.achivx import AchivxClient
from gateway.sync.recorder import Recorder
from gateway.sync.uplink import Acknowledged, Batch


class DirectTransport:
    """Delivers batches through one client.

    Args:
        client: Entered and left together with this.
    """

    def __init__(self, client: AchivxClient) -> None:
        self._client: Final = client
        self._recorder: Final = Recorder(client)

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
        await self._recorder.prove(account, f"{device}.{epoch}.canary")

    async def deliver(self, batch: Batch) -> Acknowledged:
        """See `Transport`."""
        return await self._recorder.record(batch)
