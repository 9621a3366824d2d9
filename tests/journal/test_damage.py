"""A journal that a power cut, a bad card or a person has spoilt never stops the box."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.errors import JournalError
from gateway.events import Pressed
from gateway.journal import reading, store, views
from gateway.journal.store import Journal
from gateway.model import ButtonKind

WAIT_S = 10
PRESS = Pressed(button="exit", kind=ButtonKind.UNHAPPY, zone="till")
Open = Callable[..., Journal]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RETRY_S", 0.02)


@pytest.fixture
def path(open_journal: Open, at: Stamp) -> Path:
    """A journal of 500 events, cleanly closed."""
    journal = open_journal()
    for _ in range(500):
        journal.append(PRESS, at)
    journal.close()
    return journal.path


def garbage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def all_garbage(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_within_a_page(path: Path) -> None:
    os.truncate(path, 1000)


def zeroes_in_the_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(size - 4096))


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "what").write_text("somebody's")


@pytest.mark.parametrize(
    "spoil",
    [
        garbage_header,
        all_garbage,
        cut_short,
        cut_within_a_page,
        zeroes_in_the_middle,
        a_directory,
    ],
)
def test_damage_is_set_aside_and_the_box_goes_on(
    path: Path, open_journal: Open, at: Stamp, spoil: Callable[[Path], None]
) -> None:
    before = reading_epoch(path)
    spoil(path)
    journal = open_journal()
    kept = journal.append(PRESS, at).result(WAIT_S)
    assert journal.state == "ok"
    assert journal.set_aside is not None
    assert journal.set_aside.exists()
    assert journal.set_aside.name.startswith("journal.db.damaged-")
    assert (kept.seq, kept.epoch) == (1, journal.epoch)
    assert journal.epoch != before
    journal.close()
    again = open_journal()  # set aside once, not at every start
    assert (again.epoch, again.last_seq, again.set_aside) == (journal.epoch, 1, None)


def reading_epoch(path: Path) -> str:
    with sqlite3.connect(path) as db:
        (epoch,) = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    db.close()
    return str(epoch)


def test_an_empty_file_is_a_new_journal(path: Path, open_journal: Open, at: Stamp) -> None:
    before = reading_epoch(path)
    os.truncate(path, 0)
    journal = open_journal()
    assert journal.append(PRESS, at).result(WAIT_S).seq == 1
    assert journal.epoch not in {before, ""}


def test_a_torn_write_ahead_log_keeps_what_is_whole_in_it(
    open_journal: Open, tmp_path: Path, at: Stamp
) -> None:
    journal = open_journal()
    for _ in range(20):
        journal.append(PRESS, at).result(WAIT_S)
    epoch = journal.epoch
    # As a power cut leaves it: the log's last page only half there.
    cut = tmp_path / "cut" / "journal.db"
    cut.parent.mkdir()
    cut.write_bytes(journal.path.read_bytes())
    log = Path(f"{journal.path}-wal").read_bytes()
    Path(f"{cut}-wal").write_bytes(log[: len(log) - 2000])
    after = open_journal(cut)
    assert (after.state, after.epoch, after.set_aside) == ("ok", epoch, None)
    assert 0 < after.last_seq <= 20
    assert after.append(PRESS, at).result(WAIT_S).seq == after.last_seq
    found = after.read(lambda db: reading.records_after(db, 0, 99)).result(WAIT_S)
    assert [each.seq for each in found] == list(range(1, after.last_seq + 1))
    assert after.read(views.counters).result(WAIT_S) == {("exit", ""): after.last_seq}


def test_a_log_of_garbage_is_no_log(path: Path, open_journal: Open, at: Stamp) -> None:
    Path(f"{path}-wal").write_bytes(os.urandom(50_000))
    journal = open_journal()
    assert journal.append(PRESS, at).result(WAIT_S).seq == 501


def test_without_a_directory_the_box_runs_and_heals(
    tmp_path: Path, open_journal: Open, at: Stamp
) -> None:
    place = tmp_path / "state"
    place.write_text("a file where the directory should be")
    journal = open_journal()
    assert journal.state.startswith("cannot be opened: ")
    assert journal.is_alive
    kept = [journal.append(PRESS, at) for _ in range(3)]
    with pytest.raises(JournalError, match="cannot be opened"):
        journal.transact(lambda transaction: transaction.last).result(WAIT_S)
    with pytest.raises(JournalError, match="cannot be read"):
        journal.read(views.counters).result(WAIT_S)
    place.unlink()
    assert [each.result(WAIT_S).seq for each in kept] == [1, 2, 3]
    assert journal.read(views.counters).result(WAIT_S) == {("exit", ""): 3}


def test_what_cannot_be_set_aside_is_said(
    path: Path, open_journal: Open, at: Stamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    garbage_header(path)
    real = Path.rename

    def refuse(_: Path, __: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    told: list[None] = []
    journal = open_journal(on_change=lambda: told.append(None))
    assert "cannot be set aside" in journal.state
    kept = journal.append(PRESS, at)
    for _ in range(5):
        with pytest.raises(JournalError, match="cannot be set aside"):
            journal.transact(lambda transaction: transaction.last).result(WAIT_S)
    assert len(told) == 1  # and not again at every try
    monkeypatch.setattr(Path, "rename", real)
    assert kept.result(WAIT_S).seq == 1


class TestAnEventThatCannotBeRead:
    """Of a newer program, after a step back to this one, or spoilt."""

    @pytest.fixture(params=[b'{"type":"of_tomorrow"}', b"\xff\xfe", b'{"type":"pressed"}'])
    def path(self, path: Path, request: pytest.FixtureRequest) -> Path:
        with sqlite3.connect(path) as db:
            db.execute("UPDATE event SET body = ? WHERE seq = 100", (request.param,))
            db.execute("UPDATE meta SET value = 'another' WHERE key = 'views'")
        db.close()
        return path

    def test_stops_nothing_but_its_own_reading(
        self, path: Path, open_journal: Open, at: Stamp
    ) -> None:
        journal = open_journal()
        assert journal.append(PRESS, at).result(WAIT_S).seq == 501
        before = journal.read(lambda db: reading.records_after(db, 90, 64)).result(WAIT_S)
        assert [each.seq for each in before] == list(range(91, 100))
        with pytest.raises(JournalError, match="event 100 is damaged, or of a newer program"):
            journal.read(lambda db: reading.records_after(db, 99, 64)).result(WAIT_S)
        # The views were made anew without it.
        assert journal.read(views.counters).result(WAIT_S) == {("exit", ""): 500}
        assert path == journal.path
