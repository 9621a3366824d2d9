"""The daemon itself: a rule pages, the replay agrees with it, and a test is there to confirm."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.client import Client
from gateway.errors import Refused
from gateway.messages import Acknowledge, AlertView, ConfirmTest, GetAlerts, SimulatePress
from gateway.model import AlertCause
from gateway.simulator.shop import SimulatedShop

RULE = """
[[rules]]
name = "row"
kind = "reds_in_a_row"
count = 2
to = ["managers"]
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        await opened.stop_gateway()
        with opened.config_file.open("a") as file:
            file.write(RULE)
        await opened.start_gateway()
        yield opened


def page_of_the_manager(shop: SimulatedShop) -> str:
    while (page := shop.terminal.wait_for_page(5.0)) is not None:
        if page.pager == "1002":
            return page.text
    raise AssertionError("no page for the manager")


def alert_with_receipt(shop: SimulatedShop) -> AlertView:
    """The rule's alert; looks again at each ring of the gateway's doorbell."""
    with Client(shop.control_socket, timeout_s=10.0) as rings:
        for _ in itertools.islice(rings.changes(), 50):
            with Client(shop.control_socket) as client:
                for view in client.call(GetAlerts()):
                    if view.alert.cause is AlertCause.PATTERN and view.alert.pages:
                        return view
    raise AssertionError("no receipt")


async def test_a_rule_pages_and_the_replay_agrees(
    shop: SimulatedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    await shop.ask(SimulatePress(button="exit-unhappy"))
    await shop.ask(SimulatePress(button="exit-very-unhappy"))
    page = await asyncio.to_thread(page_of_the_manager, shop)
    assert page.startswith("exit: 2 unhappy in a row")
    found = await asyncio.to_thread(alert_with_receipt, shop)
    assert found.label_en == "2 unhappy in a row"
    await shop.ask(Acknowledge(alert=found.alert.id))  # on disk, and so is what came before it
    with pytest.raises(Refused, match="no test page waits"):
        await shop.ask(ConfirmTest())
    config = str(shop.config_file)
    assert main(["replay", "--config", config, "--rules", config, "--since", "1h", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for story in ("would", "really"):
        by_rule = [each for each in told["replayed"][story] if each["rule"] == "row"]
        assert [each["pagers"] for each in by_rule] == [["watch-2"]]
