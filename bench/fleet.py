"""A fleet of boxes on one broker and two bridges, with everything going wrong, and exact books.

python -m bench.fleet [--devices 200] [--events 100] [--calm] [--json]

Each box is the real journal and the real uplink; the broker is mosquitto with the ACL of
docs/mqtt.md, the bridges are `achivx-gateway bridge`, the server is the stand-in. Unless `--calm`:
a third of the boxes lose the network for a while, a bridge is killed and later started again, the
server's answers are lost. Ends with 0 only if the server then holds exactly what happened. What the
figures are used for is told in docs/scale.md.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from bench.common import BenchError, print_report
from bench.common import Child as Helper
from bench.fleet_audit import Kept, audit, due
from bench.fleet_box import Order, Place, Progress, Ready, events_of, journal_path
from bench.proc import processor_s, resident_mb
from gateway.errors import CannotStart
from gateway.journal import reading, schema, views
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_ledger import Ledger, Recorded, Refusal
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.children import Child
from gateway.simulator.gamification import Gamification, read
from gateway.simulator.messages import LedgerEntry
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync.gate import IN_FLIGHT
from gateway.sync.mapping import CANARY

BRIDGES: Final = 2
HELPERS: Final = 4
"""Processes that the boxes share."""
LOST_ANSWERS: Final = 60
TELL_S: Final = 2.0
WORD: Final = "for-a-broker-that-lives-for-a-minute"
OPTIONS: Final = "set_tcp_nodelay true\nmax_queued_messages 100000"
"""The second: what waits for a bridge is one batch of each box, and none of them is thrown away."""
_GAMIFICATION: Final = Path(__file__).parents[1] / "docs" / "achivx" / "gamification.json"
_BRIDGE: Final = """
account = "gateway-bridge"
[broker]
host = "127.0.0.1"
port = {port}
username = "bridge"
password_file = "{secret}"
plaintext = "loopback"
[achivx]
address = "{server}"
token_file = "{secret}"
plaintext = "loopback"
[health]
port = 0
[[devices]]
id = "*"
account = "shop-{{device}}"
staff = ["shop-{{device}}."]
customers = ["card-"]
reward_most = 10
reward_day = 100000
"""


class CountedLedger(Ledger):
    """The books, and how often they were told what they had already.

    Attributes:
        taken: Actions recorded for the boxes.
        repeats: Actions that came again and were refused.
        changed: Set whenever one was recorded.
    """

    def __init__(self, config: Gamification) -> None:
        super().__init__(config)
        self.taken = 0
        self.repeats = 0
        self.changed: Final = asyncio.Event()

    def create_action(
        self, name: str, action: str, key: str | None, *rest: Any, **more: Any
    ) -> Recorded:
        """See `Ledger`."""
        try:
            kept = super().create_action(name, action, key, *rest, **more)
        except Refusal as error:
            self.repeats += error.code == "ALREADY_EXISTS" and action != CANARY
            raise
        self.taken += action != CANARY
        self.changed.set()
        return kept


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        events: Of each box.
        calm: Whether nothing goes wrong.
        server_per_s: The most actions a second that the server takes, None for what it can.
        resend_s: When a box asks again; in a shop it is 180 s.
        late_s: When the run is given up.
    """

    devices: int = 200
    events: int = 100
    calm: bool = False
    server_per_s: float | None = None
    resend_s: float = 20.0
    late_s: float = 900.0


