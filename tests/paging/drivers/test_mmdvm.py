"""The driver against the simulated hat. Time on the air is the test's own: nothing sleeps."""

import time
from collections.abc import Callable, Iterator

import pytest

from gateway.config import Mmdvm, Pager
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers import pocsag
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.mmdvm import (
    MmdvmDriver,
    Timers,
    frequency_problem,
    pager_problems,
    settings_problems,
)
from gateway.simulator.mmdvm_hat import (
    GET_STATUS,
    POCSAG,
    SET_CONFIG,
    SET_FREQ,
    SET_MODE,
    MmdvmHat,
)

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


@pytest.fixture
def air() -> AirTime:
    return AirTime()


@pytest.fixture(params=[1, 2])
def hat(request: pytest.FixtureRequest, air: AirTime) -> Iterator[MmdvmHat]:
    with MmdvmHat(protocol=request.param, clock=air) as hat:
        yield hat


def settings(hat: MmdvmHat, frequency_hz: int = 433_920_000) -> Mmdvm:
    return Mmdvm(name="hat", port=hat.port, frequency_hz=frequency_hz, power=77, level=99)


@pytest.fixture
def connect(air: AirTime) -> Iterator[Callable[..., MmdvmDriver]]:
    drivers: list[MmdvmDriver] = []

    def connected(hat: MmdvmHat, timers: Timers = PATIENT) -> MmdvmDriver:
        driver = MmdvmDriver(settings(hat), timers=timers, wait=air.wait)
        drivers.append(driver)
        driver.open()
        return driver

    yield connected
    for driver in drivers:
        driver.close()


Connect = Callable[..., MmdvmDriver]


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
