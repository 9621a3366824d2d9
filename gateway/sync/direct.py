"""The direct uplink: one shop straight into its own ACHIVX server, by gRPC."""

from types import TracebackType
from typing import Final, Self

from gateway.config import AchivxUplink
from gateway.sync.achivx import AchivxClient
from gateway.sync.asking import BoardEntry, Question, Reply
from gateway.sync.recorder import Recorder
from gateway.sync.uplink import Acknowledged, Batch, Interrupted


class DirectTransport:
    """Delivers batches through one client.

    Args:
        client: Entered and left together with this.
    """

    def __init__(self, client: AchivxClient) -> None:
        self._client: Final = client
        self._recorder: Final = Recorder(client)
        self._canary = ("", "")  # account and key
        self._is_open = False

    @classmethod
    def from_config(cls, config: AchivxUplink) -> Self:
        """What `[uplink] kind = "achivx"` describes.

        Raises:
            CannotStart: The token or a certificate cannot be read, or plaintext is not permitted.
        """
        return cls(AchivxClient.from_config(config))

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        self._is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_open = False
        self._recorder.reader.close()
        await self._client.__aexit__(kind, error, trace)

    async def connect(self, device: str, epoch: str, account: str) -> None:
        """See `Transport`: token, actions and the unique index, in this order."""
        self._canary = (account, f"{device}.{epoch}.canary")
        await self._recorder.prove(*self._canary)

    async def deliver(self, batch: Batch) -> Acknowledged:
        """See `Transport`; a proof that has grown old comes first, interrupted or not."""
        if not self._recorder.is_proven:
            await self._recorder.prove(*self._canary)
        return await self._recorder.record(batch)

    async def ask(self, question: Question) -> Reply:
        """See `Centre`."""
        if not self._is_open:
            raise Interrupted("the way to the server is not open")
        shop, _ = self._canary
        return await self._recorder.reader.tell(
            question, lambda account, score: BoardEntry(account, score, account == shop)
        )
