"""A disk under the journal that hangs, refuses or is full, on order.

disk = Disk()
monkeypatch.setattr(schema, "open_writer", partial(schema.open_writer, factory=disk.connection))
"""

import sqlite3
import threading
from typing import Any, Final


class Disk:
    """What lies under the writer's statements.

    Attributes:
        connection: The class of connections to open with.
        may_commit: Clear it, and every COMMIT hangs until it is set again.
        committing: Set once a COMMIT has begun.
        commits: How many COMMITs there were.
    """

    def __init__(self) -> None:
        self.connection: Final = self._class()
        self.may_commit: Final = threading.Event()
        self.may_commit.set()
        self.committing: Final = threading.Event()
        self.commits = 0
        self._refusal: sqlite3.Error | None = None
        self._once = False
        self._open: sqlite3.Connection | None = None
        self._full: sqlite3.Connection | None = None

    def refuse(
        self,
        code: int,
        kind: type[sqlite3.Error] = sqlite3.OperationalError,
        *,
        once: bool = False,
    ) -> None:
        """Answer every COMMIT, or only the next, with an error of this SQLite result code."""
        refusal = kind("the simulated disk refuses")
        refusal.sqlite_errorcode = code
        self._once = once
        self._refusal = refusal

    def fill_up(self) -> None:
        """Leave room for no page more: SQLite's own limit, and its own SQLITE_FULL."""
        assert self._open is not None  # noqa: S101 - a journal comes first
        self._full = self._open
        (pages,) = self._full.execute("PRAGMA page_count").fetchone()
        self._full.execute(f"PRAGMA max_page_count = {pages}")

    def heal(self) -> None:
        """Refuse nothing any more, and have room."""
        self._refusal = None
        if self._full is not None:
            self._full.execute("PRAGMA max_page_count = 1073741823")

    def _commit(self) -> None:
        self.commits += 1
        self.committing.set()
        self.may_commit.wait()
        refusal = self._refusal
        if refusal is not None:
            self._refusal = None if self._once else refusal
            raise refusal

    def _class(self) -> type[sqlite3.Connection]:
        disk = self

        class Connection(sqlite3.Connection):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                disk._open = self

            def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
                if statement == "COMMIT":
                    disk._commit()
                return super().execute(statement, values)

        return Connection
