"""The gRPC services of the ACHIVX stand-in: requests to the ledger, its books to answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import NoReturn, Protocol, TypeVar

import grpc
import grpc.aio

from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_ledger import Account, Ledger, Payment, Recorded, Refusal
from gateway.sync.proto import (
    accounts_pb2,
    accounts_pb2_grpc,
    achievements_pb2,
    achievements_pb2_grpc,
    actions_pb2,
    actions_pb2_grpc,
    leader_boards_pb2,
    leader_boards_pb2_grpc,
    transactions_pb2,
    transactions_pb2_grpc,
)

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Done = TypeVar("Done")


class Host(Protocol):
    """The server that the services run in: its books, its clock and its troubles."""

    @property
    def ledger(self) -> Ledger:
        """Its books."""
        ...

    def now(self) -> str:
        """The server's time, ISO 8601."""
        ...

    def next_fault(self) -> Fault | None:
        """What goes wrong with the CreateAction that has just come in."""
        ...

    def crash(self) -> None:
        """Die at once."""
        ...

    async def run(self, account: str, work: Callable[[], Done]) -> Done:
        """Do a call's work as soon as the server gets to it, whether or not anybody waits."""
        ...

    def knows(self, token: str | None) -> bool:
        """Whether this is the server's token."""
        ...


class Service:
    """What all services share."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ledger = host.ledger

    async def _admit(self, context: grpc.aio.ServicerContext[Request, Answer]) -> None:
        """Turn a call without the server's token away."""
        token = _token(context)
        if not self._host.knows(token):
            words = "Invalid authentication token" if token else "Authentication token is missing"
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, words)

    async def _work(
        self,
        context: grpc.aio.ServicerContext[Request, Answer],
        account: str,
        work: Callable[[], Done],
    ) -> Done:
        """Admit a call and do its work."""
        await self._admit(context)
        return await self._do(context, account, work)

    async def _do(
        self,
        context: grpc.aio.ServicerContext[Request, Answer],
        account: str,
        work: Callable[[], Done],
    ) -> Done:
        """Do a call's work and answer a refusal as one."""
        try:
            return await self._host.run(account, work)
        except Refusal as refused:
            await _abort(context, refused.code, refused.details)


class Accounts(Service, accounts_pb2_grpc.AccountsServicer):
    """achivx.accounts.Accounts; withdrawal addresses need a blockchain and are not there."""

    async def GetAccountDetails(  # noqa: N802
        self,
        request: accounts_pb2.AccountDetailsRequest,
        context: grpc.aio.ServicerContext[
            accounts_pb2.AccountDetailsRequest, accounts_pb2.AccountDetailsResponse
        ],
    ) -> accounts_pb2.AccountDetailsResponse:
        """One account."""
        return await self._work(
            context, request.id, lambda: self._details(self._ledger.account(request.id))
        )

    async def UpsertAccount(  # noqa: N802
        self,
        request: accounts_pb2.AccountUpsertRequest,
        context: grpc.aio.ServicerContext[
            accounts_pb2.AccountUpsertRequest, accounts_pb2.AccountDetailsResponse
        ],
    ) -> accounts_pb2.AccountDetailsResponse:
        """One account, made if it is not there."""
        since = request.registeredAt or self._host.now()
        return await self._work(
            context, request.id, lambda: self._details(self._ledger.upsert(request.id, since))
        )

    async def TrackAccountActivity(  # noqa: N802
        self,
        request: accounts_pb2.AccountActivityTrackRequest,
        context: grpc.aio.ServicerContext[
            accounts_pb2.AccountActivityTrackRequest, accounts_pb2.AccountDetailsResponse
        ],
    ) -> accounts_pb2.AccountDetailsResponse:
        """Note that an account was active."""
        moment = request.timestamp or self._host.now()
        return await self._work(
            context,
            request.account,
            lambda: self._details(self._ledger.track(request.account, moment)),
        )

    def _details(self, account: Account) -> accounts_pb2.AccountDetailsResponse:
        return accounts_pb2.AccountDetailsResponse(
            id=account.id,
            balance=str(account.balance),
            level=self._ledger.config.level_at(account.experience),
            experience=account.experience,
            lastActiveAt=account.last_active_at,
            registeredAt=account.registered_at,
        )


