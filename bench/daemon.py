"""The daemon as it is, with a finger on its simulated pins and a probe at its press filter.

python -m bench.daemon CONFIG SERVER_PORT EVENTS

Everything is `gateway.app.Gateway`'s own, and the process is prepared as `achivx-gateway run`
prepares it; put in from outside are:

- a press filter that notes the time of each press's verdict;
- the uplink's transport: batches as JSON lines to a server on this machine that takes them all,
  begun anew from the journal's first event whenever it is through with them;
- while the load is on, a journal whose commit is held up for a second now and then, as a slow
  disk does it: the transaction open, the interpreter free.
"""

import asyncio
import contextlib
import functools
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from unittest import mock

import msgspec

import gateway.app
import gateway.floor
from bench.common import Done, Order, Start, obey, press_all, until
from gateway.app import Gateway
from gateway.clock import SystemClock
from gateway.config import Button, Config, Inputs
from gateway.config.settings import Loaded, Settings
from gateway.events import AlertRaised, AlertResolved, AnyEvent, Paged
from gateway.events import Pressed as PressRecorded
from gateway.inputs.filter import PressFilter
from gateway.inputs.pins import Pins, open_pins
from gateway.inputs.verdicts import Pressed, Verdict
from gateway.journal import schema
from gateway.journal.store import GROUP, Identity, Journal
from gateway.model import AlertCause, ButtonKind, Outcome, ReceiptState
from gateway.setup import lives
from gateway.sync.mapping import CURRENT
from gateway.sync.uplink import Acknowledged, Batch, Uplink

HELD_S: Final = 0.003
"""How long the finger stays on a button."""
STALL_S: Final = 1.0
STALL_EVERY_S: Final = (1.0, 5.0)

Verdicts = list[tuple[list[Verdict], int]]
"""What the filter said, and when: sorted out later, since it happens on the page's way."""


class ProbedFilter(PressFilter):
    """The press filter; each press's verdict is noted with CLOCK_MONOTONIC."""

    def __init__(self, seen: Verdicts, buttons: tuple[Button, ...], inputs: Inputs) -> None:
        super().__init__(buttons, inputs)
        self._seen = seen

    def advance(self, now_ns: int) -> list[Verdict]:
        """See `PressFilter`."""
        verdicts = super().advance(now_ns)
        if verdicts:
            self._seen.append((verdicts, time.monotonic_ns()))
        return verdicts


class Stalls:
    """When the disk does not answer."""

    def __init__(self) -> None:
        self.count = 0
        self._random: Final = random.Random(1)  # noqa: S311 - the same in every run
        self._next_s: float | None = None

    def switch(self, *, on: bool) -> None:
        """Have stalls from now on, or none."""
        self._next_s = time.monotonic() + self._random.uniform(*STALL_EVERY_S) if on else None

    def pass_one(self) -> None:
        """Sit one out, if it is time for one."""
        if self._next_s is not None and time.monotonic() >= self._next_s:
            self.count += 1
            time.sleep(STALL_S)
            self.switch(on=self._next_s is not None)


