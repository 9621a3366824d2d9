"""One button's line: contact, spikes and hold put together into verdicts."""

from typing import Final

import msgspec

from gateway.config import Button, Inputs
from gateway.inputs.contact import NS_PER_MS, Contact
from gateway.inputs.health import FaultKind
from gateway.inputs.judge import Judge, ns
from gateway.inputs.spikes import Spikes
from gateway.inputs.verdicts import (
    LineFault,
    LineHealed,
    Pressed,
    Released,
    SetupHeld,
    SetupStage,
    Verdict,
)
from gateway.model import ButtonKind, Press, PressFlag

# Fingers that come down together do so within this; an elbow is quicker.
TOGETHER_NS: Final = 50 * NS_PER_MS

_NEVER_NS: Final = -(10**18)  # decades before any boot

_GESTURES: Final = frozenset({ButtonKind.ACKNOWLEDGE, ButtonKind.SETUP})
_STAGES: Final = ((10.0, SetupStage.PASSWORD_RESET), (30.0, SetupStage.FACTORY_RESET))


Wire = tuple[int, str, bool, ButtonKind]
"""A line by its pin, its pull, whether its loop is normally closed, and what presses of it mean."""


class Left(msgspec.Struct, frozen=True):
    """What one gateway leaves to the next of the same process, so that one press stays one.

    Attributes:
        at_ns: CLOCK_MONOTONIC of when it last heard of its lines.
        held: By line, the leading edge of the press that was told and is still held; None where the
            line was open. A line that was closed when that gateway woke, and whose press is not
            told yet, is not in here.
    """

    at_ns: int
    held: dict[Wire, int | None]


class Mark(msgspec.Struct, frozen=True):
    """A moment of a hold: a stage of a set-up button, or None where a hold becomes a fault."""

    after_ns: int
    stage: SetupStage | None


