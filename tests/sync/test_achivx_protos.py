"""The wire contract of the ACHIVX server, and that the generated modules are its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

from gateway.sync.proto import (
    accounts_pb2,
    achievements_pb2,
    actions_pb2,
    leader_boards_pb2,
    medals_pb2,
    transactions_pb2,
)

REPOSITORY = Path(__file__).parents[2]
PROTOS = Path("gateway/sync/proto")

# `?` is field presence, `[]` repeated; the numbers are those of the fields in this order.
MESSAGES = {
    "achivx.accounts": """
        AccountDetailsRequest: id string
        AccountUpsertRequest: id string, registeredAt string?
        AccountActivityTrackRequest: account string, timestamp string?
        WithdrawalAddressAddRequest: account string, network string, address string
        AccountDetailsResponse: id string, balance string,
            withdrawalAddresses WithdrawalAddress[], level int32, experience int32,
            lastActiveAt string, registeredAt string
        WithdrawalAddress: network string, address string
    """,
    "achivx.actions": """
        CreateActionRequest: account string, action string, key string?,
            experienceOverride int32?, rewardOverride float?
        AccountActionsListRequest: account string
        ActionsConfigurationRequest:
        AccountAction: action string, key string?, createdAt string, experience int32, reward float
        ActionConfiguration: name string, xp int32, reward float, repeatable bool
    """,
    "achivx.transactions": """
        AccountPaymentRequest: account string, amount string, status TransactionStatus,
            meta MetadataEntry[]
        TransactionDetailsRequest: id string
        TransactionListRequest: offset int64, limit int64, account string,
            includeStatuses TransactionStatus[], isWithdrawal bool?
        TransactionApprovalRequest: id string
        TransactionDenialRequest: id string
        MetadataEntry: name string, value string
        TransactionDetails: id string, account string, amount string, status TransactionStatus,
            meta MetadataEntry[], timestamp string, withdrawal TransactionWithdrawalDetails
        TransactionWithdrawalDetails: isWithdrawal bool, currencyId string,
            withdrawalAddress string, amount string, transactionId string, transactionUrl string,
            error string
    """,
    "achivx.achievements": """
        AccountAchievementsRequest: account string
        AccountAchievement: name string, progress float, maxProgress float, unlockedAt string?
    """,
    "achivx.medals": """
        AccountMedalsRequest: account string
        AccountMedal: medal string, rank string
    """,
    "achivx.leader_boards": """
        GetLeaderBoardsListRequest:
        LeaderBoardResponse: name string
        GetLeaderBoardRequest: leaderBoard string
        GetLeaderBoardResponse: leaders LeaderEntry[], updatedAt string
        LeaderEntry: account string, score float
    """,
}
METHODS = {
    "achivx.accounts": """
        Accounts.GetAccountDetails AccountDetailsRequest AccountDetailsResponse
        Accounts.UpsertAccount AccountUpsertRequest AccountDetailsResponse
        Accounts.TrackAccountActivity AccountActivityTrackRequest AccountDetailsResponse
        Accounts.AddWithdrawalAddress WithdrawalAddressAddRequest AccountDetailsResponse
    """,
    "achivx.actions": """
        Actions.CreateAction CreateActionRequest AccountAction
        Actions.GetAccountActions AccountActionsListRequest stream AccountAction
        Actions.GetActionsConfiguration ActionsConfigurationRequest stream ActionConfiguration
    """,
    "achivx.transactions": """
        Transactions.PayToAccount AccountPaymentRequest TransactionDetails
        Transactions.GetTransactionDetails TransactionDetailsRequest TransactionDetails
        Transactions.GetTransactionsList TransactionListRequest stream TransactionDetails
        Transactions.ApproveTransaction TransactionApprovalRequest TransactionDetails
        Transactions.DenyTransaction TransactionDenialRequest TransactionDetails
    """,
    "achivx.achievements": """
        Achievements.GetAccountAchievements AccountAchievementsRequest stream AccountAchievement
    """,
    "achivx.medals": """
        Medals.GetAccountMedals AccountMedalsRequest stream AccountMedal
    """,
    "achivx.leader_boards": """
        LeaderBoards.GetLeaderBoardsList GetLeaderBoardsListRequest stream LeaderBoardResponse
        LeaderBoards.GetLeaderBoard GetLeaderBoardRequest GetLeaderBoardResponse
    """,
}
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR
    for module in (
        accounts_pb2,
        actions_pb2,
        transactions_pb2,
        achievements_pb2,
        medals_pb2,
        leader_boards_pb2,
    )
]
TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_BOOL: "bool",
}


def field_words(field: FieldDescriptor) -> str:
    kind = TYPES.get(field.type)
    if kind is None:
        named = field.message_type or field.enum_type
        assert named is not None
        kind = named.name
    optional = field.containing_oneof is not None  # proto3 optional is a oneof of one
    return f"{field.name} {kind}" + ("[]" if field.is_repeated else "?" if optional else "")


def words(text: str) -> list[str]:
    """The lines of a table, each joined with the deeper ones that follow it."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" " * 12):
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line.strip())
    return lines


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.package))
def test_messages_are_the_servers(file: FileDescriptor) -> None:
    found = []
    for message in file.message_types_by_name.values():
        fields = message.fields
        assert [field.number for field in fields] == list(range(1, len(fields) + 1))
        found.append(f"{message.name}: {', '.join(map(field_words, fields))}".strip())
    assert sorted(found) == sorted(words(MESSAGES[file.package]))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.package))
def test_methods_are_the_servers(file: FileDescriptor) -> None:
    found = []
    for service in file.services_by_name.values():
        for method in service.methods:
            stream = "stream " if method.server_streaming else ""
            assert not method.client_streaming
            found.append(
                f"{service.name}.{method.name} {method.input_type.name} "
                f"{stream}{method.output_type.name}"
            )
    assert sorted(found) == sorted(words(METHODS[file.package]))


def test_statuses_are_the_servers() -> None:
    assert dict(transactions_pb2.TransactionStatus.items()) == {
        "PAID": 0,
        "HOLD": 1,
        "DENIED": 2,
        "APPROVED": 3,
        "SENDING": 4,
        "SEND_FAILED": 5,
        "SEND_UNKNOWN_ERROR": 6,
        "MINED": 7,
    }


def test_generating_again_changes_nothing(tmp_path: Path) -> None:
    script = REPOSITORY / "scripts" / "generate-protos"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    generated = {path.name: path.read_text() for path in (tmp_path / PROTOS).iterdir()}
    kept = {path.name: path.read_text() for path in (REPOSITORY / PROTOS).glob("*_pb2*.py*")}
    assert sorted(generated) == sorted(kept)
    assert generated == kept
