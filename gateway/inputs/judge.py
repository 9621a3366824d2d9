"""Which presses of one panel count: the rules about presses that were really made."""

from collections import deque
from typing import Final

from gateway.clock import NS_PER_S
from gateway.config import Button, Inputs
from gateway.model import ButtonKind, PressFlag

_GREENS: Final = frozenset({ButtonKind.VERY_HAPPY, ButtonKind.HAPPY})


def ns(seconds: float) -> int:
    """Seconds of the configuration in nanoseconds."""
    return round(seconds * NS_PER_S)


class Judge:
    """The memory of one panel and the rules that need it; see `filter.py` for their meaning.

    Args:
        inputs: The windows and thresholds.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._interval_ns: Final = ns(inputs.response_interval_s)
        self._mashing_ns: Final = ns(inputs.mashing_window_s)
        self._compensating_ns: Final = ns(inputs.compensating_window_s)
        self._compensating_presses: Final = inputs.compensating_presses
        self._leads_ns: deque[int] = deque(maxlen=inputs.mashing_presses)
        self._counted_ns: dict[str, int] = {}
        self._red_ns: int | None = None
        self._greens = 0

    def judge(self, button: Button, lead_ns: int, *, simultaneous: bool) -> PressFlag | None:
        """Judge one press and remember it.

        Args:
            button: What was pressed.
            lead_ns: CLOCK_MONOTONIC of its leading edge.
            simultaneous: Whether another button of the panel was pressed at the same time.

        Returns:
            Why the press does not count, or None when it does.
        """
        mashing = self._is_mashing(lead_ns)
        compensating = self._is_compensating(button.kind, lead_ns)
        repeat = self._is_repeat(button.name, lead_ns)
        flag: PressFlag | None = None
        if button.kind.is_red:
            flag = PressFlag.REPEAT if repeat else None
        elif mashing:
            flag = PressFlag.MASHING
        elif simultaneous:
            flag = PressFlag.SIMULTANEOUS
        elif repeat:
            flag = PressFlag.REPEAT
        elif compensating:
            flag = PressFlag.COMPENSATING
        if flag is None:
            self._counted_ns[button.name] = lead_ns
            if button.kind.is_red:
                self._red_ns, self._greens = lead_ns, 0
        return flag

    def _is_mashing(self, lead_ns: int) -> bool:
        self._leads_ns.append(lead_ns)
        full = len(self._leads_ns) == self._leads_ns.maxlen
        return full and lead_ns - self._leads_ns[0] < self._mashing_ns

    def _is_repeat(self, name: str, lead_ns: int) -> bool:
        counted_ns = self._counted_ns.get(name)
        return counted_ns is not None and lead_ns - counted_ns < self._interval_ns

    def _is_compensating(self, kind: ButtonKind, lead_ns: int) -> bool:
        if kind not in _GREENS or self._red_ns is None:
            return False
        if not 0 <= lead_ns - self._red_ns < self._compensating_ns:
            return False
        self._greens += 1
        return self._greens >= self._compensating_presses
