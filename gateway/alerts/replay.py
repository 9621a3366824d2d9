"""What other settings would have alerted, pure: the journal's presses through a desk and its rules.

The desk and the rules are the daemon's own. They get the recorded presses, with the flags that the
filter gave them then, the box's faults, and the time in between; what staff really did is done to
the alerts that the same press or rule has raised. A transmitter that takes every page is assumed.
Where the daemon started anew, so do they; a box that was off finds nothing.
"""

import contextlib
import itertools
from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.alerts.answers import BUTTON
from gateway.alerts.desk import Decision, Desk
from gateway.alerts.found import alert_of
from gateway.alerts.rules import PRIMED_FROM, Found, Patterns
from gateway.alerts.watches import shifted
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnswerWithdrawn,
    AnyEvent,
    FaultCleared,
    FaultRaised,
    Paged,
    Pressed,
    Record,
    Started,
)
from gateway.model import AlertCause, Label, Page, Press, Receipt, ReceiptState

SAME_NS: Final = 60 * NS_PER_S
"""Alerts of one rule in one zone this close together are the same one, told twice."""


class Alerted(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, as it was or as it would have been.

    Attributes:
        rule: The rule that found it, None for one press.
        level: The ladder level taken at once, from 0; -1 for none.
        highest: The level it climbed to until somebody took it or it was missed.
        pagers: Who was paged first.
    """

    at: Stamp
    cause: AlertCause
    rule: str | None
    part: str | None
    zone: str
    button: str | None
    words: Label | None
    quiet: bool
    level: int
    highest: int
    pagers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The rule's name, or the cause of what one press raised."""
        return self.rule or self.cause

    def is_same(self, other: "Alerted") -> bool:
        """Whether both tell of the same happening."""
        exact = self.rule is not None or self.at == other.at
        return exact and _is_near(self.at, other.at) and _subject(self) == _subject(other)


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """Both stories, oldest first.

    Attributes:
        presses: Presses that were replayed, flagged ones too.
        unknown_buttons: Buttons of the journal that the other settings do not have.
    """

    would: tuple[Alerted, ...]
    really: tuple[Alerted, ...]
    presses: int
    unknown_buttons: tuple[str, ...]

    def pairs(self) -> list[tuple[Alerted | None, Alerted | None]]:
        """What would have been beside what was, in the order of time."""
        left = list(self.really)
        pairs: list[tuple[Alerted | None, Alerted | None]] = []
        for ours in self.would:
            same = next((theirs for theirs in left if ours.is_same(theirs)), None)
            if same is not None:
                left.remove(same)
            pairs.append((ours, same))
        pairs += [(None, theirs) for theirs in left]
        return sorted(pairs, key=lambda pair: max(each.at.wall_ns for each in pair if each))


def replay(
    config: Config,
    records: Iterable[Record],
    *,
    first: int = 1,
    since_ns: int = 0,
    until_ns: int | None = None,
    end: Stamp | None = None,
) -> Replayed:
    """Run records through other settings.

    Args:
        config: The other settings.
        records: The journal's, in order, with some of before `first` to warm up on.
        first: The sequence from which on alerts and presses are told.
        since_ns: Unix time from which on they are, as far as it was known.
        until_ns: Unix time up to which they are; the first record after it is the end.
        end: Up to when time passes after the last record, if the box still runs in its boot.
    """
    run = _Run(config)
    for record in records:
        if until_ns is not None and record.seq >= first and record.at.wall_ns >= until_ns:
            end = record.at
            break
        run.take(record, is_told=record.seq >= first)
    if end is not None:
        late_ns = 0 if until_ns is None else max(0, end.wall_ns - until_ns)
        run.pass_time(shifted(end, end.mono_ns - late_ns))
    return Replayed(
        would=run.would.alerts(since_ns),
        really=run.really.alerts(since_ns),
        presses=run.presses,
        unknown_buttons=tuple(sorted(run.unknown)),
    )


class _Story:
    """The alerts of one of the two stories."""

    def __init__(self) -> None:
        self._alerts: Final[dict[str, Alerted]] = {}
        self._back: Final[set[str]] = set()  # what comes back climbs anew

    def alerts(self, since_ns: int) -> tuple[Alerted, ...]:
        return tuple(
            alert
            for alert in self._alerts.values()
            if alert.at.wall_ns >= since_ns or not alert.at.synced
        )

    def happened(self, event: AnyEvent, at: Stamp) -> None:
        match event:
            case AlertRaised():
                self._raised(event, at)
            case AlertClimbed():
                self._climbed(event)
            case AlertReturned(alert=alert):
                self._back.add(alert)
            case _:
                pass

    def _raised(self, event: AlertRaised, at: Stamp) -> None:
        self._alerts[event.alert] = Alerted(
            at=at,
            cause=event.cause,
            rule=event.rule,
            part=event.part,
            zone=event.zone,
            button=event.button,
            words=event.words,
            quiet=event.quiet,
            level=event.level,
            highest=event.level,
        )

    def _climbed(self, event: AlertClimbed) -> None:
        alert = self._alerts.get(event.alert)
        if alert is not None and event.alert not in self._back:
            highest = max(alert.highest, event.level)
            self._alerts[event.alert] = msgspec.structs.replace(alert, highest=highest)

    def paged(self, alert_id: str | None, pager: str, level: int) -> None:
        alert = self._alerts.get(alert_id or "")
        if alert is not None and level == max(alert.level, 0) and pager not in alert.pagers:
            pagers = (*alert.pagers, pager)
            self._alerts[alert_id or ""] = msgspec.structs.replace(alert, pagers=pagers)


class _Run:
    """One pass over the records."""

    def __init__(self, config: Config) -> None:
        self.would: Final = _Story()
        self.really: Final = _Story()
        self.presses = 0
        self.unknown: Final[set[str]] = set()
        self._config: Final = config
        self._zones: Final = {button.name: button.zone for button in config.buttons}
        self._ids: Final = (f"r{number}" for number in itertools.count(1))
        self._desk = self._new_desk()
        self._patterns: Patterns | None = None
        self._now: Stamp | None = None
        self._is_told = False
        # What the rules would find in their journal: presses, and what they found themselves.
        self._journal: Final[deque[Record]] = deque(maxlen=PRIMED_FROM)
        self._record: Record | None = None
        self._latest: Final[dict[tuple[str | None, ...], tuple[str, Stamp]]] = {}
        self._ours: Final[dict[str, str]] = {}

    def _new_desk(self) -> Desk:
        return Desk(self._config, lambda: next(self._ids))

    def take(self, record: Record, *, is_told: bool) -> None:
        """One record of what really was."""
        event, at = record.event, record.at
        self._is_told, self._record = is_told, record
        self.pass_time(at)
        if self._patterns is None or self._is_other_boot(at) or isinstance(event, Started):
            self._start(at)
        self._now = at if self._now is None or self._is_later(at) else self._now
        if is_told or not isinstance(event, AlertRaised):
            self.really.happened(event, at)
        match event:
            case Pressed():
                self._press(record, event)
            case FaultRaised() | FaultCleared():
                self._found(self._rules.event(event, at))
            case AlertRaised():
                self._really_raised(event, at)
            case Paged():
                self.really.paged(event.alert, event.pager, event.level)
            case AlertAcknowledged() | AlertContacted() | AnswerWithdrawn() | AlertResolved():
                self._answered(event, at)
            case _:
                pass

    def pass_time(self, then: Stamp) -> None:
        """Let everything happen that is due by then, in its order."""
        while self._now is not None and not self._is_other_boot(then):
            due_ns = self._next_due_ns(self._now)
            if due_ns is None or due_ns > then.mono_ns:
                break
            self._now = shifted(self._now, max(due_ns, self._now.mono_ns))
            self._carry_out(self._desk.advance(self._now), self._now)
            self._found(self._rules.advance(self._now))

    # --- how -------------------------------------------------------------------------------

    @property
    def _rules(self) -> Patterns:
        if self._patterns is None:
            raise ValueError("no record has come yet")
        return self._patterns

    def _is_other_boot(self, at: Stamp) -> bool:
        return self._now is not None and at.boot != self._now.boot

    def _is_later(self, at: Stamp) -> bool:
        return self._now is None or self._is_other_boot(at) or at.mono_ns >= self._now.mono_ns

    def _next_due_ns(self, now: Stamp) -> int | None:
        desk_s = self._desk.next_due_s(now)
        due = [] if desk_s is None else [now.mono_ns + round(desk_s * NS_PER_S)]
        rules_ns = self._rules.next_due_ns
        return min([*due, *([] if rules_ns is None else [rules_ns])], default=None)

    def _start(self, at: Stamp) -> None:
        """As the daemon does: its live alerts go on, its rules are primed from the journal."""
        live = self._desk.alerts()
        self._desk, self._now = self._new_desk(), at
        self._patterns = Patterns(self._config, at)
        self._patterns.prime(self._journal, at)
        self._carry_out(self._desk.restore(live, at), at)

    def _press(self, record: Record, pressed: Pressed) -> None:
        self.presses += self._is_told
        zone = self._zones.get(pressed.button)
        if zone is None:
            self.unknown.add(pressed.button)
            return
        self._journal.append(record)
        press = Press(pressed.button, pressed.kind, zone, pressed.flag)
        self._carry_out(self._desk.press(press, record.at), record.at)
        self._found(self._rules.press(press, record.at))

    def _found(self, found: Iterable[Found]) -> None:
        for each in found:
            event = alert_of(each, self._config, next(self._ids))
            self._carry_out(self._desk.raise_alert(event, each.at), each.at)
            if self._record is not None:
                self._journal.append(msgspec.structs.replace(self._record, event=event, at=each.at))

    def _carry_out(self, decision: Decision, at: Stamp) -> None:
        for event in decision.events:
            self._would(event, at)
        for page in decision.pages:
            self._page(page, at)

    def _would(self, event: AnyEvent, at: Stamp) -> None:
        if isinstance(event, AlertRaised):
            self._latest[_subject(event)] = (event.alert, at)
        if self._is_told or not isinstance(event, AlertRaised):
            self.would.happened(event, at)

    def _page(self, page: Page, at: Stamp) -> None:
        self.would.paged(page.alert, page.pager, page.level)
        self._desk.receipt(page, Receipt(ReceiptState.ACCEPTED), at)

    def _really_raised(self, event: AlertRaised, at: Stamp) -> None:
        """Find the alert of ours that the same press or rule has raised."""
        ours, since = self._latest.get(_subject(event), ("", None))
        if since is not None and _is_near(since, at):
            self._ours[event.alert] = ours

    def _answered(
        self,
        event: AlertAcknowledged | AlertContacted | AnswerWithdrawn | AlertResolved,
        at: Stamp,
    ) -> None:
        alert = self._ours.get(event.alert)
        if alert is None:
            return
        # Somebody took it when, by these settings, it was missed already: that changes nothing.
        with contextlib.suppress(Refused):
            match event:
                case AlertAcknowledged(by=by, via=via):
                    self._carry_out(self._desk.acknowledge(alert, by, via, at), at)
                case AlertContacted(by=by, final=final):
                    via = BUTTON if final else "page"
                    self._carry_out(self._desk.contact(alert, by, via, at), at)
                case AnswerWithdrawn(by=by):
                    self._carry_out(self._desk.withdraw(alert, by, at), at)
                case AlertResolved(by=by, outcome=outcome):
                    self._carry_out(self._desk.resolve(alert, by, outcome, at), at)


def _subject(alert: Alerted | AlertRaised) -> tuple[str | None, ...]:
    """What an alert is about. A press is known by its button, wherever that hangs now."""
    zone = alert.zone if alert.button is None else None
    return (alert.cause, alert.rule, alert.part, alert.button, zone)


def _is_near(one: Stamp, other: Stamp) -> bool:
    return one.boot == other.boot and abs(one.mono_ns - other.mono_ns) <= SAME_NS
