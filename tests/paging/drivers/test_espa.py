"""The driver against the simulated paging system, over a real pty."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.config.transmitters import Espa
from gateway.errors import LineError
from gateway.model import Priority, Receipt, ReceiptState
from gateway.paging.drivers.base import Driver, Message
from gateway.paging.drivers.espa import EspaDriver
from gateway.paging.drivers.espa_link import SPECIFIED, Timers
from gateway.simulator.espa_system import EspaSystem, Faults, Stage
from gateway.simulator.pty_port import PtyPort

# A system that answers is never waited for; these only bound a slow test machine.
PATIENT: Final = SPECIFIED
# For a system that says nothing where it should.
HASTY: Final = Timers(answer_s=0.15, control_s=0.3)

ACCEPTED, TRANSMITTED = ReceiptState.ACCEPTED, ReceiptState.TRANSMITTED
FAILED, UNKNOWN = ReceiptState.FAILED, ReceiptState.UNKNOWN


def message(text: str = "Table 5", address: str = "550", **options: Any) -> Message:
    return Message(pager=Pager(name="watch", address=address), text=text, **options)


@contextmanager
def driving(system: PtyPort, timers: Timers = PATIENT, **options: Any) -> Iterator[EspaDriver]:
    options = {"poll_ms": 40, "status_s": 0, **options}  # asked for no longer than it must be
    driver = EspaDriver(Espa(name="wards", port=system.port, **options), timers)
    driver.open()
    try:
        yield driver
    finally:
        driver.close()


def sent(
    *statuses: str, timers: Timers = PATIENT, framing: str = "7E2", poll_ms: int = 40, **faults: Any
) -> tuple[Receipt, list[str], tuple[str, ...]]:
    """One page to a fresh system: receipt, texts taken, NAKs its own blocks got."""
    system = EspaSystem(statuses=statuses, faults=Faults(**faults))
    with system, driving(system, timers, framing=framing, poll_ms=poll_ms) as driver:
        receipt = driver.send(message())
        return receipt, [page.message for page in system.pages], system.refused


def test_it_is_a_driver() -> None:
    driver: Driver = EspaDriver(Espa(name="wards", port="/dev/null"))
    driver.close()
    driver.close()


def test_a_page_is_transmitted() -> None:
    with EspaSystem() as system, driving(system) as driver:
        before_ns = time.monotonic_ns()
        receipt = driver.send(message(priority=Priority.ALARM))
        page = system.wait_for_page(5)

    assert page is not None
    assert receipt.first_byte_ns is not None
    assert before_ns < receipt.first_byte_ns < page.mono_ns
    assert msgspec.structs.replace(receipt, first_byte_ns=None) == Receipt(
        TRANSMITTED, "3 paged", "wards"
    )
    assert (page.address, page.message, page.priority) == ("550", "Table 5", "1")
    assert (page.beep, page.kind, page.transmissions) == ("3", "3", "1")


def test_other_stations() -> None:
    """The simulated system is station 2 and hears nothing that is meant for station 4."""
    with EspaSystem() as system:
        driver = EspaDriver(
            Espa(name="wards", port=system.port, local_address="3", remote_address="4"),
            Timers(answer_s=0.05, retries=0),
        )
        with pytest.raises(LineError, match="wards: the paging system does not answer"):
            driver.open()
        assert system.wait_until_heard(3) == b"\x044\x05"


@pytest.mark.parametrize("framing", ["7E2", "7N1", "8N1"])
def test_page_after_page_on_one_line(framing: str) -> None:
    with EspaSystem(statuses=("3",), echo_message=True) as system:
        with driving(system, framing=framing) as driver:
            receipts = [driver.send(message(str(number))) for number in range(5)]

        assert [page.message for page in system.pages] == list("01234")
    assert {receipt.state for receipt in receipts} == {TRANSMITTED}
    first_bytes = [receipt.first_byte_ns or 0 for receipt in receipts]
    assert first_bytes == sorted(set(first_bytes))


@settings(max_examples=20)
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=4))
def test_every_text_arrives(texts: list[str]) -> None:
    with EspaSystem(statuses=("3",), echo_message=True) as system, driving(system) as driver:
        for text in texts:
            assert driver.send(message(text)).is_durable
        assert [page.message for page in system.pages] == [text[:128] for text in texts]


def test_a_long_text_is_cut_and_says_so() -> None:
    with EspaSystem(statuses=("3",)) as system, driving(system) as driver:
        receipt = driver.send(message("x" * 129))

        assert [page.message for page in system.pages] == ["x" * 128]
    assert receipt.detail == "3 paged (text cut to 128 characters)"


def test_an_address_that_no_block_holds() -> None:
    with EspaSystem() as system, driving(system) as driver:
        receipt = driver.send(message(address="1" * 17))

    assert receipt.state is FAILED
    assert "1 to 16" in receipt.detail
    assert not receipt.line_down
    assert receipt.first_byte_ns is None


# What became of a call.


@pytest.mark.parametrize(
    ("statuses", "state", "detail", "line_down"),
    [
        ((), ACCEPTED, "accepted", False),
        (("1",), FAILED, "1 busy", False),
        (("2",), ACCEPTED, "2 queued", False),
        (("3",), TRANSMITTED, "3 paged", False),
        (("4",), FAILED, "4 absent", False),
        (("5",), ACCEPTED, "5 call terminated", False),
        (("6",), TRANSMITTED, "6 acknowledged", False),
        (("7",), TRANSMITTED, "7 speech channel open", False),
        (("9",), ACCEPTED, "accepted", False),
        (("2", "3", "5"), TRANSMITTED, "3 paged", False),
        (("2", "4"), FAILED, "4 absent", False),
    ],
)
def test_statuses(
    statuses: tuple[str, ...], state: ReceiptState, detail: str, *, line_down: bool
) -> None:
    receipt, pages, _ = sent(*statuses)

    assert (receipt.state, receipt.detail, receipt.line_down) == (state, detail, line_down)
    assert pages == ["Table 5"]


def test_a_status_that_comes_only_with_a_later_poll() -> None:
    with (
        EspaSystem(statuses=("3",), faults=Faults(polls_without_status=2)) as system,
        driving(system, status_s=20) as driver,
    ):
        assert driver.send(message()).state is TRANSMITTED


def test_a_status_that_comes_too_late() -> None:
    with (
        EspaSystem(statuses=("3",), faults=Faults(polls_without_status=3)) as system,
        driving(system) as driver,
    ):
        assert driver.send(message()).state is ACCEPTED
        assert driver.probe() == "3 paged"
        assert driver.probe() == "idle"


def test_the_lane_does_not_wait_long_for_a_status() -> None:
    with EspaSystem(statuses=()) as system, driving(system, poll_ms=50) as driver:
        began = time.monotonic()
        driver.send(message())
        took_s = time.monotonic() - began

    assert 3 * 0.05 <= took_s < 10


def test_a_transmitter_failure() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        system.tell((7, "2"), (8, "1"))
        receipt = driver.send(message())

    assert (receipt.state, receipt.detail) == (FAILED, "transmitter failure")
    assert receipt.line_down


def test_a_status_of_another_pager_or_text_says_nothing() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        system.tell((1, "551"), (7, "4"))
        system.tell((1, "550"), (2, "Table 6"), (7, "4"))
        assert driver.send(message()).state is ACCEPTED


def test_a_status_without_an_address_is_about_this_call() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        system.tell((7, "4"))
        assert driver.send(message()).detail == "4 absent"


def test_a_status_that_may_be_of_an_earlier_call_proves_nothing() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        assert driver.send(message()).state is ACCEPTED
        system.tell((1, "550"), (7, "3"))
        assert driver.send(message()).state is ACCEPTED
        assert driver.probe() == "idle"
        system.tell((1, "550"), (7, "3"))
        assert driver.send(message()).state is TRANSMITTED


def test_an_earlier_call_that_was_told_of_is_settled() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        driver.send(message())
        system.tell((1, "550"), (7, "3"))
        system.tell((1, "550"), (7, "4"))
        assert driver.send(message()).detail == "4 absent"


def test_a_status_with_the_text_needs_no_guess() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        driver.send(message())
        system.tell((1, "550"), (2, "Table 5"), (7, "3"))
        assert driver.send(message()).state is TRANSMITTED


def test_other_blocks_are_taken_and_left_aside() -> None:
    with EspaSystem(statuses=()) as system, driving(system) as driver:
        system.tell((1, "550"), (7, "4"), header="5")
        assert driver.send(message()).detail == "accepted"
        system.tell((1, "201"), header="4")
        assert driver.probe() == "a block of function 4"
        assert driver.probe() == "idle"


# What varies.


@pytest.mark.parametrize("framing", ["7E2", "8N1"])
@pytest.mark.parametrize(
    "fault",
    [
        {"stray_eot": True},
        {"extra_separator": True},
        {"unmasked_check": True},
        {"garbage": b"\x00~\x7f\x11"},
        {"garbage": b"1\x05\x02\x03"},
    ],
)
def test_what_varies_is_accepted(fault: dict[str, Any], framing: str) -> None:
    receipt, pages, refused = sent("2", "3", framing=framing, **fault)

    assert receipt.state is TRANSMITTED
    assert pages == ["Table 5"]
    assert refused == ()


# Silence, and a line that goes.


@pytest.mark.parametrize(
    ("stage", "state", "detail", "line_down", "pages"),
    [
        (Stage.SELECT, FAILED, "the paging system does not answer", True, []),
        (Stage.BLOCK, UNKNOWN, "no answer to the page within 0.2 s", True, ["Table 5"]),
        (Stage.STATUS, ACCEPTED, "accepted", False, ["Table 5"]),
    ],
)
def test_silence(
    stage: Stage, state: ReceiptState, detail: str, pages: list[str], *, line_down: bool
) -> None:
    receipt, taken, _ = sent("3", timers=HASTY, silent=stage)

    assert (receipt.state, receipt.detail, receipt.line_down) == (state, detail, line_down)
    assert taken == pages
    assert receipt.first_byte_ns is not None


def test_a_system_that_is_not_there() -> None:
    with EspaSystem(faults=Faults(silent=Stage.POLL)) as system:
        driver = EspaDriver(Espa(name="wards", port=system.port), HASTY)
        with pytest.raises(LineError, match="does not answer"):
            driver.open()
        assert system.wait_until_heard(9) == b"\x042\x05" * 3
        assert driver.send(message()).detail == "the line is not open"
        with pytest.raises(LineError, match="not open"):
            driver.probe()


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(LineError, match="cannot open"):
        EspaDriver(Espa(name="wards", port="/dev/not-there")).open()


@pytest.mark.parametrize(
    ("stage", "state", "pages"),
    [
        (Stage.SELECT, FAILED, []),
        (Stage.BLOCK, UNKNOWN, ["Table 5"]),
        (Stage.STATUS, ACCEPTED, ["Table 5"]),
    ],
)
def test_the_line_goes(stage: Stage, state: ReceiptState, pages: list[str]) -> None:
    receipt, taken, _ = sent("3", drop=stage)

    assert receipt.state is state
    assert receipt.line_down
    assert taken == pages


# The link check.


def test_probes() -> None:
    with EspaSystem() as system, driving(system) as driver:
        assert driver.probe() == "idle"
        system.tell((1, "550"), (7, "6"))
        system.tell((1, "551"), (7, "4"))
        assert driver.probe() == "6 acknowledged; 4 absent"
        system.tell((8, "1"))
        with pytest.raises(LineError, match="wards: transmitter failure"):
            driver.probe()
        assert driver.probe() == "idle"


def test_a_check_that_is_lost_once_is_sent_again() -> None:
    system = EspaSystem(faults=Faults(silent=Stage.POLL, silences=1))
    with system, driving(system, HASTY) as driver:
        assert driver.probe() == "idle"


def test_a_probe_of_a_line_that_has_gone() -> None:
    system = Scripted(b"\x04")
    with system, driving(system) as driver:
        with pytest.raises(LineError, match="cannot"):
            driver.probe()
        driver.close()
        driver.close()


@given(st.lists(st.binary(max_size=12), max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_answers_at_all(answers: list[bytes]) -> None:
    """Whatever a system says, the driver comes to a receipt within its bounds."""
    timers = Timers(answer_s=0.01, control_s=0.03, polls=2)
    system = Scripted(b"\x04", *answers, stays=True)
    with system, driving(system, timers, baud=115200, poll_ms=5) as driver:
        began = time.monotonic()
        receipt = driver.send(message())
        took_s = time.monotonic() - began

    assert took_s < 20
    assert receipt.first_byte_ns is not None
    assert receipt.detail


class Scripted(PtyPort):
    """Answers what it hears, write by write; at the end of the script it goes off the line."""

    def __init__(self, *answers: bytes, stays: bool = False) -> None:
        super().__init__()
        self._answers = iter(answers)
        self._stays = stays

    def receive(self, _data: bytes) -> None:
        answer = next(self._answers, None)
        if answer is not None:
            self.write(answer)
        elif not self._stays:
            self.hang_up()