class Line:
    """The state of one button.

    Args:
        button: What hangs on the line.
        inputs: The times.
        judge: The judge of the button's panel; None for buttons that staff uses.
    """

    def __init__(self, button: Button, inputs: Inputs, judge: Judge | None) -> None:
        self.button: Final = button
        self.peers: tuple[Line, ...] = ()
        self._judge: Final = judge
        self._long_ns: Final = ns(inputs.long_press_s)
        self._contact: Final = Contact(inputs.glitch_ms * NS_PER_MS)
        self._spikes: Final = Spikes()
        self._marks: Final = _marks(button.kind, inputs)
        self._lead_ns = _NEVER_NS  # of the present or last hold
        self._passed = 0  # marks of this hold that are behind us
        self._unseen = False  # closed when the box woke: its leading edge was never seen
        self._faulty = False

    def begin(self, *, active: bool, at_ns: int) -> None:
        """Take the level that the line had when the box woke."""
        self._contact.begin(active=active, at_ns=at_ns)
        self._unseen = active
        self._lead_ns = at_ns if active else _NEVER_NS

    def resume(self, lead_ns: int | None) -> None:
        """Go on from what was known of the line before, in the words of `Left`."""
        if lead_ns is not None:
            self._contact.begin(active=True, at_ns=lead_ns)
            self._lead_ns = lead_ns

    @property
    def is_known(self) -> bool:
        """Whether all of its present hold, if any, was seen: no press of it is told later."""
        return not self._unseen

    @property
    def held_since_ns(self) -> int | None:
        """The leading edge of the press that was told and is not over, None where there is none."""
        return self._contact.since_ns if self._contact.closed else None

    @property
    def wire(self) -> Wire:
        """What the line is by its wiring and use, whatever its button is called."""
        button = self.button
        return (button.pin, button.pull, button.normally_closed, button.kind)

    def not_before(self, at_ns: int) -> int:
        """The same moment, or the latest that the line knows where time seems to go back."""
        return max(at_ns, self._contact.latest_ns)

    def edge(self, *, active: bool, at_ns: int) -> None:
        """Take one edge; what comes of it is told by `fire`."""
        spike_ns = self._contact.edge(active=active, at_ns=at_ns)
        if spike_ns is not None:
            self._spikes.add(spike_ns)

    @property
    def deadline_ns(self) -> int | None:
        """When `fire` is to be called next."""
        return min(self._deadlines(), default=None)

    def _deadlines(self) -> list[int]:
        contact = self._contact
        found = [contact.deadline_ns, self._mark_ns()]
        if not contact.closing:  # whether spikes were a bounce is known when the contact settles
            found.append(self._spikes.deadline_ns)
        return [deadline_ns for deadline_ns in found if deadline_ns is not None]

    def _mark_ns(self) -> int | None:
        contact = self._contact
        if not (contact.closed and contact.raw) or self._passed == len(self._marks):
            return None
        mark = self._marks[self._passed]
        if self._unseen and mark.stage is not None:
            return None  # a short circuit must not reset the box
        return contact.since_ns + mark.after_ns

    def fire(self, now_ns: int) -> list[Verdict]:
        """The deadline `now_ns` has come: do the one thing that was due."""
        if not self._contact.closing and self._spikes.deadline_ns == now_ns:
            return self._told(self._spikes.fire())
        if self._contact.deadline_ns == now_ns:
            self._contact.settle(now_ns)
            since_ns = self._contact.raw_since_ns
            return self._closed(since_ns) if self._contact.closed else self._opened(since_ns)
        return self._held(now_ns)

    def _closed(self, lead_ns: int) -> list[Verdict]:
        self._passed = 0
        self._lead_ns = lead_ns
        return [*self._told(self._spikes.press_at(lead_ns)), self._pressed(lead_ns)]

    def _opened(self, at_ns: int) -> list[Verdict]:
        seen, self._unseen = not self._unseen, False
        if self._faulty:
            self._faulty = False
            return [LineHealed(self.button.name, at_ns)]
        if self.button.kind in _GESTURES:
            return [self._released(at_ns)] if seen else []
        return [] if seen else [self._pressed(self._lead_ns)]

    def _held(self, now_ns: int) -> list[Verdict]:
        stage = self._marks[self._passed].stage
        self._passed += 1
        if stage is not None:
            return [SetupHeld(self.button.name, now_ns, stage)]
        out: list[Verdict] = []
        if self._unseen:
            self._unseen = False
            out.append(Pressed(self._press(PressFlag.STUCK), self._lead_ns))
        self._faulty = True
        return [*out, LineFault(self.button.name, now_ns, FaultKind.STUCK)]

    def _told(self, spikes: tuple[int, int] | None) -> list[Verdict]:
        if spikes is None:
            return []
        first_ns, count = spikes
        return [Pressed(self._press(PressFlag.GLITCH), first_ns, count)]

    def _pressed(self, lead_ns: int) -> Pressed:
        if self._judge is None:
            return Pressed(self._press(None), lead_ns)
        together = any(peer.together_with(lead_ns) for peer in self.peers)
        return Pressed(
            self._press(self._judge.judge(self.button, lead_ns, simultaneous=together)), lead_ns
        )

    def _released(self, at_ns: int) -> Released:
        held_ns = at_ns - self._lead_ns
        stage = self._marks[self._passed - 1].stage if self._passed else None
        return Released(self.button.name, at_ns, held_ns, held_ns >= self._long_ns, stage)

    def _press(self, flag: PressFlag | None) -> Press:
        return Press(self.button.name, self.button.kind, self.button.zone, flag)

    def together_with(self, lead_ns: int) -> bool:
        """Whether a person pressed this button together with one pressed at `lead_ns`.

        A line with a fault, or closed since before the box woke, is nobody's finger.
        """
        if self._unseen or self._faulty:
            return False
        return abs(lead_ns - self._lead_ns) <= TOGETHER_NS or self._contact.held_at(lead_ns)


def takes_part(kind: ButtonKind) -> bool:
    """Whether the rules about customers' presses apply: not to buttons that staff uses."""
    return kind not in _GESTURES


def _marks(kind: ButtonKind, inputs: Inputs) -> tuple[Mark, ...]:
    if kind is ButtonKind.SETUP:
        return tuple(Mark(ns(after_s), stage) for after_s, stage in _STAGES)
    return (Mark(ns(inputs.stuck_s), None),)
