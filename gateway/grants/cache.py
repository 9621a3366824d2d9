"""The grant cache: a TinyDB view of offers and live grants for the counter. Never the truth.

It is loaded into memory, and written whole by an atomic storage: TinyDB's own rewrites its file in
place, which a power cut leaves unreadable. At each start it is made anew from the journal where it
is missing, torn or behind. It never decides a redemption: the journal does.
"""

import logging
from pathlib import Path
from typing import Any, Final

import msgspec
from tinydb import TinyDB, where
from tinydb.storages import Storage

from gateway.config import Offer
from gateway.files import write_atomic
from gateway.grants.grant import Grant
from gateway.model import GrantState

GRANTS_MOST: Final = 2000

_log: Final = logging.getLogger(__name__)


class AtomicStorage(Storage):
    """TinyDB's storage port on one file that is always whole.

    Reads come from memory; `flush` makes the file what memory is.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._data = self._load()
        self._dirty = False

    def read(self) -> dict[str, dict[str, Any]] | None:
        """All tables, or None in a new database."""
        return self._data

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Take over all tables, in memory until `flush`."""
        self._data = data
        self._dirty = True

    def flush(self) -> None:
        """Write what has changed since the last time.

        Raises:
            OSError: The disk refused; the old file stands and memory is still ahead.
        """
        if self._dirty:
            write_atomic(self._path, msgspec.json.encode(self._data))
            self._dirty = False

    def close(self) -> None:
        """Nothing is left open."""

    def _load(self) -> dict[str, dict[str, Any]] | None:
        try:
            return msgspec.json.decode(
                self._path.read_bytes(), type=dict[str, dict[str, dict[str, Any]]]
            )
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, OSError) as error:
            _log.warning("the grant cache is unreadable and is made anew: %s", error)
            return None


class GrantCache:
    """Offers and grants by code, as TinyDB tables `offers` and `grants`.

    Args:
        path: The file; a view that may be deleted at any time.
    """

    def __init__(self, path: Path) -> None:
        self._storage: Final = AtomicStorage(path)
        self._database: Final = TinyDB(storage=lambda: self._storage)

    def rebuild(self, offers: tuple[Offer, ...], grants: list[Grant]) -> None:
        """Make both tables what the configuration and the journal say, newest grants kept."""
        self._database.drop_tables()
        self._database.table("offers").insert_multiple(msgspec.to_builtins(offers))
        self._database.table("grants").insert_multiple(
            [msgspec.to_builtins(grant) for grant in grants[:GRANTS_MOST]]
        )

    def put(self, grant: Grant) -> None:
        """Mirror one grant that the journal has kept; the oldest ended ones make room."""
        table = self._database.table("grants")
        table.upsert(msgspec.to_builtins(grant), where("code") == grant.code)
        if len(table) > GRANTS_MOST:
            ended = table.search(where("state") != GrantState.ISSUED)
            table.remove(doc_ids=[document.doc_id for document in ended[: len(table) // 10]])

    def grants(self) -> list[Grant]:
        """What the cache holds, in no order that means anything."""
        return [msgspec.convert(document, Grant) for document in self._database.table("grants")]

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            OSError: The disk refused.
        """
        self._storage.flush()
