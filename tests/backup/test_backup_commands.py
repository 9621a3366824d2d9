"""The commands as their user runs them, on a real daemon."""

import asyncio
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.messages import GetStatus, Hello
from gateway.simulator.shop import SimulatedShop
from tests.anew import anew
from tests.backup.conftest import PASSPHRASE


async def run(shop: SimulatedShop, *words: str | Path) -> int:
    line = [*map(str, words), "--config", str(shop.config_file)]
    return await asyncio.to_thread(main, line)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path


async def test_backup_check_restore_and_back(
    shop: SimulatedShop, tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "box.backup"
    assert await run(shop, "backup", file, "--passphrase-file", secret) == 0
    assert "encrypted" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    assert await run(shop, "backup", file) == 1  # it is never overwritten
    assert "File exists" in capsys.readouterr().err
    epoch = (await shop.ask(GetStatus())).journal.epoch
    assert await run(shop, "restore", "--check", file, "--passphrase-file", secret) == 0
    assert "it is good" in capsys.readouterr().out
    assert await run(shop, "restore", file) == 1
    assert "passphrase is needed" in capsys.readouterr().err
    life = (await shop.ask(Hello())).life
    assert await run(shop, "restore", file, "--passphrase-file", secret) == 0
    await anew(shop, life)
    assert (await shop.ask(GetStatus())).journal.epoch != epoch
    life = (await shop.ask(Hello())).life
    assert await run(shop, "restore", "--undo") == 0
    await anew(shop, life)
    assert (await shop.ask(GetStatus())).journal.epoch == epoch


async def test_a_directory_keeps_the_latest(shop: SimulatedShop, tmp_path: Path) -> None:
    place = tmp_path / "copies"
    place.mkdir()
    for day in ("20200101-000000", "20200102-000000", "20200103-000000"):
        (place / f"demo-backup-{day}.achivx-backup").touch()
    (place / "holiday.jpg").touch()
    assert await run(shop, "backup", "--keep", "2", place) == 0
    kept = sorted(path.name for path in place.iterdir())
    assert len(kept) == 3
    assert "demo-backup-20200103-000000.achivx-backup" in kept
    assert "holiday.jpg" in kept


async def test_a_bundle_for_support(
    shop: SimulatedShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(shop, "support-bundle", tmp_path / "b.tar.gz") == 0
    assert "look into it" in capsys.readouterr().out
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


async def test_what_is_wrong_is_said_in_one_line(
    shop: SimulatedShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("restore",), ("restore", tmp_path / "nothing"), ("backup", "/nowhere/at/all")):
        assert await run(shop, *words) == 1
        assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["backup"])
