"""The personal store: kept through power cuts, gone when it is deleted, never in the way."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.customers.personal import MOST, Entry, Personal, PersonalError, PersonalFile

DAY_NS = 24 * 3600 * NS_PER_S
KEEP_NS = 90 * DAY_NS
NOW = Stamp("boot", 400 * DAY_NS, 20_000 * DAY_NS, synced=True)
SECRET = "she said the soup was cold"


def ago(days: float, *, boot: str = "boot", synced: bool = True) -> Stamp:
    ns = round(days * DAY_NS)
    return Stamp(boot, NOW.mono_ns - ns, NOW.wall_ns - ns, synced)


def note(key: str, at: Stamp = NOW, alert: str = "a1") -> Entry:
    return Entry(key=key, alert=alert, at=at, note=SECRET)


def name(key: str, tag: str, alert: str = "a1", at: Stamp = NOW) -> Entry:
    return Entry(key=key, alert=alert, at=at, tag=tag, kind="card", account=f"acc-{tag}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "personal.db"


@pytest.fixture
def file(path: Path) -> Iterator[PersonalFile]:
    with closing(PersonalFile(path)) as opened:
        yield opened


def on_disk(path: Path) -> bytes:
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def test_what_is_kept_is_found_after_a_restart(path: Path, file: PersonalFile) -> None:
    file.put(note("k1"))
    file.put(name("k2", "t1"))
    file.close()
    with closing(PersonalFile(path)) as again:
        assert again.find("k1") == note("k1")
        assert again.find("k2") == name("k2", "t1")
        assert again.find("k3") is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_customers_cases_are_the_latest_first_and_each_once(file: PersonalFile) -> None:
    for number, alert in enumerate(["a1", "a2", "a1", "a3"]):
        file.put(name(f"k{number}", "t1", alert))
    file.put(name("other", "t2", "a9"))
    assert file.cases_of("t1", 5) == ["a3", "a1", "a2"]
    assert file.cases_of("t1", 1) == ["a3"]


def test_what_is_forgotten_is_nowhere_on_the_disk(path: Path, file: PersonalFile) -> None:
    file.put(name("k1", "t1"))
    file.put(note("k2"))
    file.put(note("k3", alert="a2"))  # of somebody else
    file.put(name("k4", "t1", "a4"))
    assert SECRET.encode() in on_disk(path)
    assert file.forget("t1") == (2, 1)
    assert file.forget("t1") == (0, 0)
    assert file.find("k3") is not None
    file.drop("k3")
    assert SECRET.encode() not in on_disk(path)
    assert b"acc-t1" not in on_disk(path)


@pytest.mark.parametrize(
    ("at", "stays"),
    [
        (ago(89.9), True),
        (ago(90.1), False),
        (ago(89.9, boot="before"), True),
        (ago(90.1, boot="before"), False),
        (ago(90.1, synced=False), False),  # of this boot: its own clock knows
    ],
)
def test_days_are_counted_by_the_clock_that_can_tell(
    file: PersonalFile, at: Stamp, stays: bool
) -> None:
    file.put(note("k", at))
    assert file.sweep(NOW, KEEP_NS) == (0 if stays else 1)
    assert (file.find("k") is not None) == stays


def test_of_an_unknown_age_the_days_begin_once_the_clock_is_right(file: PersonalFile) -> None:
    file.put(note("k", ago(20_000, boot="before", synced=False)))
    wrong = msgspec.structs.replace(NOW, synced=False)
    assert file.sweep(wrong, KEEP_NS) == 0
    assert file.sweep(NOW, KEEP_NS) == 0
    later = Stamp("next", 1, NOW.wall_ns + KEEP_NS + 1, synced=True)
    assert file.sweep(later, KEEP_NS) == 1


def test_there_is_a_bound_without_any_clock(
    file: PersonalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST >= 10_000
    monkeypatch.setattr("gateway.customers.personal.MOST", 3)
    for number in range(5):
        file.put(note(f"k{number}"))
    assert [file.find(f"k{number}") is not None for number in range(5)] == [False] * 2 + [True] * 3


def damage_head(path: Path) -> None:
    path.write_bytes(b"this is no database" * 400)


def damage_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [damage_head, damage_middle])
async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    told: dict[str, str | None] = {}
    store = Personal(path, told.__setitem__)
    await store.do(lambda file: file.put(note("k1")))
    store.close()
    spoil(path)
    store = Personal(path, told.__setitem__)
    await store.do(lambda file: file.put(note("k2")))
    assert await store.do(lambda file: file.find("k2")) == note("k2")
    assert await store.do(lambda file: file.find("k1")) is None
    (aside,) = path.parent.glob("personal.db.damaged-2*")
    assert aside.name in (told["personal/old"] or "")
    assert told["personal"] is None
    # Nobody can search it: forgetting a customer takes it away.
    assert await store.do(lambda file: file.drop_damaged(1)) == 0
    assert await store.do(lambda file: file.drop_damaged()) == 1
    assert not aside.exists()
    store.close()


async def test_a_disk_that_refuses_is_told_and_comes_back(path: Path) -> None:
    told: dict[str, str | None] = {}
    store = Personal(path / "away" / "personal.db", told.__setitem__)
    with pytest.raises(PersonalError, match="cannot be kept"):
        await store.do(lambda file: file.put(note("k")))
    assert "cannot be kept" in (told["personal"] or "")
    await asyncio.to_thread((path / "away").mkdir, parents=True)
    await store.do(lambda file: file.put(note("k")))
    assert told["personal"] is None
    store.close()


def test_a_failed_change_leaves_nothing_half_done(file: PersonalFile) -> None:
    file.put(note("k"))
    with pytest.raises(sqlite3.IntegrityError):
        file.put(note("k"))
    file.put(note("k2"))
    assert file.find("k2") is not None


KILLED = """
import os, sys
from pathlib import Path
from gateway.clock import Stamp
from gateway.customers.personal import Entry, PersonalFile
from gateway.events import CaseDescribed
from gateway.journal.store import Identity, Journal

