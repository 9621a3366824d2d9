"""What the small gateway in memory knows of cases and customers."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.alerts.case import Alert
from gateway.config import Cause
from gateway.customers import messages
from gateway.customers.guidance import STEPS
from gateway.errors import Refused
from gateway.messages import AlertView, GetCauses, Request, Withdraw
from gateway.model import AlertState, Label
from gateway.sync.messages import GetLeaderBoards

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

CAUSES = (Cause(name="queue", label=Label("Очередь", "Queue")),)


UNDO_S = 10.0


def undo_s(alert: Alert) -> float | None:
    """For how long the latest answer can still be taken back."""
    if alert.answer is None or alert.taken is None:
        return None
    return max(0.0, UNDO_S - (time.monotonic_ns() - alert.taken.at.mono_ns) / 1e9) or None


def answers(
    gateway: "FakeGateway", request: Any, who: str
) -> dict[type[Request[Any]], Callable[[], object]]:
    """What answers which request."""

    def case() -> messages.CaseView:
        if request.alert not in gateway.alerts:
            raise Refused("unknown_alert", f"no alert has the id {request.alert}")
        view = gateway.view(gateway.alerts[request.alert])
        return messages.CaseView(view=view, note=None, customer=None, proposals=0)

    def describe() -> messages.CaseView:
        told = {"severity": request.severity, "mishap": request.cause}
        gateway.change(request.alert, **{key: each for key, each in told.items() if each})
        return case()

    def withdraw() -> AlertView:
        alert = gateway.alerts[request.alert]
        if alert.answer is None:
            raise Refused("answer_stands", "it can be taken back no more")
        state = alert.answer.was
        went = None if state is AlertState.OPEN else alert.acknowledged
        return gateway.change(alert.id, state=state, acknowledged=went, contacted=None, answer=None)

    return {
        Withdraw: withdraw,
        messages.GetCase: case,
        messages.DescribeCase: describe,
        messages.GetGuidance: lambda: [
            messages.GuidanceStep(label=each.label, text=each.text) for each in STEPS
        ],
        messages.RedeemScanned: lambda: messages.Redemption(
            redeemed=gateway.redeem(request.text, who)
        ),
        GetCauses: lambda: CAUSES,
        GetLeaderBoards: lambda: gateway.leader_boards,
    }
