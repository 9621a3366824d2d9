from collections.abc import AsyncIterator

import grpc.aio

from gateway.sync.proto import achievements_pb2

class AchievementsStub:
    def __init__(self, channel: grpc.aio.Channel) -> None: ...
    GetAccountAchievements: grpc.aio.UnaryStreamMultiCallable[achievements_pb2.AccountAchievementsRequest, achievements_pb2.AccountAchievement]

class AchievementsServicer:
    def GetAccountAchievements(
        self, request: achievements_pb2.AccountAchievementsRequest, context: grpc.aio.ServicerContext[
            achievements_pb2.AccountAchievementsRequest, achievements_pb2.AccountAchievement
        ]) -> AsyncIterator[achievements_pb2.AccountAchievement]: ...

def add_AchievementsServicer_to_server(
    servicer: AchievementsServicer, server: grpc.aio.Server
) -> None: ...
