# mypy: disable-error-code="type-arg"
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransactionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAID: _ClassVar[TransactionStatus]
    HOLD: _ClassVar[TransactionStatus]
    DENIED: _ClassVar[TransactionStatus]
    APPROVED: _ClassVar[TransactionStatus]
    SENDING: _ClassVar[TransactionStatus]
    SEND_FAILED: _ClassVar[TransactionStatus]
    SEND_UNKNOWN_ERROR: _ClassVar[TransactionStatus]
    MINED: _ClassVar[TransactionStatus]
PAID: TransactionStatus
HOLD: TransactionStatus
DENIED: TransactionStatus
APPROVED: TransactionStatus
SENDING: TransactionStatus
SEND_FAILED: TransactionStatus
SEND_UNKNOWN_ERROR: TransactionStatus
MINED: TransactionStatus

class MetadataEntry(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class AccountPaymentRequest(_message.Message):
    __slots__ = ("account", "amount", "status", "meta")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    account: str
    amount: str
    status: TransactionStatus
    meta: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, account: _Optional[str] = ..., amount: _Optional[str] = ..., status: _Optional[_Union[TransactionStatus, str]] = ..., meta: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class TransactionDetailsRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class TransactionListRequest(_message.Message):
    __slots__ = ("offset", "limit", "account", "includeStatuses", "isWithdrawal")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDESTATUSES_FIELD_NUMBER: _ClassVar[int]
    ISWITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    offset: int
    limit: int
    account: str
    includeStatuses: _containers.RepeatedScalarFieldContainer[TransactionStatus]
    isWithdrawal: bool
    def __init__(self, offset: _Optional[int] = ..., limit: _Optional[int] = ..., account: _Optional[str] = ..., includeStatuses: _Optional[_Iterable[_Union[TransactionStatus, str]]] = ..., isWithdrawal: _Optional[bool] = ...) -> None: ...

class TransactionApprovalRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class TransactionDenialRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class TransactionWithdrawalDetails(_message.Message):
    __slots__ = ("isWithdrawal", "currencyId", "withdrawalAddress", "amount", "transactionId", "transactionUrl", "error")
    ISWITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    CURRENCYID_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWALADDRESS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONURL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    isWithdrawal: bool
    currencyId: str
    withdrawalAddress: str
    amount: str
    transactionId: str
    transactionUrl: str
    error: str
    def __init__(self, isWithdrawal: _Optional[bool] = ..., currencyId: _Optional[str] = ..., withdrawalAddress: _Optional[str] = ..., amount: _Optional[str] = ..., transactionId: _Optional[str] = ..., transactionUrl: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class TransactionDetails(_message.Message):
    __slots__ = ("id", "account", "amount", "status", "meta", "timestamp", "withdrawal")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    id: str
    account: str
    amount: str
    status: TransactionStatus
    meta: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    timestamp: str
    withdrawal: TransactionWithdrawalDetails
    def __init__(self, id: _Optional[str] = ..., account: _Optional[str] = ..., amount: _Optional[str] = ..., status: _Optional[_Union[TransactionStatus, str]] = ..., meta: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., timestamp: _Optional[str] = ..., withdrawal: _Optional[_Union[TransactionWithdrawalDetails, _Mapping]] = ...) -> None: ...
