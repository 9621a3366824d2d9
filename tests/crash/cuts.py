"""Power cuts of what the gateway keeps: each cut is laid out as files and opened for real."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.events import Started
from gateway.grants.cache import GrantCache
from gateway.journal.store import Journal
from tests.crash import oracle
from tests.crash.powercut import Cut, Image, Rename, Step, Write, cuts
from tests.crash.recording import Recording
from tests.crash.workloads import CACHE, CURSOR, IDENTITY, JOURNAL, KEPT, MOST

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - files without a disk, where there is such a place

Check = Callable[[Path, Cut], None]


class Failed(AssertionError):
    """A cut that the gateway did not survive; says how to see it again."""


class Trial(msgspec.Struct, frozen=True):
    """One kind of file under power cuts.

    Attributes:
        runs: The recorded processes, one after another on the same disk: program, seed, jobs.
        checks: Makes the check of one cut out of all that was recorded.
    """

    runs: tuple[tuple[str, int, int], ...]
    checks: Callable[[list[Step]], Check]


def record(trial: Trial) -> list[Step]:
    """Run the trial's processes under strace; returns what they did to their directory."""
    with tempfile.TemporaryDirectory(prefix="achivx-cut-") as parent:
        directory = Path(parent).resolve() / "state"
        directory.mkdir()
        recording = Recording(directory)
        for program, seed, jobs in trial.runs:
            words = ("tests.crash.workloads", program, str(directory), str(seed), str(jobs))
            recording.run("-m", *words)
        return recording.steps


def survive(
    trial: Trial,
    steps: list[Step],
    *,
    prefixes: int,
    subsets: int,
    chance: Random,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Cut the power so often; returns the number of cuts.

    Raises:
        Failed: A cut was not survived.
    """
    check = trial.checks(steps)
    place = MEMORY if MEMORY.is_dir() else None
    number = 0
    for number, cut in enumerate(cuts(steps, prefixes=prefixes, subsets=subsets, chance=chance), 1):
        with tempfile.TemporaryDirectory(prefix="achivx-cut-", dir=place) as directory:
            lay_out(cut.image, Path(directory))
            try:
                check(Path(directory), cut)
            except AssertionError as error:
                raise Failed(f"cut after step {cut.step}, {cut.part} arrived: {error}") from error
        progress(number)
    return number


def lay_out(image: Image, directory: Path) -> None:
    """The files as the next boot finds them; SQLite's shared memory is none of them."""
    for name, content in image.items():
        if not name.endswith("-shm"):
            (directory / name).write_bytes(content)


# --- what must be true -----------------------------------------------------------------------


def check_journal(directory: Path, cut: Cut) -> None:
    """Opens undamaged, holds all that was acknowledged, whole and once, and goes on."""
    journal = Journal(directory / JOURNAL, IDENTITY, on_change=lambda: None)
    journal.start()
    try:
        assert journal.state == "ok", f"it did not open: {journal.state}"
        assert journal.set_aside is None, "it was taken for damaged"
        found = oracle.look(journal)
        oracle.check(found)
        _check_jobs(found, cut.said)
        after = journal.append(Started(version="after"), Stamp("next", 1, 1, synced=True))
        assert after.result(10).seq == len(found.records) + 1
    finally:
        journal.close()


def _check_jobs(found: oracle.Found, said: tuple[str, ...]) -> None:
    told = [json.loads(each) for each in said]
    acknowledged = [seq for kind, *seqs in told if kind == KEPT for seq in seqs]
    seqs = {record.seq for record in found.records}
    lost = sorted(set(acknowledged) - seqs)
    assert not lost, f"{len(lost)} acknowledged events are lost, from {lost[0]} on"
    assert len(acknowledged) == len(set(acknowledged)), "one sequence was given out twice"
    cursors = [place for kind, *places in told if kind == CURSOR for place in places]
    assert found.cursor >= max(cursors, default=0), "the cursor went back"
    assert all(record.at.synced for record in found.records), "a refused job left an event"
    sizes = Counter(record.at.mono_ns // MOST for record in found.records)
    wanted = {record.at.mono_ns // MOST: record.at.wall_ns for record in found.records}
    assert sizes == wanted, "a job is there in part, or twice"


def journal_checks(_: list[Step]) -> Check:
    return check_journal


def damage_checks(steps: list[Step]) -> Check:
    """It is set aside, as often as it is met; but not after the new one has acknowledged."""
    damaged = next(step.data for step in steps if isinstance(step, Write))

    def check(directory: Path, cut: Cut) -> None:
        path = directory / JOURNAL
        if not path.exists() or path.read_bytes() == damaged:
            assert not cut.said, "what was acknowledged is gone"
        else:
            check_journal(directory, cut)

    return check


def file_checks(steps: list[Step]) -> Check:
    """The file is one of those that were written, whole, and none older than acknowledged."""
    contents: dict[int, bytearray] = {}
    for step in steps:
        if isinstance(step, Write):
            contents.setdefault(step.file, bytearray())[step.offset :] = step.data
    files = iter(contents.values())
    versions = [
        sha256(next(files)).hexdigest()
        for step in steps
        if isinstance(step, Rename) and step.new == CACHE
    ]

    def check(directory: Path, cut: Cut) -> None:
        path = directory / CACHE
        told = [json.loads(each)[1] for each in cut.said]
        if not path.exists():
            assert not told, "the file is gone"
            return
        found = sha256(path.read_bytes()).hexdigest()
        assert found in versions, "the file is neither the old nor the new one"
        if told:
            assert versions.index(found) >= versions.index(told[-1]), "the file is an older one"

    return check


def cache_checks(steps: list[Step]) -> Check:
    """As for any file; and the grant cache opens with what is in it."""
    check_file = file_checks(steps)

    def check(directory: Path, cut: Cut) -> None:
        check_file(directory, cut)
        there = (directory / CACHE).exists()
        cache = GrantCache(directory / CACHE)
        assert bool(cache.grants()) is there
        # Account details and leader boards are those of one moment.
        names = [f"{seed}-{number}" for seed in (31, 32) for number in range(7)]
        known = [each for each in map(cache.account, names) if each is not None]
        boards = cache.boards()
        assert bool(known) is bool(boards) is there
        moments = {each.as_of_wall_ns for each in known}
        assert moments.issuperset(board.as_of_wall_ns for board in boards)

    return check


def careless_cache_checks(_: list[Step]) -> Check:
    """TinyDB's own storage: does the file open at all?"""

    def check(directory: Path, cut: Cut) -> None:
        path = directory / CACHE
        if cut.said:
            try:
                json.loads(path.read_bytes())
            except (ValueError, FileNotFoundError) as error:
                raise AssertionError(f"unreadable: {error}") from error

    return check


TRIALS: Final = {
    # Killed, killed, stopped; long enough for several checkpoints, the log begun anew each time.
    "journal": Trial(
        (("journal", 11, 500), ("journal", 13, 500), ("journal", 14, 200)), journal_checks
    ),
    "damaged journal": Trial((("damage", 21, 24),), damage_checks),
    "grant cache": Trial((("cache", 31, 40), ("cache", 32, 10)), cache_checks),
    "any other file": Trial((("files", 41, 30),), file_checks),
}
"""What must survive every cut."""

CARELESS: Final = {
    "journal": Trial((("careless-journal", 51, 60),), journal_checks),
    "grant cache": Trial((("careless-cache", 61, 20),), careless_cache_checks),
}
"""What must not: a proof that never fails proves nothing."""
