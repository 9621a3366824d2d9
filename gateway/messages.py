"""What is said on the control socket: newline-delimited JSON, one typed message a line.

A request is a `Call` with an `id`, an optional session `token` and the request proper, tagged by
`op`; the answer has the same `id` and either `ok` or `error`. After `Subscribe` the gateway sends
a `Changed` line whenever something a page shows has changed, and at least every five seconds.
"""

from typing import ClassVar, Final

import msgspec

from gateway.backup.messages import AnyBackupRequest
from gateway.config import Button, Cause, Offer
from gateway.customers.messages import AnyCustomerRequest
from gateway.events import Record
from gateway.grants.messages import AnyRewardRequest
from gateway.guard.messages import AnyGuardRequest
from gateway.host.messages import AnyHostRequest
from gateway.insights.messages import AnyInsightsRequest
from gateway.model import GrantState, Label, Language, Outcome, Receipt, Role
from gateway.request import AlertView as AlertView  # noqa: PLC0414 - exported
from gateway.request import Done as Done  # noqa: PLC0414 - exported
from gateway.request import GrantView as GrantView  # noqa: PLC0414 - exported
from gateway.request import Request as Request  # noqa: PLC0414 - exported
from gateway.request import Session as Session  # noqa: PLC0414 - exported
from gateway.setup.messages import AnySetupRequest
from gateway.status import Status
from gateway.sync.messages import AnyCentreRequest
from gateway.transfer.messages import AnyTransferRequest

MAX_LINE: Final = 1 << 20
"""Bytes of the longest line either side reads."""

# --- answers ---------------------------------------------------------------------------------


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may know before signing in.

    Attributes:
        claimed: Whether the box has an owner.
        set_up: Whether set-up is over.
        life: New whenever the gateway starts anew.
    """

    shop: str
    language: Language
    version: str
    staff: tuple[str, ...]
    simulated: bool
    claimed: bool
    set_up: bool
    life: str


class ProposedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of the playbook that the asker may grant now, and a sentence that says why."""

    offer: Offer
    why: Label


class StaffView(msgspec.Struct, frozen=True, kw_only=True):
    """One person who answers alerts. `on_duty`: everyone, while nobody knows the time."""

    name: str
    role: Role
    pager: str | None
    zones: tuple[str, ...]
    on_duty: bool


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of a test page. `ms`: from the request to the receipt."""

    page: str
    pager: str
    text: str
    receipt: Receipt
    ms: float


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """The pagers whose daily test is confirmed by this, and those whose test still is not."""

    confirmed: tuple[str, ...]
    waiting: tuple[str, ...]


class PressView(msgspec.Struct, frozen=True, kw_only=True):
    """What simulated presses came to: the verdicts' flags, `counted` for one that counts."""

    button: str
    verdicts: tuple[str, ...]
    pressed_ns: int  # CLOCK_MONOTONIC of the first edge


class SettingsText(msgspec.Struct, frozen=True, kw_only=True):
    """gateway.toml as it is in force, and the SHA-256 that a change must name."""

    text: str
    sha256: str
    restart_needed: bool = False


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """The doorbell: fetch again what you show. `version` rises with every change."""

    version: int


# --- requests --------------------------------------------------------------------------------


class Hello(Request[Info], frozen=True, tag="hello"):
    """Say who is there. A page gives up the authority of its process with `unprivileged`."""

    needs: ClassVar[Role | None] = None
    unprivileged: bool = False


class Login(Request[Session], frozen=True, tag="login"):
    """Sign in with a name and a PIN."""

    needs: ClassVar[Role | None] = None
    staff: str
    pin: str


class Logout(Request[Done], frozen=True, tag="logout"):
    """End the session whose token comes with the call."""

    needs: ClassVar[Role | None] = None


class WhoAmI(Request[Session], frozen=True, tag="whoami"):
    """The session of the token, for a page that comes back."""


class SetPin(Request[Done], frozen=True, tag="set_pin"):
    """Give a person a PIN (4 to 32 characters). Staff may change their own."""

    staff: str
    pin: str


class GetStatus(Request[Status], frozen=True, tag="status"):
    """The whole box at a glance."""


class GetAlerts(Request[tuple[AlertView, ...]], frozen=True, tag="alerts"):
    """Live alerts, oldest first; with `closed`, also that many of the latest ended ones."""

    closed: int = 0


class Acknowledge(Request[AlertView], frozen=True, tag="acknowledge"):
    """I am going."""

    alert: str


class Contact(Request[AlertView], frozen=True, tag="contact"):
    """I am with the customer."""

    alert: str


class Withdraw(Request[AlertView], frozen=True, tag="withdraw"):
    """Take back what the asker said last of an alert, that they go or are with the customer.

    Only within ten seconds, while nothing else is said or done about it.
    """

    alert: str


