from collections.abc import AsyncIterator

import grpc.aio

from gateway.sync.proto import actions_pb2

class ActionsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    CreateAction: grpc.aio.UnaryUnaryMultiCallable[actions_pb2.CreateActionRequest, actions_pb2.AccountAction]
    GetAccountActions: grpc.aio.UnaryStreamMultiCallable[actions_pb2.AccountActionsListRequest, actions_pb2.AccountAction]
    GetActionsConfiguration: grpc.aio.UnaryStreamMultiCallable[actions_pb2.ActionsConfigurationRequest, actions_pb2.ActionConfiguration]

class ActionsServicer:
    async def CreateAction(
        self, request: actions_pb2.CreateActionRequest, context: grpc.aio.ServicerContext[
            actions_pb2.CreateActionRequest, actions_pb2.AccountAction
        ]) -> actions_pb2.AccountAction: ...
    def GetAccountActions(
        self, request: actions_pb2.AccountActionsListRequest, context: grpc.aio.ServicerContext[
            actions_pb2.AccountActionsListRequest, actions_pb2.AccountAction
        ]) -> AsyncIterator[actions_pb2.AccountAction]: ...
    def GetActionsConfiguration(
        self, request: actions_pb2.ActionsConfigurationRequest, context: grpc.aio.ServicerContext[
            actions_pb2.ActionsConfigurationRequest, actions_pb2.ActionConfiguration
        ]) -> AsyncIterator[actions_pb2.ActionConfiguration]: ...

def add_ActionsServicer_to_server(
    servicer: ActionsServicer, server: grpc.aio.Server
) -> None: ...
