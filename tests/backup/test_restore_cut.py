"""A restore that is cut off at every one of its steps: the old box or the new one, never a mix."""

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.backup import archive, restore
from gateway.clock import Stamp
from gateway.config.settings import Settings
from gateway.errors import CannotStart
from gateway.events import Administered, Deed
from gateway.files import write_atomic
from gateway.journal import schema

TEXT = """
[device]
id = "{who}"
[shop]
name = "{who}"
account = "shop"
[paths]
state = "{state}"
"""
DEED = Administered(by="Olga", via="page", deed=Deed.RESTORED)
AT = Stamp("boot", 1, 2, synced=True)
STEPS = ("rename", "unlink", "replace", "mkdir")


class Cut(BaseException):
    """The power is gone."""


class Box:
    """A state directory and settings on a disk, of which every file says whose it is."""

    def __init__(self, place: Path, who: str) -> None:
        self.place = place
        self.state = place / "state"
        self.state.mkdir(parents=True)
        self.fill(self.state, who)
        self.settings_path = place / "gateway.toml"
        self.settings_path.write_text(self.text(who))
        # What only the old box has must go, too.
        (self.state / "personal.db").write_text("old")
        (self.state / "journal.db-wal").write_text("old")
        (self.state / "grants.json").write_text("old")

    def text(self, who: str) -> str:
        return TEXT.format(who=who, state=self.state)

    def fill(self, directory: Path, who: str) -> None:
        schema.open_writer(directory / "journal.db").close()
        (directory / "grant.key").write_bytes(who.encode().ljust(32))
        (directory / "access.json").write_bytes(b'{"pins":{"%s":"x"}}' % who.encode())

    def decide(self) -> None:
        """As `stage` leaves it: a checked backup of a box called new, decided."""
        part = self.place / "state" / "restore.part"
        part.mkdir()
        self.fill(part, "new")
        (part / "gateway.toml").write_text(self.text("new"))
        for suffix in ("-wal", "-shm"):
            (part / f"journal.db{suffix}").unlink(missing_ok=True)
        restore._mark_absent(part)
        restore._decide(self.state, part)

    def start(self) -> bool:
        settings = Settings(self.settings_path)
        return restore.finish(settings, settings.load_or_last_good())[1]

    def who(self) -> set[str]:
        """Whose each part of the box is."""
        found = {Settings(self.settings_path).load_or_last_good().config.device.id}
        found.add((self.state / "grant.key").read_text().strip())
        found |= {who for who in ("old", "new") if who in (self.state / "access.json").read_text()}
        for name in ("personal.db", "journal.db-wal", "grants.json"):
            found.add("old" if (self.state / name).exists() else "new")
        return found


def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    left = [step]

    def cutting(original: Any) -> Any:
        def cut(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return original(*args, **kwargs)

        return cut

    for name in STEPS:
        monkeypatch.setattr(Path, name, cutting(getattr(Path, name)))
    monkeypatch.setattr(os, "fsync", cutting(os.fsync))


def whole_way(monkeypatch: pytest.MonkeyPatch, box: Box, step: int) -> bool:
    """Decide and start, until it is cut; whether it was."""
    with monkeypatch.context() as power:
        cut_at(power, step)
        try:
            box.decide()
            box.start()
        except Cut:
            return True
    return False


def test_cut_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[str] = []
    for step in range(500):
        box = Box(tmp_path / str(step), "old")
        was_cut = whole_way(monkeypatch, box, step)
        box.start()
        assert len(box.who()) == 1, f"a mix after a cut at step {step}: {box.who()}"
        outcomes += box.who()
        assert not (box.state / restore.READY).exists()
        if not was_cut:
            break
    else:
        pytest.fail("it never came to its end")
    # First all old, then all new: from one step on the restore is decided.
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"old", "new"}


def test_cut_twice_at_every_pair_of_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in range(0, 60, 3):
        box = Box(tmp_path / str(second), "old")
        box.decide()
        for step in (second, second // 2):
            with monkeypatch.context() as power:
                cut_at(power, step)
                try:
                    box.start()
                except Cut:
                    continue
        box.start()
        assert box.who() == {"new"}


def test_the_way_back_brings_everything(tmp_path: Path) -> None:
    box = Box(tmp_path / "box", "old")
    box.decide()
    assert box.start()
    assert box.who() == {"new"}
    assert restore.can_go_back(box.state)
    restore.go_back(box.state)
    assert box.start()
    assert box.who() == {"old"}
    assert not box.start()


def test_a_full_disk_half_way_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path / "box", "old")
    box.decide()
    with monkeypatch.context() as disk:

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        disk.setattr(restore, "sync_directory", full)
        with pytest.raises(CannotStart, match="cannot be finished"):
            box.start()
    assert box.start()
    assert box.who() == {"new"}


def test_settings_that_have_become_bad_give_the_restore_up(tmp_path: Path) -> None:
    box = Box(tmp_path / "box", "old")
    box.decide()
    write_atomic(box.state / restore.READY / "gateway.toml", b"nonsense")
    assert not box.start()
    assert box.who() == {"old"}
    assert not restore.can_go_back(box.state)


def test_every_name_has_its_place() -> None:
    """What a backup may hold is put in place or marked as absent, all of it."""
    assert set(archive.NAMES) - {"gateway.toml"} <= set(restore._STATE)