class Resolve(Request[AlertView], frozen=True, tag="resolve"):
    """How it ended. What is not said stands as it was described before.

    Attributes:
        cause: What went wrong, a name of `GetCauses`.
        note: Free words, kept in the personal store.
    """

    alert: str
    outcome: Outcome
    severity: int | None = None
    cause: str | None = None
    note: str | None = None


class GetOffers(Request[tuple[ProposedOffer, ...]], frozen=True, tag="offers"):
    """What the asker may grant, best first, for a severity and a cause where they are given."""

    severity: int | None = None
    cause: str | None = None


class GetCauses(Request[tuple[Cause, ...]], frozen=True, tag="causes"):
    """What can have gone wrong."""


class GetStaff(Request[tuple[StaffView, ...]], frozen=True, tag="staff"):
    """Who answers alerts, and who of them is on duty."""


class IssueGrant(Request[GrantView], frozen=True, tag="grant"):
    """Promise a remedy. A repeat of `request` answers with the same grant.

    Attributes:
        account: The customer's on ACHIVX, or None for an anonymous one.
        customer: The customer as typed or scanned, in place of `account`.
        override: Why a manager grants it, although something speaks for misuse.
    """

    request: str
    offer: str
    alert: str | None = None
    account: str | None = None
    customer: str | None = None
    override: str | None = None


class GetGrants(Request[tuple[GrantView, ...]], frozen=True, tag="grants"):
    """Grants, newest first, in one state if one is given."""

    state: GrantState | None = None
    most: int = 50


class Redeem(Request[GrantView], frozen=True, tag="redeem"):
    """Hand a grant over. It is decided once."""

    code: str


class UndoRedeem(Request[GrantView], frozen=True, tag="undo_redeem"):
    """It was not handed over after all. Only who redeemed it, within a minute, and no tokens."""

    code: str


class VoidGrant(Request[GrantView], frozen=True, tag="void"):
    """Take a promise back, and say why."""

    needs: ClassVar[Role | None] = Role.MANAGER
    code: str
    reason: str


class SimulatePress(Request[PressView], frozen=True, tag="press"):
    """Press a button `count` times on simulated pins; refused on real ones."""

    needs: ClassVar[Role | None] = Role.OWNER
    button: str
    count: int = 1


class SendPage(Request[ReceiptView], frozen=True, tag="page"):
    """One test page through the configured transmitter.

    `kind` chooses the code of a watch; `charset` is tried instead of the pager's own table.
    """

    needs: ClassVar[Role | None] = Role.MANAGER
    to: str
    text: str
    kind: str = "test"
    charset: str | None = None


class ConfirmTest(Request[Confirmation], frozen=True, tag="confirm_test"):
    """The latest daily test page buzzed, on one pager or on all that it went to."""

    pager: str | None = None


class GetButtons(Request[tuple[Button, ...]], frozen=True, tag="buttons"):
    """The configured buttons."""


class GetRecords(Request[tuple[Record, ...]], frozen=True, tag="records"):
    """Journal records after `after`, in order, at most `most` (1,000)."""

    needs: ClassVar[Role | None] = Role.MANAGER
    after: int = 0
    most: int = 100


class GetSettings(Request[SettingsText], frozen=True, tag="settings"):
    """gateway.toml as it is in force."""

    needs: ClassVar[Role | None] = Role.OWNER


class PutSettings(Request[SettingsText], frozen=True, tag="put_settings"):
    """Replace gateway.toml; refused with every problem named, or if it changed meanwhile."""

    needs: ClassVar[Role | None] = Role.OWNER
    text: str
    replaces_sha256: str


class Subscribe(Request[Changed], frozen=True, tag="subscribe"):
    """From now on, ring whenever something changed. Nothing else may follow on the line."""


AnyRequest = (
    Hello
    | Login
    | Logout
    | WhoAmI
    | SetPin
    | GetStatus
    | GetAlerts
    | Acknowledge
    | Contact
    | Withdraw
    | Resolve
    | GetOffers
    | GetCauses
    | GetStaff
    | IssueGrant
    | GetGrants
    | Redeem
    | UndoRedeem
    | VoidGrant
    | SimulatePress
    | SendPage
    | ConfirmTest
    | GetButtons
    | GetRecords
    | GetSettings
    | PutSettings
    | Subscribe
    | AnySetupRequest
    | AnyHostRequest
    | AnyRewardRequest
    | AnyBackupRequest
    | AnyGuardRequest
    | AnyInsightsRequest
    | AnyCustomerRequest
    | AnyCentreRequest
    | AnyTransferRequest
)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One line to the gateway."""

    id: int
    request: AnyRequest
    token: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """Why not: a stable word for programs, a sentence for people."""

    code: str
    message: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line back: `ok` as the request's type says, or `error`."""

    id: int
    ok: msgspec.Raw = msgspec.Raw(b"")
    error: Problem | None = None
