"""What the benchmarks share: presses at random moments, the wire's other end, and figures."""

import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from gateway.clock import NS_PER_S
from gateway.simulator.pty_port import PtyPort

T = TypeVar("T")

LABELS: Final = tuple(f"B{number:02}" for number in range(10))
"""The buttons, one after another: each has opened for good before its turn comes again."""

FRAME: Final = "\xff\xff\xff\x040000101\x0cEXIT: {label} 12:00\r"
"""What the template driver's frames look like, for those that have no template driver."""

GAP_S: Final = (0.005, 0.015)
"""From one press to the next: a random time, so that nothing can fall into step with it."""

READY_S: Final = 120.0
LATE_S: Final = 30.0

_ROOT: Final = Path(__file__).parents[1]
_PRESSED: Final = re.compile(rb"\b(B\d\d)\b[^\r]*\r")


class BenchError(Exception):
    """The benchmark cannot be run, or what it measured is not what it thinks."""


class Order(msgspec.Struct, frozen=True):
    """What a child process is told to do: press so many times.

    Attributes:
        count: How many presses.
        seed: Of their moments.
        loaded: Whether the child's own share of the load is on meanwhile.
        drain_per_s: Events a second that Node-RED's drain may deliver: as many as ours did.
    """

    count: int
    seed: int
    loaded: bool = False
    drain_per_s: int = 0


class Start(msgspec.Struct, frozen=True, array_like=True):
    """One press: its button, and CLOCK_MONOTONIC of its edge and of the verdict on it."""

    label: str
    edge_ns: int
    verdict_ns: int


class Done(msgspec.Struct, frozen=True):
    """What a child did: its presses, and what the load did meanwhile."""

    starts: list[Start]
    delivered: int = 0
    stalls: int = 0


class Figures(msgspec.Struct, frozen=True):
    """Latencies in microseconds, and the median over the rounds of each round's p50 and p99."""

    presses: int
    p50_us: float
    p99_us: float
    max_us: float
    p50_us_of_rounds: float
    p99_us_of_rounds: float


def figures(rounds: Sequence[Sequence[int]]) -> Figures:
    """Figures of some rounds of latencies in nanoseconds."""
    every = [ns for each in rounds for ns in each]
    return Figures(
        presses=len(every),
        p50_us=_us(percentile(every, 50)),
        p99_us=_us(percentile(every, 99)),
        max_us=_us(max(every)),
        p50_us_of_rounds=_us(statistics.median(percentile(each, 50) for each in rounds)),
        p99_us_of_rounds=_us(statistics.median(percentile(each, 99) for each in rounds)),
    )


def percentile(values: Sequence[int], percent: float) -> float:
    """The value that `percent` of all are not above, between two of them in proportion.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _us(ns: float) -> float:
    return round(ns / 1000, 1)


def press_all(order: Order, press: Callable[[str], None]) -> None:
    """Press at random moments, whether or not the presses before have been answered.

    Presses that the machine has kept from happening are not made up for all at once: a button
    that comes down before it has opened for good is not pressed again.
    """
    moments = random.Random(order.seed)  # noqa: S311 - the same in every run
    at_s = time.monotonic()
    for number in range(order.count):
        at_s = max(at_s, time.monotonic() - GAP_S[1]) + moments.uniform(*GAP_S)
        time.sleep(max(0.0, at_s - time.monotonic()))
        press(LABELS[number % len(LABELS)])


def obey(do: Callable[[Order], Done]) -> None:
    """Carry out the orders on stdin, one a line, until it ends; answers go to stdout."""
    for line in sys.stdin:
        done = do(msgspec.json.decode(line, type=Order))
        tell(done)


def tell(words: object) -> None:
    """One line to the benchmark."""
    sys.stdout.write(msgspec.json.encode(words).decode() + "\n")
    sys.stdout.flush()


class Wire(PtyPort):
    """The other end of a pty: knows when the first byte of each frame came."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._rest_ns = 0
        self._frames: list[tuple[str, int]] = []
        self._more: Final = threading.Condition()

    def receive(self, data: bytes) -> None:
        """A frame belongs to the moment at which it began to arrive."""
        now_ns = self.heard_ns
        began_ns = self._rest_ns if self._rest else now_ns
        heard = self._rest + data
        end = 0
        with self._more:
            for found in _PRESSED.finditer(heard):
                self._frames.append((found[1].decode(), began_ns))
                began_ns, end = now_ns, found.end()
            self._more.notify()
        self._rest, self._rest_ns = heard[end:], began_ns
        self.heard.clear()

    def take(self, count: int) -> list[tuple[str, int]]:
        """The next `count` frames: their buttons, and CLOCK_MONOTONIC of their first bytes.

        Raises:
            BenchError: They did not come.
        """
        with self._more:
            if not self._more.wait_for(lambda: len(self._frames) >= count, LATE_S):
                raise BenchError(f"{len(self._frames)} of {count} pages came out of the wire")
            taken, self._frames = self._frames[:count], self._frames[count:]
        return taken


