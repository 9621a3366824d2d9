"""The driver of templates on simulated equipment: pages for it, and what comes of them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from gateway.config import Pager
from gateway.config.transmitters import Template as Settings
from gateway.errors import LineError
from gateway.model import Receipt
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template import TemplateDriver
from gateway.simulator.pty_port import PtyPort
from gateway.simulator.template_equipment import (
    Comp2Terminal,
    Fault,
    JtechTransmitter,
    LrsTransmitter,
    ScopeTerminal,
    Terminal,
    WaveWareTerminal,
)

EQUIPMENT: dict[str, Callable[[], Terminal]] = {
    "comp2": Comp2Terminal,
    "scope": ScopeTerminal,
    "waveware": WaveWareTerminal,
    "jtech": JtechTransmitter,
    "lrs": LrsTransmitter,
}
ADDRESSES = {"comp2": "101", "lrs": "105,4"}
ANSWERING = ["scope", "waveware", "lrs"]
SHORT_WAITS = {"wait_s": 0.3, "transmitted_wait_s": 0.3, "retry_pause_s": 0.01, "cts_wait_s": 0.2}


@contextmanager
def opened(terminal: PtyPort, template: str, **changes: Any) -> Iterator[TemplateDriver]:
    settings = Settings(name="desk", port=terminal.port, template=template, **changes)
    driver = TemplateDriver(settings)
    with closing(driver):
        driver.open()
        yield driver


def page(name: str, text: str = "Zone 1: red", **pager: Any) -> Message:
    address = pager.pop("address", ADDRESSES.get(name, "46180"))
    return Message(pager=Pager(name="wrist-1", address=address, **pager), text=text)


def sent(name: str, template: str, fault: Fault | None = None) -> tuple[Receipt, Terminal]:
    """One page to one kind of equipment: the receipt, and the equipment to look at."""
    with EQUIPMENT[name]() as terminal, opened(terminal, template) as driver:
        if fault is not None:
            terminal.faults.append(fault)
        receipt = driver.send(page(name))
        return receipt, terminal


def failing(cause: OSError) -> Callable[[Line, bytes], None]:
    """In place of `Line.write`: a line that takes nothing."""

    def write(line: Line, data: bytes) -> None:
        raise LineError(f"cannot write {len(data)} bytes to {line.port}") from cause

    return write