class Fleet:
    """The parts of one run, and what goes wrong with them. Use it as `async with`."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self._plan: Final = plan
        self._directory: Final = directory
        self._devices: Final = [f"box-{number}" for number in range(plan.devices)]
        self._events: Final = plan.devices * plan.events
        self._secret: Final = directory / "secret"
        self._parts = contextlib.AsyncExitStack()
        self._latest: Final[dict[int, Progress]] = {}
        self._gone_s = 0.0  # processor time of bridges that were killed
        self._mishaps: Final[list[str]] = []
        self.ledger: Final = CountedLedger(read(_GAMIFICATION.read_bytes()))
        self._server: Final = AchivxServer(WORD, self.ledger.config)
        self._server.ledger = self.ledger
        if plan.server_per_s is not None:
            self._server.delay_s = BRIDGES * IN_FLIGHT / plan.server_per_s
        users = dict.fromkeys((*self._devices, "bridge"), WORD)
        self._secret.write_text(WORD)
        self._broker: Final = Mosquitto(directory / "broker", users, options=OPTIONS)
        self._proxy: Final = TcpProxy(self._broker.port)
        self._bridges: Final[list[Child]] = []
        self._helpers: Final[list[Helper]] = []

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as parts:
            for part in (self._server, self._broker, self._proxy):
                await parts.enter_async_context(part)
            parts.push_async_callback(self._stop_bridges)
            for _ in range(BRIDGES):
                self._bridges.append(await self._start_bridge())
            for number in range(min(HELPERS, self._plan.devices)):
                log = self._directory / f"boxes-{number}.log"
                self._helpers.append(parts.enter_context(Helper(["bench.fleet_box"], log)))
            self._parts = parts.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._parts.aclose()

    async def run(self) -> dict[str, Any]:
        """All of it, the audit excepted.

        Raises:
            BenchError: It did not come to its end in time; with what it waits for.
        """
        (self._directory / "journals").mkdir()
        before_mb = await asyncio.gather(
            *(asyncio.to_thread(self._prepare, number) for number in range(len(self._helpers)))
        )
        print(f"{self._plan.devices} boxes are ready", file=sys.stderr)
        broker_before_mb = resident_mb(self._broker.pid)
        began_s = time.perf_counter()
        for helper in self._helpers:
            helper.send(None)
        telling = asyncio.create_task(self._tell())
        going_wrong = asyncio.create_task(self._go_wrong())
        try:
            async with asyncio.timeout(self._plan.late_s):
                await asyncio.gather(
                    *(asyncio.to_thread(self._follow, n) for n in range(len(self._helpers)))
                )
                took_s = time.perf_counter() - began_s
                await going_wrong
        except TimeoutError:
            raise BenchError(f"not done after {self._plan.late_s:g} s: {self._words()}") from None
        finally:
            telling.cancel()
            going_wrong.cancel()
        boxes_mb = [each.resident_mb for _, each in sorted(self._latest.items())]
        return self._figures(took_s) | {
            "mb_per_box": round((sum(boxes_mb) - sum(before_mb)) / self._plan.devices, 2),
            "broker_mb": round(resident_mb(self._broker.pid), 1),
            "broker_kb_per_box": round(
                (resident_mb(self._broker.pid) - broker_before_mb) * 1024 / self._plan.devices,
                1,
            ),
        }

    def kept(self) -> Iterator[Kept]:
        """What each box has, when all of them have been closed."""
        for device in self._devices:
            path = journal_path(self._directory / "journals", device)
            with contextlib.closing(schema.open_reader(path)) as connection:
                counters = views.counters(connection)
                yield Kept(
                    device=device,
                    happened=events_of(device, self._plan.events),
                    records=tuple(reading.all_records(connection)),
                    counters={button: n for (button, flag), n in counters.items() if not flag},
                )

    def booked(self) -> list[LedgerEntry]:
        """What the server holds of the boxes'."""
        _, actions = self.ledger.snapshot()
        own = (CANARY, "achivx.")
        return [each for each in actions if not each.action.startswith(own)]

    # --- the parts -------------------------------------------------------------------------

    async def _start_bridge(self) -> Child:
        config = self._directory / "bridge.toml"
        config.write_text(
            _BRIDGE.format(port=self._broker.port, secret=self._secret, server=self._server.address)
        )
        words = ("gateway", "bridge", "--config", str(config))
        return await Child.start("a bridge", words, self._directory / "bridge.log", ready=True)

    async def _stop_bridges(self) -> None:
        for bridge in self._bridges:
            await bridge.stop()

    def _prepare(self, number: int) -> float:
        """Have a helper make its boxes; returns its memory without them."""
        helper = self._helpers[number]
        helper.send(
            Order(
                directory=str(self._directory / "journals"),
                places=[
                    Place(device, self._port(place))
                    for place, device in enumerate(self._devices)
                    if place % len(self._helpers) == number
                ],
                events=self._plan.events,
                secret=str(self._secret),
                resend_s=self._plan.resend_s,
            )
        )
        return helper.hear(Ready).before_mb

    def _port(self, place: int) -> int:
        """Every third box's way is the one that will be cut."""
        return self._broker.port if place % 3 else self._proxy.port

    def _follow(self, number: int) -> None:
        """Listen to a helper until its boxes are through."""
        over = False
        while not over:
            self._latest[number] = progress = self._helpers[number].hear(Progress)
            over = progress.over

    # --- meanwhile -------------------------------------------------------------------------

    async def _go_wrong(self) -> None:
        if self._plan.calm:
            return
        await self._until(0.15)
        self._note("a third of the boxes have lost the network")
        self._proxy.close()
        await self._until(0.3)
        self._note("the network is back")
        await self._proxy.open()
        await self._until(0.4)
        self._note("a bridge is killed at its work")
        victim = self._bridges.pop(0)
        self._gone_s += processor_s(victim.process.pid)
        victim.process.kill()
        await victim.process.wait()
        await self._until(0.5)
        self._note("it is started again")
        self._bridges.append(await self._start_bridge())
        await self._until(0.6)
        self._note(f"{LOST_ANSWERS} answers of the server are lost")
        self._server.faults.extend([faults.UNKNOWN_AFTER_COMMIT] * LOST_ANSWERS)

    async def _until(self, share: float) -> None:
        """Until there are so many actions: an event makes about nine tenths of one."""
        while self.ledger.taken < share * self._events:
            self.ledger.changed.clear()
            await self.ledger.changed.wait()

    def _note(self, words: str) -> None:
        self._mishaps.append(words)
        print(f"{self.ledger.taken:>8} actions: {words}", file=sys.stderr)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            print(self._words(), file=sys.stderr)

    def _words(self) -> str:
        """How far it is, and what the uplinks say that have something to say."""
        done = sum(each.acknowledged for each in self._latest.values())
        states: Counter[str] = Counter()
        for each in self._latest.values():
            states.update(each.states)
        said = "; ".join(f"{count} boxes: {words}" for words, count in states.most_common(3))
        return (
            f"{self.ledger.taken:>8} actions, {done} of {self._events} events acknowledged; {said}"
        )

    def _figures(self, took_s: float) -> dict[str, Any]:
        pids = [bridge.process.pid for bridge in self._bridges]
        bridges_s = self._gone_s + sum(processor_s(pid) for pid in pids)
        broker_s = processor_s(self._broker.pid)
        return {
            "devices": self._plan.devices,
            "events": self._events,
            "actions": self.ledger.taken,
            "repeats_refused": self.ledger.repeats,
            "quarantined": sum(each.quarantined for each in self._latest.values()),
            "mishaps": len(self._mishaps),
            "drained_s": round(took_s, 1),
            "events_per_s": round(self._events / took_s),
            "actions_per_s": round(self.ledger.taken / took_s),
            "bridge_mb": round(max(resident_mb(pid) for pid in pids), 1),
            "bridge_cpu_ms_per_action": round(1000 * bridges_s / self.ledger.taken, 3),
            "broker_cpu_ms_per_event": round(1000 * broker_s / self._events, 4),
        }


