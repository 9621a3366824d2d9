"""Backup and restore with the real daemon: what comes back, what is refused, what never repeats."""

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.backup.messages import GetRestore, Restore, UndoRestore
from gateway.backup.seal import HEADER_BYTES
from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.messages import (
    GetGrants,
    GetRecords,
    GetSettings,
    GetStatus,
    Hello,
    IssueGrant,
    Login,
    PutSettings,
    Redeem,
    SetPin,
    SimulatePress,
    WhoAmI,
)
from gateway.simulator.shop import SimulatedShop
from gateway.transfer.messages import SendPiece
from tests.anew import anew
from tests.backup.conftest import PASSPHRASE, backup, look, restore, send


async def ids(shop: SimulatedShop) -> set[str]:
    epoch = (await shop.ask(GetStatus())).journal.epoch
    return {each.id for each in await shop.ask(GetRecords()) if each.epoch == epoch}


async def test_the_box_comes_back_as_it_was(shop: SimulatedShop) -> None:
    await shop.ask(SimulatePress(button="exit-happy", count=1))
    grant = (await shop.ask(IssueGrant(request="r1", offer="souvenir"))).grant
    presses = {each.name: each.presses for each in (await shop.ask(GetStatus())).buttons}
    data = await backup(shop)
    # What happens after the backup is not in it.
    await shop.ask(SetPin(staff="barista", pin="908172"))
    await shop.ask(Redeem(code=grant.code))
    text = (await shop.ask(GetSettings())).text
    await restore(shop, data)
    assert (await shop.ask(GetSettings())).text == text
    status = await shop.ask(GetStatus())
    assert {each.name: each.presses for each in status.buttons} == presses
    assert status.faults == ()
    await shop.ask(Login(staff="barista", pin="1212"))
    assert (await shop.ask(Redeem(code=grant.code))).grant.redeemed_by


async def test_no_id_is_ever_made_twice(shop: SimulatedShop) -> None:
    data = await backup(shop)
    await shop.ask(SimulatePress(button="exit-happy", count=1))
    before, epoch = await ids(shop), (await shop.ask(GetStatus())).journal.epoch
    await restore(shop, data)
    await shop.ask(SimulatePress(button="exit-happy", count=1))
    status = await shop.ask(GetStatus())
    assert status.journal.epoch != epoch
    made = {f"{each.device}.{each.epoch}.{each.seq}" for each in await shop.ask(GetRecords())}
    assert made.isdisjoint(before)
    # A second restore of the same file is a third journal.
    await restore(shop, data)
    assert (await shop.ask(GetStatus())).journal.epoch not in (epoch, status.journal.epoch)


async def test_a_session_of_before_a_restore_is_over(shop: SimulatedShop) -> None:
    session = await shop.ask(Login(staff="owner", pin="5656"))
    data = await backup(shop)
    await restore(shop, data)
    with pytest.raises(Refused) as over:
        await shop.ask(WhoAmI(), session.token)
    assert over.value.code == "not_signed_in"


