"""`kill -9` of the real gateway under load, again and again, and what must be true after each."""

import asyncio
import contextlib
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

from gateway.client import Client
from gateway.config import check
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertResolved,
    GrantIssued,
    GrantRedeemed,
    Pressed,
)
from gateway.journal import schema
from gateway.messages import GetStatus
from gateway.model import AlertState
from gateway.simulator import achivx_faults as faults
from gateway.simulator.children import Child
from gateway.simulator.shop import SimulatedShop
from gateway.sync.mapping import CANARY, actions_of
from tests.crash import oracle
from tests.crash.load import Load, Told

RUNS_OF_A_SHOP: Final = 50
"""Then another one opens: looking through all that was ever kept takes longer and longer."""
LOAD_S: Final = 0.5
START_S: Final = 0.4
DRAIN_S: Final = 60.0
FAULTS: Final = (
    faults.CUT_OFF,
    faults.UNKNOWN_AFTER_COMMIT,
    faults.UNREACHABLE,
    faults.WRITE_CONFLICT,
)

_Answer = AlertAcknowledged | AlertContacted | AlertResolved
_FOLLOWED: Final[dict[AlertState, type[_Answer]]] = {
    AlertState.ACKNOWLEDGED: AlertAcknowledged,
    AlertState.CONTACTED: AlertContacted,
    AlertState.RESOLVED: AlertResolved,
}
# Every press counts: what is flagged makes no action, and this proof is about actions too.
_INPUTS: Final = "response_interval_s = 0.1\nmashing_presses = 100\ncompensating_presses = 100"
# Without the limits of the starter playbook.
_OFFERS: Final = """
[[offers]]
name = "souvenir"
kind = "souvenir"
label = { ru = "Сувенир", en = "Souvenir" }
cost = 2.0

[[offers]]
name = "tokens"
kind = "tokens"
label = { ru = "2,75 бонуса", en = "2.75 tokens" }
tokens = 2.75
"""


Progress = Callable[[int, str], bool]
"""Told how many runs are over, and about the last one; says whether to go on."""


async def kill_again_and_again(
    runs: int, seed: int, progress: Progress = lambda _, __: True
) -> None:
    """Kill it so often.

    Raises:
        AssertionError: Something acknowledged was lost, or something is there twice.
        CannotStart: The gateway did not come up again.
    """
    chance = random.Random(seed)
    for first in range(1, runs + 1, RUNS_OF_A_SHOP):
        numbers = range(first, min(first + RUNS_OF_A_SHOP, runs + 1))
        with tempfile.TemporaryDirectory(prefix="achivx-kill-") as directory:
            async with SimulatedShop(Path(directory)) as shop:
                if not await _one_shop(shop, numbers, chance, progress):
                    return


async def _one_shop(
    shop: SimulatedShop, runs: range, chance: random.Random, progress: Progress
) -> bool:
    await shop.stop_gateway()
    settings = shop.config_file.read_text().replace("[inputs]", f"[inputs]\n{_INPUTS}")
    shop.config_file.write_text(settings + _OFFERS)
    check.load(shop.config_file)  # else it would run on the last good ones
    await shop.start_gateway()
    told = Told()
    go_on = True
    for run in runs:
        if chance.random() < 0.3:
            shop.server.faults.append(chance.choice(FAULTS))
        await _under_load(shop, told, chance)
        while chance.random() < 0.25:
            await _while_it_starts(shop, chance)
        await shop.start_gateway()
        found = await asyncio.to_thread(_check, shop, told)
        go_on = progress(run, f"{len(found.records)} events, of which {found.cursor} are synced")
        if not go_on:
            break
    shop.server.faults.clear()
    await asyncio.to_thread(_until_drained, shop)
    found = await asyncio.to_thread(_check, shop, told)
    _check_books(shop, found)
    return go_on


async def _under_load(shop: SimulatedShop, told: Told, chance: random.Random) -> None:
    load = Load(shop.control_socket, told, chance)
    for_s = chance.uniform(0, LOAD_S)
    await asyncio.to_thread(load.__enter__)
    gateway = shop.gateway
    assert gateway is not None
    ended = asyncio.ensure_future(gateway.process.wait())
    await asyncio.wait([ended], timeout=for_s)
    assert not ended.done(), f"the gateway ended by itself: {gateway.last_words()}"
    gateway.process.send_signal(signal.SIGKILL)
    await ended
    await asyncio.to_thread(load.__exit__)


async def _while_it_starts(shop: SimulatedShop, chance: random.Random) -> None:
    words = ("gateway", "run", "--config", str(shop.config_file))
    starting = await Child.start("the gateway", words, shop.directory / "gateway.log")
    ended = asyncio.ensure_future(starting.process.wait())
    await asyncio.wait([ended], timeout=chance.uniform(0, START_S))
    assert not ended.done(), f"the gateway did not start: {starting.last_words()}"
    starting.process.send_signal(signal.SIGKILL)
    await ended


