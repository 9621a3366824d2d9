"""What is said on the control socket about key figures and about trying other rules."""

from typing import ClassVar

import msgspec

from gateway.config import Ladder
from gateway.config.alert_rules import Pattern
from gateway.model import Role
from gateway.request import Request
from gateway.setup.messages import SettingsEdit, SettingsProblem


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One key figure.

    Attributes:
        name: See `insights/figures.py`.
        unit: `index` (0–100), `percent`, `s`, or `cost` in whole units of the shop's currency.
        n: How many it is made of.
        least: How many it takes before it is told.
        value: For seconds the p50; None while `n` is below `least`.
        p90: For seconds.
    """

    name: str
    unit: str
    n: int
    least: int
    value: float | None
    p90: float | None = None


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """The happy index of one hour (`00` … `23`), weekday (`mon` … `sun`), zone or point."""

    name: str
    n: int
    value: float | None


class StaffCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one person did who agreed to be shown."""

    name: str
    contacts: int
    recovered: int


class InsightsView(msgspec.Struct, frozen=True, kw_only=True):
    """The key figures of a span of days.

    Attributes:
        since: Its first day, `2026-11-01`, the shop's own.
        until: Its last day.
        timezone: The shop's.
        at_s: When they were worked out, Unix time.
        least: How many it takes before a figure is told.
        contact_target_s: The longest that a customer should wait for somebody.
        presses: Presses of customers, flagged ones too.
        unsure: Those of them that were recorded while nobody knew the right time.
        incidents: Ended alerts of unhappy customers that somebody was called to.
        staff: Empty unless somebody has agreed to be shown.
    """

    since: str
    until: str
    timezone: str
    at_s: float
    least: int
    contact_target_s: float
    presses: int
    unsure: int
    incidents: int
    figures: tuple[Figure, ...]
    hours: tuple[Bar, ...]
    weekdays: tuple[Bar, ...]
    zones: tuple[Bar, ...]
    points: tuple[Bar, ...]
    staff: tuple[StaffCount, ...]


class Total(msgspec.Struct, frozen=True):
    """How many alerts, and how many of them paged: by the other settings, and really."""

    name: str
    would: int
    would_page: int
    really: int
    really_paged: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that only one of the two has: `would`, by the other settings, else really."""

    at_s: float
    name: str
    zone: str
    button: str | None
    would: bool


class TrialView(msgspec.Struct, frozen=True, kw_only=True):
    """What other settings would have alerted, next to what was.

    Attributes:
        presses: Presses that were replayed.
        by_calls: By how often the ladder called somebody until they were taken or missed, in five
            digits; `00000` of those that were not paged.
        more: Differences beyond those that are told.
        problems: What is wrong with the settings; then nothing was replayed.
    """

    presses: int = 0
    by_rule: tuple[Total, ...] = ()
    by_day: tuple[Total, ...] = ()
    by_calls: tuple[Total, ...] = ()
    differences: tuple[Difference, ...] = ()
    more: int = 0
    problems: tuple[SettingsProblem, ...] = ()


class RulesView(msgspec.Struct, frozen=True, kw_only=True):
    """The rules and the ladder as the settings say them, and the SHA-256 a change must name."""

    rules: tuple[Pattern, ...]
    ladder: Ladder
    sha256: str


class GetInsights(Request[InsightsView], frozen=True, tag="insights"):
    """The key figures of the last `days` days, today included, or of `since` to `until`.

    Refused with `bad_span` where that is no span of days, and with `still_counting` when it takes
    longer than a page can wait: ask again.
    """

    needs: ClassVar[Role | None] = Role.MANAGER
    days: int = 7
    since: str = ""
    until: str = ""


class GetRules(Request[RulesView], frozen=True, tag="rules"):
    """The rules and the ladder, for whoever may try others."""

    needs: ClassVar[Role | None] = Role.MANAGER


class TryRules(Request[TrialView], frozen=True, tag="try_rules"):
    """What the last days would have alerted with these edits of rules and ladder.

    Nothing is written. Refused as `GetInsights`.
    """

    needs: ClassVar[Role | None] = Role.MANAGER
    edits: tuple[SettingsEdit, ...]
    days: int = 7


AnyInsightsRequest = GetInsights | GetRules | TryRules
