"""Which remedies fit."""

import pytest

from gateway.config import Offer
from gateway.grants.playbook import STARTER, offers_for
from gateway.model import Label, OfferKind, Role


def offer(name: str, severity: tuple[int, int], cost: float, role: Role = Role.STAFF) -> Offer:
    return Offer(
        name=name,
        kind=OfferKind.SOUVENIR,
        label=Label(ru=name, en=name),
        severity=severity,
        cost=cost,
        role=role,
    )


OFFERS = (
    offer("dear", (1, 5), 9.0),
    offer("cheap", (2, 3), 1.0),
    offer("manager's", (3, 3), 2.0, Role.MANAGER),
)


@pytest.mark.parametrize(
    ("role", "severity", "expected"),
    [
        (Role.STAFF, None, ["cheap", "dear"]),
        (Role.STAFF, 1, ["dear"]),
        (Role.STAFF, 2, ["cheap", "dear"]),
        (Role.STAFF, 3, ["cheap", "dear"]),
        (Role.MANAGER, 3, ["cheap", "manager's", "dear"]),
        (Role.OWNER, 4, ["dear"]),
        (Role.OWNER, 6, []),
    ],
)
def test_the_least_costly_first_of_what_this_role_may_grant(
    role: Role, severity: int | None, expected: list[str]
) -> None:
    assert [each.name for each in offers_for(OFFERS, role, severity)] == expected


def test_an_empty_playbook_is_the_starter() -> None:
    assert set(offers_for((), Role.OWNER, None)) == set(STARTER)


def test_the_starter_restores_and_does_not_overpay() -> None:
    assert len({each.name for each in STARTER}) == len(STARTER)
    for severity in (1, 2, 3):
        assert offers_for((), Role.STAFF, severity)[0].kind is OfferKind.APOLOGY
    assert offers_for((), Role.OWNER, 5) == ()  # a matter of safety is no matter of coupons
    for each in STARTER:
        assert (each.tokens * 4) % 1 == 0
        assert (each.tokens > 0) == (each.kind is OfferKind.TOKENS)
