"""The client of the central ACHIVX server.

It speaks the interface of ACHIVX-COM/reward-system by gRPC and turns its answers into plain
structures and the errors of `answers.py`; no protobuf object leaves this module. It never retries
by itself and never calls PayToAccount: CreateAction with a key is the only way in, since only
there a repeat changes nothing.

One event loop, the one that entered the client. Not more than one call in flight per account is
the caller's duty: `gate.AccountGate`.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeVar

import grpc.aio

from gateway.config import AchivxUplink
from gateway.errors import CannotStart
from gateway.sync.answers import (
    RESERVED,
    AccountDetails,
    Achievement,
    AchivxError,
    ActionRule,
    AlreadyRecorded,
    IndexMissing,
    Leader,
    LeaderBoard,
    NoAccount,
    Recorded,
    Rejected,
    Retry,
    TokenUnchecked,
    Unauthenticated,
    check_account,
    check_action,
    refusal,
)
from gateway.sync.channel import Tls, credentials, open_channel
from gateway.sync.proto import (
    accounts_pb2,
    accounts_pb2_grpc,
    achievements_pb2,
    achievements_pb2_grpc,
    actions_pb2,
    actions_pb2_grpc,
    leader_boards_pb2,
    leader_boards_pb2_grpc,
)

Request = TypeVar("Request")
Response = TypeVar("Response")

DEADLINE_S: Final = 150.0  # a write conflict on the server ends after 120 s


class AchivxClient:
    """One connection to one ACHIVX server; use it as `async with`.

    Args:
        address: `host:port`.
        token: The server's `authentication` token.
        tls: The files to trust and to show.
        plaintext: See `config.AchivxUplink.plaintext`.
        deadline_s: How long one call may take. A call that takes longer may still be recorded.

    Raises:
        CannotStart: Something about these cannot be used; it says what.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        tls: Tls | None = None,
        plaintext: str = "never",
        deadline_s: float = DEADLINE_S,
    ) -> None:
        if not (token and all("!" <= letter <= "~" for letter in token)):
            raise CannotStart("uplink: the token must be printable ASCII without blanks")
        self.address: Final = address
        self._metadata = (("authentication", token),)
        self._credentials = credentials(address, plaintext, tls or Tls())
        self._deadline_s = deadline_s
        self._rules: Mapping[str, ActionRule] | None = None

    @classmethod
    def from_config(cls, uplink: AchivxUplink) -> Self:
        """The client that `[uplink] kind = "achivx"` describes.

        Raises:
            CannotStart: The token or a certificate cannot be read, or plaintext is not permitted.
        """
        try:
            token = Path(uplink.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart(f"uplink: cannot read the token file: {error}") from error
        tls = Tls(uplink.ca_file, uplink.client_certificate_file, uplink.client_key_file)
        return cls(
            uplink.address,
            token,
            tls=tls,
            plaintext=uplink.plaintext,
            deadline_s=uplink.deadline_s,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    async def __aenter__(self) -> Self:
        self._channel = open_channel(self.address, self._credentials)
        self._accounts = accounts_pb2_grpc.AccountsStub(self._channel)
        self._actions = actions_pb2_grpc.ActionsStub(self._channel)
        self._achievements = achievements_pb2_grpc.AchievementsStub(self._channel)
        self._boards = leader_boards_pb2_grpc.LeaderBoardsStub(self._channel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rules = None
        await self._channel.close(None)

    async def check_token(self) -> Mapping[str, ActionRule]:
        """Ask for the actions the server is configured with: the one safe first call.

        Everything else wants this to have succeeded, and after `Unauthenticated` again. Those
        that the server records itself are left out.

        Raises:
            Unauthenticated: The token is not the server's.
            Retry: No answer.
        """
        found = await self._stream(
            self._actions.GetActionsConfiguration, actions_pb2.ActionsConfigurationRequest()
        )
        self._rules = MappingProxyType(
            {
                rule.name: ActionRule(rule.xp, rule.reward, rule.repeatable)
                for rule in found
                if not rule.name.startswith(RESERVED)
            }
        )
        return self._rules

    async def create_action(
        self,
        account: str,
        action: str,
        key: str,
        *,
        xp: int | None = None,
        reward: float | None = None,
    ) -> Recorded:
        """Record one action once; (account, action, key) is what makes it the same one.

        The key belongs to its account and action for ever: the same key under another of either
        pays again.

        Args:
            account: Whose action.
            action: A repeatable action of the server's configuration.
            key: The event's id: ASCII, at most 128 characters.
            xp: Experience instead of the configured one.
            reward: Tokens instead of the configured ones: a multiple of 1/4 below 2^24.

        Raises:
            Rejected: It can never be recorded like this, by our rules or the server's.
            NoAccount: The account does not exist.
            Unauthenticated: The token is no longer the server's.
            TokenUnchecked: `check_token` has not succeeded.
            Retry: It may or may not be recorded: the same call again.
        """
        rules = self._checked()
        if action not in rules:
            rules = await self.check_token()  # the server may have been configured since
        check_action(rules, account, action, key, xp=xp, reward=reward)
        request = actions_pb2.CreateActionRequest(
            account=account,
            action=action,
            key=key,
            experienceOverride=xp,
            rewardOverride=reward,
        )
        try:
            await self._unary(self._actions.CreateAction, request)
        except AlreadyRecorded:
            return Recorded.ALREADY
        return Recorded.NOW

    async def record(
        self,
        account: str,
        action: str,
        key: str,
        *,
        xp: int | None = None,
        reward: float | None = None,
    ) -> Recorded:
        """`create_action`, and the account too where there is none yet.

        Raises:
            AchivxError: As `create_action`, but never `NoAccount`.
        """
        try:
            return await self.create_action(account, action, key, xp=xp, reward=reward)
        except NoAccount:
            await self.upsert_account(account)
        try:
            return await self.create_action(account, action, key, xp=xp, reward=reward)
        except NoAccount as error:
            raise Retry("NOT_FOUND", f"{account} was made and is not there") from error

    async def canary(self, account: str, action: str, key: str) -> None:
        """Prove that the server records one key once, by recording it twice.

        A database restored without its unique index pays every repeat, and says nothing.

        Raises:
            IndexMissing: The second time was recorded too: send nothing.
            AchivxError: As `record`.
        """
        await self.record(account, action, key)
        if await self.record(account, action, key) is not Recorded.ALREADY:
            raise IndexMissing(f"{self.address} recorded {action} {key} of {account} twice")

    async def upsert_account(self, account: str) -> AccountDetails:
        """Make the account if it is not there; a repeat changes nothing.

        Raises:
            AchivxError: As `create_action`, but never `NoAccount`.
        """
        self._checked()
        check_account(account)
        request = accounts_pb2.AccountUpsertRequest(id=account)
        return _details(await self._unary(self._accounts.UpsertAccount, request))

    async def account_details(self, account: str) -> AccountDetails:
        """Balance, experience and level of one account.

        Raises:
            AchivxError: As `create_action`.
        """
        self._checked()
        check_account(account)
        request = accounts_pb2.AccountDetailsRequest(id=account)
        return _details(await self._unary(self._accounts.GetAccountDetails, request))

    async def achievements(self, account: str) -> tuple[Achievement, ...]:
        """Every achievement the server has, with this account's progress in it.

        Raises:
            AchivxError: As `create_action`.
        """
        self._checked()
        check_account(account)
        request = achievements_pb2.AccountAchievementsRequest(account=account)
        found = await self._stream(self._achievements.GetAccountAchievements, request)
        return tuple(
            Achievement(
                each.name,
                each.progress,
                each.maxProgress,
                each.unlockedAt if each.HasField("unlockedAt") else None,
            )
            for each in found
        )

    async def leader_boards(self) -> tuple[str, ...]:
        """The names of the server's leader boards.

        Raises:
            AchivxError: As `create_action`, but never `NoAccount`.
        """
        self._checked()
        request = leader_boards_pb2.GetLeaderBoardsListRequest()
        found = await self._stream(self._boards.GetLeaderBoardsList, request)
        return tuple(each.name for each in found)

    async def leader_board(self, name: str) -> LeaderBoard | None:
        """One leader board, or None until the server's job has filled it for the first time.

        Raises:
            Rejected: The server has no such board.
            AchivxError: As `create_action`, but never `NoAccount`.
        """
        self._checked()
        request = leader_boards_pb2.GetLeaderBoardRequest(leaderBoard=name)
        try:
            board = await self._unary(self._boards.GetLeaderBoard, request)
        except Retry as error:
            if error.code == "FAILED_PRECONDITION" and "is not initialized" in str(error):
                return None
            if error.code == "NOT_FOUND" and str(error).endswith(" not found"):
                raise Rejected(str(error)) from error
            raise
        leaders = [Leader(entry.account, entry.score) for entry in board.leaders]
        # The server cuts action-based boards to size before it sorts them.
        leaders.sort(key=lambda leader: leader.score, reverse=True)
        return LeaderBoard(name, tuple(leaders), board.updatedAt)

    def _checked(self) -> Mapping[str, ActionRule]:
        if self._rules is None:
            raise TokenUnchecked("the token has not been checked: call check_token first")
        return self._rules

    async def _unary(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request
    ) -> Response:
        try:
            return await method(request, timeout=self._deadline_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error

    async def _stream(
        self, method: grpc.aio.UnaryStreamMultiCallable[Request, Response], request: Request
    ) -> list[Response]:
        answers = method(request, timeout=self._deadline_s, metadata=self._metadata)
        try:
            return [answer async for answer in answers]
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: grpc.aio.AioRpcError) -> AchivxError:
        refused = refusal(error.code().name, error.details() or "")
        if isinstance(refused, Unauthenticated):
            self._rules = None
        return refused


def _details(account: accounts_pb2.AccountDetailsResponse) -> AccountDetails:
    return AccountDetails(
        account.id,
        Decimal(account.balance),
        account.level,
        account.experience,
        account.lastActiveAt or None,
        account.registeredAt or None,
    )
