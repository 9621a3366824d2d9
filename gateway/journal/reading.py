"""Reading events back, in order."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from gateway.clock import Stamp
from gateway.events import Record, decode_event
from gateway.journal import schema

_SELECT: Final = (
    "SELECT seq, boot.name, mono_ns, wall_ns, synced, version, body,"
    " (SELECT max(first) FROM era WHERE first <= seq)"
    " FROM event JOIN boot ON boot.id = event.boot WHERE seq > ? ORDER BY seq LIMIT ?"
)


def records_after(connection: sqlite3.Connection, after: int, most: int) -> list[Record]:
    """Records with a sequence above `after`, ascending, at most `most`."""
    device = schema.meta(connection, "device") or ""
    epoch = schema.meta(connection, "epoch") or ""
    eras = {
        first: (mapping, account)
        for first, mapping, account in connection.execute("SELECT * FROM era")
    }
    return [
        Record(
            device=device,
            epoch=epoch,
            seq=seq,
            at=Stamp(boot, mono_ns, wall_ns, bool(synced)),
            mapping=eras[era][0],
            account=eras[era][1],
            version=version,
            event=decode_event(body),
        )
        for seq, boot, mono_ns, wall_ns, synced, version, body, era in connection.execute(
            _SELECT, (after, most)
        )
    ]


def all_records(connection: sqlite3.Connection, after: int = 0) -> Iterator[Record]:
    """Every record after `after`, a thousand at a time."""
    while records := records_after(connection, after, 1000):
        yield from records
        after = records[-1].seq


def last_seq(connection: sqlite3.Connection) -> int:
    """The highest sequence on disk, 0 in an empty journal."""
    row = connection.execute("SELECT max(seq) FROM event").fetchone()
    return int(row[0] or 0)
