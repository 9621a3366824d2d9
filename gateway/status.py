"""The answer to `status`: the whole box at a glance, part by part."""

import msgspec

from gateway.model import Receipt


class ButtonStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One button: `state` is `ok` or the words of its fault."""

    name: str
    kind: str
    zone: str
    pin: int
    presses: int
    flagged: int
    state: str


class TransmitterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One transmitter: `state` is `ok`, `starting` or the words of its fault."""

    name: str
    driver: str
    port: str
    state: str
    queued: int
    sent: int
    last_receipt: Receipt | None


class JournalStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The journal: highest sequence, size, room.

    Attributes:
        waiting: Records not yet on disk.
        limit_bytes: The bound of its size as it is now, 0 before the first look.
        is_full: The bound is reached, or the disk is short: no grant can be issued.
        days_left: How long there is room without the server, at the pace of late; None while
            nobody can tell.
    """

    path: str
    epoch: str
    last_seq: int
    bytes: int
    free_bytes: int
    waiting: int
    state: str
    limit_bytes: int = 0
    is_full: bool = False
    days_left: float | None = None


class UplinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The uplink's position: everything up to `cursor` is on the server."""

    kind: str
    state: str
    cursor: int
    backlog: int
    quarantined: int


class ClockStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the box believes of the time."""

    boot: str
    uptime_s: float
    wall: str  # ISO 8601, UTC
    synced: bool


class GrantsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop stands to lose at most while it is cut off from the server.

    Codes are good in this shop alone, so that it is no more than what was promised here and what
    customers pay with, if they spend the same tokens elsewhere too.

    Attributes:
        live: Grants that may still be redeemed.
        cost: What they cost the shop, in its currency.
        tokens: What they credit.
        spent: Tokens spent here that the server does not know of yet.
        spendable: How many more may be spent here while it does not answer.
        overrides: How often a manager has granted what spoke for misuse.
        false_alarms: How many alerts were none.
        misuses: How many were misuse.
    """

    live: int = 0
    cost: float = 0.0
    tokens: float = 0.0
    spent: float = 0.0
    spendable: float = 0.0
    overrides: int = 0
    false_alarms: int = 0
    misuses: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole box at a glance; `faults` are sentences for a person."""

    device: str
    version: str
    pid: int
    buttons: tuple[ButtonStatus, ...]
    transmitters: tuple[TransmitterStatus, ...]
    journal: JournalStatus
    uplink: UplinkStatus
    clock: ClockStatus
    open_alerts: int
    faults: tuple[str, ...]
    grants: GrantsStatus = GrantsStatus()
