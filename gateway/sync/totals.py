"""Whether every press has come: pure.

A press carries its button's total, itself included; a gap the totals at its end; and a batch those
that the box had acknowledged before it. So each batch proves by itself that no press is missing
between it and what was acknowledged, whichever bridge took that, and batches follow each other
without a hole: nothing need be remembered to be sure of the whole.
"""

from collections.abc import Iterable

import msgspec

from gateway.events import Gap, Pressed, Record, Salvaged, Total

Totals = dict[tuple[str, str], int]
"""All presses by button and flag, empty for those that count."""


class Doubt(msgspec.Struct, frozen=True):
    """A press whose total is not what all before it make.

    Attributes:
        off: How many presses are missing; below 0: how many there are too many.
    """

    seq: int
    button: str
    flag: str
    off: int

    def words(self) -> str:
        """For the log."""
        kind = f"{self.button} ({self.flag})" if self.flag else self.button
        said = f"{self.off} missing" if self.off > 0 else f"{-self.off} too many"
        return f"presses of {kind} up to event {self.seq}: {said}"


class Audit(msgspec.Struct, frozen=True):
    """What a batch proves.

    Attributes:
        presses: How many its records stand for.
        gone: How many its gaps stand for: the journal was full, and nobody has them.
        doubts: What nothing in it explains.
    """

    presses: int
    gone: int
    doubts: tuple[Doubt, ...]


def audit(before: Iterable[Total] | None, records: Iterable[Record]) -> Audit:
    """Count the presses of a batch and compare them with their totals.

    Args:
        before: The totals before the first record, of the buttons in the batch; a button that is
            not there was never pressed. None: nobody knows, as in a journal that was damaged.
        records: In their order, without a hole.
    """
    at = {} if before is None else _by_button(before)
    presses = gone = 0
    doubts: list[Doubt] = []
    for record in records:
        event = record.event
        if isinstance(event, Pressed):
            presses += event.count
            key = (event.button, event.flag or "")
            came = at.get(key, event.total - event.count if before is None else 0) + event.count
            if came != event.total:
                doubts.append(Doubt(record.seq, *key, event.total - came))
        elif isinstance(event, Gap) and before is not None:
            ends = _by_button(event.counters)
            gone += sum(total - at.get(key, 0) for key, total in ends.items())
        at |= _ends(record)
    return Audit(presses, gone, tuple(doubts))


def after(before: Totals, records: Iterable[Record]) -> Totals:
    """The totals after the last record."""
    at = dict(before)
    for record in records:
        at |= _ends(record)
    return at


def of_buttons_in(records: Iterable[Record], totals: Totals) -> tuple[Total, ...]:
    """Those totals that an audit of these records asks for."""
    wanted = after({}, records)
    return tuple(Total(*key, total) for key, total in totals.items() if key in wanted)


def _ends(record: Record) -> Totals:
    match record.event:
        case Pressed(button=button, flag=flag, total=total):
            return {(button, flag or ""): total}
        case Gap(counters=counters) | Salvaged(counters=counters):
            return _by_button(counters)
        case _:
            return {}


def _by_button(totals: Iterable[Total]) -> Totals:
    return {(each.button, each.flag): each.presses for each in totals}
