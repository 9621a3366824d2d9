"""The structures of the gateway's settings, from which forms are made."""

from gateway.config import (
    DEFAULT_STEPS,
    AchivxUplink,
    Button,
    Cause,
    CustomerKind,
    Customers,
    DailyTest,
    Guidance,
    Hours,
    Inputs,
    Ladder,
    MqttUplink,
    NoUplink,
    Pager,
    Retention,
    Security,
    Shift,
    Spending,
    Staff,
    Step,
)
from gateway.config import Access as AccessSettings
from gateway.config import Offer as OfferSettings
from gateway.config import Shop as ShopSettings
from gateway.config.alert_rules import LowIndex, RedsInARow, Silence, StandingFault, UnhappyShare
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template
from gateway.config.values import TARGETS, choices
from gateway.paging.drivers.template_file import shipped_templates

__all__ = [
    "DEFAULT_STEPS",
    "TARGETS",
    "AccessSettings",
    "AchivxUplink",
    "Button",
    "Cause",
    "CustomerKind",
    "Customers",
    "DailyTest",
    "Espa",
    "Ev1527",
    "Guidance",
    "Hours",
    "Inputs",
    "Ladder",
    "LowIndex",
    "Mmdvm",
    "MqttUplink",
    "NoUplink",
    "OfferSettings",
    "Pager",
    "RedsInARow",
    "Retention",
    "Security",
    "Shift",
    "ShopSettings",
    "Silence",
    "Spending",
    "Staff",
    "StandingFault",
    "Step",
    "Tap",
    "Template",
    "UnhappyShare",
    "choices",
    "shipped_templates",
]