state = Path(sys.argv[1])
file = PersonalFile(state / "personal.db")
journal = Journal(state / "journal.db", Identity("box-1", "shop", 1), on_change=lambda: None)
journal.start()
at = Stamp("boot", 1, 2, True)
number = 0
while True:
    key = f"{sys.argv[2]}-{number}"
    file.put(Entry(key=key, alert="a", at=at, note="note " + key))
    journal.append(CaseDescribed(alert="a", by="Anna", note=key), at).result()
    os.write(1, key.encode() + b"\\n")
    number += 1
"""


def test_kill_between_the_note_and_its_event(tmp_path: Path) -> None:
    """No event without its note, and no note that outlives its days."""
    chance = random.Random(5)
    said: list[str] = []
    for run in range(12):
        words = [sys.executable, "-c", KILLED, str(tmp_path), str(run)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            lines = range(1 + chance.randrange(12))
            said += [writer.stdout.readline().decode().strip() for _ in lines]
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.read().decode().split("\n")[:-1]
    with sqlite3.connect(tmp_path / "journal.db") as db:
        bodies = [msgspec.json.decode(body) for (body,) in db.execute("SELECT body FROM event")]
    db.close()
    recorded = [body["note"] for body in bodies]
    assert set(said) <= set(recorded)  # no event is lost
    file = PersonalFile(tmp_path / "personal.db")
    for key in recorded:
        found = file.find(key)
        assert found is not None
        assert found.note == f"note {key}"
    later = Stamp("next", 1, 2 + KEEP_NS + 1, synced=True)
    assert file.sweep(later, KEEP_NS) >= len(recorded)
    assert file.sweep(later, 0) == 0  # no orphan is left
    assert file.set_aside is None
    file.close()
