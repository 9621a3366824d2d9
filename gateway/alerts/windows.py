"""One rule over the smileys of one zone, pure: when it has found something, and in which words."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.alerts import score
from gateway.alerts.ladder import ns
from gateway.config.alert_rules import LowIndex, RedsInARow, UnhappyShare
from gateway.model import ButtonKind, Label

PressRule = UnhappyShare | RedsInARow | LowIndex


class Smiley(msgspec.Struct, frozen=True):
    """One press that a rule counts: when on this boot's CLOCK_MONOTONIC, what, and its weight."""

    at_ns: int
    kind: ButtonKind
    tenths: int


def judge(rule: PressRule, smileys: Iterable[Smiley]) -> Label | None:
    """What a rule finds in the smileys of its window, oldest first; None when nothing."""
    seen = tuple(smileys)
    reds = sum(smiley.kind.is_red for smiley in seen)
    match rule:
        case UnhappyShare():
            if len(seen) >= rule.least and reds >= rule.share * len(seen):
                return Label(
                    ru=f"недовольны {reds} из {len(seen)}", en=f"{reds} of {len(seen)} unhappy"
                )
        case RedsInARow():
            latest = seen[-rule.count :]
            if len(latest) == rule.count and all(smiley.kind.is_red for smiley in latest):
                return Label(
                    ru=f"недовольны подряд: {rule.count}", en=f"{rule.count} unhappy in a row"
                )
        case LowIndex():
            weights = [smiley.tenths for smiley in seen]
            if len(seen) >= rule.least and (index := score.happy_index(weights)) < rule.below:
                return Label(
                    ru=f"индекс {index:.0f} из {len(seen)}",
                    en=f"index {index:.0f} of {len(seen)}",
                )
    return None


class Window:
    """The latest smileys of one zone, and when the rule was last satisfied with them.

    Times are CLOCK_MONOTONIC in nanoseconds, ascending but for a press that was told late.

    Args:
        rule: What is too bad.
        zone: Where.
        buttons: The names of the buttons that the rule watches there.
    """

    def __init__(self, rule: PressRule, zone: str, buttons: frozenset[str]) -> None:
        self.rule: Final = rule
        self.zone: Final = zone
        self.buttons: Final = buttons
        self._window_ns: Final = ns(rule.window_s)
        self._cooldown_ns: Final = ns(rule.cooldown_s)
        self._smileys: Final[deque[Smiley]] = deque()
        self._still_until_ns: int | None = None

    def add(self, smiley: Smiley) -> None:
        """Take one more, without a judgement."""
        self._smileys.append(smiley)
        while smiley.at_ns - self._smileys[0].at_ns >= self._window_ns:
            self._smileys.popleft()

    def found(self, at_ns: int) -> None:
        """It was told: no smiley is told of twice, and nothing more until it has cooled down."""
        self._smileys.clear()
        self._still_until_ns = at_ns + self._cooldown_ns

    def judge(self, now_ns: int) -> Label | None:
        """What there is to tell now."""
        if self._still_until_ns is not None and now_ns < self._still_until_ns:
            return None
        return judge(self.rule, self._smileys)
