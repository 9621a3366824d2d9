"""The playbook, pure: which remedies fit a mishap, and the one that a new box starts with."""

from typing import Final

from gateway.config import Offer
from gateway.model import Label, OfferKind, Role

STARTER: Final = (
    Offer(
        name="apology",
        kind=OfferKind.APOLOGY,
        label=Label(ru="Личные извинения", en="Personal apology"),
        severity=(1, 3),
    ),
    Offer(
        name="souvenir",
        kind=OfferKind.SOUVENIR,
        label=Label(ru="Сувенир", en="Souvenir"),
        severity=(2, 3),
        cost=2.0,
    ),
    Offer(
        name="redo",
        kind=OfferKind.REDO,
        label=Label(ru="Сделать заново", en="Do it again"),
        severity=(3, 3),
        cost=3.0,
        valid_days=7,
    ),
    Offer(
        name="exchange",
        kind=OfferKind.EXCHANGE,
        label=Label(ru="Обмен товара", en="Exchange"),
        severity=(3, 3),
        cost=3.0,
        valid_days=14,
    ),
    Offer(
        name="tokens",
        kind=OfferKind.TOKENS,
        label=Label(ru="5 бонусов на карту", en="5 tokens on the card"),
        severity=(2, 3),
        tokens=5.0,
        cost=5.0,
    ),
    Offer(
        name="coupon",
        kind=OfferKind.COUPON,
        label=Label(ru="Купон на скидку", en="Discount coupon"),
        severity=(2, 3),
        role=Role.MANAGER,
        cost=5.0,
    ),
    Offer(
        name="refund",
        kind=OfferKind.REFUND,
        label=Label(ru="Возврат денег", en="Refund"),
        severity=(4, 4),
        role=Role.MANAGER,
        valid_days=1,
        cost=10.0,
    ),
)
"""Restore, do not overpay: the least costly first; a matter of safety is the owner's, no coupon."""


def offers_for(offers: tuple[Offer, ...], role: Role, severity: int | None) -> tuple[Offer, ...]:
    """What a person of this role may grant, for one severity or for any, the least costly first."""
    fitting = (
        offer
        for offer in offers or STARTER
        if offer.role.rank <= role.rank
        and (severity is None or offer.severity[0] <= severity <= offer.severity[1])
    )
    return tuple(sorted(fitting, key=lambda offer: offer.cost))
