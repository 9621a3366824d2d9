"""The demo without a person: one unhappy customer, from the button to the server's books.

Every hop is looked at where it must have happened: the text in the terminal, the receipt and the
grant in the gateway's answers, the actions in the server's ledger. Nothing is assumed.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.messages import (
    Acknowledge,
    AlertView,
    GetAlerts,
    GetStatus,
    IssueGrant,
    PressView,
    Redeem,
    Resolve,
    SimulatePress,
)
from gateway.model import GrantState, Outcome
from gateway.simulator.messages import LedgerEntry
from gateway.simulator.shop import SimulatedShop

T = TypeVar("T")

BUTTON: Final = "exit-very-unhappy"
CUSTOMER: Final = "customer-card-4711"
HOP_S: Final = 8.0
_LOOK_S: Final = 0.01


class HopFailed(GatewayError):
    """A hop that did not happen."""


class PageHop(msgspec.Struct, frozen=True):
    """The page. `ms`: from the press to the text in the terminal."""

    text: str
    receipt: str
    ms: float


class GrantHop(msgspec.Struct, frozen=True):
    """The grant."""

    code: str
    state: GrantState


class SyncHop(msgspec.Struct, frozen=True):
    """The server. `ms`: from the press; `actions`: what it now holds."""

    ms: float
    actions: tuple[LedgerEntry, ...]


class Report(msgspec.Struct, frozen=True):
    """All hops; times are milliseconds since the first edge of the press."""

    press: PressView
    page: PageHop
    acknowledged_ms: float
    resolved_ms: float
    redeemed_ms: float
    grant: GrantHop
    sync: SyncHop


async def play(shop: SimulatedShop) -> Report:
    """Play it once.

    Raises:
        HopFailed: A hop did not happen in its time; says which.
        Refused: The gateway refused one.
    """
    pressed = await shop.ask(SimulatePress(button=BUTTON))
    if "counted" not in pressed.verdicts:
        raise HopFailed(f"the press did not count: {pressed.verdicts}")

    def since() -> float:
        return round((time.monotonic_ns() - pressed.pressed_ns) / 1e6, 1)

    decoded = await asyncio.to_thread(shop.terminal.wait_for_page, HOP_S)
    if decoded is None:
        raise HopFailed("no page reached the terminal")
    page_ms = round((decoded.mono_ns - pressed.pressed_ns) / 1e6, 1)
    view = await _until("the page's receipt", lambda: _receipt(shop))
    note = view.alert.pages[-1]
    if note.text != decoded.text:
        raise HopFailed(f"{note.text!r} was sent and {decoded.text!r} decoded")

    session = await shop.sign_in("barista")
    taken = await shop.ask(Acknowledge(alert=view.alert.id), session.token)
    if taken.alert.acknowledged is None or taken.alert.acknowledged.by != session.staff:
        raise HopFailed("the alert was not acknowledged")
    acknowledged_ms = since()
    issued = await shop.ask(
        IssueGrant(request=uuid.uuid4().hex, offer="tokens", alert=view.alert.id, account=CUSTOMER),
        session.token,
    )
    resolved = await shop.ask(
        Resolve(alert=view.alert.id, outcome=Outcome.RECOVERED, severity=3), session.token
    )
    if resolved.alert.outcome is not Outcome.RECOVERED:
        raise HopFailed("the alert was not resolved")
    resolved_ms = since()
    redeemed = await shop.ask(Redeem(code=issued.grant.code), session.token)
    if redeemed.grant.state is not GrantState.REDEEMED:
        raise HopFailed(f"the grant is {redeemed.grant.state}")
    redeemed_ms = since()
    actions = await _until("the server's books", lambda: _books(shop))
    return Report(
        press=pressed,
        page=PageHop(decoded.text, note.state, page_ms),
        acknowledged_ms=acknowledged_ms,
        resolved_ms=resolved_ms,
        redeemed_ms=redeemed_ms,
        grant=GrantHop(redeemed.grant.code, redeemed.grant.state),
        sync=SyncHop(since(), actions),
    )


def lines(report: Report) -> list[str]:
    """The report for a person."""
    return [
        f"{0.0:9.1f} ms  pressed {report.press.button}: {', '.join(report.press.verdicts)}",
        f"{report.page.ms:9.1f} ms  page on the watch: {report.page.text!r}",
        f"{'':12}  its receipt: {report.page.receipt}",
        f"{report.acknowledged_ms:9.1f} ms  acknowledged",
        f"{report.resolved_ms:9.1f} ms  resolved, with grant {report.grant.code}",
        f"{report.redeemed_ms:9.1f} ms  {report.grant.state}",
        f"{report.sync.ms:9.1f} ms  on the server:",
        *(
            f"{'':12}  {entry.action} of {entry.account}, xp {entry.experience},"
            f" reward {entry.reward:g}"
            for entry in report.sync.actions
        ),
    ]


async def _until(what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds, as soon as it finds it."""
    deadline = time.monotonic() + HOP_S
    while (found := await look()) is None:
        if time.monotonic() > deadline:
            raise HopFailed(f"{what} did not come within {HOP_S:.0f} s")
        await asyncio.sleep(_LOOK_S)
    return found


async def _receipt(shop: SimulatedShop) -> AlertView | None:
    for view in await shop.ask(GetAlerts()):
        if view.alert.pages:
            return view
    return None


async def _books(shop: SimulatedShop) -> tuple[LedgerEntry, ...] | None:
    """The ledger, once the uplink says that nothing is left and the ledger has the tokens."""
    status = await shop.ask(GetStatus())
    if status.uplink.backlog:
        return None
    actions = shop.server.ledger.snapshot()[1]
    expected = {"PressVeryUnhappy", "AlertAnswered", "CustomerRecovered", "RecoveryTokens"}
    missing = expected - {entry.action for entry in actions}
    if missing:
        raise HopFailed(f"the uplink says that all is synced, and the server lacks {missing}")
    return actions
