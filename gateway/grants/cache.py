"""The grant cache: a TinyDB view for the counter. Never the truth.

Four tables: the offers of the playbook, grants by code, and what the centre said lately of accounts
and leader boards. It is loaded into memory, and written whole by an atomic storage: TinyDB's own
rewrites its file in place, which a power cut leaves unreadable. At each start offers and grants are
made anew from the settings and the journal; what the centre said is kept only from a file that is
to the byte what this module wrote, and is asked for again otherwise. So it does not matter in what
state the file is. It never decides a redemption: the journal does.
"""

import hashlib
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from tinydb import TinyDB
from tinydb.storages import Storage

from gateway.config import Offer
from gateway.files import clear_leftovers, write_atomic
from gateway.grants.grant import Grant
from gateway.grants.known import KnownAccount, KnownBoard
from gateway.model import GrantState

GRANTS_MOST: Final = 2000
"""The most documents of all tables together."""
BYTES_MOST: Final = 8 << 20
"""A longer file is none of ours, and is not read: 2,000 of the longest documents fit."""

_log: Final = logging.getLogger(__name__)


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """What the tables must look like to be taken: nobody but this module writes them."""

    offers: dict[int, Offer] = {}
    grants: dict[int, Grant] = {}
    accounts: dict[int, KnownAccount] = {}
    boards: dict[int, KnownBoard] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The file: the digest finds torn, mixed and hand-edited ones, and is no protection else."""

    sha256: str
    tables: msgspec.Raw


class AtomicStorage(Storage):
    """TinyDB's storage port on one file that is always whole.

    Reads come from memory; `flush` makes the file what memory is.

    Attributes:
        lock: Held by whoever changes more than one table, or one in more than one step.
    """

    def __init__(self, path: Path) -> None:
        self.lock: Final = threading.Lock()
        self._writing: Final = threading.Lock()
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
        with self._writing:  # an older state must not come to the disk after a newer one
            with self.lock:
                if not self._dirty:
                    return
                self._dirty = False  # a write from now on counts again
                tables = msgspec.json.encode(self._data)
            try:
                whole = _File(hashlib.sha256(tables).hexdigest(), msgspec.Raw(tables))
                write_atomic(self._path, msgspec.json.encode(whole))
            except OSError:
                self._dirty = True
                raise

    def close(self) -> None:
        """Nothing is left open."""

    def _load(self) -> dict[str, dict[str, Any]] | None:
        clear_leftovers(self._path)
        try:
            with self._path.open("rb") as file:
                text = file.read(BYTES_MOST + 1)
            return _tables(text)
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, OSError) as error:  # msgspec's own are ValueErrors
            _log.warning("the grant cache cannot be used and is made anew: %s", error)
            return None


def _tables(text: bytes) -> dict[str, dict[str, Any]]:
    """The tables of a file.

    Raises:
        ValueError: They are not as this module wrote them.
        RecursionError: The same.
    """
    if len(text) > BYTES_MOST:
        raise ValueError(f"it is bigger than {BYTES_MOST} bytes")
    file = msgspec.json.decode(text, type=_File)
    if hashlib.sha256(file.tables).hexdigest() != file.sha256:
        raise ValueError("somebody else has written to it")
    tables: dict[str, dict[str, Any]] = msgspec.json.decode(file.tables)
    msgspec.convert(tables, _Tables, str_keys=True)
    return tables


class GrantCache:
    """TinyDB tables `offers`, `grants`, `accounts` and `boards`. May be used from any thread.

    TinyDB goes through all rows of a table at each change: many at once cost what one does.

    Args:
        path: The file; a view that may be deleted at any time.
    """

    def __init__(self, path: Path) -> None:
        self._storage: Final = AtomicStorage(path)
        self._lock: Final = self._storage.lock
        self._database: Final = TinyDB(storage=lambda: self._storage)

    def rebuild(self, offers: tuple[Offer, ...], grants: list[Grant]) -> None:
        """Make offers and grants what the configuration and the journal say, newest grants first.

        What the centre said stays.
        """
        with self._lock:
            self._replace("offers", msgspec.to_builtins(offers))
            rows = [msgspec.to_builtins(grant) for grant in grants[:GRANTS_MOST]]
            self._fill(rows, self._rows("accounts"), spare=0)

    def put(self, *grants: Grant) -> None:
        """Mirror grants that the journal has kept."""
        with self._lock:
            rows = {row["code"]: row for row in self._rows("grants")}
            rows |= {grant.code: msgspec.to_builtins(grant) for grant in grants}
            self._fill(rows.values(), self._rows("accounts"))

    def grants(self) -> list[Grant]:
        """What the cache holds, in no order that means anything."""
        with self._lock:
            return [msgspec.convert(row, Grant) for row in self._rows("grants")]

    def keep_account(self, known: KnownAccount) -> None:
        """Remember an account, in place of what was known of it."""
        row = msgspec.to_builtins(msgspec.structs.replace(known, fresh=False))
        with self._lock:
            self._fill(self._rows("grants"), [*self._others(known.account), row])

    def forget_account(self, account: str) -> None:
        """Remember an account no longer."""
        with self._lock:
            others = self._others(account)
            if len(others) < len(self._database.table("accounts")):
                self._replace("accounts", others)

    def account(self, account: str) -> KnownAccount | None:
        """What is remembered of one account."""
        with self._lock:
            for row in self._rows("accounts"):
                if row["account"] == account:
                    return msgspec.convert(row, KnownAccount)
        return None

    def keep_boards(self, boards: tuple[KnownBoard, ...]) -> None:
        """Remember these leader boards, and no other."""
        with self._lock:
            self._replace("boards", msgspec.to_builtins(boards))
            self._fill(self._rows("grants"), self._rows("accounts"), spare=0)

    def boards(self) -> tuple[KnownBoard, ...]:
        """The leader boards that are remembered, in the centre's order."""
        with self._lock:
            return tuple(msgspec.convert(row, KnownBoard) for row in self._rows("boards"))

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            OSError: The disk refused.
        """
        self._storage.flush()

    # --- under the lock --------------------------------------------------------------------

    def _rows(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self._database.table(table)]

    def _others(self, account: str) -> list[dict[str, Any]]:
        return [row for row in self._rows("accounts") if row["account"] != account]

    def _replace(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self._database.table(table).truncate()
        self._database.table(table).insert_multiple(rows)

    def _fill(
        self,
        grants: Iterable[dict[str, Any]],
        accounts: Iterable[dict[str, Any]],
        spare: int = GRANTS_MOST // 10,
    ) -> None:
        """Keep these as far as there is room, and make some to spare where there is none."""
        kept = [*grants, *accounts]
        others = len(self._database.table("offers")) + len(self._database.table("boards"))
        beyond = len(kept) + others - GRANTS_MOST
        if beyond > 0:
            kept = sorted(kept, key=_stays)[max(beyond, spare) :]
        self._replace("grants", [row for row in kept if "code" in row])
        self._replace("accounts", [row for row in kept if "code" not in row])


def _stays(row: Mapping[str, Any]) -> tuple[int, int]:
    """Sorts what may leave first to the front.

    Ended grants by their end, then accounts by when they were asked for, then the oldest live ones.
    """
    if "code" not in row:
        return 1, int(row["as_of_wall_ns"])
    is_live = row["state"] == GrantState.ISSUED
    moment = row["issued"] if is_live else row["redeemed"] or row["expires"]
    return 2 if is_live else 0, int(moment["wall_ns"])