class Child:
    """One process of the benchmark, told what to do by lines on its stdin.

    Args:
        words: The module and its arguments, or with `program` a whole command line that is not
            spoken with.
        log: Where its stderr goes, and a program's stdout.
        env: On top of this process's environment.
    """

    def __init__(
        self,
        words: Sequence[str],
        log: Path,
        *,
        program: bool = False,
        env: dict[str, str] | None = None,
    ) -> None:
        self._words: Final = list(words) if program else [sys.executable, "-m", *words]
        self._log: Final = log
        self._program: Final = program
        self._env: Final = env or {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=log if self._program else subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_ROOT,
                env=os.environ | self._env,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._running()
        process.terminate()
        try:
            process.communicate(timeout=10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    def send(self, words: object) -> None:
        """Send it one line, without waiting for an answer."""
        stdin = self._running().stdin
        assert stdin is not None  # noqa: S101 - a pipe, see __enter__
        with contextlib.suppress(BrokenPipeError):  # it ended: `hear` tells why
            stdin.write(msgspec.json.encode(words).decode() + "\n")
            stdin.flush()

    def hear(self, type_: type[T]) -> T:
        """Its next line.

        Raises:
            BenchError: It ended instead; with its last words.
        """
        return msgspec.json.decode(self.hear_line(), type=type_)

    def hear_line(self) -> str:
        """Its next line as it is.

        Raises:
            BenchError: It ended instead; with its last words.
        """
        stdout = self._running().stdout
        assert stdout is not None  # noqa: S101 - a pipe, see __enter__
        line = stdout.readline()
        if not line:
            raise BenchError(f"{' '.join(self._words)} ended: {self.last_words()}")
        return line

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            BenchError: It has ended; with its last words.
        """
        if self._running().poll() is not None:
            raise BenchError(f"{' '.join(self._words)} ended: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        lines = [line.strip(" |+-") for line in self._log.read_text(errors="replace").splitlines()]
        return next(filter(None, reversed(lines)), "it said nothing")

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise BenchError("not started")
        return self._process


def latencies(done: Done, frames: Sequence[tuple[str, int]]) -> tuple[list[int], list[int]]:
    """Nanoseconds from each press's verdict, and from its edge, to its first byte.

    Raises:
        BenchError: The frames are not those of the presses.
    """
    pressed = [start.label for start in done.starts]
    paged = [label for label, _ in frames]
    if pressed != paged:
        raise BenchError("the pages on the wire are not those of the presses, in their order")
    both = list(zip(done.starts, frames, strict=True))
    return (
        [ns - start.verdict_ns for start, (_, ns) in both],
        [ns - start.edge_ns for start, (_, ns) in both],
    )


def until(look: Callable[[], bool], what: Callable[[], str], timeout_s: float = READY_S) -> None:
    """Look at something in another process until it is so.

    Raises:
        BenchError: It is not, after this long; `what` says what is the case.
    """
    deadline_ns = time.monotonic_ns() + round(timeout_s * NS_PER_S)
    while not look():
        if time.monotonic_ns() > deadline_ns:
            raise BenchError(f"after {timeout_s:g} s {what()}")
        time.sleep(0.05)


def print_report(report: dict[str, Any], *, as_json: bool) -> None:
    """The report's lines, or with `as_json` one line of JSON at the end."""
    for name, value in _flat(report):
        print(f"{name:48} {value}", file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(report))


def _flat(report: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in report.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
