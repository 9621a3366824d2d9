from collections.abc import AsyncIterator

import grpc.aio

from gateway.sync.proto import leader_boards_pb2

class LeaderBoardsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    GetLeaderBoardsList: grpc.aio.UnaryStreamMultiCallable[leader_boards_pb2.GetLeaderBoardsListRequest, leader_boards_pb2.LeaderBoardResponse]
    GetLeaderBoard: grpc.aio.UnaryUnaryMultiCallable[leader_boards_pb2.GetLeaderBoardRequest, leader_boards_pb2.GetLeaderBoardResponse]

class LeaderBoardsServicer:
    def GetLeaderBoardsList(
        self, request: leader_boards_pb2.GetLeaderBoardsListRequest, context: grpc.aio.ServicerContext[
            leader_boards_pb2.GetLeaderBoardsListRequest, leader_boards_pb2.LeaderBoardResponse
        ]) -> AsyncIterator[leader_boards_pb2.LeaderBoardResponse]: ...
    async def GetLeaderBoard(
        self, request: leader_boards_pb2.GetLeaderBoardRequest, context: grpc.aio.ServicerContext[
            leader_boards_pb2.GetLeaderBoardRequest, leader_boards_pb2.GetLeaderBoardResponse
        ]) -> leader_boards_pb2.GetLeaderBoardResponse: ...

def add_LeaderBoardsServicer_to_server(
    servicer: LeaderBoardsServicer, server: grpc.aio.Server
) -> None: ...
