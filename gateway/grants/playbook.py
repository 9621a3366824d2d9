"""The playbook, pure: which remedies fit a mishap and why, and the one of a new box."""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.config import Cause, Offer
from gateway.errors import Refused
from gateway.model import Label, OfferKind, Role

CAUSES: Final = (
    Cause(name="inattention", label=Label(ru="Невнимание", en="Inattention")),
    Cause(name="delay", label=Label(ru="Долгое ожидание", en="A long wait")),
    Cause(name="service", label=Label(ru="Плохо обслужили", en="Poor service")),
    Cause(name="product", label=Label(ru="Плохой товар", en="A faulty product")),
    Cause(name="money", label=Label(ru="Потерянные деньги", en="Money lost")),
    Cause(name="safety", label=Label(ru="Безопасность", en="Safety")),
)
"""What can have gone wrong, in a shop that has not said otherwise."""

STARTER: Final = (
    Offer(
        name="apology",
        kind=OfferKind.APOLOGY,
        label=Label(ru="Личные извинения", en="Personal apology"),
        severity=(1, 3),
    ),
    Offer(
        name="manager-souvenir",
        kind=OfferKind.SOUVENIR,
        label=Label(ru="Сувенир от управляющего", en="Souvenir from the manager"),
        severity=(1, 1),
        role=Role.MANAGER,
        cost=2.0,
        value=3.0,
        per_staff_day=10,
    ),
    Offer(
        name="souvenir",
        kind=OfferKind.SOUVENIR,
        label=Label(ru="Сувенир", en="Souvenir"),
        severity=(2, 2),
        cost=2.0,
        value=3.0,
        causes=("inattention", "delay"),
        per_staff_day=20,
    ),
    Offer(
        name="redo",
        kind=OfferKind.REDO,
        label=Label(ru="Сделать заново", en="Do it again"),
        severity=(3, 3),
        cost=3.0,
        value=6.0,
        causes=("service",),
        valid_days=7,
    ),
    Offer(
        name="exchange",
        kind=OfferKind.EXCHANGE,
        label=Label(ru="Обмен товара", en="Exchange"),
        severity=(3, 3),
        cost=3.0,
        value=6.0,
        causes=("product",),
        valid_days=14,
    ),
    Offer(
        name="tokens",
        kind=OfferKind.TOKENS,
        label=Label(ru="5 бонусов на карту", en="5 tokens on the card"),
        severity=(2, 3),
        tokens=5.0,
        cost=5.0,
        value=5.0,
        per_staff_day=10,
        per_customer_days=(2, 30),
    ),
    Offer(
        name="coupon",
        kind=OfferKind.COUPON,
        label=Label(ru="Купон на скидку", en="Discount coupon"),
        severity=(2, 3),
        role=Role.MANAGER,
        cost=5.0,
        value=10.0,
        per_customer_days=(2, 30),
    ),
    Offer(
        name="refund",
        kind=OfferKind.REFUND,
        label=Label(ru="Возврат денег", en="Refund"),
        severity=(4, 4),
        role=Role.MANAGER,
        valid_days=1,
        cost=10.0,
        value=10.0,
        causes=("money",),
    ),
)
"""Restore, do not overpay: the least costly first; a matter of safety is the owner's, no coupon."""


def cause_named(causes: tuple[Cause, ...], name: str | None) -> Cause | None:
    """The cause of a name, of the configured ones or the shipped ones; None names none.

    Raises:
        Refused: `unknown_cause`.
    """
    if name is None:
        return None
    found = next((each for each in causes or CAUSES if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in causes or CAUSES)
        raise Refused("unknown_cause", f"there is no cause named {name!r}; there are {names}")
    return found


class Proposal(msgspec.Struct, frozen=True):
    """An offer that fits, and why it is proposed at its place."""

    offer: Offer
    why: Label


def version_of(offers: tuple[Offer, ...]) -> str:
    """The name of a playbook: the same offers have the same, whenever they are in force."""
    return hashlib.sha256(msgspec.json.encode(offers)).hexdigest()[:12]


def offers_for(offers: tuple[Offer, ...], role: Role, severity: int | None) -> tuple[Offer, ...]:
    """What a person of this role may grant, for one severity or for any, the least costly first."""
    fitting = (
        offer
        for offer in offers or STARTER
        if offer.role.rank <= role.rank
        and (severity is None or offer.severity[0] <= severity <= offer.severity[1])
    )
    return tuple(sorted(fitting, key=lambda offer: offer.cost))


def proposals(
    offers: tuple[Offer, ...], role: Role, severity: int | None, cause: Cause | None
) -> tuple[Proposal, ...]:
    """What to propose, best first: what puts this very loss right, then what fits any.

    Money makes good for money, and a faulty product is exchanged: what is meant for other losses
    is left out. Within each of both the least costly comes first, because more compensation has
    falling returns.
    """
    fitting = [
        offer
        for offer in offers_for(offers, role, severity)
        if cause is None or not offer.causes or cause.name in offer.causes
    ]
    if cause is not None:
        fitting.sort(key=lambda offer: not offer.causes)
    return tuple(Proposal(offer, _why(offer, severity, cause)) for offer in fitting)


def _why(offer: Offer, severity: int | None, cause: Cause | None) -> Label:
    """One sentence in both languages."""
    parts = [_fits(offer, cause)]
    if severity is not None:
        parts.append(Label(ru=f"подходит к тяжести {severity}", en=f"fits severity {severity}"))
    if offer.cost:
        parts.append(Label(ru=f"стоит магазину {offer.cost:g}", en=f"costs {offer.cost:g}"))
    else:
        parts.append(Label(ru="ничего не стоит магазину", en="costs nothing"))
    return Label(ru=_sentence(part.ru for part in parts), en=_sentence(part.en for part in parts))


def _fits(offer: Offer, cause: Cause | None) -> Label:
    if cause is not None and cause.name in offer.causes:
        return Label(
            ru=f"возмещает именно это: {cause.label.ru}",
            en=f"puts right just this: {cause.label.en}",
        )
    if offer.causes:
        return Label(ru="возмещает определённые потери", en="puts certain losses right")
    return Label(ru="уместно при любой причине", en="fits any cause")


def _sentence(parts: Iterable[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
