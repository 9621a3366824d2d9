"""The key figures, pure: what is counted, and the formula of each.

A figure of fewer than `LEAST` says more about chance than about the shop, and is not told.
"""

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gateway.alerts import score
from gateway.alerts.hours import DAYS
from gateway.insights.cases import Cases
from gateway.insights.messages import Bar, Figure
from gateway.model import ButtonKind, PressFlag

LEAST: Final = 30
"""How many it takes before a figure is told."""

WIRES: Final = (PressFlag.GLITCH, PressFlag.STUCK)
"""Flags of what a wire did: nobody's press, and nobody's misuse."""


class Presses(msgspec.Struct, frozen=True, kw_only=True):
    """Presses that have all of this in common.

    Attributes:
        hour: Of the shop's day, 0–23.
        weekday: 0 for Monday.
        point: The panel.
        of_five: Whether the panel has a neutral button.
    """

    hour: int
    weekday: int
    zone: str
    point: str
    kind: ButtonKind
    flag: PressFlag | None
    of_five: bool
    count: int
    unsure: int = 0


class Mean:
    """A happy index in the making."""

    def __init__(self) -> None:
        self.n = 0
        self._tenths = 0

    def add(self, tenths: int, count: int) -> None:
        """Add `count` smileys of this weight, see `alerts/score.py`."""
        self.n += count
        self._tenths += tenths * count

    @property
    def value(self) -> float | None:
        """The index, 0–100; None without any smiley."""
        return self._tenths / (10 * self.n) if self.n else None


class Tally:
    """All presses of a span, in as many numbers as there are hours, weekdays, zones, points."""

    def __init__(self) -> None:
        self.presses = 0
        self.unsure = 0
        self.flagged = 0
        self.smileys = 0
        self.reds = 0
        self.index: Final = Mean()
        self.hours: Final = {f"{hour:02}": Mean() for hour in range(24)}
        self.weekdays: Final = {day: Mean() for day in DAYS}
        self.zones: Final[dict[str, Mean]] = {}
        self.points: Final[dict[str, Mean]] = {}

    def add(self, presses: Presses) -> None:
        """Count presses of one sort; those of staff and of the wires are passed over."""
        staffs = presses.kind in (ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP)
        if staffs or presses.flag in WIRES:
            return
        self.presses += presses.count
        self.unsure += presses.unsure
        if presses.flag is not None:
            self.flagged += presses.count
        elif presses.kind.is_smiley:
            self._smile(presses)

    def _smile(self, presses: Presses) -> None:
        self.smileys += presses.count
        self.reds += presses.count if presses.kind.is_red else 0
        weight = score.tenths(presses.kind, of_five=presses.of_five)
        for mean in (
            self.index,
            self.hours[f"{presses.hour:02}"],
            self.weekdays[DAYS[presses.weekday]],
            self.zones.setdefault(presses.zone, Mean()),
            self.points.setdefault(presses.point, Mean()),
        ):
            mean.add(weight, presses.count)


def percentile(values: Iterable[float], percent: int) -> float | None:
    """The smallest value that at least so many percent do not exceed; None without any."""
    ranked = sorted(values)
    if not ranked:
        return None
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def bars(means: Mapping[str, Mean], least: int = LEAST) -> tuple[Bar, ...]:
    """The happy index of each, hidden where it is made of too few."""
    return tuple(
        Bar(name=name, n=mean.n, value=mean.value if mean.n >= least else None)
        for name, mean in means.items()
    )


def figures(
    tally: Tally, cases: Cases, sent: tuple[int, int], least: int = LEAST
) -> tuple[Figure, ...]:
    """Every key figure.

    Args:
        tally: The presses.
        cases: The alerts and the grants.
        sent: The highest sequence that the server has confirmed, and the highest there is.
        least: How many it takes before a figure is told.
    """

    def rate(name: str, part: int, whole: int, least: int = least) -> Figure:
        value = 100 * part / whole if whole >= max(1, least) else None
        return Figure(name=name, unit="percent", n=whole, least=least, value=value)

    def time(name: str, values: "array[float]") -> Figure:
        told: Iterable[float] = values if len(values) >= least else ()
        low, high = percentile(told, 50), percentile(told, 90)
        return Figure(name=name, unit="s", n=len(values), least=least, value=low, p90=high)

    index = tally.index
    cost = cases.cost / cases.recovered if cases.recovered >= max(1, least) else None
    return (
        Figure(
            name="happy_index",
            unit="index",
            n=index.n,
            least=least,
            value=index.value if index.n >= least else None,
        ),
        rate("red_rate", tally.reds, tally.smileys),
        rate("misuse_rate", tally.flagged, tally.presses),
        time("time_to_page", cases.to_page),
        time("time_to_acknowledge", cases.to_acknowledge),
        time("time_to_contact", cases.to_contact),
        time("time_to_close", cases.to_close),
        rate("contact_before_exit", cases.reached, cases.genuine),
        rate("sla_rate", cases.in_time, cases.incidents),
        rate("escalation_rate", cases.escalated, cases.incidents),
        rate("recovery_rate", cases.recovered, cases.contacted),
        rate("double_deviation", cases.doubled, cases.incidents),
        rate("repeat_cause_rate", cases.repeated, cases.incidents),
        Figure(name="cost_per_recovery", unit="cost", n=cases.recovered, least=least, value=cost),
        rate("grant_concentration", cases.to_top_customers, cases.to_customers),
        rate("sync_completeness", *sent, least=1),
    )
