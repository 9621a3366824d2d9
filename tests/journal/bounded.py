"""A journal's tables under a bound, without its thread."""

from collections import Counter
from pathlib import Path
from typing import Final

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Retention
from gateway.events import AnyEvent, Gap, GrantIssued, GrantRedeemed, Pressed, Record, Started
from gateway.journal import reading, retention, schema, views
from gateway.journal.schema import Identity
from gateway.journal.store import Journal
from gateway.journal.transaction import Transaction
from gateway.model import ButtonKind, OfferKind

WAIT_S = 10
DAY_NS: Final = 24 * 3600 * NS_PER_S
PLENTY: Final = 1 << 40
IDENTITY: Final = Identity("box-1", "shop-1", 1)
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
FILL = Started(version="x" * 800)
BOTH: Final[list[AnyEvent]] = [PRESS, FILL]


def at(days: float = 0.0) -> Stamp:
    moment = round(days * DAY_NS)
    return Stamp("boot", moment, 1_700_000_000_000_000_000 + moment, synced=True)


def issued(code: str) -> GrantIssued:
    return GrantIssued(
        code=code,
        request=f"request {code}",
        offer="coupon",
        kind=OfferKind.COUPON,
        by="Anna",
        expires=at(30),
    )


def redeemed(code: str) -> GrantRedeemed:
    return GrantRedeemed(code=code, by="Anna", kind=OfferKind.COUPON)


class Box:
    """A journal's tables without its thread, and what was ever given to it."""

    def __init__(self, path: Path, max_bytes: int = 1 << 20, max_days: int = 400) -> None:
        self.keep = Retention(max_bytes=max_bytes, max_days=max_days, min_free_bytes=0)
        self.pressed: Counter[tuple[str, str]] = Counter()
        self._path = path
        self.open()

    def open(self) -> None:
        self.db = schema.open_writer(self._path)
        self.last = reading.last_seq(self.db)
        schema.begin_era(self.db, self.last + 1, IDENTITY)
        views.prepare(self.db)

    def restart(self) -> None:
        self.db.close()
        self.open()

    def append(self, *events: AnyEvent, stamp: Stamp | None = None) -> None:
        self.db.execute("BEGIN")
        transaction = Transaction(self.db, IDENTITY, "E", self.last)
        for event in events:
            transaction.append(event, stamp or at())
            if isinstance(event, Pressed):
                self.pressed[event.button, event.flag or ""] += event.count
        transaction.flush()
        self.db.execute("COMMIT")
        self.last = transaction.last

    def tidy(self, free_bytes: int = PLENTY) -> retention.Room:
        self.db.execute("BEGIN")
        room = retention.tidy(self.db, self.keep, free_bytes)
        self.db.execute("COMMIT")
        retention.give_back(self.db)
        return room

    def move_cursor(self, seq: int) -> None:
        schema.set_meta(self.db, "cursor", str(seq))

    @property
    def cursor(self) -> int:
        return int(schema.meta(self.db, "cursor") or 0)

    @property
    def records(self) -> list[Record]:
        return list(reading.all_records(self.db))

    def unsent(self) -> list[Record]:
        return [each for each in self.records if each.seq > self.cursor]


def spans(records: list[Record]) -> list[tuple[int, int]]:
    """What each of them stands for."""
    return [
        (each.event.first, each.event.last) if isinstance(each.event, Gap) else (each.seq, each.seq)
        for each in records
    ]


def room(journal: Journal) -> retention.Room:
    """As of the commits so far."""
    journal.transact(lambda _: None).result(WAIT_S)
    return journal.room
