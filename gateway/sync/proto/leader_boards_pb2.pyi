# mypy: disable-error-code="type-arg"
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetLeaderBoardsListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LeaderBoardResponse(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetLeaderBoardRequest(_message.Message):
    __slots__ = ("leaderBoard",)
    LEADERBOARD_FIELD_NUMBER: _ClassVar[int]
    leaderBoard: str
    def __init__(self, leaderBoard: _Optional[str] = ...) -> None: ...

class LeaderEntry(_message.Message):
    __slots__ = ("account", "score")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    account: str
    score: float
    def __init__(self, account: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class GetLeaderBoardResponse(_message.Message):
    __slots__ = ("leaders", "updatedAt")
    LEADERS_FIELD_NUMBER: _ClassVar[int]
    UPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    leaders: _containers.RepeatedCompositeFieldContainer[LeaderEntry]
    updatedAt: str
    def __init__(self, leaders: _Optional[_Iterable[_Union[LeaderEntry, _Mapping]]] = ..., updatedAt: _Optional[str] = ...) -> None: ...