def _until_drained(shop: SimulatedShop) -> None:
    """Wait until the uplink says that the server has everything."""
    with Client(shop.control_socket, timeout_s=DRAIN_S) as rings:
        for _ in rings.changes():
            with Client(shop.control_socket) as client:
                status = client.call(GetStatus())
            if status.journal.waiting == status.uplink.backlog == 0:
                return


def _check(shop: SimulatedShop, told: Told) -> oracle.Found:
    booked = shop.server.ledger.snapshot()  # first: what is on the server was on disk before
    with contextlib.closing(schema.open_reader(shop.config.paths.journal)) as db:
        db.execute("BEGIN")
        found = oracle.find(db)
    assert not list(shop.config.paths.journal.parent.glob("*.damaged-*")), "taken for damaged"
    oracle.check(found)
    check_told(found, told)
    due = _due(found)
    on_server = Counter((each.account, each.action, each.key) for each in booked[1])
    strange = [name for name in on_server if name not in due and not _is_servers_own(name[1])]
    assert not strange, f"on the server, and in no event: {strange[:3]}"
    return found


def check_told(found: oracle.Found, told: Told) -> None:
    """All that was acknowledged is in the journal, once.

    Raises:
        AssertionError: It says what is not.
    """
    _check_grants(found, told)
    _check_alerts(found, told)
    _check_presses(found, told)


def _check_grants(found: oracle.Found, told: Told) -> None:
    issued = Counter(
        each.event.request for each in found.records if isinstance(each.event, GrantIssued)
    )
    redeemed = Counter(
        each.event.code for each in found.records if isinstance(each.event, GrantRedeemed)
    )
    codes = {grant.request: grant.code for grant in found.grants.values()}
    lost = {name: code for name, code in told.granted.items() if codes.get(name) != code}
    assert not lost, f"acknowledged grants are lost: {lost}"
    assert set(issued.values()) <= {1}, "a request was granted twice"
    assert issued.keys() <= told.requests.keys(), "there are grants that nobody asked for"
    lost_codes = told.redeemed - redeemed.keys()
    assert not lost_codes, f"acknowledged redemptions are lost: {lost_codes}"
    assert set(redeemed.values()) <= {1}, "a code was redeemed twice"


def _check_alerts(found: oracle.Found, told: Told) -> None:
    events: Counter[tuple[str, type[_Answer]]] = Counter(
        (record.event.alert, type(record.event))
        for record in found.records
        if isinstance(record.event, _Answer)
    )
    assert set(events.values()) <= {1}, "an alert was taken twice"
    lost = [(alert, state) for alert, state in told.alerts if not events[alert, _FOLLOWED[state]]]
    assert not lost, f"acknowledged answers to alerts are lost: {lost}"


def _check_presses(found: oracle.Found, told: Told) -> None:
    edges = Counter(
        record.at.mono_ns
        for record in found.records
        if isinstance(record.event, Pressed) and record.event.count == 1
    )
    assert set(edges.values()) <= {1}, "a press was recorded twice"
    assert edges.total() <= told.presses_asked, "more presses were recorded than made"
    lost = [
        press
        for press in told.presses
        if press.answered_ns < told.committed_ns and press.edge_ns not in edges
    ]
    assert not lost, f"presses are lost that came before what is on disk: {lost}"


def _check_books(shop: SimulatedShop, found: oracle.Found) -> None:
    """The server's ledger has each mapped event once, and nothing else."""
    accounts, actions = shop.server.ledger.snapshot()
    canaries = [each.key for each in actions if each.action == CANARY]
    assert canaries == [f"{shop.config.device.id}.{found.epoch}.canary"]
    booked = Counter(
        (each.account, each.action, each.key)
        for each in actions
        if not _is_servers_own(each.action)
    )
    due = _due(found)
    missing, more = due - booked, booked - due
    assert not more, f"on the server too often: {more}"
    assert not missing, f"not on the server: {missing}"
    tokens = sum(
        Decimal(record.event.tokens)
        for record in found.records
        if isinstance(record.event, GrantRedeemed)
    )
    balances = sum(
        Decimal(account.balance) for account in accounts if account.id.startswith("customer-")
    )
    assert balances == tokens, f"{tokens} tokens were granted and {balances} credited"


def _due(found: oracle.Found) -> Counter[tuple[str, str, str]]:
    return Counter(
        (action.account, action.action, action.key)
        for record in found.records
        for action in actions_of(record)
    )


def _is_servers_own(action: str) -> bool:
    return action == CANARY or action.startswith("achivx.")
