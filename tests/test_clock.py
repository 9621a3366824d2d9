"""The wall clock is believed from the time server's answer on, and not when somebody moves it."""

import os
import time
from pathlib import Path

import pytest

from gateway.clock import JUMP_NS, LOOK_NS, NS_PER_S, Stamp, SystemClock

YEAR_NS = 365 * 24 * 3600 * NS_PER_S
UPTIME_NS = 3600 * NS_PER_S
NOW_NS = 1_900_000_000 * NS_PER_S


class Machine:
    """The kernel's two clocks and the file of its time service."""

    def __init__(self, answered: Path) -> None:
        self.mono_ns = UPTIME_NS
        self.wall_ns = NOW_NS
        self.answered = answered

    def go_on(self, ns: int) -> None:
        self.mono_ns += ns
        self.wall_ns += ns

    def answer(self) -> None:
        """The time server answers, and the next look at the file is due."""
        self.go_on(LOOK_NS)
        self.answered.touch()
        os.utime(self.answered, ns=(self.wall_ns, self.wall_ns))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path / "synchronized")
    monkeypatch.setattr(time, "monotonic_ns", lambda: made.mono_ns)
    monkeypatch.setattr(time, "time_ns", lambda: made.wall_ns)
    return made


@pytest.fixture
def clock(machine: Machine) -> SystemClock:
    return SystemClock(machine.answered)


def test_it_is_right_from_the_first_answer_on(machine: Machine, clock: SystemClock) -> None:
    machine.wall_ns = 0
    assert clock.now() == Stamp(clock.boot, UPTIME_NS, 0, synced=False)
    machine.wall_ns = NOW_NS - LOOK_NS
    machine.answer()
    assert clock.now() == Stamp(clock.boot, UPTIME_NS + LOOK_NS, NOW_NS, synced=True)


def test_it_stays_right_without_the_server(machine: Machine, clock: SystemClock) -> None:
    machine.answer()
    assert clock.now().synced
    machine.go_on(90 * 24 * UPTIME_NS)
    assert clock.now().synced


def test_a_moment_of_before_is_told_by_the_same_clocks(
    machine: Machine, clock: SystemClock
) -> None:
    machine.answer()
    assert clock.at(UPTIME_NS - 5) == Stamp(clock.boot, UPTIME_NS - 5, NOW_NS - 5, synced=True)


def test_the_file_is_looked_at_once_a_second_however_many_stamps_there_are(
    machine: Machine, clock: SystemClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    stat = Path.stat

    def looking(path: Path) -> os.stat_result:
        looks.append(path)
        return stat(path)

    machine.answer()
    monkeypatch.setattr(Path, "stat", looking)
    for _ in range(15):
        assert clock.now().synced
        machine.go_on(LOOK_NS // 10)
    assert looks == [machine.answered] * 2
    machine.wall_ns += JUMP_NS + 1
    assert not clock.now().synced  # a jump is noticed without a look
    assert len(looks) == 2


@pytest.mark.parametrize("by_ns", [20 * YEAR_NS, -20 * YEAR_NS, JUMP_NS + 1, -JUMP_NS - 1])
def test_a_clock_that_is_moved_is_believed_no_more(
    machine: Machine, clock: SystemClock, by_ns: int
) -> None:
    machine.answer()
    before = clock.now()
    machine.go_on(NS_PER_S)
    machine.wall_ns += by_ns
    after = clock.now()
    assert not after.synced
    assert before.age_ns(after) == NS_PER_S
    assert Stamp("another boot", 1, NOW_NS, synced=True).age_ns(after) is None
    machine.answer()  # it is right again, or was wrong before: the server knows
    assert clock.now().synced


@pytest.mark.parametrize("by_ns", [20 * YEAR_NS, -20 * YEAR_NS])
def test_nor_by_a_daemon_that_starts_after_it_was(
    machine: Machine, clock: SystemClock, by_ns: int
) -> None:
    machine.answer()
    machine.wall_ns += by_ns
    assert not clock.now().synced
    machine.answer()
    assert clock.now().synced


def test_a_slow_correction_is_none(machine: Machine, clock: SystemClock) -> None:
    machine.answer()
    for _ in range(10):
        machine.go_on(UPTIME_NS)
        machine.wall_ns += JUMP_NS // 2
        machine.answer()
        assert clock.now().synced


def test_a_host_that_is_trusted_needs_no_server(machine: Machine) -> None:
    assert SystemClock(machine.answered, trusted=True).now().synced
