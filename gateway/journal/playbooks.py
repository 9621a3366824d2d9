"""The playbooks that grants were issued under, by their version: kept as long as the journal."""

import sqlite3

import msgspec

from gateway.config import Offer
from gateway.errors import Refused
from gateway.journal.transaction import Transaction


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook that was in force. `since`: the sequence of its first grant."""

    version: str
    since: int
    offers: tuple[Offer, ...]


def keep(transaction: Transaction, version: str, offers: tuple[Offer, ...]) -> None:
    """Keep it with the grant that comes next, if it is the first of this version."""
    known = transaction.connection.execute("SELECT 1 FROM playbook WHERE version = ?", (version,))
    if known.fetchone() is None:
        transaction.connection.execute(
            "INSERT INTO playbook VALUES (?, ?, ?)",
            (version, transaction.last + 1, msgspec.json.encode(offers)),
        )


def find(connection: sqlite3.Connection, version: str) -> Playbook:
    """The playbook of one version.

    Raises:
        Refused: `no_such_playbook`: no grant was issued under it, or it is of a newer program.
    """
    row = connection.execute(
        "SELECT since, offers FROM playbook WHERE version = ?", (version,)
    ).fetchone()
    if row is None:
        raise Refused("no_such_playbook", f"no grant was issued under a playbook {version!r}")
    try:
        offers = msgspec.json.decode(row[1], type=tuple[Offer, ...])
    except msgspec.DecodeError as error:
        raise Refused("no_such_playbook", f"it is of another program: {error}") from error
    return Playbook(version=version, since=row[0], offers=offers)
