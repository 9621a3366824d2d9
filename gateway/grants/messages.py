"""What is said on the control socket about tokens that are spent, and past playbooks."""

from gateway.journal.playbooks import Playbook
from gateway.journal.rewards import Spent
from gateway.request import Request


class SpendTokens(Request[Spent], frozen=True, tag="spend"):
    """A customer pays with tokens. A repeat of `request` spends nothing more."""

    request: str
    account: str
    tokens: float


class GetPlaybook(Request[Playbook], frozen=True, tag="playbook"):
    """The offers that grants were issued under, by the `playbook` that a grant names."""

    version: str


AnyRewardRequest = SpendTokens | GetPlaybook
