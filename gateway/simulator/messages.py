"""What the simulated shop tells and takes on its socket: lines like the control socket's."""

from typing import ClassVar

import msgspec

from gateway.messages import PressView, Request
from gateway.model import Role


class Buzz(msgspec.Struct, frozen=True, kw_only=True):
    """One page as the simulated terminal decoded it. `at`: Unix time, seconds."""

    text: str
    at: float


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One wrist pager: who wears it and what it showed, newest first."""

    pager: str
    address: str
    worn_by: str
    buzzes: tuple[Buzz, ...]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One action that the simulated ACHIVX server holds."""

    account: str
    action: str
    key: str
    created_at: str
    experience: int
    reward: float


class LedgerAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the simulated server. `balance` is a decimal string."""

    id: str
    balance: str
    experience: int
    level: int


class SimulatedButton(msgspec.Struct, frozen=True, kw_only=True):
    """One button of the simulated panel."""

    name: str
    kind: str
    label_ru: str
    label_en: str
    zone: str


class SimulatedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the simulated shop, with the PIN to sign in by."""

    name: str
    role: str
    pin: str


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the box: what no page of a real shop could show."""

    buttons: tuple[SimulatedButton, ...]
    watches: tuple[Watch, ...]
    staff: tuple[SimulatedPerson, ...]
    accounts: tuple[LedgerAccount, ...]
    ledger: tuple[LedgerEntry, ...]


class GetShop(Request[Shop], frozen=True, tag="shop"):
    """Look at the simulated shop."""

    needs: ClassVar[Role | None] = None


class PressButton(Request[PressView], frozen=True, tag="press"):
    """Press a button of the simulated panel."""

    needs: ClassVar[Role | None] = None
    button: str
    count: int = 1
