"""A watch that shows no text buzzes once for a page, however long its text."""

import threading
from collections.abc import Callable

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Ev1527, Template, Transmitter
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging.drivers.choice import make_driver
from gateway.paging.lane import PageLane
from gateway.paging.text import fit
from gateway.paging.transmitter import Transmitter as Paging
from gateway.simulator.pty_port import PtyPort

WAIT_S = 30.0
LONG = (
    "No answer for 40s. Household department, second floor: very unhappy with the service at till 4"
)
WATCH = Pager(name="w", address="A5C3E4", codes={"red": "A5C3E1"})


class Radio(PtyPort):
    """A transmitter of codes that says yes to everything, in its own words."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self._answer = answer

    def receive(self, _: bytes) -> None:
        self.write(self._answer)


def sonoff(port: str) -> Ev1527:
    return Ev1527(name="t", port=port, hardware="sonoff-efm8", repeats=8)


def tasmota(port: str) -> Template:
    return Template(name="t", port=port, template="tasmota")


def rflink(port: str) -> Template:
    return Template(name="t", port=port, template="rflink")


@pytest.mark.parametrize(
    ("settings", "answer", "code"),
    [
        (sonoff, b"\xaa\xa0\x55", b"\xa5\xc3\xe1"),
        (tasmota, b'{"RfSend":"Done"}\r\n', b"A5C3E1"),
        (rflink, b"20;01;PONG;\r\n20;01;OK;\r\n", b"A5C3E;1;"),
    ],
)
@pytest.mark.parametrize("text", ["Hi", LONG])
def test_one_page_is_one_code(
    settings: Callable[[str], Transmitter], answer: bytes, code: bytes, text: str
) -> None:
    receipts: list[Receipt] = []
    ready, answered = threading.Event(), threading.Event()

    def received(_: Page, receipt: Receipt) -> None:
        receipts.append(receipt)
        answered.set()

    with Radio(answer) as radio:
        transmitter = Paging(
            "t", make_driver(settings(radio.port)), supervise_s=300, on_state=ready.set
        )
        lane = PageLane((WATCH,), (transmitter,), received)
        lane.start()
        assert ready.wait(WAIT_S)
        lane.submit(Page(id="1", pager="w", text=text, kind="red"))
        lane.rouse()
        assert answered.wait(WAIT_S)
        lane.stop(WAIT_S)
        heard = bytes(radio.heard)
    assert receipts[0].state is not ReceiptState.FAILED
    assert heard.count(code) == 1


def test_the_text_would_take_two_pages_on_a_pager() -> None:
    assert len(fit(LONG, WATCH)) == 2
