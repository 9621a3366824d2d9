"""Issuing and redeeming through the control socket, in journals of any length.

python -m bench.counter [--json] [--events 0,100000,1000000] [--count 400]

The real `gateway run`, asked as a command asks it, one request after another. In turns with it, raw
SQLite on the same disk makes the one conditional update that decides a redemption, in a transaction
of its own (WAL, synchronous=FULL). The offer is limited in every way, and each grant looks like
misuse and is overridden, so that every count is made. A tenth of the old events are grants.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import tomlkit

from bench.common import BenchError, percentile, print_report
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.events import AnyEvent, GrantIssued, GrantRedeemed, Pressed
from gateway.journal import schema
from gateway.journal.store import Identity, Journal
from gateway.messages import IssueGrant, Redeem
from gateway.model import ButtonKind, OfferKind
from gateway.simulator.children import Child

RATIO_MOST: Final = 5.0
FLAT_MOST: Final = 1.5
IN_TURN: Final = 20
"""Requests one after another before it is raw SQLite's turn."""
_PIECE: Final = 5000
_STATES: Final = ("issued", "redeemed")

Times = dict[str, list[int]]
"""Nanoseconds by what was done: `issue`, `redeem`, `raw`."""


class RawUpdate:
    """What no redemption can do without: one row changes its state, on disk."""

    def __init__(self, path: Path) -> None:
        self._connection: Final = schema.open_writer(path)
        self._connection.execute(
            "CREATE TABLE raw (code TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID"
        )
        self._connection.execute("INSERT INTO raw VALUES ('C', ?)", _STATES[:1])
        self._turn = 0

    def update(self) -> None:
        """Change it, in a transaction."""
        old, new = _STATES if self._turn % 2 == 0 else _STATES[::-1]
        self._turn += 1
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        done = execute("UPDATE raw SET state = ? WHERE code = 'C' AND state = ?", (new, old))
        execute("COMMIT")
        if done.rowcount != 1:
            raise BenchError("the raw row was not in its old state")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def old_events(count: int) -> Iterator[AnyEvent]:
    """So many events of before: of twenty, two are grants, and every second one is redeemed."""
    clock = SystemClock()
    for number in range(count):
        code = f"OLD{number // 20}"
        if number % 20 == 0:
            yield GrantIssued(
                code=code,
                request=f"old {number}",
                offer="cup",
                kind=OfferKind.SOUVENIR,
                by=f"person {number % 7}",
                expires=clock.now(),
                account=f"customer {number % 9999}",
                cost=2.0,
                day=f"2020-01-{number // 20 % 28 + 1:02}",
            )
        elif number % 20 == 10 and number % 40 > 20:
            yield GrantRedeemed(code=code, by="person", kind=OfferKind.SOUVENIR)
        else:
            yield Pressed(button=f"b{number % 10}", kind=ButtonKind.HAPPY, zone="hall")


def fill(journal_path: Path, count: int) -> None:
    """Make a journal with so many events, as the gateway would."""
    identity = Identity("bench", "shop", 1)
    journal = Journal(journal_path, identity, on_change=lambda: None)
    journal.start()
    at = SystemClock(trusted=True).now()
    events = old_events(count)
    while piece := tuple(event for event, _ in zip(events, range(_PIECE), strict=False)):
        journal.append_all(piece, at).result()
    journal.close()


class Till:
    """One gateway that is asked, with raw SQLite beside it.

    Args:
        directory: Where its control socket is.
    """

    def __init__(self, directory: Path) -> None:
        self.times: Final[Times] = {"issue": [], "redeem": [], "raw": []}
        self._client: Final = Client(directory / "control.sock", timeout_s=60)
        self._raw: Final = RawUpdate(directory / "raw.db")

    def turn(self, numbers: range) -> None:
        """Issue so many grants, redeem them, and let raw SQLite do as many updates."""
        codes = [self._issue(number) for number in numbers]
        for code in codes:
            request = Redeem(code=code)
            self.times["redeem"].append(_timed(partial(self._client.call, request)))
        self.times["raw"].extend(_timed(self._raw.update) for _ in codes)

    def _issue(self, number: int) -> str:
        order = IssueGrant(
            request=f"bench {number}",
            offer="cup",
            account=f"customer {number}",
            override="to be measured",
        )
        began_ns = time.perf_counter_ns()
        issued = self._client.call(order)
        self.times["issue"].append(time.perf_counter_ns() - began_ns)
        return issued.grant.code

    def close(self) -> None:
        """Hang up."""
        self._client.close()
        self._raw.close()


