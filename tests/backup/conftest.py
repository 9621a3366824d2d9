"""A simulated shop with the real daemon, and what the tests of the room ask it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backup.messages import BackupView, MakeBackup, Restore
from gateway.messages import Hello
from gateway.simulator.shop import SimulatedShop
from gateway.transfer.messages import BeginUpload, FileView, Purpose, ReadPiece, SendPiece
from tests.anew import anew

PASSPHRASE = "coffee and cake"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened


async def fetch(shop: SimulatedShop, view: FileView) -> bytes:
    data = b""
    while piece := await shop.ask(ReadPiece(file=view.id, offset=len(data))):
        data += piece
    assert len(data) == view.bytes
    return data


async def backup(shop: SimulatedShop, passphrase: str | None = PASSPHRASE) -> bytes:
    return await fetch(shop, await shop.ask(MakeBackup(passphrase=passphrase)))


async def send(shop: SimulatedShop, data: bytes, purpose: Purpose = Purpose.BACKUP) -> str:
    name = await shop.ask(BeginUpload(bytes=len(data), purpose=purpose))
    for at in range(0, len(data), 500_000):
        await shop.ask(SendPiece(file=name, offset=at, data=data[at : at + 500_000]))
    return name


async def look(shop: SimulatedShop, data: bytes, passphrase: str | None = PASSPHRASE) -> BackupView:
    return await shop.ask(Restore(file=await send(shop, data), passphrase=passphrase))


async def restore(shop: SimulatedShop, data: bytes, passphrase: str | None = PASSPHRASE) -> None:
    life = (await shop.ask(Hello())).life
    name = await send(shop, data)
    await shop.ask(Restore(file=name, passphrase=passphrase, put=True))
    await anew(shop, life)