class Actions(Service, actions_pb2_grpc.ActionsServicer):
    """achivx.actions.Actions."""

    async def CreateAction(  # noqa: N802
        self,
        request: actions_pb2.CreateActionRequest,
        context: grpc.aio.ServicerContext[
            actions_pb2.CreateActionRequest, actions_pb2.AccountAction
        ],
    ) -> actions_pb2.AccountAction:
        """Record one action, or go wrong as ordered."""
        await self._admit(context)
        fault = self._host.next_fault()
        if fault is not None and not fault.commits:
            await _abort(context, fault.code, fault.details)
        kept = await self._do(context, request.account, lambda: self._create(request))
        if fault is not None:
            await _abort(context, fault.code, fault.details)
        return _action(kept)

    async def GetAccountActions(  # noqa: N802
        self,
        request: actions_pb2.AccountActionsListRequest,
        context: grpc.aio.ServicerContext[
            actions_pb2.AccountActionsListRequest, actions_pb2.AccountAction
        ],
    ) -> AsyncIterator[actions_pb2.AccountAction]:
        """Everything an account did."""
        account = await self._work(
            context, request.account, lambda: self._ledger.account(request.account)
        )
        for each in self._ledger.actions:
            if each.account == account.id:
                yield _action(each)

    async def GetActionsConfiguration(  # noqa: N802
        self,
        request: actions_pb2.ActionsConfigurationRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext[
            actions_pb2.ActionsConfigurationRequest, actions_pb2.ActionConfiguration
        ],
    ) -> AsyncIterator[actions_pb2.ActionConfiguration]:
        """What actions are worth."""
        rules = await self._work(context, "", lambda: self._ledger.config.actions)
        for name, rule in rules.items():
            yield actions_pb2.ActionConfiguration(
                name=name, xp=rule.xp, reward=rule.reward, repeatable=rule.repeatable
            )

    def _create(self, request: actions_pb2.CreateActionRequest) -> Recorded:
        return self._ledger.create_action(
            request.account,
            request.action,
            request.key if request.HasField("key") else None,
            self._host.now(),
            xp=request.experienceOverride if request.HasField("experienceOverride") else None,
            reward=request.rewardOverride if request.HasField("rewardOverride") else None,
        )


class Achievements(Service, achievements_pb2_grpc.AchievementsServicer):
    """achivx.achievements.Achievements."""

    async def GetAccountAchievements(  # noqa: N802
        self,
        request: achievements_pb2.AccountAchievementsRequest,
        context: grpc.aio.ServicerContext[
            achievements_pb2.AccountAchievementsRequest, achievements_pb2.AccountAchievement
        ],
    ) -> AsyncIterator[achievements_pb2.AccountAchievement]:
        """Every achievement, with an account's progress."""
        account = request.account
        found = await self._work(context, account, lambda: list(self._ledger.achievements(account)))
        for each in found:
            yield achievements_pb2.AccountAchievement(
                name=each.name,
                progress=each.progress,
                maxProgress=each.threshold,
                unlockedAt=each.unlocked_at or None,
            )


class LeaderBoards(Service, leader_boards_pb2_grpc.LeaderBoardsServicer):
    """achivx.leader_boards.LeaderBoards."""

    async def GetLeaderBoardsList(  # noqa: N802
        self,
        request: leader_boards_pb2.GetLeaderBoardsListRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext[
            leader_boards_pb2.GetLeaderBoardsListRequest, leader_boards_pb2.LeaderBoardResponse
        ],
    ) -> AsyncIterator[leader_boards_pb2.LeaderBoardResponse]:
        """The names of the boards."""
        for name in await self._work(context, "", lambda: self._ledger.config.leader_boards):
            yield leader_boards_pb2.LeaderBoardResponse(name=name)

    async def GetLeaderBoard(  # noqa: N802
        self,
        request: leader_boards_pb2.GetLeaderBoardRequest,
        context: grpc.aio.ServicerContext[
            leader_boards_pb2.GetLeaderBoardRequest, leader_boards_pb2.GetLeaderBoardResponse
        ],
    ) -> leader_boards_pb2.GetLeaderBoardResponse:
        """One board."""
        board = await self._work(context, "", lambda: self._ledger.board(request.leaderBoard))
        leaders = [
            leader_boards_pb2.LeaderEntry(account=account, score=score)
            for account, score in board.leaders
        ]
        return leader_boards_pb2.GetLeaderBoardResponse(leaders=leaders, updatedAt=board.updated_at)


