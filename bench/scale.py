"""How many brokers, bridges and servers so many shops need: pure arithmetic on measured rates.

python -m bench.scale docs/scale.md: writes the tables of that page anew, between their marks.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from gateway.sync.bridge import UNPROCESSED
from gateway.sync.mqtt import Timers
from gateway.sync.mqtt_uplink import RESEND_S
from gateway.sync.wire import RECORDS_MOST, Tuning

Row = TypeVar("Row")

DAY_S: Final = 86_400
HOUR_S: Final = 3600
FLEETS: Final = (100, 1_000, 10_000)
BEGIN: Final = "<!-- begin: python -m bench.scale docs/scale.md -->\n"
END: Final = "<!-- end -->\n"


class Assumed(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed of a shop and of the fleet: change it here, and make the tables anew.

    Attributes:
        presses_day: That count.
        peak_share: Of a day, in its busiest hour.
        open_h: Hours of a day in which there are presses.
        alerts_day: Each answered in time, contacted and recovered: four actions.
        grants_day: Redeemed: one action each.
        region_share: Of all shops, those that are offline together.
        region_days: For so long.
        use: Of a measured rate, what is planned with.
        bridges: For each server: one does all of its work, one more for when that one dies.
    """

    presses_day: int = 400
    peak_share: float = 0.15
    open_h: float = 12.0
    alerts_day: int = 8
    grants_day: int = 4
    region_share: float = 0.2
    region_days: int = 7
    use: float = 0.7
    bridges: int = 2

    @property
    def actions_day(self) -> int:
        """Of one shop."""
        return self.presses_day + 4 * self.alerts_day + self.grants_day


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; where and how is told in docs/scale.md.

    Attributes:
        server_per_s: CreateActions of one ACHIVX server, 16 in flight over many accounts: the
            lowest of what was seen.
        bridge_cpu_ms: Of a bridge, for an action.
        bridge_mb: Of one bridge.
        broker_cpu_ms: Of mosquitto, for an event.
        broker_mb: Of mosquitto without boxes.
        broker_kb: Of mosquitto, for each box.
        handshake_ms: Of mosquitto's one thread, for a TLS handshake with a client certificate.
    """

    server_per_s: float = 87.0
    bridge_cpu_ms: float = 0.48
    bridge_mb: float = 70.7
    broker_cpu_ms: float = 0.008
    broker_mb: float = 8.5
    broker_kb: float = 36.7
    handshake_ms: float = 1.6


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What so many shops ask for. Actions, and actions a second."""

    shops: int
    day: int
    mean_per_s: float
    peak_per_s: float


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What they need.

    Attributes:
        servers_live: So that the busiest hour's actions are recorded as they come.
        servers_night: So that a day's are recorded within the day.
        after_closing_h: How long after closing that takes, with `servers_night`.
        bridges: For `servers_live`.
        bridge_cores: Their processors' use in the busiest hour.
        brokers: So that all boxes get in again before their first attempt's time is up.
        broker_cores: The broker's use in the busiest hour.
        connections: To the broker.
        broker_mb: Its memory.
        bridges_mb: That of all bridges.
    """

    servers_live: int
    servers_night: int
    after_closing_h: float
    bridges: int
    bridge_cores: float
    brokers: int
    broker_cores: float
    connections: int
    broker_mb: float
    bridges_mb: float


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """What happens after an outage.

    Attributes:
        knocks_per_s: Attempts to connect while the broker refuses them all.
        one_broker_s: Until one broker has shaken hands with all boxes.
        region: Boxes that were offline.
        backlog: Their actions.
        drain_live_h: Until those are recorded beside everybody's new ones, with `servers_live`.
        drain_night_h: The same with `servers_night`.
        turn_s: How long another shop's batch waits when each of the region has a full one before
            it, with `servers_live`.
        batch: What the region's `config` should say for that to be shorter than a box waits.
    """

    knocks_per_s: float
    one_broker_s: float
    region: int
    backlog: int
    drain_live_h: float
    drain_night_h: float
    turn_s: float
    batch: int


def load(shops: int, assumed: Assumed) -> Load:
    """What so many shops ask for."""
    day = shops * assumed.actions_day
    return Load(
        shops=shops,
        day=day,
        mean_per_s=day / DAY_S,
        peak_per_s=day * assumed.peak_share / HOUR_S,
    )


def parts(asked: Load, assumed: Assumed, measured: Measured) -> Parts:
    """What they need."""
    usable_per_s = measured.server_per_s * assumed.use
    live = math.ceil(asked.peak_per_s / usable_per_s)
    night = math.ceil(asked.mean_per_s / usable_per_s)
    work_h = asked.day / (night * measured.server_per_s) / HOUR_S
    patient_ms = 1000 * Timers().shake_s * assumed.use
    return Parts(
        servers_live=live,
        servers_night=night,
        after_closing_h=max(0.0, work_h - assumed.open_h),
        bridges=live * assumed.bridges,
        bridge_cores=asked.peak_per_s * measured.bridge_cpu_ms / 1000,
        brokers=math.ceil(asked.shops * measured.handshake_ms / patient_ms),
        broker_cores=asked.peak_per_s * measured.broker_cpu_ms / 1000,
        connections=asked.shops + live * assumed.bridges,
        broker_mb=measured.broker_mb + asked.shops * measured.broker_kb / 1024,
        bridges_mb=live * assumed.bridges * measured.bridge_mb,
    )


def after_outage(asked: Load, needed: Parts, assumed: Assumed, measured: Measured) -> Return:
    """What happens after an outage of the broker, and after one of a region."""
    region = round(asked.shops * assumed.region_share)
    backlog = region * assumed.region_days * assumed.actions_day
    live_per_s = needed.servers_live * measured.server_per_s

    def drain_h(servers: int) -> float:
        return backlog / (servers * measured.server_per_s - asked.mean_per_s) / HOUR_S

    return Return(
        knocks_per_s=asked.shops / (Timers().retry_s / 2),  # full jitter: half of it on average
        one_broker_s=asked.shops * measured.handshake_ms / 1000,
        region=region,
        backlog=backlog,
        drain_live_h=drain_h(needed.servers_live),
        drain_night_h=drain_h(needed.servers_night),
        turn_s=region * Tuning().batch / live_per_s,
        batch=max(1, min(RECORDS_MOST, math.floor(RESEND_S * live_per_s / region))),
    )


def batch_most(assumed: Assumed, measured: Measured) -> int:
    """The most records of a message, so that bridges with full hands answer in time.

    That is, before the boxes ask again, on a server that is no faster than it must be.
    """
    return math.floor(RESEND_S * measured.server_per_s / (assumed.bridges * UNPROCESSED))


def tables(assumed: Assumed, measured: Measured) -> str:
    """The tables of docs/scale.md, in Markdown."""
    loads = [load(shops, assumed) for shops in FLEETS]
    needed = [parts(each, assumed, measured) for each in loads]
    after = [
        after_outage(asked, need, assumed, measured)
        for asked, need in zip(loads, needed, strict=True)
    ]
    head = "| shops | " + " | ".join(f"{shops:,}" for shops in FLEETS) + " |\n"
    head += "|---|" + "---:|" * len(FLEETS) + "\n"

    def table(title: str, *rows: tuple[str, list[str]]) -> str:
        return (
            f"### {title}\n\n"
            + head
            + "".join(f"| {name} | {' | '.join(cells)} |\n" for name, cells in rows)
        )

    return "\n".join(
        [
            _measured(measured),
            _assumed(assumed),
            table(
                "What the shops ask for",
                ("actions a day", _cells(loads, lambda each: f"{each.day:,}")),
                ("a second, over the day", _cells(loads, lambda each: _short(each.mean_per_s))),
                ("in the busiest hour", _cells(loads, lambda each: _short(each.peak_per_s))),
            ),
            table(
                "What they need",
                (
                    "ACHIVX servers, everything recorded as it comes",
                    _cells(needed, lambda each: f"{each.servers_live}"),
                ),
                (
                    "ACHIVX servers, recorded by the next morning",
                    _cells(needed, lambda each: f"{each.servers_night}"),
                ),
                (
                    "– through with a day so long after closing",
                    _cells(needed, lambda each: f"{_short(each.after_closing_h)} h"),
                ),
                (
                    "bridges, two for each server of the first row",
                    _cells(needed, lambda each: f"{each.bridges}"),
                ),
                (
                    "– processor cores they use in the busiest hour, together",
                    _cells(needed, lambda each: _short(each.bridge_cores)),
                ),
                (
                    "– memory of the bridges, together",
                    _cells(needed, lambda each: f"{each.bridges_mb:,.0f} MB"),
                ),
                (
                    "broker nodes, for all boxes to be back within one attempt",
                    _cells(needed, lambda each: f"{each.brokers}"),
                ),
                (
                    "– cores for events in the busiest hour, together",
                    _cells(needed, lambda each: _short(each.broker_cores)),
                ),
                (
                    "– connections, bridges included",
                    _cells(needed, lambda each: f"{each.connections:,}"),
                ),
                (
                    "– memory of the broker, together",
                    _cells(needed, lambda each: f"{each.broker_mb:,.0f} MB"),
                ),
            ),
            table(
                "After an outage: of the broker, and of a region",
                (
                    "attempts to connect a second while the broker refuses",
                    _cells(after, lambda each: f"{each.knocks_per_s:,.0f}"),
                ),
                (
                    "one broker has shaken hands with all after",
                    _cells(after, lambda each: f"{_short(each.one_broker_s)} s"),
                ),
                ("boxes of the region", _cells(after, lambda each: f"{each.region:,}")),
                ("their actions", _cells(after, lambda each: f"{each.backlog:,}")),
                (
                    "recorded after, with the servers of the first row",
                    _cells(after, lambda each: f"{_short(each.drain_live_h)} h"),
                ),
                (
                    "recorded after, with those of the second",
                    _cells(after, lambda each: f"{_short(each.drain_night_h)} h"),
                ),
                (
                    "another shop's event waits meanwhile up to",
                    _cells(after, lambda each: f"{each.turn_s:,.0f} s"),
                ),
                (
                    f"`batch` of the region's `config`, to keep that within {RESEND_S:g} s",
                    _cells(after, lambda each: f"{each.batch}"),
                ),
            ),
            _full_hands(assumed, measured),
        ]
    )


def _measured(measured: Measured) -> str:
    fleet, calls = "`python -m bench.fleet`", "16 calls in flight over 200 accounts, real server"
    rows = (
        ("CreateAction, one ACHIVX server", f"{measured.server_per_s:g} a second", calls),
        ("bridge, for an action", f"{measured.bridge_cpu_ms:g} ms of a core", fleet),
        ("bridge, memory", f"{measured.bridge_mb:g} MB", fleet),
        ("mosquitto, for an event", f"{measured.broker_cpu_ms:g} ms of a core", fleet),
        ("mosquitto, memory without boxes", f"{measured.broker_mb:g} MB", fleet),
        ("mosquitto, memory for a box", f"{measured.broker_kb:g} KB", fleet),
        (
            "mosquitto, for a TLS handshake with a client certificate",
            f"{measured.handshake_ms:g} ms of its one thread",
            "`python -m bench.handshakes`",
        ),
    )
    lines = "".join(f"| {what} | {value} | {how} |\n" for what, value, how in rows)
    return "### What was measured\n\n| | | with |\n|---|---|---|\n" + lines


def _assumed(assumed: Assumed) -> str:
    rows = (
        ("presses of a shop a day", f"{assumed.presses_day}"),
        ("of these in the busiest hour", f"{assumed.peak_share:.0%}"),
        ("hours open a day", f"{assumed.open_h:g}"),
        ("alerts a day, each four actions", f"{assumed.alerts_day}"),
        ("grants redeemed a day", f"{assumed.grants_day}"),
        ("actions of a shop a day, together", f"{assumed.actions_day}"),
        ("a region, of all shops", f"{assumed.region_share:.0%}"),
        ("days that it is offline", f"{assumed.region_days}"),
        ("of a measured rate, what is planned with", f"{assumed.use:.0%}"),
    )
    lines = "".join(f"| {what} | {value} |\n" for what, value in rows)
    return "### What is assumed\n\n| | |\n|---|---:|\n" + lines


def _full_hands(assumed: Assumed, measured: Measured) -> str:
    return (
        f"With every box's line full, a server's {assumed.bridges} bridges have {UNPROCESSED}"
        f" batches in work each. They answer all of them within {RESEND_S:g} s, before the boxes"
        f" ask again, if `batch` is {batch_most(assumed, measured)} or less; a box by itself begins"
        f" with {Tuning().batch}.\n"
    )


def _cells(rows: list[Row], cell: Callable[[Row], str]) -> list[str]:
    return [cell(row) for row in rows]


def _short(value: float) -> str:
    """Two digits where it is small: more would not be true."""
    if 0 < value < 0.01:
        return "< 0.01"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def with_tables(page: str) -> str:
    """The page with its tables made anew.

    Raises:
        ValueError: It has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return before + BEGIN + "\n" + tables(Assumed(), Measured()) + "\n" + END + after


def main(arguments: list[str]) -> int:
    """Write the tables into the page that is named."""
    page = Path(arguments[0])
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
