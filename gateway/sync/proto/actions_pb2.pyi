# mypy: disable-error-code="type-arg"
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class CreateActionRequest(_message.Message):
    __slots__ = ("account", "action", "key", "experienceOverride", "rewardOverride")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXPERIENCEOVERRIDE_FIELD_NUMBER: _ClassVar[int]
    REWARDOVERRIDE_FIELD_NUMBER: _ClassVar[int]
    account: str
    action: str
    key: str
    experienceOverride: int
    rewardOverride: float
    def __init__(self, account: _Optional[str] = ..., action: _Optional[str] = ..., key: _Optional[str] = ..., experienceOverride: _Optional[int] = ..., rewardOverride: _Optional[float] = ...) -> None: ...

class AccountActionsListRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class ActionsConfigurationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccountAction(_message.Message):
    __slots__ = ("action", "key", "createdAt", "experience", "reward")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    EXPERIENCE_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    action: str
    key: str
    createdAt: str
    experience: int
    reward: float
    def __init__(self, action: _Optional[str] = ..., key: _Optional[str] = ..., createdAt: _Optional[str] = ..., experience: _Optional[int] = ..., reward: _Optional[float] = ...) -> None: ...

class ActionConfiguration(_message.Message):
    __slots__ = ("name", "xp", "reward", "repeatable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    XP_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    xp: int
    reward: float
    repeatable: bool
    def __init__(self, name: _Optional[str] = ..., xp: _Optional[int] = ..., reward: _Optional[float] = ..., repeatable: _Optional[bool] = ...) -> None: ...
