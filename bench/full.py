"""Journals that have seen some years: so many events, made at once, as a shop would make them."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from gateway.clock import NS_PER_S, Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AnyEvent,
    GrantIssued,
    GrantRedeemed,
    Paged,
    Pressed,
)
from gateway.journal import reading, schema, views
from gateway.journal.store import Identity, Transaction
from gateway.model import AlertCause, ButtonKind, OfferKind, Outcome, ReceiptState

_STRETCH: Final = 10_000
_AT: Final = Stamp("an-earlier-boot", NS_PER_S, 1_700_000_000 * NS_PER_S, synced=True)


def fill(path: Path, identity: Identity, count: int, *, synced: bool = True) -> None:
    """A new journal of so many events, of which the server has all or none."""
    with contextlib.closing(schema.open_writer(path)) as connection:
        schema.begin_era(connection, 1, identity)
        views.prepare(connection)
        epoch = schema.meta(connection, "epoch") or ""
        events = islice(_days(), count)
        while stretch := list(islice(events, _STRETCH)):
            connection.execute("BEGIN")
            work = Transaction(connection, identity, epoch, reading.last_seq(connection))
            for event in stretch:
                work.append(event, _AT)
            work.flush()
            connection.execute("COMMIT")
        if synced:
            schema.set_meta(connection, "cursor", str(count))


def _days() -> Iterator[AnyEvent]:
    """For ever: fifty presses, two of them red and answered, one of these with a grant."""
    number = 0
    while True:
        for _ in range(2):
            for _ in range(24):
                yield Pressed(button="exit-happy", kind=ButtonKind.HAPPY, zone="exit")
            number += 1
            yield from _answered(f"alert-{number}")
        yield from _granted(f"{number:012}")


def _answered(alert: str) -> Iterator[AnyEvent]:
    button, pager = "exit-very-unhappy", "watch-1"
    yield AlertRaised(alert=alert, cause=AlertCause.RED, zone="exit", button=button, level=0)
    yield Pressed(button=button, kind=ButtonKind.VERY_UNHAPPY, zone="exit")
    words = "EXIT: VERY UNHAPPY 12:00"
    yield Paged(f"{alert}.0", pager, words, ReceiptState.ACCEPTED, alert=alert)
    yield AlertAcknowledged(alert=alert, by="barista", via="page", account="staff", after_s=9.5)
    yield AlertResolved(alert=alert, by="barista", outcome=Outcome.RECOVERED, account="staff")


def _granted(code: str) -> Iterator[AnyEvent]:
    kind = OfferKind.SOUVENIR
    yield GrantIssued(
        code=code, request=code, offer="souvenir", kind=kind, by="barista", expires=_AT
    )
    yield GrantRedeemed(code=code, by="barista", kind=kind)
