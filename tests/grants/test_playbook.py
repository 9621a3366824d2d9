"""Which remedies fit."""

import msgspec
import pytest

from gateway.config import Offer
from gateway.grants.playbook import CAUSES, STARTER, offers_for, proposals, version_of
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


@pytest.mark.parametrize(
    ("severity", "by_staff", "by_manager"),
    [
        (1, {"apology"}, {"manager-souvenir"}),
        (2, {"apology", "souvenir", "tokens"}, {"coupon"}),
        (3, {"apology", "redo", "exchange", "tokens"}, {"coupon"}),
        (4, set(), {"refund"}),
        (5, set(), set()),
    ],
)
def test_the_starter_gives_more_to_the_graver_and_to_the_manager(
    severity: int, by_staff: set[str], by_manager: set[str]
) -> None:
    assert {each.name for each in offers_for((), Role.STAFF, severity)} == by_staff
    assert {each.name for each in offers_for((), Role.MANAGER, severity)} == by_staff | by_manager


def test_a_playbook_is_named_by_what_is_in_it() -> None:
    cheaper = msgspec.structs.replace(OFFERS[0], cost=8.0)
    assert version_of(OFFERS) == version_of(tuple(OFFERS))
    assert version_of(OFFERS) != version_of((cheaper, *OFFERS[1:]))
    assert version_of(OFFERS).isalnum()


def test_the_starter_has_a_remedy_of_every_kind() -> None:
    assert {each.kind for each in STARTER} == set(OfferKind)


def test_a_cause_brings_what_puts_just_that_right_first() -> None:
    (product,) = (each for each in CAUSES if each.name == "product")
    found = proposals((), Role.MANAGER, 3, product)
    assert [each.offer.name for each in found] == ["exchange", "apology", "tokens", "coupon"]
    assert found[0].why == Label(
        ru="Возмещает именно это: Плохой товар; подходит к тяжести 3; стоит магазину 3.",
        en="Puts right just this: A faulty product; fits severity 3; costs 3.",
    )
    assert found[1].why.en == "Fits any cause; fits severity 3; costs nothing."


def test_without_a_cause_nothing_is_left_out() -> None:
    found = proposals((), Role.STAFF, 3, None)
    assert [each.offer for each in found] == list(offers_for((), Role.STAFF, 3))
    assert found[1].why.en == "Puts certain losses right; fits severity 3; costs 3."


def test_the_starter_names_only_shipped_causes() -> None:
    names = {each.name for each in CAUSES}
    assert len(names) == len(CAUSES)
    assert {name for offer in STARTER for name in offer.causes} <= names
