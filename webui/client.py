"""The page's only way to the gateway; beside `structures` the only place that knows its package.

One connection serves one request of a browser. It says at once that it gives up the authority of
its process: whatever it then asks is asked by the person whose token it carries, or by nobody.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from gateway.alerts.case import Alert, PageNote
from gateway.backup.messages import (
    GetRestore,
    MakeBackup,
    MakeBundle,
    Restore,
    UndoRestore,
)
from gateway.client import Client, Unreachable
from gateway.config import Cause
from gateway.customers.messages import (
    CallSecurity,
    CaseView,
    CustomerView,
    DescribeCase,
    GetCase,
    GetGuidance,
    GuidanceStep,
    LookUpCustomer,
    NameCustomer,
    RedeemScanned,
)
from gateway.errors import Refused
from gateway.grants.grant import Grant
from gateway.grants.messages import SpendTokens
from gateway.guard.messages import AuditKind, EndSession, EndSessions, GetAudit, GetSessions
from gateway.host.messages import (
    ApplyUpdate,
    BackupFromStick,
    BackupToStick,
    FactoryReset,
    GetHost,
    HostView,
    RestartBox,
    SetAccessPoint,
    SetBoxClock,
    SetBoxName,
    SetBoxWifi,
)
from gateway.insights.messages import (
    Bar,
    Figure,
    GetInsights,
    GetRules,
    InsightsView,
    RulesView,
    TrialView,
    TryRules,
)
from gateway.insights.spreadsheet import lines as csv_lines
from gateway.insights.spreadsheet import rows as csv_rows
from gateway.messages import (
    Acknowledge,
    AlertView,
    Changed,
    Contact,
    Done,
    GetAlerts,
    GetCauses,
    GetGrants,
    GetOffers,
    GetSettings,
    GetStatus,
    GrantView,
    Hello,
    Info,
    IssueGrant,
    Login,
    Logout,
    ProposedOffer,
    Request,
    Resolve,
    SendPage,
    Session,
    SetPin,
    UndoRedeem,
    VoidGrant,
    WhoAmI,
    Withdraw,
)
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    GrantState,
    Label,
    Language,
    OfferKind,
    Outcome,
    PressFlag,
    ReceiptState,
    Role,
)
from gateway.setup.device_messages import DevicesView, GetDevices, GetFaults, TrySignal
from gateway.setup.messages import (
    AddPerson,
    ApplySettings,
    CheckSettings,
    Claim,
    EditSettings,
    FinishSetup,
    GetHistory,
    GetPastSettings,
    GetSetup,
    LearnButton,
    MarkStep,
    PlaceButton,
    PressPin,
    RemoveButton,
    RemovePerson,
    ReplaceSettings,
    SetServer,
    SetShop,
    SettingsEdit,
    SettingsProblem,
    SettingsResult,
    SetTransmitter,
    SetupStep,
    SetupView,
    StepState,
    TryPage,
    UndoStep,
)
from gateway.setup.pager_messages import GetPager, PagerView, SetPager
from gateway.simulator.messages import GetShop, PressButton, Shop, Watch
from gateway.status import Status
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView, LeaderLine
from gateway.transfer.messages import (
    PIECE_BYTES,
    BeginUpload,
    FileView,
    Purpose,
    ReadPiece,
    SendPiece,
)

__all__ = [
    "PIECE_BYTES",
    "Acknowledge",
    "AddPerson",
    "Alert",
    "AlertCause",
    "AlertState",
    "AlertView",
    "ApplySettings",
    "ApplyUpdate",
    "AuditKind",
    "BackupFromStick",
    "BackupToStick",
    "Bar",
    "BeginUpload",
    "ButtonKind",
    "CallSecurity",
    "CaseView",
    "Cause",
    "Changed",
    "CheckSettings",
    "Claim",
    "Contact",
    "CustomerView",
    "DescribeCase",
    "DevicesView",
    "Done",
    "EditSettings",
    "EndSession",
    "EndSessions",
    "FactoryReset",
    "Figure",
    "FileView",
    "FinishSetup",
    "Gateway",
    "GetAlerts",
    "GetAudit",
    "GetCase",
    "GetCauses",
    "GetDevices",
    "GetFaults",
    "GetGrants",
    "GetGuidance",
    "GetHistory",
    "GetHost",
    "GetInsights",
    "GetLeaderBoards",
    "GetOffers",
    "GetPager",
    "GetPastSettings",
    "GetRestore",
    "GetRules",
    "GetSessions",
    "GetSettings",
    "GetSetup",
    "GetShop",
    "GetStatus",
    "Grant",
    "GrantState",
    "GrantView",
    "GuidanceStep",
    "HostView",
    "Info",
    "InsightsView",
    "IssueGrant",
    "Label",
    "Language",
    "LeaderBoardView",
    "LeaderLine",
    "LearnButton",
    "Logout",
    "LookUpCustomer",
    "MakeBackup",
    "MakeBundle",
    "MarkStep",
    "NameCustomer",
    "OfferKind",
    "Outcome",
    "PageNote",
    "PagerView",
    "PlaceButton",
    "PressButton",
    "PressFlag",
    "PressPin",
    "ProposedOffer",
    "Purpose",
    "ReadPiece",
    "ReceiptState",
    "RedeemScanned",
    "Refused",
    "RemoveButton",
    "RemovePerson",
    "ReplaceSettings",
    "Request",
    "Resolve",
    "RestartBox",
    "Restore",
    "Role",
    "RulesView",
    "SendPage",
    "SendPiece",
    "Session",
    "SetAccessPoint",
    "SetBoxClock",
    "SetBoxName",
    "SetBoxWifi",
    "SetPager",
    "SetPin",
    "SetServer",
    "SetShop",
    "SetTransmitter",
    "SettingsEdit",
    "SettingsProblem",
    "SettingsResult",
    "SetupStep",
    "SetupView",
    "Shop",
    "SpendTokens",
    "Status",
    "StepState",
    "TrialView",
    "TryPage",
    "TryRules",
    "TrySignal",
    "UndoRedeem",
    "UndoRestore",
    "UndoStep",
    "Unreachable",
    "VoidGrant",
    "Watch",
    "WhoAmI",
    "Withdraw",
    "ask_simulator",
    "csv_lines",
    "csv_rows",
]

T = TypeVar("T")

ANSWER_S: Final = 6.0
"""The longest wait for an answer: a little over the five seconds between two rings."""


class Gateway:
    """One connection to the gateway, without the authority of this process.

    Args:
        path: The control socket.
        token: The signed-in person's, or None for nobody's.
        answer_s: The longest wait for an answer.

    Raises:
        Unreachable: Nobody answers there.
    """

    def __init__(self, path: Path, token: str | None = None, *, answer_s: float = ANSWER_S) -> None:
        self._client: Final = Client(path, timeout_s=answer_s)
        try:
            self.info: Final = _ask(self._client, Hello(unprivileged=True))
        except BaseException:
            self._client.close()
            raise
        self._client.token = token  # only now: an outlived token must not spoil the greeting

    def call(self, request: Request[T]) -> T:
        """Ask, and wait for the answer.

        Raises:
            Refused: The gateway said no, with its code and sentence.
            Unreachable: It is gone, or took too long.
        """
        return _ask(self._client, request)

    def login(self, staff: str, pin: str) -> Session:
        """Sign a person in, whoever asked on this connection before.

        Raises:
            Refused: Wrong PIN, or locked out.
            Unreachable: It is gone, or took too long.
        """
        self._client.token = None
        return _ask(self._client, Login(staff=staff, pin=pin))

    def changes(self) -> Iterator[Changed]:
        """Yield at every ring of the doorbell; nothing else can be asked from then on.

        Raises:
            Refused: The gateway said no.
            Unreachable: It is gone, or no ring came in time.
        """
        return self._client.changes()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def ask_simulator(path: Path, request: Request[T]) -> T:
    """Ask the simulated shop, which has a socket of its own.

    Raises:
        Refused: It said no.
        Unreachable: It is not there.
    """
    with Client(path, timeout_s=ANSWER_S) as client:
        return _ask(client, request)


def _ask(client: Client, request: Request[T]) -> T:
    """An answer that cannot be read is none: page and gateway may be of different versions."""
    try:
        return client.call(request)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the gateway speaks another version: {error}") from error
