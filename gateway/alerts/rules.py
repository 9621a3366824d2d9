"""Rules over many presses and over the box's faults, pure: what is found, where, in which words.

**Smileys.** Too large a share of unhappy ones, so many of them in a row, or a low happy index, in
a window before the press that is judged. Only presses without a flag count, and a rule judges each
zone by itself.

**Silence** and **standing faults** are found by time alone, at their due moments.

What was found is not found again: the smileys it was made of are forgotten, and the rule is still
in that zone (for a fault: about that part) until it has cooled down.

**Time** is CLOCK_MONOTONIC of one boot. After a restart `prime` takes the journal's latest records:
those of another boot count only where both wall clocks were synchronised, because nobody can know
the age of the others.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.alerts import score
from gateway.alerts.watches import FaultWatch, SilenceWatch, Watch, shifted
from gateway.alerts.windows import PressRule, Smiley, Window
from gateway.clock import Stamp
from gateway.config import Button, Config
from gateway.config.alert_rules import Pattern, Silence, StandingFault
from gateway.config.patterns import watches
from gateway.events import AlertRaised, AnyEvent, FaultCleared, FaultRaised, Pressed, Record
from gateway.model import AlertCause, ButtonKind, Label, Press

PRIMED_FROM: Final = 3000
"""How many of the journal's latest records are worth reading for `prime`."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule has found.

    Attributes:
        rule: The rule.
        zone: Where.
        words: What a page says of it.
        at: When: the press that made it so, or the moment it was due.
        part: The part of the box whose fault it is, None for presses.
    """

    rule: Pattern
    zone: str
    words: Label
    at: Stamp
    part: str | None = None

    @property
    def cause(self) -> AlertCause:
        """The cause of the alert it makes."""
        return AlertCause.FAULT if isinstance(self.rule, StandingFault) else AlertCause.PATTERN


class Patterns:
    """The rules of one shop with their memory, for one run of the daemon.

    Args:
        config: Rules, buttons and opening hours.
        now: When it begins to watch.
    """

    def __init__(self, config: Config, now: Stamp) -> None:
        of_five = {b.panel for b in config.buttons if b.kind is ButtonKind.NEUTRAL}
        self._of_five: Final = {b.name for b in config.buttons if b.panel in of_five}
        self._windows: Final[list[Window]] = []
        self._silences: Final[list[SilenceWatch]] = []
        self._faults: Final[list[FaultWatch]] = []
        for rule in config.rules:
            if isinstance(rule, StandingFault):
                self._faults.append(FaultWatch(rule, config.shop))
                continue
            for zone, names in _by_zone(rule, config.buttons).items():
                if isinstance(rule, Silence):
                    silence = SilenceWatch(rule, zone, names, config.shop, now.mono_ns)
                    self._silences.append(silence)
                else:
                    self._windows.append(Window(rule, zone, names))

    @property
    def next_due_ns(self) -> int | None:
        """When `advance` has something to do if nothing happens before, None for never."""
        due = self._next_due()
        return None if due is None else due[0]

    def press(self, press: Press, at: Stamp) -> list[Found]:
        """A press, as the filter judged it; what was due before it comes first."""
        found = self.advance(at)
        if press.flag is not None:
            return found
        at_ns = at.mono_ns
        self._saw_press(press.button, at_ns)
        for window in self._windows_of(press.button, press.kind):
            window.add(self._smiley(press.button, press.kind, at_ns))
            words = window.judge(at_ns)
            if words is not None:
                window.found(at_ns)
                found.append(Found(rule=window.rule, zone=window.zone, words=words, at=at))
        return found

    def event(self, event: AnyEvent, at: Stamp) -> list[Found]:
        """A fault came or went; other events say nothing here. What was due before comes first."""
        found = self.advance(at)
        for watch in self._faults:
            if isinstance(event, FaultRaised):
                watch.raised(event.part, event.words, at.mono_ns)
            elif isinstance(event, FaultCleared):
                watch.cleared(event.part)
        return found

    def advance(self, now: Stamp) -> list[Found]:
        """Judge everything that is due by now, in the order in which it is due."""
        found: list[Found] = []
        while (due := self._next_due()) and due[0] <= now.mono_ns:
            due_ns, watch = due
            at = shifted(now, due_ns)
            told = watch.judge(at)
            if told is not None:
                found.append(
                    Found(rule=watch.rule, zone=watch.zone, words=told.words, at=at, part=told.part)
                )
        return found

    def prime(self, records: Iterable[Record], now: Stamp) -> None:
        """Remember what the journal knows of before: nothing is found in it.

        Call it before anything else. Standing faults are not remembered: the parts of a daemon
        that has just started tell theirs anew.
        """
        known = (
            (now.mono_ns - age_ns, record)
            for record in records
            if (age_ns := record.at.age_ns(now)) is not None
        )
        for at_ns, record in sorted(known, key=lambda item: item[0]):
            if isinstance(record.event, Pressed):
                self._remember_press(record.event, at_ns, same_boot=record.at.boot == now.boot)
            elif isinstance(record.event, AlertRaised):
                self._remember_found(record.event, at_ns)

    # --- how -------------------------------------------------------------------------------

    def _next_due(self) -> tuple[int, Watch] | None:
        watches: list[Watch] = [*self._silences, *self._faults]
        due = [(due_ns, watch) for watch in watches if (due_ns := watch.due_ns) is not None]
        return min(due, key=lambda item: item[0], default=None)

    def _windows_of(self, button: str, kind: ButtonKind) -> list[Window]:
        """The windows that a press belongs to; the button may have been another kind once."""
        return [w for w in self._windows if button in w.buttons and kind.is_smiley]

    def _smiley(self, button: str, kind: ButtonKind, at_ns: int) -> Smiley:
        return Smiley(at_ns, kind, score.tenths(kind, of_five=button in self._of_five))

    def _saw_press(self, button: str, at_ns: int) -> None:
        for silence in self._silences:
            if button in silence.buttons:
                silence.press(at_ns)

    def _remember_press(self, press: Pressed, at_ns: int, *, same_boot: bool) -> None:
        if press.flag is not None:
            return
        if same_boot:  # a box that was off could not hear the others
            self._saw_press(press.button, at_ns)
        for window in self._windows_of(press.button, press.kind):
            window.add(self._smiley(press.button, press.kind, at_ns))

    def _remember_found(self, alert: AlertRaised, at_ns: int) -> None:
        told: list[Window | SilenceWatch] = [*self._windows, *self._silences]
        for watch in told:
            if (watch.rule.name, watch.zone) == (alert.rule, alert.zone):
                watch.found(at_ns)
        for fault in self._faults:
            if fault.rule.name == alert.rule and alert.part is not None:
                fault.found(alert.part, at_ns)


def _by_zone(rule: PressRule | Silence, buttons: tuple[Button, ...]) -> dict[str, frozenset[str]]:
    """The names of the buttons that a rule watches, by their zones."""
    zones = dict.fromkeys(button.zone for button in buttons if watches(rule, button))
    return {
        zone: frozenset(b.name for b in buttons if b.zone == zone and watches(rule, b))
        for zone in zones
    }
