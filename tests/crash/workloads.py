"""The processes that are recorded: python -m tests.crash.workloads NAME DIRECTORY SEED [JOBS]

Each says on stdout what it was told is on disk, as soon as it was told so.
"""

import itertools
import json
import os
import random
import sqlite3
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tinydb import TinyDB

from gateway.clock import Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AnyEvent,
    GrantIssued,
    GrantRedeemed,
    Paged,
    Pressed,
    Record,
)
from gateway.files import write_atomic
from gateway.grants import crockford
from gateway.grants.cache import GrantCache
from gateway.grants.grant import Grant
from gateway.grants.known import BoardLine, KnownAccount, KnownBoard
from gateway.journal import schema
from gateway.journal.store import Identity, Journal, Transaction
from gateway.model import AlertCause, ButtonKind, Label, OfferKind, Outcome, ReceiptState

IDENTITY: Final = Identity("box-1", "shop-1", 1)
JOURNAL: Final = "journal.db"
CACHE: Final = "grants.json"
KEPT: Final = "kept"
CURSOR: Final = "cursor"
CLIENTS: Final = 4
MOST: Final = 8
"""The most events of one job. Event i of job j says so in `mono_ns`: j * MOST + i."""


def say(*words: object) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


def stamp(job: int, index: int, size: int, *, wanted: bool = True) -> Stamp:
    """Which event of which job of how many; not `wanted`: it must never be found."""
    return Stamp("boot", job * MOST + index, size, wanted)


