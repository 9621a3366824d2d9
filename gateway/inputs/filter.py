"""Which edges on the wires are presses, and which presses count: pure, explained, repeatable.

The filter is told every edge and the time, and answers with verdicts. It reads no clock and no
pin, so any waveform gives the same verdicts, however often the timers are looked at.

**What is a press.** A line must stay at its pressed level for the glitch time (5 ms; 0 allowed).
The press is then told with the time of its *leading edge*, not of the moment it was believed. A
shorter spike is no press: long wires pick them up. Contact bounce before the level is stable
belongs to the press, which begins with the edge of the stable run. From then on the button is
locked until the line has been open for 30 ms without a break, so bounce on release is no second
press.

**Spikes** are counted and told in sums, as one record with the flag `glitch`: the first within
50 ms, then one a minute at most, because a broken wire makes thousands. Spikes within 50 ms
before a press are its bounce and not told.

**What counts.** Each press is told at once and with its reason if it does not count. The rules,
in this order; the first that fits is the reason:

1. `mashing`: it is at least the 6th press on its panel within 3 s. The five before it stand as
   they were told.
2. `simultaneous`: another button of its panel went down within 50 ms, or is still held. The first
   one stands; nobody can wait to see what else comes.
3. `repeat`: the same button counted less than 5 s before. It is measured from the press that
   counted, so someone who presses every 4 seconds is heard again after 5.
4. `compensating`: it is a green, at least the third on its panel within 20 s after a red that
   counted. The first two stand: they may well be other customers.

**A red is only ever a `repeat`** (or a spike). Mashing, an elbow on the panel or a helpful
colleague never hide the first red of a burst.

**Held too long.** A button held for 10 s is stuck: its press stands, the line has a fault until it
opens for good, and it no longer makes other presses `simultaneous`. A line that is closed when the
box wakes may be a finger or a cut wire, and its leading edge is not known. So it is judged by its
end: opened before 10 s it was a press at the moment of waking; otherwise it is told with the flag
`stuck`, and as a fault.

**Settings that are applied** make a new filter within a moment, and a press that is held meanwhile
stays one press: the filter before leaves word of the lines it knew (`Left`). A button whose press
was told goes on being held, with its lock-out, its fault and its release; if it is open by now, it
was let go at the moment of waking. A line that was open and is closed by now is a press of that
moment, told at once.

**Acknowledge and set-up buttons** are staff's. They never repeat, mash or compensate; they tell
their release, so that a long press can be told from a short one. A set-up button may be held: it
tells its stages at 10 s and 30 s and is never stuck. Their gestures begin with an edge: one that is
closed when the box wakes resets nothing.

All windows are configured in `[inputs]`; the numbers above are the defaults.
"""

from collections.abc import Iterable
from typing import Final

from gateway.clock import NS_PER_S
from gateway.config import Button, Inputs
from gateway.inputs.judge import Judge
from gateway.inputs.line import Left, Line, takes_part
from gateway.inputs.verdicts import Verdict
from gateway.model import ButtonKind

# Of presses with the very same leading edge, the most unhappy one is the first.
_URGENCY: Final = (
    ButtonKind.VERY_UNHAPPY,
    ButtonKind.UNHAPPY,
    ButtonKind.CALL,
    ButtonKind.NEUTRAL,
    ButtonKind.HAPPY,
    ButtonKind.VERY_HAPPY,
    ButtonKind.REASON,
    ButtonKind.ACKNOWLEDGE,
    ButtonKind.SETUP,
)

# What was left longer ago says nothing: a finger may have come, gone and come again.
LEFT_NS: Final = 30 * NS_PER_S


class PressFilter:
    """Turns edges into verdicts.

    Times are CLOCK_MONOTONIC in nanoseconds. Edges should come in the order of their times and
    before `advance` is called with a later one. One that a thread delivers late is taken as of the
    latest moment that its button knows: a press that was told in the meantime stands.

    Args:
        buttons: All configured buttons.
        inputs: The windows and thresholds.
    """

    def __init__(self, buttons: Iterable[Button], inputs: Inputs) -> None:
        judges: dict[str, Judge] = {}
        lines: list[Line] = []
        for button in buttons:
            judge = None
            if takes_part(button.kind):
                judge = judges.setdefault(button.panel, Judge(inputs))
            lines.append(Line(button, inputs, judge))
        for line in lines:
            line.peers = tuple(other for other in lines if _share_a_panel(line, other))
        self._by_name: Final = {line.button.name: line for line in lines}
        self._by_urgency: Final = sorted(lines, key=lambda line: _URGENCY.index(line.button.kind))

    def begin(self, button: str, *, active: bool, at_ns: int, left: Left | None = None) -> None:
        """Take the level that a line has before its first edge; open lines need not be told.

        Args:
            button: The button's configured name.
            active: Whether the line is at its pressed level.
            at_ns: When that was read.
            left: What a filter of a moment ago knew, if there was one.

        Raises:
            KeyError: No such button.
        """
        line = self._by_name[button]
        if left is None or line.wire not in left.held or at_ns - left.at_ns > LEFT_NS:
            line.begin(active=active, at_ns=at_ns)
        else:
            line.resume(left.held[line.wire])
            line.edge(active=active, at_ns=at_ns)

    def left(self, at_ns: int) -> Left:
        """What the next filter is to know, where all is told that is due by `at_ns`."""
        known = (line for line in self._by_name.values() if line.is_known)
        return Left(at_ns, {line.wire: line.held_since_ns for line in known})

    def edge(self, button: str, *, active: bool, at_ns: int) -> list[Verdict]:
        """Take one edge.

        Args:
            button: The button's configured name.
            active: Whether the line went to its pressed level.
            at_ns: When the kernel saw it.

        Raises:
            KeyError: No such button.
        """
        line = self._by_name[button]
        at_ns = line.not_before(at_ns)
        out = self.advance(at_ns)
        line.edge(active=active, at_ns=at_ns)
        return out + self.advance(at_ns)

    def advance(self, now_ns: int) -> list[Verdict]:
        """Let every timer fire that is due by `now_ns`, in the order in which they are due."""
        out: list[Verdict] = []
        while (due := self._next_due()) and due[0] <= now_ns:
            out += due[1].fire(due[0])
        return out

    @property
    def next_deadline_ns(self) -> int | None:
        """When `advance` has something to do if no edge comes before, None for never."""
        due = self._next_due()
        return due[0] if due else None

    def _next_due(self) -> tuple[int, Line] | None:
        found: tuple[int, Line] | None = None
        for line in self._by_urgency:
            deadline_ns = line.deadline_ns
            if deadline_ns is not None and (found is None or deadline_ns < found[0]):
                found = (deadline_ns, line)
        return found


def _share_a_panel(line: Line, other: Line) -> bool:
    return (
        other is not line
        and takes_part(line.button.kind)
        and takes_part(other.button.kind)
        and line.button.panel == other.button.panel
    )
