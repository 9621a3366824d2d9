"""What the small gateway in memory knows of cases and customers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.config import Cause
from gateway.customers import messages
from gateway.customers.guidance import STEPS
from gateway.errors import Refused
from gateway.messages import GetCauses, Request
from gateway.model import Label
from gateway.sync.messages import GetLeaderBoards

if TYPE_CHECKING:
    from tests.webui.conftest import FakeGateway

CAUSES = (Cause(name="queue", label=Label("Очередь", "Queue")),)


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

    return {
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