async def test_another_box_takes_over_who_this_one_was(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with SimulatedShop(tmp_path / "a") as old:
        grant = (await old.ask(IssueGrant(request="r1", offer="souvenir"))).grant
        info = await old.ask(Hello())
        device = (await old.ask(GetStatus())).device
        data = await backup(old)
        await old.stop_gateway()
        async with SimulatedShop(tmp_path / "b", fresh=True) as new:
            await restore(new, data)
            assert (await new.ask(GetStatus())).device == device
            assert (await new.ask(Hello())).staff == info.staff
            (kept,) = await new.ask(GetGrants())
            assert kept.grant.code == grant.code


async def test_the_way_back_from_a_restore(shop: SimulatedShop) -> None:
    data = await backup(shop)
    assert not (await shop.ask(GetRestore())).can_go_back
    await shop.ask(SetPin(staff="barista", pin="908172"))
    epoch = (await shop.ask(GetStatus())).journal.epoch
    await restore(shop, data)
    assert (await shop.ask(GetRestore())).can_go_back
    life = (await shop.ask(Hello())).life
    await shop.ask(UndoRestore())
    await anew(shop, life)
    await shop.ask(Login(staff="barista", pin="908172"))
    assert (await shop.ask(GetStatus())).journal.epoch == epoch


async def test_a_box_that_cannot_start_on_it_goes_back_by_itself(shop: SimulatedShop) -> None:
    """The settings are right, and name a directory for the socket that cannot be made."""
    settings = await shop.ask(GetSettings())
    data = await backup(shop)
    broken = settings.text.replace("simulated = true", "simulated = false")
    assert broken != settings.text
    await shop.ask(PutSettings(text=broken, replaces_sha256=settings.sha256))
    unfit = await backup(shop)
    now = await shop.ask(GetSettings())
    await shop.ask(PutSettings(text=settings.text, replaces_sha256=now.sha256))
    await restore(shop, unfit)
    assert (await shop.ask(GetSettings())).text == settings.text
    assert (await shop.ask(GetStatus())).faults == ()
    await restore(shop, data)


async def test_what_the_server_never_takes_keeps_its_id(shop: SimulatedShop) -> None:
    status = await shop.ask(GetStatus())
    path = Path(status.journal.path)
    await shop.stop_gateway()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO quarantine VALUES (1, 'unknown account')")
    await shop.start_gateway()
    await restore(shop, await backup(shop))
    with closing(sqlite3.connect(path)) as database:
        (kept,) = database.execute("SELECT event, reason FROM quarantine_before").fetchall()
        assert database.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
    assert kept == (f"{status.device}.{status.journal.epoch}.1", "unknown account")


async def test_the_servers_token_goes_with_an_encrypted_backup_alone(shop: SimulatedShop) -> None:
    token = Path(shop.config.paths.state) / "achivx.token"
    write_atomic(token, b"a-token\n")
    settings = await shop.ask(GetSettings())
    text = re.sub('token_file = ".*"', f'token_file = "{token}"', settings.text)
    await shop.ask(PutSettings(text=text, replaces_sha256=settings.sha256))
    sealed, plain = await backup(shop), await backup(shop, None)
    assert "achivx.token" in (await look(shop, sealed)).files
    assert "achivx.token" not in (await look(shop, plain, None)).files
    await restore(shop, plain, None)
    assert token.read_bytes() == b"a-token\n"  # this box has it, and keeps it
    token.unlink()
    await restore(shop, sealed)
    assert token.read_bytes() == b"a-token\n"


class TestRefused:
    """Nothing is touched by what is no good, and each says why."""

    async def check(
        self, shop: SimulatedShop, data: bytes, code: str, passphrase: str | None = PASSPHRASE
    ) -> None:
        with pytest.raises(Refused) as refused:
            await look(shop, data, passphrase)
        assert refused.value.code == code

    async def test_whatever_is_no_whole_backup(self, shop: SimulatedShop) -> None:
        data = await backup(shop)
        middle = len(data) // 2
        await self.check(shop, b"PK\x03\x04" + data, "not_a_backup")
        await self.check(shop, data[:-1], "damaged_backup")
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        await self.check(shop, flipped, "damaged_backup")
        await self.check(shop, data[:100], "damaged_backup")
        newer = data.replace(b'"format":1', b'"format":2', 1)
        await self.check(shop, newer, "newer_backup")
        assert (await look(shop, data)).device == (await shop.ask(GetStatus())).device

    async def test_a_wrong_passphrase_and_none(self, shop: SimulatedShop) -> None:
        data = await backup(shop)
        await self.check(shop, data, "wrong_passphrase", "coffee and tea")
        await self.check(shop, data, "needs_passphrase", None)
        with pytest.raises(Refused, match="at least 8"):
            await backup(shop, "short")

    async def test_a_forged_one_that_knows_its_own_checksum(self, shop: SimulatedShop) -> None:
        """Whoever changes an encrypted backup can reckon its SHA-256, and not its MAC."""
        data = bytearray(await backup(shop))
        data[-1] ^= 1
        head = json.loads(data[:HEADER_BYTES].partition(b"\n")[2])
        head["sha256"] = hashlib.sha256(data[HEADER_BYTES:]).hexdigest()
        forged = (b"achivx-backup\n" + json.dumps(head).encode()).ljust(HEADER_BYTES - 1) + b"\n"
        await self.check(shop, forged + bytes(data[HEADER_BYTES:]), "wrong_passphrase")

    async def test_an_encrypted_one_tells_nothing(self, shop: SimulatedShop) -> None:
        sealed, plain = await backup(shop), await backup(shop, None)
        assert b"gateway.toml" not in sealed
        assert sealed[HEADER_BYTES:].startswith(b"Salted__")
        assert plain[HEADER_BYTES:].startswith(b"\x1f\x8b")
        await look(shop, plain, None)

    async def test_pieces_out_of_order_and_other_peoples_files(self, shop: SimulatedShop) -> None:
        for name in ("../access.json", "", "0" * 32):
            with pytest.raises(Refused) as refused:
                await shop.ask(Restore(file=name))
            assert refused.value.code == "unknown_file"
        data = await backup(shop)
        name = await send(shop, data)
        with pytest.raises(Refused, match="next byte"):
            await shop.ask(SendPiece(file=name, offset=0, data=b"x"))

    async def test_staff_may_do_none_of_it(self, shop: SimulatedShop) -> None:
        token = (await shop.ask(Login(staff="barista", pin="1212"))).token
        for request in (GetRestore(), UndoRestore(), Restore(file="x")):
            with pytest.raises(Refused) as refused:
                await shop.ask(request, token)
            assert refused.value.code == "forbidden"
