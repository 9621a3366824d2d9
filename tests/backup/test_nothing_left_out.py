"""A backup holds everything that a box keeps, but for what is made anew without it."""

import re
from pathlib import Path
from typing import Final

from gateway.backup import archive
from gateway.backup.messages import BackupFailed
from gateway.customers.messages import NameCustomer, RotateKey
from gateway.messages import (
    Acknowledge,
    GetAlerts,
    GetSettings,
    IssueGrant,
    Login,
    PutSettings,
    SimulatePress,
)
from gateway.simulator.shop import SimulatedShop
from tests.backup.conftest import backup, look

MADE_ANEW: Final = {
    r"(journal|personal)\.db-(wal|shm)": "SQLite's own, folded into the database by the copy",
    r"grants\.json": "a view of the journal",
    r"backup-failed": "of this box's own nights",
    r"claim\.code": "of the label on this very box; of no use once it has an owner",
    r"ports/.*": "the simulation's own lines",
}
"""What a living box has in its state directory and a backup need not have, and why."""


async def live_a_day(shop: SimulatedShop) -> None:
    """Have every room write down something."""
    settings = await shop.ask(GetSettings())
    text = settings.text + "\n# changed\n"
    await shop.ask(PutSettings(text=text, replaces_sha256=settings.sha256))
    await shop.ask(Login(staff="owner", pin="5656"))
    await shop.ask(SimulatePress(button="exit-unhappy", count=1))
    (view,) = await shop.ask(GetAlerts())
    await shop.ask(Acknowledge(alert=view.alert.id))
    await shop.ask(NameCustomer(alert=view.alert.id, customer="29123456"))
    await shop.ask(IssueGrant(request="r1", offer="souvenir"))
    await shop.ask(RotateKey())
    await shop.ask(BackupFailed(words="no room"))


def files_in(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in state.rglob("*") if not path.is_dir()}


async def test_every_file_of_a_living_box_is_in_it_or_made_anew(shop: SimulatedShop) -> None:
    await live_a_day(shop)
    state = Path(shop.config.paths.state)
    kept = files_in(state)
    view = await look(shop, await backup(shop))
    assert set(view.files) <= {*archive.NAMES}
    others = kept - set(view.files)
    assert {n for n in others if not any(re.fullmatch(each, n) for each in MADE_ANEW)} == set()
    assert {"personal.db", "customer.key", "grant.key", "access.json"} <= set(view.files)
