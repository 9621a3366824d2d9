"""From the filter's verdict on a press to the page's first byte at the other end of the wire.

python -m bench.press_to_wire [--json]

Against the floor (a thread, the event loop, pyserial's write) and Node-RED (an event over TCP in,
its serial node out), in rounds that alternate within one run, idle and under load. What is
measured, and what is not, is told in docs/benchmarks.md.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from bench import node_red
from bench.common import (
    BenchError,
    Child,
    Done,
    Figures,
    Order,
    Wire,
    figures,
    latencies,
    percentile,
    print_report,
    until,
)
from bench.disk import take_directory
from bench.world import Rung, Streams
from gateway.client import Client, Unreachable
from gateway.messages import GetStatus

TARGETS: Final = {
    "ratio_to_floor_p50": 1.5,
    "ratio_to_nodered_p50": 0.5,
    "ratio_to_nodered_p99": 0.5,
    "loaded_ratio_to_nodered_p99": 1.0,
}
WARM_UP: Final = 100
STREAMS: Final = 16

_BOX: Final = Path(__file__).with_name("box.toml")


class Subject:
    """One of the measured programs: who presses for it, and the wire that it writes to."""

    def __init__(self, presser: Child, wire: Wire) -> None:
        self._presser: Final = presser
        self._wire: Final = wire
        self.from_verdict: list[list[int]] = []
        self.from_edge: list[list[int]] = []
        self.delivered = 0
        self.stalls = 0

    def warm_up(self) -> None:
        """Some presses that nobody counts."""
        self._measure(Order(WARM_UP, seed=0))

    def run_round(self, order: Order) -> None:
        """One round of presses."""
        done, verdict, edge = self._measure(order)
        self.from_verdict.append(verdict)
        self.from_edge.append(edge)
        self.delivered += done.delivered
        self.stalls += done.stalls

    def _measure(self, order: Order) -> tuple[Done, list[int], list[int]]:
        self._presser.send(order)
        done = self._presser.hear(Done)
        if len(done.starts) != order.count:
            raise BenchError(f"{len(done.starts)} of {order.count} presses were noticed")
        return done, *latencies(done, self._wire.take(order.count))

    def take_figures(self) -> tuple[Figures, Figures]:
        """The figures from the verdict and from the edge since the last time."""
        told = figures(self.from_verdict), figures(self.from_edge)
        self.from_verdict, self.from_edge = [], []
        return told


class Bench:
    """All programs of one run.

    Args:
        options: The command line.
        directory: For everything that they keep.
    """

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options: Final = options
        self._directory: Final = directory
        self._parts: Final = contextlib.ExitStack()
        self.ours: Subject
        self.floor: Subject
        self.peer: Subject | None = None
        self._peer_http: int | None = None

    def __enter__(self) -> Self:
        with self._parts:
            self._world = self._parts.enter_context(
                Child(["bench.world"], self._directory / "world.log")
            )
            self._port = self._world.hear(int)
            self.ours = self._start_ours()
            self.floor = self._start_floor()
            if self._options.peer == "node-red":
                self.peer = self._start_peer()
            for subject in self.subjects():
                subject.warm_up()
            self._closing = self._parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def subjects(self) -> Iterator[Subject]:
        """All that are measured."""
        yield self.ours
        yield self.floor
        if self.peer is not None:
            yield self.peer

    def _wire(self) -> Wire:
        return self._parts.enter_context(Wire())

    def _start_ours(self) -> Subject:
        wire = self._wire()
        box = self._directory / "ours"
        box.mkdir()
        buttons = "".join(
            f'[[buttons]]\nname = "b{n:02}"\npin = {n + 5}\nkind = "very_unhappy"\nzone = "EXIT"\n'
            f'panel = "p{n}"\nlabel = {{ ru = "B{n:02}", en = "B{n:02}" }}\n'
            for n in range(10)
        )
        text = _BOX.read_text(encoding="utf-8").format(directory=box, port=wire.port)
        config = box / "gateway.toml"
        config.write_text(text + "\n" + buttons, encoding="utf-8")
        words = ["bench.daemon", str(config), str(self._port), str(self._options.events)]
        child = self._parts.enter_context(Child(words, self._directory / "daemon.log"))
        self._socket = box / "control.sock"

        def is_ready() -> bool:
            child.check()
            return _is_ready(self._socket)

        until(is_ready, lambda: f"the daemon is not ready: {child.last_words()}")
        return Subject(child, wire)

    def _start_floor(self) -> Subject:
        wire = self._wire()
        words = ["bench.floor", wire.port]
        child = self._parts.enter_context(Child(words, self._directory / "floor.log"))
        child.hear(str)
        return Subject(child, wire)

    def _start_peer(self) -> Subject:
        wire = self._wire()
        peer = self._parts.enter_context(
            node_red.NodeRed(
                self._options.cache,
                self._directory / "node-red",
                serial=wire.port,
                server_port=self._port,
                events=self._options.events,
            )
        )
        peer.until_open()
        self._peer_http = peer.http_port
        words = ["bench.sender", str(peer.tcp_port)]
        sender = self._parts.enter_context(Child(words, self._directory / "sender.log"))
        sender.hear(str)
        return Subject(sender, wire)

    # --- the two halves of a run -----------------------------------------------------------

    def idle(self) -> dict[str, Any]:
        """Nothing else to do for any of them."""
        rounds = self._options.rounds
        count = _share(self._options.presses, rounds)
        for seed in range(1, rounds + 1):
            for subject in self._in_turn(seed):
                subject.run_round(Order(count, seed))
        return self._tell()

    def loaded(self) -> dict[str, Any]:
        """The uplink draining, open event streams, and for ours a disk that stalls."""
        self._world.send(Streams(STREAMS, control_socket=str(self._socket)))
        self._world.hear(Rung)
        if self._peer_http is not None:
            self._world.send(Streams(STREAMS, http_port=self._peer_http))
            self._world.hear(Rung)
        rounds = self._options.rounds
        count = _share(self._options.loaded_presses, rounds)
        totals = dict.fromkeys(self.subjects(), Rung(0, 0))
        for seed in range(1, rounds + 1):
            drained_per_s = 0
            for subject in self.subjects():  # ours first: Node-RED drains as fast as it did
                before, began_s = self._rung(), time.monotonic()
                subject.run_round(Order(count, seed, loaded=True, drain_per_s=drained_per_s))
                after, took_s = self._rung(), time.monotonic() - began_s
                delivered = after.delivered - before.delivered
                drained_per_s = drained_per_s or round(delivered / took_s)
                total = totals[subject]
                totals[subject] = Rung(
                    total.delivered + delivered, total.rings + after.rings - before.rings
                )
        told = self._tell()
        names = {self.ours: "ours", self.peer: "nodered"}
        for subject, rung in totals.items():
            if subject is not self.floor:
                told[names[subject]] |= msgspec.structs.asdict(rung)
        told["ours"]["stalls_of_1_s"] = self.ours.stalls
        return told

    def _in_turn(self, seed: int) -> list[Subject]:
        """Each of them first as often as the others."""
        subjects = list(self.subjects())
        first = seed % len(subjects)
        return subjects[first:] + subjects[:first]

    def _rung(self) -> Rung:
        self._world.send(None)
        return self._world.hear(Rung)

    def _tell(self) -> dict[str, Any]:
        ours, whole = self.ours.take_figures()
        told = {
            "ours": msgspec.to_builtins(ours),
            "ours_from_edge": msgspec.to_builtins(whole),
            "floor": msgspec.to_builtins(self.floor.take_figures()[0]),
        }
        if self.peer is not None:
            told["nodered"] = msgspec.to_builtins(self.peer.take_figures()[0])
        return told


def _is_ready(control_socket: Path) -> bool:
    try:
        with Client(control_socket) as client:
            return all(each.state == "ok" for each in client.call(GetStatus()).transmitters)
    except Unreachable:
        return False


def _share(presses: int, rounds: int) -> int:
    return -(-presses // rounds)


def ratios(idle: dict[str, Any], loaded: dict[str, Any]) -> dict[str, float | None]:
    """What is to be reached; None where there was no peer."""

    def ratio(told: dict[str, Any], ours: str, peer: str, figure: str) -> float | None:
        return round(told[ours][figure] / told[peer][figure], 3) if peer in told else None

    return {
        "ratio_to_floor_p50": ratio(idle, "ours", "floor", "p50_us"),
        "ratio_to_nodered_p50": ratio(idle, "ours", "nodered", "p50_us"),
        "ratio_to_nodered_p99": ratio(idle, "ours", "nodered", "p99_us"),
        "loaded_ratio_to_nodered_p99": ratio(loaded, "ours", "nodered", "p99_us"),
        "edge_ratio_to_nodered_p50": ratio(idle, "ours_from_edge", "nodered", "p50_us"),
        "edge_ratio_to_nodered_p99": ratio(idle, "ours_from_edge", "nodered", "p99_us"),
        "loaded_edge_ratio_to_nodered_p99": ratio(loaded, "ours_from_edge", "nodered", "p99_us"),
    }


def sync_us(directory: Path) -> float:
    """The median time of forcing 4 KiB to this directory's disk: shows that there is one."""
    took: list[int] = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(100):
            began_ns = time.monotonic_ns()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append(time.monotonic_ns() - began_ns)
    return round(percentile(took, 50) / 1000, 1)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.press_to_wire", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--presses", type=int, default=5000, help="idle, of each program")
    parser.add_argument("--loaded-presses", type=int, default=5000, help="under load, of each")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--events", type=int, default=100_000, help="to drain")
    parser.add_argument("--peer", choices=("node-red", "none"), default="node-red")
    parser.add_argument("--cache", type=Path, default=node_red.default_cache())
    take_directory(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when every ratio is reached."""
    options = _options(arguments)
    report: dict[str, Any] = {}
    if options.peer == "node-red":
        try:
            node_red.install(options.cache)
            report["nodered_version"] = node_red.version(options.cache)
        except BenchError as error:
            print(f"{error}. The ratios to it are null.", file=sys.stderr)
            options.peer = "none"
    with tempfile.TemporaryDirectory(prefix="achivx-bench-", dir=options.directory) as directory:
        report["disk_sync_p50_us"] = sync_us(Path(directory))
        with Bench(options, Path(directory)) as bench:
            report["idle"] = bench.idle()
            report["loaded"] = bench.loaded()
    told = ratios(report["idle"], report["loaded"])
    report["targets"] = TARGETS
    print_report(told | report, as_json=options.json)
    reached = all(
        (value := told[name]) is not None and value <= most for name, most in TARGETS.items()
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
