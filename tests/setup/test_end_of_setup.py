"""The end of set-up, as everybody may know it: page, phones, and what closes the access point."""

from pathlib import Path

from gateway.host.access_point import is_set_up
from gateway.messages import Hello
from gateway.model import Language
from gateway.setup import claim
from gateway.setup.messages import Claim, FinishSetup
from gateway.simulator.shop import SimulatedShop


async def test_it_is_told_and_on_the_disk_once_the_owner_has_finished(tmp_path: Path) -> None:
    async with SimulatedShop(tmp_path, fresh=True) as shop:
        state = Path(shop.config.paths.state)
        wanted = Claim(
            code=claim.read(state), name="Owner", password="coffee and cake", language=Language.RU
        )
        token = (await shop.ask(wanted)).token
        hello = await shop.ask(Hello())
        assert (hello.claimed, hello.set_up) == (True, False)
        assert not is_set_up(state / "setup.json")
        await shop.ask(FinishSetup(), token)
        assert (await shop.ask(Hello())).set_up
        assert is_set_up(state / "setup.json")
