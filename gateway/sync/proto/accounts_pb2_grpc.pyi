import grpc.aio

from gateway.sync.proto import accounts_pb2

class AccountsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    GetAccountDetails: grpc.aio.UnaryUnaryMultiCallable[accounts_pb2.AccountDetailsRequest, accounts_pb2.AccountDetailsResponse]
    UpsertAccount: grpc.aio.UnaryUnaryMultiCallable[accounts_pb2.AccountUpsertRequest, accounts_pb2.AccountDetailsResponse]
    TrackAccountActivity: grpc.aio.UnaryUnaryMultiCallable[accounts_pb2.AccountActivityTrackRequest, accounts_pb2.AccountDetailsResponse]
    AddWithdrawalAddress: grpc.aio.UnaryUnaryMultiCallable[accounts_pb2.WithdrawalAddressAddRequest, accounts_pb2.AccountDetailsResponse]

class AccountsServicer:
    async def GetAccountDetails(
        self, request: accounts_pb2.AccountDetailsRequest, context: grpc.aio.ServicerContext[
            accounts_pb2.AccountDetailsRequest, accounts_pb2.AccountDetailsResponse
        ]) -> accounts_pb2.AccountDetailsResponse: ...
    async def UpsertAccount(
        self, request: accounts_pb2.AccountUpsertRequest, context: grpc.aio.ServicerContext[
            accounts_pb2.AccountUpsertRequest, accounts_pb2.AccountDetailsResponse
        ]) -> accounts_pb2.AccountDetailsResponse: ...
    async def TrackAccountActivity(
        self, request: accounts_pb2.AccountActivityTrackRequest, context: grpc.aio.ServicerContext[
            accounts_pb2.AccountActivityTrackRequest, accounts_pb2.AccountDetailsResponse
        ]) -> accounts_pb2.AccountDetailsResponse: ...
    async def AddWithdrawalAddress(
        self, request: accounts_pb2.WithdrawalAddressAddRequest, context: grpc.aio.ServicerContext[
            accounts_pb2.WithdrawalAddressAddRequest, accounts_pb2.AccountDetailsResponse
        ]) -> accounts_pb2.AccountDetailsResponse: ...

def add_AccountsServicer_to_server(
    servicer: AccountsServicer, server: grpc.aio.Server
) -> None: ...