class Jobs:
    """Random work for a journal, from several threads.

    Args:
        journal: Open.
        seed: What each client does follows from it; how they interleave does not.
        first: The first job's number.
    """

    def __init__(self, journal: Journal, seed: int, first: int) -> None:
        self._journal: Final = journal
        self._seed: Final = seed
        self._numbers: Final = itertools.count(first)

    def run(self, jobs: int) -> None:
        clients = [
            threading.Thread(target=self._client, args=(random.Random(self._seed + each), jobs))
            for each in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _client(self, chance: random.Random, jobs: int) -> None:
        while jobs > 0:
            burst = min(chance.choice((1, 1, 2, 5)), jobs)
            jobs -= burst
            for told in [self._submit(chance, next(self._numbers)) for _ in range(burst)]:
                told()

    def _submit(self, chance: random.Random, job: int) -> Callable[[], None]:
        events = _story(chance, job)
        kind = chance.random()
        if kind < 0.4:
            kept = [self._journal.append(events[0], stamp(job, 0, 1))]
            return lambda: say(KEPT, *(each.result().seq for each in kept))
        if kind < 0.7:
            # One moment for all of them, as the floor does it.
            both = self._journal.append_all(events, stamp(job, 0, len(events)))
            return lambda: say(KEPT, *(each.seq for each in both.result()))
        if kind < 0.8:
            refused = self._journal.transact(partial(_refuse, events, job))
            return lambda: _expect_refusal(refused)
        if kind < 0.9:
            moved = self._journal.transact(_move_cursor)
            return lambda: say(CURSOR, moved.result())
        decided = self._journal.transact(partial(_decide, events, job))
        return lambda: say(KEPT, *(each.seq for each in decided.result()))


def _story(chance: random.Random, job: int) -> tuple[AnyEvent, ...]:
    """Some events that belong together."""
    alert, code = f"a{job}", f"code-{job}"
    button = f"button-{chance.randrange(5)}"
    pressed = Pressed(button=button, kind=ButtonKind.UNHAPPY, zone="exit")
    grant = GrantIssued(
        code=code,
        request=f"r{job}",
        offer="souvenir",
        kind=OfferKind.SOUVENIR,
        by="anna",
        expires=stamp(0, 0, 0),
    )
    stories: tuple[tuple[AnyEvent, ...], ...] = (
        (pressed,),
        (
            AlertRaised(alert=alert, cause=AlertCause.RED, zone="exit", button=button),
            pressed,
            Paged(f"p{job}", "watch", "EXIT" * chance.randrange(60), ReceiptState.ACCEPTED, alert),
        ),
        (
            AlertRaised(alert=alert, cause=AlertCause.CALL, zone="hall"),
            AlertAcknowledged(alert=alert, by="anna", via="page"),
            AlertResolved(alert=alert, by="anna", outcome=Outcome.RECOVERED),
        ),
        (grant, GrantRedeemed(code=code, by="anna", kind=OfferKind.SOUVENIR)),
        (grant,),
    )
    return chance.choice(stories)


def _decide(events: tuple[AnyEvent, ...], job: int, transaction: Transaction) -> list[Record]:
    return [
        transaction.append(event, stamp(job, index, len(events)))
        for index, event in enumerate(events)
    ]


def _refuse(events: tuple[AnyEvent, ...], job: int, transaction: Transaction) -> None:
    for event in events:
        transaction.append(event, stamp(job, 0, 1, wanted=False))
    raise Refused("no", "no")


def _expect_refusal(future: "Future[None]") -> None:
    error = future.exception()
    assert isinstance(error, Refused), error


def _move_cursor(transaction: Transaction) -> int:
    schema.set_meta(transaction.connection, CURSOR, str(transaction.last))
    return transaction.last


# --- the recorded programs -------------------------------------------------------------------


def write_journal(directory: Path, seed: int, jobs: int) -> None:
    """Fill a journal, and end as a killed process does on odd seeds."""
    journal = Journal(directory / JOURNAL, IDENTITY, on_change=lambda: None)
    journal.start()
    Jobs(journal, seed, first=journal.last_seq + 1).run(jobs // CLIENTS)
    if seed % 2:
        os._exit(0)
    journal.close()


def write_careless_journal(directory: Path, seed: int, jobs: int) -> None:
    """The same with commits that do not wait for the disk: what the proof must be able to see."""

    class Careless(sqlite3.Connection):
        def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
            careless = statement.replace("synchronous = FULL", "synchronous = NORMAL")
            return super().execute(careless, values)

    schema.open_writer = partial(schema.open_writer, factory=Careless)
    write_journal(directory, seed, jobs)


def write_over_damage(directory: Path, seed: int, jobs: int) -> None:
    """Find the journal damaged, and go on with another one."""
    path = directory / JOURNAL
    if not path.exists():
        write_atomic(path, random.Random(seed).randbytes(10_000))
    write_journal(directory, seed, jobs)


def write_cache(directory: Path, seed: int, jobs: int) -> None:
    """Mirror grants and what the centre says, and flush now and then."""
    chance = random.Random(seed)
    cache = GrantCache(directory / CACHE)
    label = Label(ru="Сувенир", en="Souvenir")
    cache.rebuild((Offer(name="souvenir", kind=OfferKind.SOUVENIR, label=label),), [])
    for job in range(jobs):
        cache.put(_grant(f"{seed}-{chance.randrange(job + 1)}"))
        cache.keep_account(KnownAccount(f"{seed}-{job % 7}", job, job, f"{job}.25", (), job, False))
        cache.keep_boards((KnownBoard("Shops", (BoardLine(1, "shop", job, True),), "now", job),))
        if chance.random() < 0.5:
            cache.flush()
            _say_file(directory / CACHE)


def write_careless_cache(directory: Path, seed: int, jobs: int) -> None:
    """The same through TinyDB's own storage."""
    database = TinyDB(directory / CACHE)
    for job in range(jobs):
        database.insert({"code": f"{seed}-{job}", "by": crockford.random(200)})
        _say_file(directory / CACHE)


def write_files(directory: Path, seed: int, jobs: int) -> None:
    """Replace one file by longer and shorter ones."""
    chance = random.Random(seed)
    for _ in range(jobs):
        write_atomic(directory / CACHE, chance.randbytes(chance.choice((1, 700, 5000, 20_000))))
        _say_file(directory / CACHE)


def _grant(code: str) -> Grant:
    at = stamp(0, 0, 0)
    return Grant(
        code=code,
        request=code,
        offer="souvenir",
        kind=OfferKind.SOUVENIR,
        issued_by="anna" * 20,
        issued=at,
        expires=at,
    )


def _say_file(path: Path) -> None:
    say(KEPT, sha256(path.read_bytes()).hexdigest())


PROGRAMS: Final = {
    "journal": write_journal,
    "careless-journal": write_careless_journal,
    "damage": write_over_damage,
    "cache": write_cache,
    "careless-cache": write_careless_cache,
    "files": write_files,
}


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
