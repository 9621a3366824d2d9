"""What the recovery card and the counter ask the gateway about a case and its customer."""

from typing import ClassVar

import msgspec

from gateway.grants.known import KnownAccount
from gateway.model import Label, Outcome, Receipt, Role
from gateway.request import AlertView, GrantView, Request


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """One customer, as far as the box knows them.

    Attributes:
        kind: What they were named by, of `[[customers.kinds]]`.
        account: Their account on ACHIVX; None where only its keyed hash is kept.
        known: What the centre says of the account, or what is remembered of that; see `fresh`.
        cases: Their latest cases here, newest first.
        grants: Their latest grants here, newest first.
        live: How many of their grants may be redeemed now.
    """

    kind: str
    account: str | None
    known: KnownAccount | None
    cases: tuple[AlertView, ...]
    grants: tuple[GrantView, ...]
    live: int


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One case with what is personal of it.

    Attributes:
        note: The free note; None where there is none, or it was deleted in its time.
        customer: Whose case it is; None for one who stays anonymous, or who was forgotten.
        proposals: How many offers the asker may grant for what is known of it.
    """

    view: AlertView
    note: str | None
    customer: CustomerView | None
    proposals: int


class GuidanceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the conversation."""

    label: Label
    text: Label


class SecurityPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page that called security, and what became of it."""

    pager: str
    receipt: Receipt


class SecurityCall(msgspec.Struct, frozen=True, kw_only=True):
    """Security was called. `words`: what else to do, and all there is where nobody is paged."""

    pages: tuple[SecurityPage, ...]
    words: Label


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """What was scanned: either one grant is redeemed by it, or somebody must choose."""

    redeemed: GrantView | None
    choose: tuple[GrantView, ...] = ()


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted of one customer.

    Attributes:
        names: How often they were named in a case.
        notes: Free notes of those cases.
        details: Whether details of their account were remembered.
        damaged: Damaged personal files that were set aside: nobody can search them.
    """

    names: int
    notes: int
    details: bool
    damaged: int


class KeyRotated(msgspec.Struct, frozen=True, kw_only=True):
    """Codes are signed with a new key. `old`: keys that stay for codes which are still good."""

    old: int


# --- requests --------------------------------------------------------------------------------


class GetCases(Request[tuple[AlertView, ...]], frozen=True, tag="cases"):
    """Cases: taken alerts oldest first, then ended ones newest first.

    Attributes:
        closed: None both, True the ended alone, False those that are not.
        outcome: Only those that ended so.
        cause: Only those of this cause.
    """

    closed: bool | None = None
    outcome: Outcome | None = None
    cause: str | None = None
    most: int = 50


class GetCase(Request[CaseView], frozen=True, tag="case"):
    """One alert, live or ended, with its note and its customer."""

    alert: str


class DescribeCase(Request[CaseView], frozen=True, tag="describe_case"):
    """What was found out with the customer; None leaves what was said before."""

    alert: str
    severity: int | None = None
    cause: str | None = None
    note: str | None = None


class NameCustomer(Request[CaseView], frozen=True, tag="name_customer"):
    """Whose case it is, as typed or scanned; None: the customer stays anonymous."""

    alert: str
    customer: str | None = None


class GetGuidance(Request[tuple[GuidanceStep, ...]], frozen=True, tag="guidance"):
    """The steps of the conversation, in their order."""


class CallSecurity(Request[SecurityCall], frozen=True, tag="call_security"):
    """Somebody makes trouble on purpose."""

    alert: str


class LookUpCustomer(Request[CustomerView], frozen=True, tag="look_up_customer"):
    """A customer as typed or scanned."""

    customer: str


class RedeemScanned(Request[Redemption], frozen=True, tag="redeem_scanned"):
    """Whatever the scanner read: a code redeems its grant, a customer their only live one."""

    text: str


class ForgetCustomer(Request[Forgotten], frozen=True, tag="forget_customer"):
    """Delete what is kept of the customer of an account."""

    needs: ClassVar[Role | None] = Role.MANAGER
    account: str


class RotateKey(Request[KeyRotated], frozen=True, tag="rotate_key"):
    """Sign codes with a new key; codes that are still good stay so."""

    needs: ClassVar[Role | None] = Role.OWNER


AnyCustomerRequest = (
    GetCases
    | GetCase
    | DescribeCase
    | NameCustomer
    | GetGuidance
    | CallSecurity
    | LookUpCustomer
    | RedeemScanned
    | ForgetCustomer
    | RotateKey
)
