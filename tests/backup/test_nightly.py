"""A nightly backup that fails is a fault of the box, as its unit runs it, until one is made."""

import logging
from pathlib import Path

import pytest

from gateway.backup.messages import BackupFailed
from gateway.backup.nightly import WORDS_MOST, Nightly
from gateway.events import AnyEvent
from gateway.faults import Faults
from gateway.messages import GetStatus
from gateway.simulator.shop import SimulatedShop
from tests.backup.conftest import PASSPHRASE, backup
from tests.backup.test_backup_commands import run

WEAK = "backup: a passphrase has at least 8 characters"


async def tonight(shop: SimulatedShop, passphrase: str) -> int:
    """What the unit runs."""
    secret, place = shop.directory / "passphrase", shop.directory / "backups"
    secret.write_text(passphrase)
    place.mkdir(exist_ok=True)
    words = ("--nightly", "--keep", "7", "--passphrase-file", secret, place)
    return await run(shop, "backup", *words)


async def faults(shop: SimulatedShop) -> tuple[str, ...]:
    said = (await shop.ask(GetStatus())).faults
    return tuple(each for each in said if each.startswith("backup"))


async def test_one_that_fails_is_shown_until_the_next_good_one(shop: SimulatedShop) -> None:
    assert await tonight(shop, PASSPHRASE) == 0
    assert await faults(shop) == ()
    assert await tonight(shop, "short") == 1
    assert await faults(shop) == (WEAK,)
    await shop.stop_gateway()
    await shop.start_gateway()
    assert await faults(shop) == (WEAK,)
    (shop.directory / "backups").rename(shop.directory / "yesterday")  # two in one second
    assert await tonight(shop, PASSPHRASE) == 0
    assert await faults(shop) == ()
    await shop.stop_gateway()
    await shop.start_gateway()
    assert await faults(shop) == ()


async def test_by_hand_does_as_well(shop: SimulatedShop) -> None:
    """Also where the nightly ones were switched off since."""
    await shop.ask(BackupFailed(words="no room"))
    assert await faults(shop) == ("backup: no room",)
    await backup(shop)
    assert await faults(shop) == ()


async def test_what_it_was_not_put_down_for(
    shop: SimulatedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was made and cannot be kept, and older ones that stay, are failures too."""
    place = shop.directory / "backups"
    place.mkdir()
    for day in range(1, 9):
        (place / f"demo-backup-2020010{day}-000000.achivx-backup").mkdir()
    assert await tonight(shop, PASSPHRASE) == 1
    assert capsys.readouterr().err.startswith("achivx-gateway: cannot remove older backups: ")
    (fault,) = await faults(shop)
    assert fault.startswith("backup: cannot remove older backups: ")


async def test_it_is_never_one_without_a_passphrase(shop: SimulatedShop) -> None:
    assert await tonight(shop, "\ncoffee and cake\n") == 1
    (fault,) = await faults(shop)
    assert fault.endswith("/passphrase is empty")
    assert list((shop.directory / "backups").iterdir()) == []


async def test_a_backup_by_hand_that_fails_is_told_to_whoever_makes_it_alone(
    shop: SimulatedShop, tmp_path: Path
) -> None:
    assert await run(shop, "backup", tmp_path / "nowhere" / "x") == 1
    assert await faults(shop) == ()


async def test_a_gateway_that_is_gone_hears_nothing(
    shop: SimulatedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    await shop.stop_gateway()
    assert await tonight(shop, PASSPHRASE) == 1
    assert capsys.readouterr().err.startswith("achivx-gateway: no gateway answers at ")


class TestWithoutADisk:
    def test_it_stands_until_a_restart(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        faults = Faults(lambda _: None)
        nightly = Nightly(tmp_path / "gone", faults)
        nightly.failed("a\nlong story " * 100)
        nightly.keep()
        assert len(faults.words("backup") or "") == WORDS_MOST
        assert faults.sentences()[0].startswith("backup: a long story a long")
        (record,) = caplog.records
        assert (record.levelno, "is not kept" in record.getMessage()) == (logging.WARNING, True)

    def test_what_cannot_be_read_keeps_nobody_from_starting(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "backup-failed").mkdir()
        faults = Faults(lambda _: None)
        Nightly(tmp_path, faults)
        assert faults.standing() == {}
        assert "is not known" in caplog.text


def test_nothing_is_written_where_nothing_has_changed(tmp_path: Path) -> None:
    """Cards wear out, and a good one is made every night."""
    events: list[AnyEvent] = []
    nightly = Nightly(tmp_path, Faults(events.append))
    before = tmp_path.stat().st_mtime_ns
    nightly.made()
    nightly.keep()
    assert (tmp_path.stat().st_mtime_ns, events) == (before, [])
