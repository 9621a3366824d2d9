"""What passes by itself is the page's misfortune: the transmitter stays in order.

A transmitter that went down with it would come back at once, and whoever comes back is given the
alert's pages again: one alert, page after page, all within one step of its ladder.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Espa, Tap, Template, Transmitter
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging.drivers.choice import make_driver
from gateway.paging.lane import PageLane
from gateway.paging.transmitter import Transmitter as Paging
from gateway.simulator.espa_system import EspaSystem
from gateway.simulator.espa_system import Faults as EspaFaults
from gateway.simulator.pty_port import PtyPort
from gateway.simulator.tap_dialogue import Faults as TapFaults
from gateway.simulator.tap_terminal import TapTerminal
from tests.paging.drivers.equipped import opened, page

WAIT_S = 30.0


class Refusing(PtyPort):
    """A WaveWare encoder that answers its poll, and refuses every page with one code."""

    def __init__(self, code: bytes) -> None:
        super().__init__()
        self._code = code

    def receive(self, data: bytes) -> None:
        if b"ATI\r" in data:
            self.write(b"WaveWare Paging Encoder v9.17\r")
        if b"\x04" in data:
            self.write(b"\x01\x15" + self._code + b"\x04")


@contextmanager
def equipment(kind: str) -> Iterator[Transmitter]:
    """Equipment that will not take a page just now, and the settings of its transmitter."""
    if kind in ("512", "516"):
        with TapTerminal(faults=TapFaults(reject=int(kind))) as terminal:
            yield Tap(name="main", port=terminal.port)
    elif kind == "status 1":
        with EspaSystem(statuses=("1",)) as system:
            yield Espa(name="main", port=system.port)
    elif kind == "NAK 2":
        with EspaSystem(faults=EspaFaults(refuse_blocks=("2",) * 9)) as system:
            yield Espa(name="main", port=system.port)
    else:
        with Refusing(kind.encode()) as encoder:
            yield Template(name="main", port=encoder.port, template="waveware")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("512", "512 pager unavailable, try later"),
        ("516", "516 message quota exceeded for now"),
        ("status 1", "1 busy"),
        ("NAK 2", "refused: 2 busy"),
        ("04", "04 input buffer overflow"),
        ("05", "05 paging queue full"),
    ],
)
def test_the_page_has_failed_and_the_transmitter_is_in_order(kind: str, words: str) -> None:
    states: list[str] = []
    receipts: list[Receipt] = []
    ready, answered = threading.Event(), threading.Event()

    def told() -> None:
        states.append(transmitter.state)
        ready.set()

    def received(_: Page, receipt: Receipt) -> None:
        receipts.append(receipt)
        answered.set()

    with equipment(kind) as settings:
        transmitter = Paging("main", make_driver(settings), supervise_s=300, on_state=told)
        lane = PageLane((Pager(name="p", address="46180"),), (transmitter,), received)
        lane.start()
        assert ready.wait(WAIT_S)
        lane.submit(Page(id="1", pager="p", text="Hi"))
        lane.rouse()
        assert answered.wait(WAIT_S)
        lane.stop(WAIT_S)
    assert [(each.state, each.detail) for each in receipts] == [(ReceiptState.FAILED, words)]
    assert states == ["ok"]


def test_equipment_that_says_it_is_broken_is_down() -> None:
    with Refusing(b"07") as encoder, opened(encoder, "waveware") as driver:
        receipt = driver.send(page("waveware"))
    assert receipt.detail == "07 EEPROM write error, the encoder needs repair"
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
