"""The plug is pulled while buttons are pressed; then everything that was promised is looked for."""

import contextlib
import json
import random
import shlex
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway.alerts.case import DURABLE, Alert
from gateway.journal import schema
from gateway.messages import Acknowledge, GetAlerts, GetStatus, Resolve
from gateway.model import AlertState, Outcome
from gateway.simulator.tap_terminal import TapTerminal
from gateway.sync.mapping import CANARY, actions_of
from image.proof import pages
from image.proof.centre import Centre
from image.proof.machine import Machine
from image.proof.report import Failed, expect, holds, until
from tests.crash import oracle

PULL_S: Final = (0.5, 12.0)
"""The plug is pulled within this time of the first press."""
_JOURNAL: Final = "journal.db"
# Held and let go for about a second each, which is pressing as fast as an impatient customer.
_LOAD: Final = "for n in $(seq 60); do {press}; sleep 0.$((RANDOM % 9)); done"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What is around the box.

    Attributes:
        terminal: The transmitter.
        centre: The ACHIVX server.
        take_state: Reads the gateway's state off the card, while the plug is out.
    """

    terminal: TapTerminal
    centre: Centre
    take_state: Callable[[], Path]


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What a box had promised by the moment it lost its power.

    Attributes:
        records: Its journal's lines before the presses.
        booked: What the server had at the end.
        since: How many pages the transmitter had taken before that start.
        settings: What the box ran on.
    """

    records: tuple[str, ...]
    booked: tuple[tuple[str, str, str], ...]
    since: int
    settings: str


def promise(machine: Machine, shop: Shop) -> Promised:
    """What has been promised by now."""
    return Promised(
        records=tuple(machine.do("achivx-gateway export").splitlines()),
        booked=tuple(shop.centre.booked()),
        since=machine.since,
        settings=machine.do("cat /etc/achivx-gateway/gateway.toml"),
    )


def pull(machine: Machine, shop: Shop, pin: int, chance: random.Random) -> Promised:
    """Press, and pull the plug at some moment.

    Raises:
        Failed: The box stopped before that.
    """
    tell_time(machine)
    promised = promise(machine, shop)
    press = machine.press_command(pin)
    load = shlex.quote(_LOAD.format(press=press))
    before = len(shop.terminal.pages)
    machine.do(f"setsid bash -c {load} >/dev/null 2>&1 </dev/null &")
    after_s = chance.uniform(*PULL_S)
    time.sleep(after_s)
    booked = tuple(shop.centre.booked())
    machine.unplug()
    count = len(shop.terminal.pages) - before
    holds(f"the plug is pulled after {after_s:.1f} s of presses and {count} pages")
    return replace(promised, booked=booked)


def look_at_card(shop: Shop, promised: Promised) -> oracle.Found:
    """What is on the card keeps every promise.

    Raises:
        Failed: It does not; the words say which.
    """
    state = shop.take_state()
    damaged = [path.name for path in state.glob("*.damaged-*")]
    expect(damaged, [], "card: nothing was taken for damaged")
    with contextlib.closing(schema.open_reader(state / _JOURNAL)) as db:
        db.execute("BEGIN")
        found = oracle.find(db)
    try:
        oracle.check(found)
    except AssertionError as error:
        raise Failed(f"the journal does not agree with itself: {error}") from error
    ids = [record.id for record in found.records]
    before = [json.loads(line)["id"] for line in promised.records]
    if ids[: len(before)] != before:
        raise Failed("records that were on disk are lost or have changed")
    strange = set(promised.booked) - due(found) - canaries(promised.booked)
    if strange:
        raise Failed(f"on the server, and in no event: {sorted(strange)[:3]}")
    sent = shop.terminal.pages[promised.since :]
    alerts = [alert for _, alert in found.alerts.values()]
    wrong = pages.problems(sent, found.records, alerts, pages.config_of(promised.settings))
    if wrong:
        raise Failed(f"pages and alerts do not agree: {'; '.join(wrong)}")
    holds(
        f"card: {len(ids)} records, {len(found.grants)} grants, {len(found.alerts)} alerts agree;"
        f" cursor {found.cursor}; {len(promised.booked)} bookings, each of an event on the card;"
        f" {len(sent)} pages since its start, each of its alert, and none is missing"
    )
    return found


def look_when_back(machine: Machine, shop: Shop, found: oracle.Found) -> None:
    """The box that started again has the same journal, goes on with it, and owes nobody anything.

    Raises:
        Failed: It does not.
    """
    lines = machine.do("achivx-gateway export").splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    kept = [record.id for record in found.records]
    expect(ids[: len(kept)], kept, "back: the journal is the one that was on the card")

    def is_drained() -> bool:
        status = machine.ask(GetStatus())
        return not status.uplink.backlog and not status.journal.waiting

    def is_paged() -> bool:
        return all(_has_a_page(view.alert) for view in machine.ask(GetAlerts()))

    tell_time(machine)  # till then nobody knows how old an alert of before is
    until(is_paged, "a page of each alert that is open and had none")
    until(is_drained, "everything on the server")
    booked = Counter(shop.centre.booked())
    twice = [name for name, count in booked.items() if count > 1]
    expect(twice, [], "back: nothing is in the server's ledger twice")
    missing = due(found) - set(booked)
    expect(sorted(missing), [], f"back: all {len(due(found))} bookings are in it")


def tell_time(machine: Machine) -> None:
    """Do what systemd-timesyncd does when a time server answers: there is none in an emulator.

    Raises:
        Failed: The gateway does not notice.
    """
    machine.do("mkdir -p /run/systemd/timesync; touch /run/systemd/timesync/synchronized")

    until(
        lambda: machine.ask(GetStatus()).clock.synced, "the gateway knows that the clock is right"
    )


def _has_a_page(alert: Alert) -> bool:
    is_out = any(state in DURABLE for state in alert.receipts.values())
    return alert.state is not AlertState.OPEN or alert.quiet or is_out


def end_alerts(machine: Machine) -> None:
    """Nothing is open any more: the next press raises an alert of its own."""
    for view in machine.ask(GetAlerts()):
        machine.ask(Acknowledge(alert=view.alert.id))
        machine.ask(Resolve(alert=view.alert.id, outcome=Outcome.FALSE_ALARM))


def due(found: oracle.Found) -> set[tuple[str, str, str]]:
    """What the events of a journal are to become on the server."""
    return {
        (action.account, action.action, action.key)
        for record in found.records
        for action in actions_of(record)
    }


def canaries(booked: tuple[tuple[str, str, str], ...]) -> set[tuple[str, str, str]]:
    """What the gateway books to see whether the server is a good one."""
    return {name for name in booked if name[1] == CANARY}
