# mypy: disable-error-code="type-arg"
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AccountAchievementsRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class AccountAchievement(_message.Message):
    __slots__ = ("name", "progress", "maxProgress", "unlockedAt")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MAXPROGRESS_FIELD_NUMBER: _ClassVar[int]
    UNLOCKEDAT_FIELD_NUMBER: _ClassVar[int]
    name: str
    progress: float
    maxProgress: float
    unlockedAt: str
    def __init__(self, name: _Optional[str] = ..., progress: _Optional[float] = ..., maxProgress: _Optional[float] = ..., unlockedAt: _Optional[str] = ...) -> None: ...
