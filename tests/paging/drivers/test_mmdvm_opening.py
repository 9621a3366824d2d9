"""The driver opens a simulated hat: its board, firmware and settings, and pagers it can call."""

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Mmdvm
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.mmdvm import (
    MmdvmDriver,
    frequency_problem,
    pager_problems,
    settings_problems,
)
from gateway.simulator.mmdvm_hat import SET_CONFIG, SET_FREQ, MmdvmHat
from tests.paging.drivers.hats import PAGER, PATIENT, QUICK, AirTime, Connect, settings


def test_opening_waits_for_the_board_and_sets_it_up(
    hat: MmdvmHat, air: AirTime, connect: Connect
) -> None:
    driver = connect(hat)
    assert air.waits == [2.0]
    assert (hat.frequency_hz, hat.power, hat.level, hat.delay) == (433_920_000, 77, 99, 10)
    heard = bytes(hat.heard)
    order = [heard.index(bytes((0xE0, size, cmd))) for size, cmd in ((3, 0), (17, 4))]
    order.append(heard.index(b"\x1a\x02" if heard.count(b"\x1a\x02") else b"\x28\x02"))
    assert order == sorted(order)
    assert driver.probe() == "MMDVM_HS_Hat-v1.5.2 simulated, room for 14 batches"


@pytest.mark.parametrize("missed", [1, 5])
def test_a_board_that_is_slow_to_start(hat: MmdvmHat, connect: Connect, missed: int) -> None:
    hat.deaf_for = missed
    driver = connect(hat, QUICK)
    assert "simulated" in driver.probe()


def test_nobody_there_after_six_tries(hat: MmdvmHat, connect: Connect) -> None:
    hat.deaf_for = 1000
    with pytest.raises(LineError, match=f"no MMDVM modem answers on {hat.port}"):
        connect(hat, QUICK)
    assert hat.wait_until_heard(18) == b"\xe0\x03\x00" * 6  # and nothing else


def test_a_lost_acknowledgement_of_a_setting_is_asked_for_again(
    hat: MmdvmHat, connect: Connect
) -> None:
    hat.silent.add(SET_CONFIG)
    with pytest.raises(LineError, match="the hat does not answer to the settings"):
        connect(hat, QUICK)
    assert hat.heard.count(b"\x02\x80") == 3


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (SET_FREQ, "the hat refuses the frequency: it does not accept the value"),
        (SET_CONFIG, "the hat refuses the settings: it does not accept the value"),
    ],
)
def test_refused_settings(hat: MmdvmHat, connect: Connect, command: int, words: str) -> None:
    hat.refuse(command, 4)
    with pytest.raises(LineError, match=words):
        connect(hat)
    connect(hat)  # the line was given back, and can be opened again


@pytest.mark.parametrize("protocol", [1, 2])
def test_firmware_without_pocsag(air: AirTime, connect: Connect, protocol: int) -> None:
    with (
        MmdvmHat(clock=air, protocol=protocol, pocsag=False) as hat,
        pytest.raises(LineError, match="POCSAG: MMDVM_HS_Hat"),
    ):
        connect(hat)


def test_a_queue_without_room_at_the_start(hat: MmdvmHat, connect: Connect) -> None:
    hat.air.broken = True
    for _ in range(14):
        hat.air.put(bytes(68), 0)
    with pytest.raises(LineError, match="the hat has no room for POCSAG: MMDVM_HS_Hat"):
        connect(hat)


def test_a_protocol_of_the_future(air: AirTime, connect: Connect) -> None:
    with (
        MmdvmHat(clock=air, protocol=3) as hat,
        pytest.raises(LineError, match="the hat speaks protocol 3, not 1 or 2"),
    ):
        connect(hat)


def test_a_port_that_is_not_there(air: AirTime) -> None:
    nowhere = Mmdvm(name="hat", port="/dev/serial/by-id/none", frequency_hz=433_920_000)
    driver = MmdvmDriver(nowhere, wait=air.wait)
    with pytest.raises(LineError, match="cannot open"):
        driver.open()
    driver.close()


def test_a_bad_frequency_never_reaches_the_line(hat: MmdvmHat, air: AirTime) -> None:
    driver = MmdvmDriver(settings(hat, 436_000_000), wait=air.wait)
    with pytest.raises(LineError, match="435–438 MHz is for satellites"):
        driver.open()
    assert hat.heard == b""


@pytest.mark.parametrize(
    "hz",
    [144_000_000, 145_799_999, 146_000_001, 219_000_000, 433_920_000, 434_999_999, 438_000_001,
     474_999_999, 868_000_000],
)  # fmt: skip
def test_frequencies_that_the_hat_takes(hat: MmdvmHat, air: AirTime, hz: int) -> None:
    assert frequency_problem(hz) is None
    driver = MmdvmDriver(settings(hat, hz), timers=PATIENT, wait=air.wait)
    driver.open()
    driver.close()
    assert hat.frequency_hz == hz


@pytest.mark.parametrize(
    ("hz", "words"),
    [
        (0, "0 MHz is outside what the hat can tune: 144–148, 219–225, 420–475, 842–950 MHz"),
        (433_920, "0.43392 MHz is outside"),
        (143_999_999, "is outside"),
        (148_000_000, "148 MHz is outside"),
        (-5, "is outside"),
        (145_800_000, "145.8 MHz is refused by the hat: 145.8–146 MHz is for satellites"),
        (438_000_000, "438 MHz is refused by the hat: 435–438 MHz is for satellites"),
        (950_000_000, "950 MHz is outside"),
    ],
)
def test_frequencies_that_it_refuses(hz: int, words: str) -> None:
    problem = frequency_problem(hz)
    assert problem is not None
    assert words in problem


def test_everything_wrong_with_the_settings() -> None:
    bad = Mmdvm(name="hat", port="x", frequency_hz=1, power=256, level=-1, transmit_delay_ms=501)
    assert [problem.split(" must")[0] for problem in settings_problems(bad)[1:]] == [
        "power", "level", "transmit_delay_ms",
    ]  # fmt: skip
    assert settings_problems(Mmdvm(name="hat", port="x", frequency_hz=433_920_000)) == ()


def test_a_pager_that_this_hat_cannot_call(hat: MmdvmHat, connect: Connect) -> None:
    slow = Pager(name="p", address="8", rate=512)
    assert pager_problems(slow) == ("this transmitter sends at 1200 bit/s only, not 512",)
    assert pager_problems(PAGER) == ()
    driver = connect(hat)
    receipt = driver.send(Message(slow, "A"))
    assert (receipt.state, receipt.line_down) == (ReceiptState.FAILED, False)
    assert receipt.first_byte_ns is None
    receipt = driver.send(Message(Pager(name="p", address="A5C3E4"), "A"))
    assert receipt.detail == "the RIC must be a number from 0 to 2097151, not 'A5C3E4'"
    assert hat.transmissions() == []
