"""A box whose record lane goes through a broker and two bridges into the stand-in's ledger."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.config import AchivxUplink, MqttUplink
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_ledger import Ledger, Refusal
from gateway.simulator.disk import Disk
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import ActionRule, AlreadyRecorded, Recorded, check_action, refusal
from gateway.sync.bridge import Bridge
from gateway.sync.bridge_config import BridgeConfig, Device
from gateway.sync.mapping import CANARY
from gateway.sync.mqtt import Timers
from gateway.sync.mqtt_uplink import MqttTransport
from gateway.sync.recorder import Recorder
from gateway.sync.uplink import Transport
from tests.crash.broker import Broker
from tests.crash.lane import IDENTITY, Lane

BRIDGES: Final = 2
RESEND_S: Final = 0.03
NOW: Final = "2027-01-01T00:00:00.000Z"
BROKER: Final = MqttUplink(host="127.0.0.1", plaintext="loopback")
SOON: Final = Timers(connect_s=1.0, shake_s=1.0, answer_s=1.0, retry_s=0.001, refused_s=0.001)
CONFIG: Final = BridgeConfig(
    account="bridge",
    broker=BROKER,
    achivx=AchivxUplink(address="127.0.0.1:1", token_file="/unused", plaintext="loopback"),
    devices=(
        Device(
            id=IDENTITY.device,
            account=IDENTITY.account,
            staff=("anna",),
            customers=("zoe", "yan"),
            reward_most=50,
            reward_day=1_000_000,
        ),
    ),
)


class Client(AchivxClient):
    """The client with the ledger in place of the wire; its answers go the client's own way.

    Attributes:
        faults: What goes wrong with the next CreateActions, canaries apart, one each.
    """

    def __init__(self, ledger: Ledger, faults: deque[Fault]) -> None:
        super().__init__("127.0.0.1:1", "token", plaintext="loopback")
        self._ledger: Final = ledger
        self._faults: Final = faults

    async def check_token(self) -> Mapping[str, ActionRule]:
        rules = {
            name: ActionRule(rule.xp, rule.reward, rule.repeatable)
            for name, rule in self._ledger.config.actions.items()
        }
        self._rules = MappingProxyType(rules)
        return rules

    async def create_action(
        self,
        account: str,
        action: str,
        key: str,
        *,
        xp: int | None = None,
        reward: float | None = None,
    ) -> Recorded:
        check_action(self._checked(), account, action, key, xp=xp, reward=reward)
        await asyncio.sleep(0)  # the call is on its way
        fault = self._faults.popleft() if self._faults and action != CANARY else None
        try:
            if fault is None or fault.commits:
                self._ledger.create_action(account, action, key, NOW, xp=xp, reward=reward)
        except Refusal as refused:
            error = refusal(refused.code, refused.details)
            if fault is None and isinstance(error, AlreadyRecorded):
                return Recorded.ALREADY
            if fault is None:
                raise error from refused
        await asyncio.sleep(0)  # and its answer
        if fault is not None:
            raise refusal(fault.code, fault.details)
        return Recorded.NOW

    async def upsert_account(self, account: str) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self._ledger.upsert(account, NOW)


class Fleet(Lane):
    """The lane, its broker and two bridges.

    Attributes:
        broker: Patch `open_link` with its own.
        faults: See `Client`.
    """

    def __init__(self, directory: Path, disk: Disk, broker: Broker, ledger: Ledger) -> None:
        self.broker: Final = broker
        self.faults: Final[deque[Fault]] = deque()
        self._ledger: Final = ledger
        self._bridges: Final[list[asyncio.Task[None]]] = []
        self._born = 0
        super().__init__(directory, disk, None)
        for _ in range(BRIDGES):
            self._start_bridge()

    def _transport(self) -> Transport:
        self._mqtt = MqttTransport(BROKER, IDENTITY.device, timers=SOON, resend_s=RESEND_S)
        return self._mqtt

    def _start_uplink(self) -> None:
        super()._start_uplink()
        self._mqtt.on_link_up = self.uplink.link_up

    def _start_bridge(self) -> None:
        client = Client(self._ledger, self.faults)
        bridge = Bridge(CONFIG, Recorder(client), name=f"bridge-{self._born}", timers=SOON)
        self._born += 1
        self._bridges.append(self._loop.create_task(bridge.run(asyncio.Event())))

    def kill_a_bridge(self) -> None:
        """With whatever it has in hand; another takes its place."""
        self._end_bridge()
        self._start_bridge()

    def _end_bridge(self) -> None:
        victim = self._bridges.pop(0)
        victim.cancel()

        async def gone() -> None:
            with suppress(asyncio.CancelledError):
                await victim

        self.run(gone())

    def replace_box(self) -> None:
        """A new box, or one whose card was lost: nothing of the journal is left."""
        self._stop_uplink()
        self.journal.close()
        self._life += 1
        self._start()

    def close(self) -> None:
        while self._bridges:
            self._end_bridge()
        super().close()
