# mypy: disable-error-code="type-arg"
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountDetailsRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AccountUpsertRequest(_message.Message):
    __slots__ = ("id", "registeredAt")
    ID_FIELD_NUMBER: _ClassVar[int]
    REGISTEREDAT_FIELD_NUMBER: _ClassVar[int]
    id: str
    registeredAt: str
    def __init__(self, id: _Optional[str] = ..., registeredAt: _Optional[str] = ...) -> None: ...

class AccountActivityTrackRequest(_message.Message):
    __slots__ = ("account", "timestamp")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    account: str
    timestamp: str
    def __init__(self, account: _Optional[str] = ..., timestamp: _Optional[str] = ...) -> None: ...

class WithdrawalAddressAddRequest(_message.Message):
    __slots__ = ("account", "network", "address")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    account: str
    network: str
    address: str
    def __init__(self, account: _Optional[str] = ..., network: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class WithdrawalAddress(_message.Message):
    __slots__ = ("network", "address")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    network: str
    address: str
    def __init__(self, network: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class AccountDetailsResponse(_message.Message):
    __slots__ = ("id", "balance", "withdrawalAddresses", "level", "experience", "lastActiveAt", "registeredAt")
    ID_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWALADDRESSES_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    EXPERIENCE_FIELD_NUMBER: _ClassVar[int]
    LASTACTIVEAT_FIELD_NUMBER: _ClassVar[int]
    REGISTEREDAT_FIELD_NUMBER: _ClassVar[int]
    id: str
    balance: str
    withdrawalAddresses: _containers.RepeatedCompositeFieldContainer[WithdrawalAddress]
    level: int
    experience: int
    lastActiveAt: str
    registeredAt: str
    def __init__(self, id: _Optional[str] = ..., balance: _Optional[str] = ..., withdrawalAddresses: _Optional[_Iterable[_Union[WithdrawalAddress, _Mapping]]] = ..., level: _Optional[int] = ..., experience: _Optional[int] = ..., lastActiveAt: _Optional[str] = ..., registeredAt: _Optional[str] = ...) -> None: ...
