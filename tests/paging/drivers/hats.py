"""A simulated hat, and the clock of its air."""

from collections.abc import Callable

from gateway.config import Pager
from gateway.config.transmitters import Mmdvm
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.mmdvm import MmdvmDriver, Timers
from gateway.simulator.mmdvm_hat import MmdvmHat

QUICK = Timers(version_s=0.1, reply_s=0.1, poll_s=0.2)
PATIENT = Timers(version_s=0.5, reply_s=0.5)  # where an answer is certain to come
PAGER = Pager(name="anna", address="1234567")
PAGE = Message(PAGER, "TILL 2: UNHAPPY 14:05")
LONG = Message(PAGER, "LONGER THAN THE QUEUE OF THE HAT " * 30)


class AirTime:
    """The clock of the air: it passes only while the driver waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.pace = 1.0
        self.at: dict[int, Callable[[], None]] = {}  # what happens during the n-th wait

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds * self.pace
        self.at.get(len(self.waits), lambda: None)()


def settings(hat: MmdvmHat, frequency_hz: int = 433_920_000) -> Mmdvm:
    return Mmdvm(name="hat", port=hat.port, frequency_hz=frequency_hz, power=77, level=99)


Connect = Callable[..., MmdvmDriver]
