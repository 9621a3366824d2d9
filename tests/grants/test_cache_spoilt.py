"""Whatever becomes of the cache's file, it is the journal's view again."""

import hashlib
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.grants.cache import BYTES_MOST, GRANTS_MOST, GrantCache
from gateway.grants.known import BoardLine, KnownBoard
from gateway.grants.playbook import STARTER
from tests.grants.cached import NEWEST_FIRST, by_code, filled, grant, held


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
