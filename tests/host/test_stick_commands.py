"""`backup --stick` and `restore --stick` on a real daemon, with a host that has a stick."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.host import verbs
from gateway.host.verbs import OnStick, Reply, Stick
from gateway.messages import GetStatus, Hello
from gateway.simulator.shop import SimulatedShop
from gateway.transfer import DIRECTORY
from tests.anew import anew
from tests.backup.conftest import PASSPHRASE
from tests.backup.test_backup_commands import run
from tests.webui.fake_host import FakeHost, fake_host, gateway_with_host

ONE = Stick(name="sda1", label="KINGSTON", free=1 << 30)
ANOTHER = Stick(name="sdb1", free=1 << 20)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    with fake_host(tmp_path / "host.sock") as answering:
        answering.sticks = (ONE,)
        answering.stick = tmp_path / "stick"
        answering.stick.mkdir()
        yield answering


@pytest.fixture
async def shop(tmp_path: Path, host: FakeHost) -> AsyncIterator[SimulatedShop]:
    under = gateway_with_host(tmp_path / "host.sock")
    async with SimulatedShop(tmp_path, under=under) as opened:
        host.transfer = Path(opened.config.paths.state) / DIRECTORY
        yield opened


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path


async def test_a_box_goes_onto_a_stick_and_comes_back(
    shop: SimulatedShop,
    host: FakeHost,
    tmp_path: Path,
    secret: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(shop, "backup", "--stick", "--passphrase-file", secret) == 0
    (written,) = (tmp_path / "stick").iterdir()
    said = capsys.readouterr().out
    assert f"sda1/{written.name}: {written.stat().st_size} bytes, encrypted" in said
    assert "can be pulled out" in said
    name = f"sda1/{written.name}"
    host.sticks = (Stick(name="sda1", backups=(OnStick(name=name, bytes=7),)),)
    assert await run(shop, "host") == 0
    assert f"backup     {name}, 7 bytes" in capsys.readouterr().out
    epoch = (await shop.ask(GetStatus())).journal.epoch
    words = ("restore", "--stick", name, "--passphrase-file", secret)
    assert await run(shop, *words, "--check") == 0
    assert "it is good" in capsys.readouterr().out
    life = (await shop.ask(Hello())).life
    assert await run(shop, *words) == 0
    await anew(shop, life)
    assert (await shop.ask(GetStatus())).journal.epoch != epoch


@pytest.mark.parametrize("wanted", ["sdb1", "sda1", "KINGSTON"])
async def test_several_are_told_apart_by_name_or_label(
    shop: SimulatedShop, host: FakeHost, capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    host.sticks = (ONE, ANOTHER)
    assert await run(shop, "backup", "--stick") == 1
    assert "sda1 (KINGSTON), sdb1" in capsys.readouterr().err
    assert host.of(verbs.WriteBackup) == []
    assert await run(shop, "backup", "--stick", wanted) == 0
    (asked,) = host.of(verbs.WriteBackup)
    assert asked.stick == ("sdb1" if wanted == "sdb1" else "sda1")


async def test_without_one_nothing_is_made(
    shop: SimulatedShop, host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host.sticks = ()
    assert await run(shop, "backup", "--stick") == 1
    assert "there is no USB stick in the box" in capsys.readouterr().err
    assert host.transfer is not None
    assert not host.transfer.exists()


async def test_what_the_host_refuses_is_said_in_one_line(
    shop: SimulatedShop, host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host.refuse[verbs.WriteBackup] = Reply(code="stick_full", words="needs 3 MiB on the stick")
    assert await run(shop, "backup", "--stick") == 1
    assert "needs 3 MiB on the stick" in capsys.readouterr().err
    assert await run(shop, "restore", "--stick", "../shadow") == 1
    assert "no backup has such a name" in capsys.readouterr().err
    for words in (("restore",), ("restore", "x", "--stick", "y"), ("restore", "x", "--undo")):
        assert await run(shop, *words) == 1
        assert "name a FILE, a --stick NAME, or --undo" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("backup", "--stick"), ("restore", "--stick", "sda1/x")])
async def test_without_a_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    async with SimulatedShop(tmp_path / "plain") as shop:
        assert await run(shop, *words) == 1
    assert "this machine is no appliance" in capsys.readouterr().err
