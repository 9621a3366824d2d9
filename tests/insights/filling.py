"""A journal with some days of a shop in it."""

from collections.abc import Iterable
from pathlib import Path

from gateway.clock import NS_PER_S, Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertRaised,
    AlertResolved,
    AnyEvent,
    Paged,
    Pressed,
)
from gateway.journal.store import Identity, Journal
from gateway.model import AlertCause, ButtonKind, Outcome, PressFlag, ReceiptState

Entry = tuple[AnyEvent, Stamp]


def at(wall_s: float, *, boot: str = "past", synced: bool = True, off_s: float = 0) -> Stamp:
    """A moment; `off_s` is how far the wall clock was behind, the monotonic one begins at 0."""
    wall_ns = round((wall_s - off_s) * NS_PER_S)
    return Stamp(boot, round(wall_s * NS_PER_S) % (1 << 60), wall_ns, synced)


def press(kind: ButtonKind, button: str = "", flag: PressFlag | None = None) -> Pressed:
    return Pressed(button=button or kind.value, kind=kind, zone="hall", flag=flag)


def incident(
    name: str, wall_s: float, outcome: Outcome = Outcome.RECOVERED, button: str = "very_unhappy"
) -> list[Entry]:
    """A red that Anna answered: paged after 0.5 s, taken after 20, met after 60, closed at 300."""
    began = at(wall_s)
    red = ButtonKind.VERY_UNHAPPY
    page = Paged(
        page=name,
        pager="wrist",
        text="",
        state=ReceiptState.ACCEPTED,
        alert=name,
        first_byte_ns=began.mono_ns + NS_PER_S // 2,
    )
    raised = AlertRaised(alert=name, cause=AlertCause.RED, zone="hall", button=button, level=0)
    return [
        (press(red, button), began),
        (raised, began),
        (page, at(wall_s + 3)),
        (AlertAcknowledged(alert=name, by="Anna", via="page", after_s=20), at(wall_s + 20)),
        (AlertContacted(alert=name, by="Anna", after_s=60), at(wall_s + 60)),
        (AlertResolved(alert=name, by="Anna", outcome=outcome, cause="delay"), at(wall_s + 300)),
    ]


def fill(path: Path, entries: Iterable[Entry]) -> None:
    """Append to the journal of a box that is not running."""
    journal = Journal(path, Identity("box", "1", 1), on_change=lambda: None)
    journal.start()
    kept = [journal.append(event, stamp) for event, stamp in entries]
    for each in kept:
        each.result(30)
    journal.close()