async def measure(plan: Plan, directory: Path) -> dict[str, Any]:
    """One run and its audit.

    Raises:
        BenchError: It did not end, or the books are not exact; the message says where.
    """
    async with Fleet(plan, directory) as fleet:
        report = await fleet.run()
    boxes = list(fleet.kept())
    problems = audit(boxes, fleet.booked())
    if problems:
        raise BenchError("the ledger is not exact:\n" + "\n".join(problems))
    return report | {"actions_due": due(boxes).total(), "exact": True}


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 if the ledger is exact."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    standard = Plan()
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    parser.add_argument("--devices", type=int, default=standard.devices)
    parser.add_argument("--events", type=int, default=standard.events, help="of each device")
    parser.add_argument("--server-per-s", type=float, help="the most actions that it takes")
    parser.add_argument("--resend-s", type=float, default=standard.resend_s)
    parser.add_argument("--late-s", type=float, default=standard.late_s, help="when to give up")
    options = vars(parser.parse_args(arguments))
    as_json = options.pop("json")
    with tempfile.TemporaryDirectory(prefix="achivx-fleet-") as directory:
        try:
            report = asyncio.run(measure(Plan(**options), Path(directory)))
        except (BenchError, CannotStart) as error:
            print(error, file=sys.stderr)
            return 1
    print_report(report, as_json=as_json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
