"""The cache is a view: what it holds, what it has room for, and how it is written."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from gateway.files import write_atomic
from gateway.grants.cache import GRANTS_MOST, GrantCache
from gateway.grants.playbook import STARTER
from tests.grants.cached import BOARD, NEWEST_FIRST, ZOE, by_code, filled, grant, held


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
        assert held(cache) == by_code(many[: GRANTS_MOST - len(STARTER)])

    def test_is_made_by_those_that_ended_longest_ago(self, path: Path) -> None:
        # Those issued first ended last.
        ended = [grant(number, ended=10_000 - number) for number in range(1000, 0, -1)]
        live = [grant(number) for number in range(3000, 2000, -1)]
        cache = GrantCache(path)
        cache.rebuild(STARTER, [*live, *ended])
        cache.put(grant(4000))
        left = held(cache)
        most = GRANTS_MOST - len(STARTER)
        assert len(left) == most + 1 - GRANTS_MOST // 10
        gone = set(by_code(ended)) - set(left)
        first = 1001 - len(STARTER) - GRANTS_MOST // 10  # those that had no room, and then a tenth
        assert gone == {f"C{number}" for number in range(first, 1001)}
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

    def test_is_made_by_ended_grants_then_by_old_accounts_then_by_old_grants(
        self, path: Path
    ) -> None:
        cache = GrantCache(path)
        live = [grant(number) for number in range(1500, 0, -1)]
        for number in range(499):
            account = msgspec.structs.replace(ZOE, account=f"a{number}", as_of_wall_ns=number)
            cache.keep_account(account)
        cache.rebuild((), [*live, grant(9000, ended=9000)])
        cache.put(grant(9001))
        assert "C9000" not in held(cache)
        assert set(by_code(live)) <= set(held(cache))
        assert [cache.account(f"a{number}") is None for number in (198, 199)] == [True, False]
        assert total(cache) <= GRANTS_MOST
        cache.put(*(grant(number) for number in range(9002, 9002 + 900)))
        assert total(cache) <= GRANTS_MOST
        assert cache.account("a498") is None
        assert "C1" not in held(cache)
        assert "C9901" in held(cache)


def total(cache: GrantCache) -> int:
    tables = cache._storage.read()
    assert tables is not None
    return sum(map(len, tables.values()))


class TestWhatTheCentreSaid:
    def test_outlives_a_restart_and_a_rebuild(self, path: Path) -> None:
        filled(path)
        cache = GrantCache(path)
        cache.rebuild(STARTER, [])
        assert (cache.account("zoe"), cache.boards()) == (ZOE, (BOARD,))
        assert held(cache) == {}

    def test_is_replaced_by_what_it_says_now(self, path: Path) -> None:
        cache = filled(path)
        newer = msgspec.structs.replace(ZOE, level=4, fresh=True)
        cache.keep_account(newer)
        cache.keep_boards(())
        assert cache.account("zoe") == msgspec.structs.replace(newer, fresh=False)
        assert cache.boards() == ()

    def test_is_forgotten_when_asked_to(self, path: Path) -> None:
        cache = filled(path)
        cache.forget_account("nobody")
        cache.forget_account("zoe")
        cache.flush()
        assert GrantCache(path).account("zoe") is None
        assert b"zoe" not in path.read_bytes()


def test_threads_never_see_half_a_change(path: Path) -> None:
    cache = filled(path)
    stop = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not stop.is_set():
            seen.append(len(cache.grants()))
            cache.keep_account(ZOE)

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(25):
        cache.put(grant(1, ended=1))
        cache.flush()
    stop.set()
    reader.join()
    assert set(seen) == {len(NEWEST_FIRST)}


WRITER = """
import os, sys
from pathlib import Path
from gateway.clock import Stamp
from gateway.grants.cache import GrantCache
from gateway.grants.grant import Grant
from gateway.grants.known import BoardLine, KnownAccount, KnownBoard
from gateway.model import OfferKind

cache = GrantCache(Path(sys.argv[1]))
at = Stamp("boot", 1, 2, True)
number = len(cache.grants())
while True:
    number += 1
    cache.put(Grant(code=f"C{number}", request=str(number), offer="o", kind=OfferKind.REDO,
                    issued_by="x", issued=at, expires=at))
    cache.keep_account(KnownAccount("zoe", number, number, str(number), (), number, False))
    cache.keep_boards((KnownBoard("Shops", (BoardLine(1, "shop", number),), "now", number),))
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
        cache = GrantCache(path)
        there = held(cache)
        assert len(there) >= int(flushed)
        known = cache.account("zoe")
        assert known is not None
        assert {known.level, *(each.as_of_wall_ns for each in cache.boards())} == {len(there)}
        assert set(there) == {f"C{number}" for number in range(1, len(there) + 1)}
        assert [each.name for each in path.parent.iterdir()] == [path.name]  # no litter
