"""The record lane against what it stands on: SQLite, fdatasync, and mosquitto's own publisher.

python -m bench.sync [--json]

Commits and groups of them; presses and starts with a journal of a million events; bytes to disk;
a backlog through the broker. What is measured, and what is not, is told in docs/benchmarks-sync.md.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.common import percentile, print_report
from bench.disk import take_directory
from bench.drain import measure_drain
from bench.full import fill
from bench.journal import IDENTITY, measure_commits, press
from gateway.clock import SystemClock
from gateway.journal.store import Identity, Journal
from gateway.messages import GetStatus, SimulatePress
from gateway.simulator.shop import SimulatedShop
from gateway.sync.mapping import CURRENT

TARGETS: Final = {
    "commit_p50_over_raw_sqlite": ("most", 1.3),
    "group_commit_ratio": ("least", 0.7),
    "press_p99_at_1e6_over_10": ("most", 1.5),
    "startup_at_1e6_over_empty": ("most", 2.0),
    "drain_ratio_to_mosquitto_pub": ("least", 0.7),
    "events_per_s_at_50ms": ("least", 2000),
}
SMALL: Final = 10
ROUNDS: Final = 9
_PRESSES_AT_ONCE: Final = 10
_LOOK_S: Final = 0.01


def measure_presses(
    directory: Path, sizes: tuple[int, ...], presses: int
) -> dict[int, list[float]]:
    """Milliseconds from a press's event to the word that it is on disk: p50 and p99, by size."""
    clock = SystemClock(trusted=True)
    journals: dict[int, Journal] = {}
    for size in sizes:
        fill(directory / f"{size}.db", IDENTITY, size)
        journals[size] = Journal(directory / f"{size}.db", IDENTITY, on_change=lambda: None)
        journals[size].start()
    rounds: dict[int, list[list[int]]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        latest: dict[int, list[int]] = {size: [] for size in sizes}
        for number in range(presses // ROUNDS):
            for size, journal in journals.items():  # in turns: the disk's moods meet all alike
                began_ns = time.perf_counter_ns()
                journal.append(press(number), clock.now()).result()
                latest[size].append(time.perf_counter_ns() - began_ns)
        for size in sizes:
            rounds[size].append(latest[size])
    for journal in journals.values():
        journal.close()
    return {
        size: [
            round(statistics.median(percentile(each, percent) for each in rounds[size]) / 1e6, 3)
            for percent in (50, 99)
        ]
        for size in sizes
    }


async def measure_daemon(directory: Path, events: int, starts: int, presses: int) -> dict[str, Any]:
    """Starts with such a journal and without one, in turns; bytes to disk of a press."""
    async with SimulatedShop(directory) as shop:
        written = await _bytes_of_presses(shop, presses)
        await shop.stop_gateway()
        state = shop.config.paths.journal.parent
        identity = Identity(shop.config.device.id, shop.config.shop.account, CURRENT)
        await asyncio.to_thread(fill, directory / "full.db", identity, events)
        took: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(starts):
            for full, seconds in took.items():
                for old in state.glob("journal.db*"):
                    old.unlink()
                if full:
                    (directory / "full.db").rename(shop.config.paths.journal)
                began_s = time.perf_counter()
                await shop.start_gateway()
                seconds.append(time.perf_counter() - began_s)
                await shop.stop_gateway()
                if full:  # its log is empty after a stop
                    shop.config.paths.journal.rename(directory / "full.db")
    full_s, empty_s = statistics.median(took[True]), statistics.median(took[False])
    return {
        "startup_full_s": round(full_s, 3),
        "startup_empty_s": round(empty_s, 3),
        "startup_at_1e6_over_empty": round(full_s / empty_s, 2),
        "bytes_written_per_press": round(written),
    }


async def _bytes_of_presses(shop: SimulatedShop, presses: int) -> float:
    """What the daemon sends to the disk for a press, its way to the server included (proc(5))."""
    assert shop.gateway is not None  # noqa: S101 - started with the shop
    io = Path(f"/proc/{shop.gateway.process.pid}/io")
    await _until_quiet(shop)
    before = _written(io)
    for _ in range(0, presses, _PRESSES_AT_ONCE):
        await shop.ask(SimulatePress(button="exit-happy", count=_PRESSES_AT_ONCE))
    await _until_quiet(shop)
    return (_written(io) - before) / presses


async def _until_quiet(shop: SimulatedShop) -> None:
    """Until everything is on disk and on the server."""
    while True:
        status = await shop.ask(GetStatus())
        if status.journal.waiting == status.uplink.backlog == 0:
            return
        await asyncio.sleep(_LOOK_S)


def _written(io: Path) -> int:
    fields = dict(line.split(": ") for line in io.read_text().splitlines())
    return int(fields["write_bytes"])


def measure(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Everything."""
    commits = measure_commits(_made(directory, "commits"), options.commits, options.groups)
    sizes = (SMALL, 1000 * SMALL, options.events)
    presses = measure_presses(_made(directory, "presses"), sizes, options.presses)
    report: dict[str, Any] = msgspec.to_builtins(commits)
    for size, (p50_ms, p99_ms) in presses.items():
        report[f"press_ms_at_{size}"] = {"p50": p50_ms, "p99": p99_ms}
    report["press_p99_at_1e6_over_10"] = round(presses[options.events][1] / presses[SMALL][1], 2)
    shop = _made(directory, "shop")
    report |= asyncio.run(
        measure_daemon(shop, options.events, options.starts, options.daemon_presses)
    )
    drain = _made(directory, "drain")
    drained = asyncio.run(measure_drain(drain, options.backlog, max(1, options.backlog // 10)))
    report |= msgspec.to_builtins(drained)
    report["reached"] = {
        key: report[key] <= limit if kind == "most" else report[key] >= limit
        for key, (kind, limit) in TARGETS.items()
    }
    return report


def _made(directory: Path, name: str) -> Path:
    made = directory / name
    made.mkdir()
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run it; returns 0 if every target was reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--commits", type=int, default=3000, help="of one press, of each")
    parser.add_argument("--groups", type=int, default=160, help="of 256 presses, of each")
    parser.add_argument("--presses", type=int, default=4500, help="with each size of journal")
    parser.add_argument("--events", type=int, default=1_000_000, help="of the biggest journal")
    parser.add_argument("--starts", type=int, default=7, help="of the daemon, of each")
    parser.add_argument("--daemon-presses", type=int, default=50, help="on the simulated pins")
    parser.add_argument("--backlog", type=int, default=100_000, help="events to drain")
    take_directory(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="achivx-bench-", dir=options.directory) as directory:
        report = measure(options, Path(directory))
    print_report(report, as_json=options.json)
    return 0 if all(report["reached"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