class Transactions(Service, transactions_pb2_grpc.TransactionsServicer):
    """achivx.transactions.Transactions: payments at once, and the list; holds are not there."""

    async def PayToAccount(  # noqa: N802
        self,
        request: transactions_pb2.AccountPaymentRequest,
        context: grpc.aio.ServicerContext[
            transactions_pb2.AccountPaymentRequest, transactions_pb2.TransactionDetails
        ],
    ) -> transactions_pb2.TransactionDetails:
        """Pay, and pay again when repeated; the server dies of a call without its token."""
        if not self._host.knows(_token(context)):
            self._host.crash()
        return _transaction(await self._work(context, request.account, lambda: self._pay(request)))

    async def GetTransactionsList(  # noqa: N802
        self,
        request: transactions_pb2.TransactionListRequest,
        context: grpc.aio.ServicerContext[
            transactions_pb2.TransactionListRequest, transactions_pb2.TransactionDetails
        ],
    ) -> AsyncIterator[transactions_pb2.TransactionDetails]:
        """Payments, newest first."""
        for payment in await self._work(context, request.account, lambda: self._list(request)):
            yield _transaction(payment)

    def _pay(self, request: transactions_pb2.AccountPaymentRequest) -> Payment:
        try:
            amount = Decimal(request.amount)
        except InvalidOperation:
            raise Refusal("INVALID_ARGUMENT", "Invalid amount value") from None
        if amount.is_nan() or amount <= 0:
            raise Refusal("INVALID_ARGUMENT", "Amount must be positive")
        if request.status != transactions_pb2.PAID:
            raise Refusal("INVALID_ARGUMENT", "Illegal initial payment status")
        meta = tuple((entry.name, entry.value) for entry in request.meta)
        return self._ledger.pay(request.account, amount, self._host.now(), meta)

    def _list(self, request: transactions_pb2.TransactionListRequest) -> list[Payment]:
        if request.account:
            self._ledger.account(request.account)
        kept = [
            payment
            for payment in reversed(self._ledger.payments)
            if request.account in ("", payment.account)
        ]
        if request.isWithdrawal or transactions_pb2.PAID not in (
            request.includeStatuses or [transactions_pb2.PAID]
        ):
            return []
        end = request.offset + request.limit if request.limit else None
        return kept[request.offset : end]


def serve(host: Host, server: grpc.aio.Server) -> None:
    """Put every service of the stand-in on a server."""
    accounts_pb2_grpc.add_AccountsServicer_to_server(Accounts(host), server)
    actions_pb2_grpc.add_ActionsServicer_to_server(Actions(host), server)
    achievements_pb2_grpc.add_AchievementsServicer_to_server(Achievements(host), server)
    leader_boards_pb2_grpc.add_LeaderBoardsServicer_to_server(LeaderBoards(host), server)
    transactions_pb2_grpc.add_TransactionsServicer_to_server(Transactions(host), server)


def _token(context: grpc.aio.ServicerContext[Request, Answer]) -> str | None:
    for name, value in context.invocation_metadata() or ():
        if name == "authentication":
            return str(value)
    return None


def _abort(
    context: grpc.aio.ServicerContext[Request, Answer], code: str, details: str
) -> Awaitable[NoReturn]:
    return context.abort(grpc.StatusCode[code], details)


def _action(kept: Recorded) -> actions_pb2.AccountAction:
    return actions_pb2.AccountAction(
        action=kept.action,
        key=kept.key or None,
        createdAt=kept.created_at,
        experience=kept.experience,
        reward=kept.reward,
    )


def _transaction(payment: Payment) -> transactions_pb2.TransactionDetails:
    return transactions_pb2.TransactionDetails(
        id=payment.id,
        account=payment.account,
        amount=str(payment.amount),
        status=transactions_pb2.PAID,
        meta=[
            transactions_pb2.MetadataEntry(name=name, value=value) for name, value in payment.meta
        ],
        timestamp=payment.timestamp,
        withdrawal=transactions_pb2.TransactionWithdrawalDetails(isWithdrawal=False),
    )