async def measure(directory: Path, lengths: Sequence[int], count: int) -> dict[int, Times]:
    """Fill the journals, start a gateway on each, and ask them in turns: noise meets all alike."""
    tills: dict[int, Till] = {}
    async with contextlib.AsyncExitStack() as stack:
        for events in lengths:
            place = directory / str(events)
            place.mkdir()
            tills[events] = await _open(stack, place, events)
        await asyncio.to_thread(_take_turns, list(tills.values()), count)
    return {events: till.times for events, till in tills.items()}


async def _open(stack: contextlib.AsyncExitStack, directory: Path, events: int) -> Till:
    state = directory / "state"
    if events:
        await asyncio.to_thread(fill, state / "journal.db", events)
    config = directory / "gateway.toml"
    config.write_text(_settings(directory, state), encoding="utf-8")
    words = ("gateway", "run", "--config", str(config))
    child = await Child.start("the gateway", words, directory / "gateway.log", ready=True)
    stack.push_async_callback(child.stop)
    till = Till(directory)
    stack.callback(till.close)
    return till


def _take_turns(tills: Sequence[Till], count: int) -> None:
    for first in range(0, count, IN_TURN):
        for till in tills:
            till.turn(range(first, min(first + IN_TURN, count)))


def _timed(do: Callable[[], object]) -> int:
    began_ns = time.perf_counter_ns()
    do()
    return time.perf_counter_ns() - began_ns


def _settings(directory: Path, state: Path) -> str:
    settings: dict[str, Any] = {
        "device": {"id": "bench"},
        "shop": {"name": "Bench", "account": "shop"},
        "paths": {"state": str(state), "control_socket": str(directory / "control.sock")},
        "inputs": {"simulated": True},
        "offers": [
            {
                "name": "cup",
                "kind": "souvenir",
                "label": {"ru": "Кружка", "en": "A cup"},
                "cost": 2.0,
                "per_staff_day": 1000,
                "per_shop_day": 100000,
                "per_customer_days": [5, 30],
                "stock": 10**9,
            }
        ],
    }
    return tomlkit.dumps(settings)


def summary(by_events: dict[int, Times]) -> dict[str, Any]:
    """What the report says: the worst ratio of all lengths, and the longest against the least."""
    report: dict[str, Any] = {
        f"events_{events}": {
            what: {"p50_us": _us(values, 50), "p99_us": _us(values, 99)}
            for what, values in times.items()
        }
        for events, times in by_events.items()
    }
    for what in ("issue", "redeem"):
        report[f"{what}_p50_over_raw_update"] = max(
            round(percentile(times[what], 50) / percentile(times["raw"], 50), 2)
            for times in by_events.values()
        )
    least, most = by_events[min(by_events)], by_events[max(by_events)]
    report["p50_at_1e6_over_p50_at_0"] = max(
        round(percentile(most[what], 50) / percentile(least[what], 50), 2)
        for what in ("issue", "redeem")
    )
    return report


def _us(values: Sequence[int], percent: float) -> float:
    return round(percentile(values, percent) / 1000, 1)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when all of it is reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.counter", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument(
        "--events", default="0,100000,1000000", help="how many events the journals have already"
    )
    parser.add_argument(
        "--count", type=int, default=400, help="grants in each journal, at most 900"
    )
    options = parser.parse_args(arguments)
    lengths = [int(length) for length in options.events.split(",")]
    with tempfile.TemporaryDirectory(prefix="achivx-bench-") as directory:
        by_events = asyncio.run(measure(Path(directory), lengths, options.count))
    report = summary(by_events)
    reached = {
        f"issue_p50_over_raw_update <= {RATIO_MOST:g}": (
            report["issue_p50_over_raw_update"] <= RATIO_MOST
        ),
        f"redeem_p50_over_raw_update <= {RATIO_MOST:g}": (
            report["redeem_p50_over_raw_update"] <= RATIO_MOST
        ),
        f"p50_at_1e6_over_p50_at_0 <= {FLAT_MOST:g}": (
            report["p50_at_1e6_over_p50_at_0"] <= FLAT_MOST
        ),
    }
    print_report(report | {"reached": reached}, as_json=options.json)
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
