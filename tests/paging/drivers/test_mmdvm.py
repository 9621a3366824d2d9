"""The driver against the simulated hat. Time on the air is the test's own: nothing sleeps."""

import time

import pytest

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers import pocsag
from gateway.paging.drivers.mmdvm import MmdvmDriver, Timers
from gateway.simulator.mmdvm_hat import GET_STATUS, POCSAG, SET_MODE, MmdvmHat
from tests.paging.drivers.hats import LONG, PAGE, QUICK, AirTime, Connect, settings


def test_a_page_is_transmitted_once_the_carrier_is_down(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    before = time.monotonic_ns()
    receipt = driver.send(PAGE)
    assert receipt.state is ReceiptState.TRANSMITTED
    assert receipt.transmitter == "hat"
    assert not receipt.line_down
    assert receipt.first_byte_ns is not None
    assert before < receipt.first_byte_ns < time.monotonic_ns()
    assert not hat.air.transmitting
    (transmission,) = hat.transmissions()
    assert len(transmission) == 2  # of frame 7, so in its last pair of codewords, and the next


def test_pages_one_after_another(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    for _ in range(3):
        assert driver.send(PAGE).state is ReceiptState.TRANSMITTED
    one, two, three = hat.transmissions()
    assert one == two == three


def test_a_page_longer_than_the_queue_is_fed_without_a_gap(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    assert driver.send(LONG).state is ReceiptState.TRANSMITTED
    (transmission,) = hat.transmissions()
    batches = pocsag.batches([pocsag.call(1234567, 3, LONG.text)])
    assert len(transmission) > 20
    assert transmission == [pocsag.batch_bytes(batch) for batch in batches]
    assert hat.air.splits == 0


def test_a_queue_that_ran_dry_splits_the_page_and_is_not_called_transmitted(
    hat: MmdvmHat, air: AirTime, connect: Connect
) -> None:
    driver = connect(hat)
    air.pace = 400  # the box is asleep for 20 s where it should have fed the queue
    receipt = driver.send(LONG)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.line_down
    assert len(hat.transmissions()[0]) == 14


def test_a_full_queue_is_waited_for(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    hat.refuse(POCSAG, 5, 0, 5, 5)
    assert driver.send(PAGE).state is ReceiptState.TRANSMITTED
    (transmission,) = hat.transmissions()
    assert len(transmission) == 2


def test_a_queue_that_stays_full_fails(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    hat.refuse(POCSAG, *[5] * 1000)
    receipt = driver.send(PAGE)
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert receipt.detail == "the hat's queue stays full"
    assert hat.transmissions() == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (1, "it does not know the command: its firmware is too old for POCSAG"),
        (2, "it is in the wrong state: POCSAG is not enabled"),
        (4, "it does not accept the value"),
        (6, "it cannot work in duplex"),
        (9, "error 9"),
    ],
)
def test_a_refused_page_fails_in_words(
    hat: MmdvmHat, connect: Connect, error: int, words: str
) -> None:
    driver = connect(hat)
    hat.refuse(POCSAG, error)
    receipt = driver.send(PAGE)
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert receipt.detail == f"the hat refuses the page: {words}"
    assert receipt.first_byte_ns is not None
    assert driver.send(PAGE).state is ReceiptState.TRANSMITTED


def test_a_refusal_after_a_part_was_taken_is_unknown(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    hat.refuse(POCSAG, 0, 2)
    assert driver.send(PAGE).state is ReceiptState.UNKNOWN


def test_an_answer_lost_after_the_data_is_unknown(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat, QUICK)
    hat.mute_from = POCSAG
    receipt = driver.send(PAGE)
    assert (receipt.state, receipt.line_down) == (ReceiptState.UNKNOWN, True)
    assert receipt.first_byte_ns is not None
    with pytest.raises(LineError, match="does not answer"):
        driver.probe()


@pytest.mark.parametrize("command", [SET_MODE, GET_STATUS])
def test_a_hat_silent_before_the_data_failed(hat: MmdvmHat, connect: Connect, command: int) -> None:
    driver = connect(hat, QUICK)
    hat.silent.add(command)
    receipt = driver.send(PAGE)
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    assert receipt.first_byte_ns is None
    assert hat.transmissions() == []


def test_an_adapter_pulled_out(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    hat.close()
    receipt = driver.send(PAGE)
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, True)
    driver.close()
    receipt = driver.send(PAGE)
    assert (receipt.detail, receipt.line_down) == ("the line is not open", True)
    with pytest.raises(LineError, match="is not open"):
        driver.probe()


def test_a_hat_that_never_transmits_is_unknown(hat: MmdvmHat, connect: Connect) -> None:
    driver = connect(hat)
    hat.air.broken = True
    receipt = driver.send(PAGE)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.detail == "the hat took the page and did not transmit"


def test_a_carrier_that_stays_up_is_unknown(hat: MmdvmHat, air: AirTime, connect: Connect) -> None:
    driver = connect(hat)
    hat.air.stuck = True
    receipt = driver.send(PAGE)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.detail == "the hat does not finish the page"
    assert 4.0 < air.now - 2.0 < 6.0  # two batches, the preamble, and the margin


def test_a_carrier_lost_with_batches_in_the_queue_is_unknown(
    hat: MmdvmHat, air: AirTime, connect: Connect
) -> None:
    driver = connect(hat)
    air.at[5] = lambda: setattr(hat.air, "broken", True)
    receipt = driver.send(PAGE)
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.detail == "the hat does not finish the page"


def test_debug_frames_and_garbage_around_every_answer(hat: MmdvmHat, connect: Connect) -> None:
    hat.debugs = True
    hat.noise = b"\x00\xff\xe0\xe0\x02noise\xe0\x04\x70\x09\xe0\x09"
    driver = connect(hat)
    assert driver.send(PAGE).state is ReceiptState.TRANSMITTED
    assert driver.send(LONG).state is ReceiptState.TRANSMITTED
    assert hat.air.splits == 0


def test_garbage_that_looks_like_a_longer_frame(hat: MmdvmHat, connect: Connect) -> None:
    hat.noise = b"\xe0\x40\xf1"  # the answer seems to be the body of a debug frame
    driver = connect(hat, Timers(version_s=0.1, reply_s=0.1, poll_s=0.45))
    assert driver.send(PAGE).state is ReceiptState.TRANSMITTED


def test_a_hat_that_acknowledges_data(air: AirTime, connect: Connect) -> None:
    with MmdvmHat(clock=air, acknowledges_data=True) as hat:
        driver = connect(hat)
        assert driver.send(LONG).state is ReceiptState.TRANSMITTED
        driver.close()


def test_real_time_sped_up() -> None:
    timers = Timers(poll_s=0.0005, rise_s=10, margin_s=60)
    with MmdvmHat(speed_up=4) as hat:
        driver = MmdvmDriver(settings(hat), timers=timers, wait=lambda _: None)
        driver.open()
        started = time.monotonic()
        assert driver.send(PAGE).state is ReceiptState.TRANSMITTED
        assert time.monotonic() - started >= 1.38 / 4  # two batches and the preamble
        driver.close()
