"""The cache is a view: whatever becomes of its file, it is the journal's view again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.files import write_atomic
from gateway.grants.cache import GRANTS_MOST, GrantCache
from gateway.grants.grant import Grant
from gateway.grants.playbook import STARTER
from gateway.model import GrantState, OfferKind


def grant(number: int, *, ended: int | None = None) -> Grant:
    """Issued at `number`, and ended at `ended`."""
    issued = Stamp("boot", number, number, synced=True)
    made = Grant(
        code=f"C{number}",
        request=f"r-{number}",
        offer="coupon",
        kind=OfferKind.COUPON,
        issued_by="Anna",
        issued=issued,
        expires=issued,
    )
    if ended is None:
        return made
    return msgspec.structs.replace(
        made,
        state=GrantState.REDEEMED,
        redeemed_by="Boris",
        redeemed=Stamp("boot", ended, ended, synced=True),
    )


NEWEST_FIRST = [grant(number, ended=number if number % 2 else None) for number in range(9, 0, -1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grants.json"


def held(cache: GrantCache) -> dict[str, Grant]:
    return {each.code: each for each in cache.grants()}


def by_code(grants: list[Grant]) -> dict[str, Grant]:
    return {each.code: each for each in grants}


def filled(path: Path) -> GrantCache:
    cache = GrantCache(path)
    cache.rebuild(STARTER, NEWEST_FIRST)
    cache.flush()
    return cache


def test_it_holds_what_it_was_given_through_a_restart(path: Path) -> None:
    filled(path)
    again = GrantCache(path)
    assert held(again) == by_code(NEWEST_FIRST)
    again.put(grant(2, ended=10))
    again.put(grant(10))
    again.flush()
    expected = by_code([*NEWEST_FIRST, grant(2, ended=10), grant(10)])
    assert held(GrantCache(path)) == expected


def test_what_has_not_changed_is_not_written(path: Path) -> None:
    cache = filled(path)
    before = path.stat().st_ino
    cache.flush()
    assert path.stat().st_ino == before
    cache.put(grant(10))
    cache.flush()
    assert path.stat().st_ino != before


def torn(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(100_000))


def nested(path: Path) -> None:
    path.write_bytes(b'{"grants":{"1":' + b'{"a":' * 50_000)


def wrong_type(path: Path) -> None:
    path.write_bytes(b"[1, 2, 3]")


def wrong_table(path: Path) -> None:
    path.write_bytes(b'{"grants": {"one": {}}}')


def wrong_grant(path: Path) -> None:
    path.write_bytes(b'{"grants": {"1": {"code": 7}}}')


def edited(path: Path) -> None:
    text = path.read_text()
    assert '"state":"issued"' in text
    path.write_text(text.replace('"state":"redeemed"', '"state":"issued"').replace("C3", "C99"))


def removed(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILERS = [torn, emptied, garbage, nested, wrong_type, wrong_table, wrong_grant, edited, removed]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_spoilt_file_is_made_anew(path: Path, spoil: Callable[[Path], None]) -> None:
    filled(path)
    spoil(path)
    cache = GrantCache(path)
    cache.put(grant(10))  # even before it is: nothing breaks
    cache.rebuild(STARTER, NEWEST_FIRST)
    cache.flush()
    assert held(cache) == held(GrantCache(path)) == by_code(NEWEST_FIRST)


def test_a_place_that_cannot_be_written_is_said_and_tried_again(path: Path) -> None:
    filled(path)
    a_directory(path)
    cache = GrantCache(path)
    cache.rebuild(STARTER, NEWEST_FIRST)
    for _ in range(2):
        with pytest.raises(OSError, match="directory"):
            cache.flush()
    path.rmdir()
    cache.flush()
    assert held(GrantCache(path)) == by_code(NEWEST_FIRST)


def test_a_change_during_a_flush_is_written_by_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = filled(path)

    def slow(target: Path, data: bytes) -> None:
        monkeypatch.undo()
        cache.put(grant(11))  # by the event loop, while this thread waits for the disk
        write_atomic(target, data)

    monkeypatch.setattr("gateway.grants.cache.write_atomic", slow)
    cache.put(grant(10))
    cache.flush()
    assert "C11" not in held(GrantCache(path))
    cache.flush()
    assert {"C10", "C11"} <= set(held(GrantCache(path)))


class TestRoom:
    def test_is_for_the_newest(self, path: Path) -> None:
        many = [grant(number) for number in range(GRANTS_MOST + 50, 0, -1)]
        cache = GrantCache(path)
        cache.rebuild(STARTER, many)
        assert held(cache) == by_code(many[:GRANTS_MOST])

    def test_is_made_by_those_that_ended_longest_ago(self, path: Path) -> None:
        # Those issued first ended last.
        ended = [grant(number, ended=10_000 - number) for number in range(1000, 0, -1)]
        live = [grant(number) for number in range(3000, 2000, -1)]
        cache = GrantCache(path)
        cache.rebuild(STARTER, [*live, *ended])
        cache.put(grant(4000))
        left = held(cache)
        assert len(left) == GRANTS_MOST + 1 - GRANTS_MOST // 10
        gone = set(by_code(ended)) - set(left)
        assert gone == {f"C{number}" for number in range(801, 1001)}
        assert set(by_code(live)) <= set(left)
        assert "C4000" in left

    def test_is_bounded_even_if_nothing_has_ended(self, path: Path) -> None:
        cache = GrantCache(path)
        cache.rebuild(STARTER, [grant(number) for number in range(GRANTS_MOST, 0, -1)])
        for number in range(5000, 5010):
            cache.put(grant(number))
            assert len(cache.grants()) <= GRANTS_MOST
        left = held(cache)
        assert {f"C{number}" for number in range(5000, 5010)} <= set(left)
        assert "C1" not in left


WRITER = """
import os, sys
from pathlib import Path
from gateway.clock import Stamp
from gateway.grants.cache import GrantCache
from gateway.grants.grant import Grant
from gateway.model import OfferKind

cache = GrantCache(Path(sys.argv[1]))
at = Stamp("boot", 1, 2, True)
number = len(cache.grants())
while True:
    number += 1
    cache.put(Grant(code=f"C{number}", request=str(number), offer="o", kind=OfferKind.REDO,
                    issued_by="x", issued=at, expires=at))
    cache.flush()
    os.write(1, b"%d\\n" % number)
"""


def test_a_kill_during_a_flush_leaves_a_whole_file(path: Path) -> None:
    for run in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            flushed = [writer.stdout.readline() for _ in range(1 + 3 * run)][-1]
            writer.send_signal(signal.SIGKILL)
            flushed = (writer.stdout.read().split(b"\n")[-2:-1] or [flushed])[0]
        there = held(GrantCache(path))
        assert len(there) >= int(flushed)
        assert set(there) == {f"C{number}" for number in range(1, len(there) + 1)}
        assert [each.name for each in path.parent.iterdir()] == [path.name]  # no litter
