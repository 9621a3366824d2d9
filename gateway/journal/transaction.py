"""One transaction of the journal's writer: events are appended, and the views follow."""

import sqlite3
from collections import Counter
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.errors import Refused
from gateway.events import VERSION, AnyEvent, GrantIssued, Pressed, Record, encode_event
from gateway.journal import views
from gateway.journal.schema import Identity


class Transaction:
    """What work may do: read the views as they are now, append events.

    Args:
        connection: Inside its transaction.
        identity: Under which names records are made.
        epoch: The journal's own id.
        last: The highest sequence so far.
        is_full: Whether the journal has no room for new promises.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        identity: Identity,
        epoch: str,
        last: int,
        *,
        is_full: bool = False,
    ) -> None:
        self.epoch: Final = epoch
        self.last: int = last
        self._identity: Final = identity
        self._is_full: Final = is_full
        self._connection: Final = connection
        self._boots: Final[dict[str, int]] = {}
        self._unsure: Final[set[str]] = set()  # boots whose clock is known to be unsure
        self._rows: Final[list[tuple[object, ...]]] = []
        self._presses: Final[views.Presses] = Counter()
        self._totals: Final[dict[tuple[str, str], int]] = {}

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, with all that was appended so far in its tables."""
        self.flush()
        return self._connection

    def flush(self) -> None:
        """Write down events and counters: many together take half the time of one by one."""
        if self._rows:
            self._connection.executemany(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows
            )
            self._rows.clear()
        if self._presses:
            views.count(self._connection, self._presses)
            self._presses.clear()

    def append(self, event: AnyEvent, at: Stamp) -> Record:
        """Add one event and bring the views up to it.

        Raises:
            Refused: `journal_full`, for a new grant: it would have to be kept.
        """
        if self._is_full and isinstance(event, GrantIssued):
            raise Refused(
                "journal_full",
                "the journal is full: no grant can be issued until the server is reached or there"
                " is room on the disk",
            )
        if isinstance(event, Pressed):
            event = self._counted(event)
        record = Record(
            device=self._identity.device,
            epoch=self.epoch,
            seq=self.last + 1,
            at=at,
            mapping=self._identity.mapping,
            account=self._identity.account,
            event=event,
        )
        self._rows.append(
            (
                record.seq,
                self._boot(at.boot),
                at.mono_ns,
                at.wall_ns,
                at.synced,
                VERSION,
                encode_event(event),
            )
        )
        if not at.synced and at.boot not in self._unsure:
            self._connection.execute("INSERT OR IGNORE INTO clock VALUES (?, NULL)", (at.boot,))
            self._unsure.add(at.boot)
        views.apply(self._connection, record, self._presses)
        self.last = record.seq
        return record

    def step_back(self, last: int) -> None:
        """Forget what came after `last`: it was rolled back."""
        self.last = last
        self._rows.clear()
        self._boots.clear()
        self._unsure.clear()
        self._presses.clear()
        self._totals.clear()

    def _counted(self, press: Pressed) -> Pressed:
        key = (press.button, press.flag or "")
        if key not in self._totals:
            self._totals[key] = views.total(self._connection, *key)
        self._totals[key] += press.count
        return msgspec.structs.replace(press, total=self._totals[key])

    def _boot(self, name: str) -> int:
        if name not in self._boots:
            # An insert even where it is there: it meets a damaged table, which a look passes by.
            self._connection.execute("INSERT OR IGNORE INTO boot (name) VALUES (?)", (name,))
            row = self._connection.execute("SELECT id FROM boot WHERE name = ?", (name,))
            self._boots[name] = int(row.fetchone()[0])
        return self._boots[name]
