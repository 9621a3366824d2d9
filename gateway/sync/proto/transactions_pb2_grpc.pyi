from collections.abc import AsyncIterator

import grpc.aio

from gateway.sync.proto import transactions_pb2

class TransactionsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    PayToAccount: grpc.aio.UnaryUnaryMultiCallable[transactions_pb2.AccountPaymentRequest, transactions_pb2.TransactionDetails]
    GetTransactionDetails: grpc.aio.UnaryUnaryMultiCallable[transactions_pb2.TransactionDetailsRequest, transactions_pb2.TransactionDetails]
    GetTransactionsList: grpc.aio.UnaryStreamMultiCallable[transactions_pb2.TransactionListRequest, transactions_pb2.TransactionDetails]
    ApproveTransaction: grpc.aio.UnaryUnaryMultiCallable[transactions_pb2.TransactionApprovalRequest, transactions_pb2.TransactionDetails]
    DenyTransaction: grpc.aio.UnaryUnaryMultiCallable[transactions_pb2.TransactionDenialRequest, transactions_pb2.TransactionDetails]

class TransactionsServicer:
    async def PayToAccount(
        self, request: transactions_pb2.AccountPaymentRequest, context: grpc.aio.ServicerContext[
            transactions_pb2.AccountPaymentRequest, transactions_pb2.TransactionDetails
        ]) -> transactions_pb2.TransactionDetails: ...
    async def GetTransactionDetails(
        self, request: transactions_pb2.TransactionDetailsRequest, context: grpc.aio.ServicerContext[
            transactions_pb2.TransactionDetailsRequest, transactions_pb2.TransactionDetails
        ]) -> transactions_pb2.TransactionDetails: ...
    def GetTransactionsList(
        self, request: transactions_pb2.TransactionListRequest, context: grpc.aio.ServicerContext[
            transactions_pb2.TransactionListRequest, transactions_pb2.TransactionDetails
        ]) -> AsyncIterator[transactions_pb2.TransactionDetails]: ...
    async def ApproveTransaction(
        self, request: transactions_pb2.TransactionApprovalRequest, context: grpc.aio.ServicerContext[
            transactions_pb2.TransactionApprovalRequest, transactions_pb2.TransactionDetails
        ]) -> transactions_pb2.TransactionDetails: ...
    async def DenyTransaction(
        self, request: transactions_pb2.TransactionDenialRequest, context: grpc.aio.ServicerContext[
            transactions_pb2.TransactionDenialRequest, transactions_pb2.TransactionDetails
        ]) -> transactions_pb2.TransactionDetails: ...

def add_TransactionsServicer_to_server(
    servicer: TransactionsServicer, server: grpc.aio.Server
) -> None: ...
