"""The grant cache: a TinyDB view of offers and live grants for the counter. Never the truth.

It is loaded into memory, and written whole by an atomic storage: TinyDB's own rewrites its file in
place, which a power cut leaves unreadable. At each start it is made anew from the journal, so that
it does not matter in what state the file is. It never decides a redemption: the journal does.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from tinydb import TinyDB
from tinydb.storages import Storage

from gateway.config import Offer
from gateway.files import clear_leftovers, write_atomic
from gateway.grants.grant import Grant
from gateway.model import GrantState

GRANTS_MOST: Final = 2000

_log: Final = logging.getLogger(__name__)


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """What the file must look like to be taken: nobody but this module writes it."""

    offers: dict[int, Offer] = {}
    grants: dict[int, Grant] = {}


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
        """Write what has changed since the last time; may run beside `read` and `write`.

        Raises:
            OSError: The disk refused; the old file stands and memory is still ahead.
        """
        if not self._dirty:
            return
        self._dirty = False  # before the data is read: a write from now on counts again
        try:
            write_atomic(self._path, msgspec.json.encode(self._data))
        except OSError:
            self._dirty = True
            raise

    def close(self) -> None:
        """Nothing is left open."""

    def _load(self) -> dict[str, dict[str, Any]] | None:
        clear_leftovers(self._path)
        try:
            data: dict[str, dict[str, Any]] = msgspec.json.decode(self._path.read_bytes())
            msgspec.convert(data, _Tables, str_keys=True)
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, OSError) as error:  # msgspec's own are ValueErrors
            _log.warning("the grant cache is unreadable and is made anew: %s", error)
            return None
        return data


class GrantCache:
    """Offers and grants by code, as TinyDB tables `offers` and `grants`.

    Args:
        path: The file; a view that may be deleted at any time.
    """

    def __init__(self, path: Path) -> None:
        self._storage: Final = AtomicStorage(path)
        self._database: Final = TinyDB(storage=lambda: self._storage)

    def rebuild(self, offers: tuple[Offer, ...], grants: list[Grant]) -> None:
        """Make both tables what the configuration and the journal say, of `grants` the first."""
        self._database.drop_tables()
        self._database.table("offers").insert_multiple(msgspec.to_builtins(offers))
        self._database.table("grants").insert_multiple(
            [msgspec.to_builtins(grant) for grant in grants[:GRANTS_MOST]]
        )

    def put(self, *grants: Grant) -> None:
        """Mirror grants that the journal has kept; those ended longest ago make room.

        TinyDB goes through all its rows at each change: many grants at once cost what one does.
        """
        table = self._database.table("grants")
        rows: dict[str, Mapping[str, Any]] = {row["code"]: row for row in table}
        rows |= {grant.code: msgspec.to_builtins(grant) for grant in grants}
        kept = list(rows.values())
        if len(kept) > GRANTS_MOST:
            leaving = max(len(kept) - GRANTS_MOST, GRANTS_MOST // 10)
            kept = sorted(kept, key=_stays)[leaving:]
        table.truncate()
        table.insert_multiple(dict(row) for row in kept)

    def grants(self) -> list[Grant]:
        """What the cache holds, in no order that means anything."""
        return [msgspec.convert(document, Grant) for document in self._database.table("grants")]

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            OSError: The disk refused.
        """
        self._storage.flush()


def _stays(grant: Mapping[str, Any]) -> tuple[bool, int]:
    """Sorts what may leave first to the front: the ended by their end, then the oldest live."""
    is_live = grant["state"] == GrantState.ISSUED
    moment = grant["issued"] if is_live else grant["redeemed"] or grant["expires"]
    return is_live, int(moment["wall_ns"])
