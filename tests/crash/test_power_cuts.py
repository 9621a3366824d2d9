"""Power cuts at any moment, with any part of what was not flushed yet on the disk."""

import os
from pathlib import Path
from random import Random

import pytest

from tests.crash import cuts
from tests.crash.powercut import (
    Disk,
    Flush,
    FlushNames,
    Link,
    Rename,
    Resize,
    Said,
    Step,
    Unlink,
    Write,
)
from tests.crash.powercut import (
    cuts as cut_everywhere,
)
from tests.crash.recording import Recording

MORE = 4 if os.environ.get("CI") else 1


@pytest.mark.parametrize("name", cuts.TRIALS)
def test_survives(name: str) -> None:
    steps = cuts.record(cuts.TRIALS[name])
    seed = Random().randrange(10**6)
    try:
        cuts.survive(
            cuts.TRIALS[name], steps, prefixes=60 * MORE, subsets=140 * MORE, chance=Random(seed)
        )
    except cuts.Failed as error:
        raise AssertionError(f"with seed {seed}: {error}") from error


@pytest.mark.parametrize(
    ("name", "words"), [("journal", "are lost, from"), ("grant cache", "unreadable")]
)
def test_what_is_careless_does_not_survive(name: str, words: str) -> None:
    steps = cuts.record(cuts.CARELESS[name])
    with pytest.raises(cuts.Failed, match=words):
        cuts.survive(cuts.CARELESS[name], steps, prefixes=0, subsets=200, chance=Random(1))


# --- the disk itself -------------------------------------------------------------------------


def disk(*steps: Step) -> Disk:
    made = Disk()
    for step in steps:
        made.take(step)
    return made


def some(made: Disk, times: int = 300) -> list[dict[str, bytes]]:
    return [made.some(Random(seed)) for seed in range(times)]


def test_what_was_flushed_is_always_there() -> None:
    kept = disk(
        Link("a", 1), Write(1, 0, b"x" * 5000), Flush(1, 2), FlushNames(3), Said("it is there")
    )
    assert all(image == {"a": b"x" * 5000} for image in [kept.flushed(), *some(kept)])
    assert kept.said == ["it is there"]


def test_a_name_that_was_not_flushed_may_be_gone() -> None:
    images = some(disk(Link("a", 1), Write(1, 0, b"x"), Flush(1, 2)))
    assert {} in images
    assert {"a": b"x"} in images


def test_a_flush_covers_only_what_came_before_it() -> None:
    made = disk(Link("a", 1), FlushNames(1), Write(1, 0, b"old"), Write(1, 0, b"new"), Flush(1, 3))
    assert made.flushed() == {"a": b"old"}
    assert {image["a"] for image in some(made)} == {b"old", b"new"}


def test_a_write_is_torn_at_sectors() -> None:
    made = disk(Link("a", 1), Write(1, 0, b"o" * 1024), Flush(1, 2), FlushNames(3))
    made.take(Write(1, 256, b"n" * 512))
    old, new = b"o" * 1024, b"o" * 256 + b"n" * 512 + b"o" * 256
    halves = {new[:512] + old[512:], old[:512] + new[512:]}
    assert {image["a"] for image in some(made)} == {old, new, *halves}


def test_a_sector_is_never_newer_in_one_half_than_the_page_cache_was() -> None:
    made = disk(Link("a", 1), Write(1, 0, b"-" * 512), Flush(1, 2), FlushNames(3))
    made.take(Write(1, 0, b"1" * 100))
    made.take(Write(1, 100, b"2" * 100))
    found = {image["a"][:200] for image in some(made)}
    assert found == {b"-" * 200, b"1" * 100 + b"-" * 100, b"1" * 100 + b"2" * 100}


def test_a_later_write_may_arrive_without_an_earlier_one() -> None:
    made = disk(Link("a", 1), FlushNames(1), Write(1, 0, b"a" * 4096), Write(1, 4096, b"b" * 4096))
    assert bytes(4096) + b"b" * 4096 in {image["a"] for image in some(made)}


def test_a_file_may_or_may_not_be_cut_short() -> None:
    made = disk(Link("a", 1), Write(1, 0, b"abc"), Flush(1, 2), FlushNames(3), Resize(1, 1))
    assert {image["a"] for image in some(made)} == {b"a", b"abc"}
    made.take(Resize(1, 3))
    assert made.everything() == {"a": b"a\0\0"}


def test_names_are_kept_in_their_order() -> None:
    made = disk(Link("a", 1), Link("b", 2), FlushNames(2), Rename("b", "a"), Unlink("a"))
    assert {tuple(image) for image in some(made)} == {("a", "b"), ("a",), ()}


def test_all_prefixes_and_as_many_parts_as_asked_for() -> None:
    steps: list[Step] = [Link("a", 1), Write(1, 0, b"x"), Flush(1, 2), FlushNames(3)]
    made = list(cut_everywhere(steps, prefixes=4, subsets=9, chance=Random(1)))
    assert [cut.step for cut in made if cut.part == "all of it"] == [1, 2, 3, 4]
    assert len(made) == 13


# --- the recording ---------------------------------------------------------------------------

PROGRAM = """
import os, sys
from pathlib import Path
place = Path(sys.argv[1])
(place / "a").write_bytes(b"one")
with (place / "a").open("r+b", buffering=0) as file:
    file.seek(1)
    file.write(b"w" * 2)
    os.pwrite(file.fileno(), b"!", 0)
    os.ftruncate(file.fileno(), 2)
    os.fdatasync(file.fileno())
(place / "a").rename(place / "b")
os.write(1, b"renamed\\n")
handle = os.open(place, os.O_RDONLY)
os.fsync(handle)
(place / "b").unlink()
(place.parent / "elsewhere").write_bytes(b"-")
"""


def test_a_recording_is_what_was_done(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "program.py").write_text(PROGRAM)
    recording = Recording(place)
    recording.run(str(tmp_path / "program.py"), str(place))
    assert recording.steps == [
        Link("a", 1),
        Write(1, 0, b"one"),
        Write(1, 1, b"ww"),
        Write(1, 0, b"!"),
        Resize(1, 2),
        Flush(1, 5),
        Rename("a", "b"),
        Said("renamed"),
        FlushNames(8),
        Unlink("b"),
    ]
