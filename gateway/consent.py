"""Who of the staff agrees to be shown on leader boards."""

from collections.abc import Iterable
from typing import Final

from gateway.config import Staff


class Consent:
    """What the staff of this shop have agreed to.

    Args:
        staff: Of the configuration.
    """

    def __init__(self, staff: Iterable[Staff]) -> None:
        asked = self._staff = tuple(staff)
        # An account that two people share is shown if both agree.
        refused = {person.account for person in asked if not person.leaderboard}
        self._agreed: Final = frozenset(
            person.account for person in asked if person.account is not None
        ).difference(refused)

    def may_show(self, account: str) -> bool:
        """Whether this account may be shown; nobody asked those of other shops."""
        return account in self._agreed

    def name_of(self, account: str) -> str:
        """Whose account this is; empty where it may not be shown, or is nobody's here."""
        if not self.may_show(account):
            return ""
        return ", ".join(person.name for person in self._staff if person.account == account)
