from collections.abc import AsyncIterator

import grpc.aio

from gateway.sync.proto import medals_pb2

class MedalsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    GetAccountMedals: grpc.aio.UnaryStreamMultiCallable[medals_pb2.AccountMedalsRequest, medals_pb2.AccountMedal]

class MedalsServicer:
    def GetAccountMedals(
        self, request: medals_pb2.AccountMedalsRequest, context: grpc.aio.ServicerContext[
            medals_pb2.AccountMedalsRequest, medals_pb2.AccountMedal
        ]) -> AsyncIterator[medals_pb2.AccountMedal]: ...

def add_MedalsServicer_to_server(
    servicer: MedalsServicer, server: grpc.aio.Server
) -> None: ...
