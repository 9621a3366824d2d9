"""The books of the fleet: what the boxes' journals say against what the server holds. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.events import AnyEvent, Pressed, Record
from gateway.simulator.messages import LedgerEntry
from gateway.sync.mapping import actions_of

SHOWN: Final = 5
"""Of each kind of fault: a thousand more of it would tell nobody more."""

_Booked = tuple[str, str, str]  # account, action, key


class Kept(msgspec.Struct, frozen=True):
    """What one box has at the end.

    Attributes:
        device: Its id.
        happened: What it was given to keep.
        records: Its whole journal.
        counters: Presses that count, by button, as the journal itself has summed them up.
    """

    device: str
    happened: Sequence[AnyEvent]
    records: Sequence[Record]
    counters: Mapping[str, int]


def due(boxes: Iterable[Kept]) -> "Counter[_Booked]":
    """The actions that the server must hold, each of them once."""
    return Counter(
        (action.account, action.action, action.key)
        for box in boxes
        for record in box.records
        for action in actions_of(record)
    )


def audit(boxes: Sequence[Kept], ledger: Sequence[LedgerEntry]) -> list[str]:
    """What is not as it must be, in words: nothing lost, doubled, made up or out of order.

    Args:
        boxes: Every box of the fleet.
        ledger: The server's actions in order of arrival, without those that it or a bridge made.
    """
    owed = due(boxes)
    booked = Counter((each.account, each.action, each.key) for each in ledger)
    problems: list[str] = []
    problems += _told("lost", (owed - booked).elements())
    problems += _told("recorded more often than it happened", (booked - owed).elements())
    for box in boxes:
        problems += _journal(box)
        problems += _buttons(box, booked)
    problems += _told("recorded before an earlier one", _disorder(ledger))
    return problems


def _told(what: str, found: Iterable[_Booked]) -> list[str]:
    every = [f"{what}: {action} {key} on {account}" for account, action, key in found]
    rest = [f"{what}: {len(every) - SHOWN} more"] if len(every) > SHOWN else []
    return every[:SHOWN] + rest


def _journal(box: Kept) -> list[str]:
    """Whether the journal holds what happened, in its order and without a hole."""
    if [record.seq for record in box.records] != list(range(1, len(box.happened) + 1)):
        return [f"{box.device}: {len(box.records)} records of {len(box.happened)} events"]
    kinds = [type(record.event) for record in box.records]
    if kinds != [type(event) for event in box.happened]:
        return [f"{box.device}: its journal has other events than happened"]
    return []


def _buttons(box: Kept, booked: "Counter[_Booked]") -> list[str]:
    """Whether each button's presses, its counter and its actions on the server are as many."""
    happened = Counter(event.button for event in box.happened if isinstance(event, Pressed))
    on_server = Counter(
        record.event.button
        for record in box.records
        if isinstance(record.event, Pressed)
        for action in actions_of(record)
        for _ in range(booked[action.account, action.action, action.key])
    )
    return [
        f"{box.device}: {button} was pressed {happened[button]} times, its counter says"
        f" {box.counters.get(button, 0)}, the server {on_server[button]}"
        for button in sorted({*happened, *box.counters, *on_server})
        if not happened[button] == box.counters.get(button, 0) == on_server[button]
    ]


def _disorder(ledger: Iterable[LedgerEntry]) -> Iterable[_Booked]:
    """What came after a later event of the same journal on the same account."""
    latest: defaultdict[tuple[str, str], int] = defaultdict(int)
    for each in ledger:
        journal, _, seq = each.key.rpartition(".")
        place = each.account, journal
        if seq.isdigit() and int(seq) < latest[place]:
            yield each.account, each.action, each.key
        latest[place] = int(seq) if seq.isdigit() else latest[place]