def stalling(stalls: Stalls) -> type[sqlite3.Connection]:
    """A kind of connection that stalls where a commit waits for the disk."""

    class Stalling(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                stalls.pass_one()
            return super().execute(sql, *parameters)

    return Stalling


class LocalTransport:
    """Batches as JSON lines over TCP to the benchmark's server."""

    def __init__(self, port: int) -> None:
        self.gate: Final = asyncio.Event()
        self._port: Final = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def connect(self, device: str, epoch: str, account: str) -> None:
        """See `Transport`: there is nothing to make sure of."""

    async def deliver(self, batch: Batch) -> Acknowledged:
        """See `Transport`; waits while the load is off."""
        await self.gate.wait()
        assert self._streams is not None  # noqa: S101 - entered by the uplink
        reader, writer = self._streams
        writer.write(msgspec.json.encode(batch) + b"\n")
        return msgspec.json.decode(await reader.readline(), type=Acknowledged)


class EndlessUplink(Uplink):
    """The uplink; when everything is delivered it begins anew at the journal's first event."""

    delivered = 0

    async def _drain(self) -> None:
        await super()._drain()
        await asyncio.wrap_future(
            self._journal.transact(lambda work: schema.set_meta(work.connection, "cursor", "0"))
        )
        self.cursor = 0
        self._more.set()

    async def _advance(self, batch: Batch, answer: Acknowledged) -> None:
        await super()._advance(batch, answer)
        self.delivered += len(batch.records)


class ProbedGateway(Gateway):
    """The daemon, and the finger that obeys orders."""

    def __init__(
        self, loaded: Loaded, settings: Settings, pins: Pins, port: int, stalls: Stalls
    ) -> None:
        self._transport: Final = LocalTransport(port)
        self._stalls: Final = stalls
        self._seen: Verdicts = []
        probed = functools.partial(ProbedFilter, self._seen)
        with (
            mock.patch.object(gateway.floor, "PressFilter", probed),
            mock.patch.object(gateway.app, "make_uplink", self._make_uplink),
        ):
            super().__init__(loaded, settings, SystemClock(), pins)

    def _make_uplink(
        self, config: Config, journal: Journal, on_change: Callable[[], None]
    ) -> EndlessUplink:
        self._endless = EndlessUplink(
            journal,
            self._transport,
            device=config.device.id,
            account=config.shop.account,
            on_change=on_change,
        )
        return self._endless

    def begin(self) -> None:
        """Obey orders in a thread; the daemon ends when they do."""
        threading.Thread(target=self._finger, name="finger", daemon=True).start()

    def _finger(self) -> None:
        obey(self._do)
        self._from_thread(self._life.stop)

    def _do(self, order: Order) -> Done:
        panel = self._panel
        assert panel is not None  # noqa: S101 - the configuration says simulated
        self._seen.clear()
        delivered, stalls = self._endless.delivered, self._stalls.count

        def press(label: str) -> None:
            panel.put(label.lower(), down=True)
            time.sleep(HELD_S)
            panel.put(label.lower(), down=False)
            self._from_thread(self._take_answered)

        self._load(on=order.loaded)
        press_all(order, press)
        self._load(on=False)
        until(lambda: self._is_over(order.count), self._left, 30.0)
        return Done(
            self._starts(),
            delivered=self._endless.delivered - delivered,
            stalls=self._stalls.count - stalls,
        )

    def _starts(self) -> list[Start]:
        return [
            Start(each.press.button.upper(), each.at_ns, told_ns)
            for verdicts, told_ns in self._seen
            for each in verdicts
            if isinstance(each, Pressed)
        ]

    def _load(self, *, on: bool) -> None:
        gate = self._transport.gate
        self._from_thread(gate.set if on else gate.clear)
        self._stalls.switch(on=on)

    def _take_answered(self) -> None:
        """The staff: takes and resolves every alert whose page has its receipt."""
        desk, now = self._floor.desk, self._clock.now()
        for alert in desk.alerts():
            if alert.pages:
                self._floor.carry_out(desk.acknowledge(alert.id, "counter-1", "page", now), now)
                done = desk.resolve(alert.id, "counter-1", Outcome.RECOVERED, now)
                self._floor.carry_out(done, now)

    def _is_over(self, count: int) -> bool:
        """Whether so many presses were heard, answered, and recorded."""
        self._from_thread(self._take_answered)
        nothing_waits = not self._floor.desk.alerts() and self._journal.waiting == 0
        return nothing_waits and len(self._starts()) >= count

    def _left(self) -> str:
        alerts = self._floor.desk.alerts()
        return (
            f"{len(self._starts())} presses were heard, {self._journal.waiting} records wait,"
            f" open are {alerts}"
        )


def fill(journal: Journal, count: int) -> None:
    """Record so many events, as whole alerts."""
    clock = SystemClock()
    for number in range(0, count, 4 * GROUP):
        kept = [
            journal.append(event, clock.now())
            for case in range(number, min(number + 4 * GROUP, count), 4)
            for event in _whole_alert(f"old-{case}")
        ]
        for each in kept:
            each.result()


def _whole_alert(name: str) -> tuple[AnyEvent, ...]:
    kind, pager = ButtonKind.VERY_UNHAPPY, "wrist-1"
    return (
        PressRecorded(button="b00", kind=kind, zone="exit"),
        AlertRaised(alert=name, cause=AlertCause.RED, zone="exit", button="b00", level=0),
        Paged(f"{name}.0", pager, "EXIT: B00 12:00", ReceiptState.ACCEPTED, alert=name),
        AlertResolved(alert=name, by="counter-1", outcome=Outcome.RECOVERED),
    )


def main() -> None:
    """Fill the journal, then live."""
    settings = Settings(Path(sys.argv[1]))
    loaded = settings.load_or_last_good()
    config = loaded.config
    stalls = Stalls()
    open_writer = functools.partial(schema.open_writer, factory=stalling(stalls))
    with mock.patch.object(schema, "open_writer", open_writer):
        identity = Identity(config.device.id, config.shop.account, CURRENT)
        journal = Journal(config.paths.journal, identity, on_change=lambda: None)
        journal.start()
        fill(journal, int(sys.argv[3]))
        journal.close()

        async def live() -> None:
            with contextlib.closing(open_pins(config.inputs, Path(config.paths.state))) as pins:
                daemon = ProbedGateway(loaded, settings, pins, int(sys.argv[2]), stalls)
                daemon.begin()
                await daemon.run()

        lives.collect_seldom()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(live())


if __name__ == "__main__":
    main()
