"""The journal's reader: one connection that cannot write, on a thread of its own."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from gateway.errors import JournalError
from gateway.journal import schema

T = TypeVar("T")


class Reader:
    """Runs queries one after another; each sees what is committed.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._connection: sqlite3.Connection | None = None

    def read(self, query: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """The query's answer; a `JournalError` when there is nothing to read from."""
        try:
            return self._thread.submit(self._read, query)
        except RuntimeError:  # the executor's word for closed
            refused: Future[T] = Future()
            refused.set_exception(JournalError("the journal is closed"))
            return refused

    def forget(self) -> None:
        """Open the file anew for the next query: another one stands in its place now."""
        self._thread.submit(self._close)

    def close(self) -> None:
        """Answer what was asked already, and stop."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = schema.open_reader(self._path)
            with self._connection:  # one query, one state of the journal
                self._connection.execute("BEGIN")
                return query(self._connection)
        except sqlite3.Error as error:
            self._close()
            raise JournalError(f"the journal cannot be read: {error}") from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
