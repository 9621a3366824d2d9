"""A real SIGKILL of the real daemon in the middle of a restore: the old box or the new, no mix."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from gateway.backup.messages import Restore
from gateway.backup.restore import BEFORE, READY
from gateway.errors import Refused
from gateway.messages import GetGrants, GetStatus, IssueGrant, Login, SetPin
from gateway.simulator.shop import SimulatedShop
from tests.backup.conftest import backup, send

OLD_PIN, NEW_PIN = "908172", "1212"
# At which file's move the kernel kills it: the first, one in the middle, and the last step of all.
MOMENTS = ("journal.db", "access.json", "personal.db", READY)


def killed_at(path: Path) -> tuple[str, ...]:
    """Run under this, a program is killed as soon as it moves the file."""
    strace = shutil.which("strace")
    assert strace, "strace is missing: scripts/apt-install strace"
    inject = "inject=rename,renameat,renameat2:signal=KILL:when=1"
    return (strace, "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", inject)


async def is_right(shop: SimulatedShop, pin: str) -> bool:
    try:
        await shop.ask(Login(staff="barista", pin=pin))
    except Refused:
        return False
    return True


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_at_a_step_of_it(tmp_path: Path, moment: str) -> None:
    async with SimulatedShop(tmp_path) as shop:
        state = Path(shop.config.paths.state)
        assert shop.gateway is not None
        data = await backup(shop)
        # From here on the old box differs from the one in the backup in two of its files.
        await shop.ask(IssueGrant(request="after", offer="souvenir"))
        await shop.ask(SetPin(staff="barista", pin=OLD_PIN))
        epoch = (await shop.ask(GetStatus())).journal.epoch
        await shop.stop_gateway()
        shop.under = killed_at(state / moment)
        await shop.start_gateway()
        file = await send(shop, data)
        await shop.ask(Restore(file=file, passphrase="coffee and cake", put=True))
        async with asyncio.timeout(20):
            assert await shop.gateway.process.wait() == -signal.SIGKILL
        was_decided = (state / READY).exists()
        shop.under = ()
        await shop.start_gateway()
        assert not (state / READY).exists()
        is_new = (await shop.ask(GetStatus())).journal.epoch != epoch
        assert is_new is was_decided
        grants = await shop.ask(GetGrants())
        assert bool(grants) is not is_new
        assert await is_right(shop, NEW_PIN) is is_new
        assert await is_right(shop, OLD_PIN) is not is_new
        assert (state / BEFORE / "gateway.toml").exists() is is_new
        assert (await shop.ask(GetStatus())).faults == ()
