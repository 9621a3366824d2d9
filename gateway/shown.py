"""Alerts and grants as they are shown: with what depends on the present moment."""

from gateway.alerts import timing
from gateway.alerts.case import Alert
from gateway.alerts.desk import Desk
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.grants.grant import Grant
from gateway.request import AlertView, GrantView


def alert_view(alert: Alert, desk: Desk, now: Stamp) -> AlertView:
    """An alert, live or ended."""
    age_ns = alert.raised.age_ns(now)
    label = desk.label(alert)
    undo_ns = timing.undo_ns(alert, now)
    return AlertView(
        alert=alert,
        age_s=None if age_ns is None else age_ns / NS_PER_S,
        next_page_s=desk.next_page_s(alert, now),
        undo_s=undo_ns / NS_PER_S if undo_ns > 0 else None,
        label_ru=label.ru,
        label_en=label.en,
    )


def grant_view(grant: Grant, offer: Offer | None, now: Stamp) -> GrantView:
    """A grant; of an offer that is no longer in the playbook its name is all that is left."""
    label_ru, label_en = (grant.offer,) * 2 if offer is None else (offer.label.ru, offer.label.en)
    return GrantView(grant=grant.as_of(now), label_ru=label_ru, label_en=label_en)
