"""The whole box at a glance, as `status` and the page show it."""

import os
import shutil
import sqlite3

from gateway import __version__
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config, Spending
from gateway.config.transmitters import Transmitter
from gateway.faults import Faults
from gateway.journal import promises, rewards
from gateway.journal.retention import Room
from gateway.journal.store import Journal
from gateway.model import Outcome
from gateway.paging.lane import PageLane
from gateway.paging.transmitter import Transmitter as LiveTransmitter
from gateway.status import (
    ButtonStatus,
    ClockStatus,
    GrantsStatus,
    JournalStatus,
    Status,
    TransmitterStatus,
    UplinkStatus,
)
from gateway.sync.uplink import Uplink

Counters = dict[tuple[str, str], int]


def status(
    *,
    config: Config,
    now: Stamp,
    lane: PageLane,
    journal: Journal,
    uplink: Uplink | None,
    faults: Faults,
    counters: Counters,
    grants: GrantsStatus,
    open_alerts: int,
) -> Status:
    """Everything that `status` tells; `counters` as `views.counters` gives them."""
    live = {transmitter.name: transmitter for transmitter in lane.transmitters}
    return Status(
        device=config.device.id,
        version=__version__,
        pid=os.getpid(),
        buttons=tuple(_button(button, counters, faults) for button in config.buttons),
        transmitters=tuple(_transmitter(each, live[each.name]) for each in config.transmitters),
        journal=_journal(journal),
        uplink=_uplink(config, journal, uplink),
        clock=ClockStatus(
            boot=now.boot,
            uptime_s=round(now.mono_ns / NS_PER_S, 1),
            wall=now.iso(),
            synced=now.synced,
        ),
        open_alerts=open_alerts,
        faults=faults.sentences(),
        grants=grants,
    )


def grants(connection: sqlite3.Connection, now: Stamp, limits: Spending) -> GrantsStatus:
    """What is promised and neither redeemed nor over, and what is spent or may be offline."""
    live, cost, tokens = promises.outstanding(connection, now)
    spent = rewards.unconfirmed(connection)
    return GrantsStatus(
        live=live,
        cost=cost,
        tokens=tokens,
        spent=spent,
        spendable=max(limits.offline_tokens - spent, 0.0),
        overrides=promises.overrides(connection),
        false_alarms=promises.ended_as(connection, Outcome.FALSE_ALARM),
        misuses=promises.ended_as(connection, Outcome.MISUSE),
    )


def room_words(room: Room) -> dict[str, str | None]:
    """What is wrong with the journal's room, by the part it is a fault of."""
    reached = (
        "its bound is reached: no grant can be issued, and the oldest records that the server has"
        " not got make room. Reach the server, or raise journal.max_bytes"
    )
    short = "too little is free: no grant can be issued. Make room on the disk"
    return {
        "journal/room": reached if room.reached else None,
        "journal/disk": short if room.disk_short else None,
    }


def _button(button: Button, counters: Counters, faults: Faults) -> ButtonStatus:
    flagged = (total for (name, flag), total in counters.items() if name == button.name and flag)
    return ButtonStatus(
        name=button.name,
        kind=button.kind,
        zone=button.zone,
        pin=button.pin,
        presses=counters.get((button.name, ""), 0),
        flagged=sum(flagged),
        state=faults.words(f"button/{button.name}") or "ok",
    )


def _transmitter(configured: Transmitter, live: LiveTransmitter) -> TransmitterStatus:
    return TransmitterStatus(
        name=configured.name,
        driver=str(configured.__struct_config__.tag),
        port=configured.port,
        state=live.state,
        queued=live.queued,
        sent=live.sent,
        last_receipt=live.last_receipt,
    )


def _journal(journal: Journal) -> JournalStatus:
    wal = journal.path.with_name(journal.path.name + "-wal")
    sizes = [part.stat().st_size for part in (journal.path, wal) if part.exists()]
    directory = journal.path.parent
    return JournalStatus(
        path=str(journal.path),
        epoch=journal.epoch,
        last_seq=journal.last_seq,
        bytes=sum(sizes),
        free_bytes=shutil.disk_usage(directory).free if directory.exists() else 0,
        waiting=journal.waiting,
        state=journal.state,
        limit_bytes=journal.room.limit_bytes,
        is_full=journal.room.is_full,
        days_left=journal.room.days_left,
    )


def _uplink(config: Config, journal: Journal, uplink: Uplink | None) -> UplinkStatus:
    cursor = 0 if uplink is None else uplink.cursor
    salvaged = 0 if uplink is None else uplink.salvaged
    return UplinkStatus(
        kind=str(config.uplink.__struct_config__.tag),
        state="no central server is set" if uplink is None else uplink.state,
        cursor=cursor,
        backlog=journal.last_seq - cursor + salvaged,
        quarantined=0 if uplink is None else uplink.quarantined,
    )
