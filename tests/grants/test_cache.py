"""The cache is a view: whatever becomes of its file, it is the journal's view again."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.files import write_atomic
from gateway.grants.cache import BYTES_MOST, GRANTS_MOST, GrantCache
from gateway.grants.grant import Grant
from gateway.grants.known import BoardLine, KnownAccount, KnownBoard
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


ZOE = KnownAccount("zoe", 3, 250, "12.75", ("FirstRecovery",), 1_000, fresh=False)
BOARD = KnownBoard("Shops", (BoardLine(1, "shop", 7.5, shop=True),), "2027-01-01", 1_000)

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
    cache.keep_account(ZOE)
    cache.keep_boards((BOARD,))
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


def enriched(path: Path) -> None:
    text = path.read_text()
    assert '"balance":"12.75"' in text
    path.write_text(text.replace('"balance":"12.75"', '"balance":"99.75"'))


def laid_out_anew(path: Path) -> None:
    path.write_bytes(msgspec.json.format(path.read_bytes(), indent=1))


def of_before(path: Path) -> None:
    tables = msgspec.json.decode(path.read_bytes())["tables"]
    path.write_bytes(msgspec.json.encode({"offers": tables["offers"], "grants": tables["grants"]}))


def wrong_account(path: Path) -> None:
    tables = b'{"accounts": {"1": {"account": "zoe", "balance": "a lot"}}}'
    digest = hashlib.sha256(tables).hexdigest()
    path.write_bytes(b'{"sha256": "%s", "tables": %s}' % (digest.encode(), tables))


def huge(path: Path) -> None:
    """A hundred megabytes; on most disks of nothing, which is a hole."""
    os.truncate(path, 100_000_000)


def huge_and_written(path: Path) -> None:
    path.write_bytes(b'{"sha256":"' + b"0" * 100_000_000 + b'","tables":{}}')


def removed(path: Path) -> None:
    path.unlink()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILERS = [
    torn,
    emptied,
    garbage,
    nested,
    wrong_type,
    wrong_table,
    wrong_grant,
    wrong_account,
    edited,
    enriched,
    laid_out_anew,
    of_before,
    huge,
    huge_and_written,
    removed,
]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_spoilt_file_is_made_anew(path: Path, spoil: Callable[[Path], None]) -> None:
    filled(path)
    spoil(path)
    cache = GrantCache(path)
    assert cache.account("zoe") is None  # nobody vouches for it: the centre is asked again
    assert cache.boards() == ()
    cache.put(grant(10))  # even before it is: nothing breaks
    cache.rebuild(STARTER, NEWEST_FIRST)
    cache.flush()
    assert held(cache) == held(GrantCache(path)) == by_code(NEWEST_FIRST)


def test_a_huge_file_costs_neither_memory_nor_time(path: Path) -> None:
    filled(path)
    huge_and_written(path)
    tracemalloc.start()
    began = time.monotonic()
    cache = GrantCache(path)
    took_s = time.monotonic() - began
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2 * BYTES_MOST
    assert took_s < 20.0
    cache.rebuild(STARTER, NEWEST_FIRST)
    cache.flush()
    assert path.stat().st_size < 100_000


def test_the_longest_documents_fit_into_what_is_read(path: Path) -> None:
    cache = GrantCache(path)
    long = [
        msgspec.structs.replace(grant(number), override="я" * 200, account="я" * 200)
        for number in range(GRANTS_MOST, 0, -1)
    ]
    cache.rebuild(STARTER, long)
    lines = tuple(BoardLine(rank, "я" * 200, 1.5) for rank in range(1, 101))
    cache.keep_boards(tuple(KnownBoard(f"b{each}", lines, "now", 1) for each in range(20)))
    cache.flush()
    assert len(GrantCache(path).boards()) == 20


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
