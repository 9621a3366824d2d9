"""The journal as JSON lines, read beside a running daemon or without one."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.errors import JournalError
from gateway.journal import reading, schema


def export_lines(path: Path, after: int = 0) -> Iterator[str]:
    """One JSON object a record, in order, with the event's id.

    `repaired_wall_ns` is the right time of a record whose own wall time was not, where it became
    known later in the same boot.

    Raises:
        JournalError: The file cannot be read as a journal.
    """
    try:
        connection = schema.open_reader(path)
        try:
            right = reading.repaired(connection)
            for record in reading.all_records(connection, after):
                line = {"id": record.id, **msgspec.to_builtins(record)}
                if not record.at.synced and record.at.boot in right:
                    line["repaired_wall_ns"] = right[record.at.boot] + record.at.mono_ns
                yield msgspec.json.encode(line).decode()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise JournalError(f"cannot read the journal {path}: {error}") from error
