import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import RFXtrx.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.config.transmitters import Ev1527
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers import rfxtrx433, sonoff_efm8
from gateway.paging.drivers.base import Driver, Message
from gateway.paging.drivers.ev1527 import Ev1527Driver
from gateway.paging.drivers.ev1527_bridge import Answer
from gateway.paging.drivers.line import Line
from gateway.simulator.rf_bridges import Fault, OnAir, RfBridge, SimulatedEfm8, SimulatedRfxtrx

WATCH = Pager(name="watch-1", address="A5C3E4", codes={"call": "123456"})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real times are seconds; nothing but their length changes."""
    monkeypatch.setattr(rfxtrx433, "_RESET_S", 0.02)
    monkeypatch.setattr(rfxtrx433, "_STATUS_S", 0.2)
    monkeypatch.setattr(rfxtrx433, "_TRANSMIT_S", 0.3)
    monkeypatch.setattr(sonoff_efm8, "_SENT_S", 0.3)


@pytest.fixture
def rfxtrx() -> Iterator[SimulatedRfxtrx]:
    with SimulatedRfxtrx() as bridge:
        yield bridge


@pytest.fixture
def efm8() -> Iterator[SimulatedEfm8]:
    with SimulatedEfm8() as bridge:
        yield bridge


@pytest.fixture(params=["rfxtrx433", "sonoff-efm8"])
def pair(
    request: pytest.FixtureRequest, rfxtrx: SimulatedRfxtrx, efm8: SimulatedEfm8
) -> Iterator[tuple[Ev1527Driver, RfBridge]]:
    """Each kind of transmitter in turn, with its driver open on it."""
    bridge = rfxtrx if request.param == "rfxtrx433" else efm8
    driver = Ev1527Driver(settings(bridge, request.param))
    driver.open()
    yield driver, bridge
    driver.close()


def settings(bridge: RfBridge, hardware: str, **changes: Any) -> Ev1527:
    return Ev1527(name="watches", port=bridge.port, hardware=hardware, **changes)


def page(kind: str = "red", pager: Pager = WATCH) -> Message:
    return Message(pager=pager, text="Zone 1", kind=kind)


def send(bridge: RfBridge, hardware: str, kind: str = "red", **changes: Any) -> Receipt:
    driver = Ev1527Driver(settings(bridge, hardware, **changes))
    driver.open()
    try:
        return driver.send(page(kind))
    finally:
        driver.close()


def test_it_is_a_driver() -> None:
    driver: Driver = Ev1527Driver(Ev1527(name="w", port="/dev/null", hardware="rfxtrx433"))
    driver.close()


def test_a_page_is_transmitted(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    before_ns = time.monotonic_ns()
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.TRANSMITTED
    assert receipt.transmitter == "watches"
    assert receipt.first_byte_ns is not None
    assert before_ns <= receipt.first_byte_ns <= time.monotonic_ns()
    assert not receipt.line_down
    # Ten repeats at eight frames a command.
    assert bridge.air == [OnAir(0xA5C3E4, 350)] * 2


def test_each_kind_has_its_own_code(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    driver.send(page("call"))
    driver.send(page("test"))
    assert [on_air.code for on_air in bridge.air] == [0x123456] * 2 + [0xA5C3E4] * 2


@pytest.mark.parametrize("hardware", ["rfxtrx433", "sonoff-efm8"])
@pytest.mark.parametrize(("repeats", "bursts"), [(1, 1), (8, 1), (9, 2), (50, 7), (64, 8)])
def test_repeats_are_what_the_setting_says_and_no_more(
    hardware: str, repeats: int, bursts: int, rfxtrx: SimulatedRfxtrx, efm8: SimulatedEfm8
) -> None:
    bridge = rfxtrx if hardware == "rfxtrx433" else efm8
    assert send(bridge, hardware, repeats=repeats).state is ReceiptState.TRANSMITTED
    assert len(bridge.air) == bursts


@pytest.mark.parametrize("hardware", ["rfxtrx433", "sonoff-efm8"])
def test_unit_time_and_bit_order_are_settings(
    hardware: str, rfxtrx: SimulatedRfxtrx, efm8: SimulatedEfm8
) -> None:
    bridge = rfxtrx if hardware == "rfxtrx433" else efm8
    send(bridge, hardware, "call", unit_us=500, bit_order="lsb", repeats=1)
    assert bridge.air == [OnAir(int(f"{0x123456:024b}"[::-1], 2), 500)]


def test_a_code_that_is_none_never_reaches_the_line(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    heard = len(bridge.heard)
    receipt = driver.send(page(pager=Pager(name="watch-2", address="1234567")))
    assert receipt.state is ReceiptState.FAILED
    assert "watch-2" in receipt.detail
    assert "six hexadecimal digits" in receipt.detail
    assert not receipt.line_down
    assert receipt.first_byte_ns is None
    assert len(bridge.heard) == heard


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DEAF, Fault.STALE])
def test_a_lost_answer_is_unknown(pair: tuple[Ev1527Driver, RfBridge], fault: Fault) -> None:
    driver, bridge = pair
    bridge.faults.append(fault)
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.UNKNOWN
    assert "no answer" in receipt.detail
    assert receipt.line_down
    assert receipt.first_byte_ns is not None


def test_noise_around_the_answer_does_not_matter(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    bridge.faults += [Fault.NOISE, Fault.NOISE]
    assert driver.send(page()).state is ReceiptState.TRANSMITTED
    assert len(bridge.air) == 2


def test_one_confirmed_burst_is_a_transmission(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    bridge.faults += [None, Fault.DEAF]
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.TRANSMITTED
    assert receipt.detail.startswith("1 of 2 bursts transmitted, then: no answer")
    assert receipt.line_down  # which is shown at once, and not only at the next page


def test_a_line_that_fails_in_the_write_is_failed(
    pair: tuple[Ev1527Driver, RfBridge], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(line: Line, data: bytes) -> None:
        raise LineError(f"cannot write {len(data)} bytes to {line.port}")

    driver, bridge = pair
    monkeypatch.setattr(Line, "write", write)
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.FAILED
    assert receipt.line_down
    assert bridge.air == []


def test_an_answer_from_before_is_not_taken_for_this_one(
    pair: tuple[Ev1527Driver, RfBridge],
) -> None:
    driver, bridge = pair
    bridge.write(b"\x04\x02\x01\x03\x00\x04\x02\x01\x04\x00\xaa\xa0\x55")
    bridge.faults.append(Fault.DEAF)
    assert driver.send(page()).state is ReceiptState.UNKNOWN


def test_a_refusal_is_failed_in_words(rfxtrx: SimulatedRfxtrx) -> None:
    rfxtrx.faults.append(Fault.REFUSES)
    receipt = send(rfxtrx, "rfxtrx433")
    assert receipt.state is ReceiptState.FAILED
    assert receipt.detail == "the transmitter did not lock"
    assert receipt.line_down
    assert rfxtrx.air == []


def test_firmware_without_the_command_is_failed_in_words(rfxtrx: SimulatedRfxtrx) -> None:
    rfxtrx.faults.append(Fault.TOO_OLD)
    receipt = send(rfxtrx, "rfxtrx433")
    assert receipt.state is ReceiptState.FAILED
    assert "update it" in receipt.detail


def test_a_late_transmission_says_so(rfxtrx: SimulatedRfxtrx) -> None:
    rfxtrx.faults.append(Fault.LATE)
    receipt = send(rfxtrx, "rfxtrx433", repeats=1)
    assert receipt.state is ReceiptState.TRANSMITTED
    assert "busy" in receipt.detail


def test_an_unplugged_adapter_is_line_down(pair: tuple[Ev1527Driver, RfBridge]) -> None:
    driver, bridge = pair
    bridge.close()
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.FAILED
    assert receipt.line_down
    with pytest.raises(LineError):
        driver.probe()
    driver.close()
    driver.close()
    with pytest.raises(LineError):
        driver.open()
    assert driver.send(page()).line_down


def test_an_adapter_pulled_while_it_sends_is_unknown(
    pair: tuple[Ev1527Driver, RfBridge],
) -> None:
    driver, bridge = pair
    bridge.faults.append(Fault.UNPLUGGED)
    receipt = driver.send(page())
    assert receipt.state is ReceiptState.UNKNOWN
    assert receipt.line_down


def test_a_closed_driver_says_so() -> None:
    driver = Ev1527Driver(Ev1527(name="w", port="/dev/null", hardware="sonoff-efm8"))
    assert driver.send(page()) == Receipt(
        ReceiptState.FAILED, "the line is not open", transmitter="w", line_down=True
    )
    with pytest.raises(LineError, match="not open"):
        driver.probe()


def test_open_resets_asks_and_starts(rfxtrx: SimulatedRfxtrx) -> None:
    driver = Ev1527Driver(settings(rfxtrx, "rfxtrx433"))
    driver.open()
    assert rfxtrx.resets == 1
    assert rfxtrx.started
    assert driver.probe() == "RFXtrx433, type 53, firmware 1001"
    driver.close()


def test_firmware_without_start_serves_as_well() -> None:
    with SimulatedRfxtrx(knows_start=False) as rfxtrx:
        assert send(rfxtrx, "rfxtrx433").state is ReceiptState.TRANSMITTED


@pytest.mark.parametrize(("kind", "words"), [(0x52, "receiver only"), (0x5A, "868 MHz")])
def test_a_transceiver_that_cannot_reach_a_watch_is_refused(kind: int, words: str) -> None:
    with SimulatedRfxtrx(kind=kind) as rfxtrx:
        driver = Ev1527Driver(settings(rfxtrx, "rfxtrx433"))
        with pytest.raises(LineError, match=words):
            driver.open()
        # The line is given back: another try does not find it busy.
        with pytest.raises(LineError, match=words):
            driver.open()


def test_a_mute_rfxtrx_is_a_line_error_after_three_tries() -> None:
    with SimulatedRfxtrx(mute=True) as rfxtrx:
        driver = Ev1527Driver(settings(rfxtrx, "rfxtrx433"))
        with pytest.raises(LineError, match="does not answer"):
            driver.open()
        assert rfxtrx.heard.count(b"\x0d\x00\x00") == 4  # the reset and three status requests


def test_probe_of_an_efm8_promises_nothing(efm8: SimulatedEfm8) -> None:
    driver = Ev1527Driver(settings(efm8, "sonoff-efm8"))
    driver.open()
    assert "no status command" in driver.probe()
    assert efm8.heard == b""
    driver.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hardware": "rfxtrx868"}, "rfxtrx433, sonoff-efm8"),
        ({"unit_us": 99}, "100–1000"),
        ({"unit_us": 1001}, "100–1000"),
        ({"repeats": 0}, "1–64"),
        ({"repeats": 65}, "1–64"),
        ({"bit_order": "MSB"}, "msb, lsb"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(changes: dict[str, Any], words: str) -> None:
    values = {"name": "w", "port": "/dev/null", "hardware": "rfxtrx433", **changes}
    with pytest.raises(ValueError, match=words):
        Ev1527Driver(Ev1527(**values))


@pytest.mark.parametrize(
    ("answer", "words", "line_down"),
    [
        ("04 02 00 09 00", "the receiver did not lock", True),
        ("04 02 01 09 02", "the transmitter did not lock", True),
        ("04 02 01 09 03", "the transmitter does not allow this code", False),
        ("04 02 01 09 7F", "refused with code 127", False),
    ],
)
def test_every_refusal_of_an_rfxtrx_has_words(answer: str, words: str, line_down: bool) -> None:
    assert rfxtrx433.transmitter_answer(bytes.fromhex(answer), 9) == Answer(
        ReceiptState.FAILED, words, line_down
    )


def test_status_of_old_firmware_and_of_none() -> None:
    old = bytes.fromhex("0D 01 00 01 02 53 45 10 0C 2F 01 01 00 00")
    assert rfxtrx433.interface_answer(old, 1) == old
    assert rfxtrx433.status_words(old) == "RFXtrx433, type 53, firmware 69"
    with pytest.raises(LineError, match="status command"):
        rfxtrx433.status_words(bytes.fromhex("0D 01 FF 01 02") + bytes(9))


@given(code=st.integers(0, 0xFFFFFF), unit_us=st.integers(100, 1000), seq=st.integers(1, 255))
def test_pyrfxtrx_reads_what_is_sent(code: int, unit_us: int, seq: int) -> None:
    packet = RFXtrx.lowlevel.parse(bytearray(rfxtrx433.lighting4(code, unit_us, seq)))
    assert isinstance(packet, RFXtrx.lowlevel.Lighting4)
    assert packet.type_string == "PT2262"
    assert (packet.cmd, packet.pulse, packet.seqnbr) == (code, unit_us, seq)


def test_pyrfxtrx_builds_the_same_packet() -> None:
    theirs = RFXtrx.lowlevel.Lighting4()
    theirs.set_transmit(0x00, 7, 0xA5C3E4, 350)
    assert rfxtrx433.lighting4(0xA5C3E4, 350, 7) == bytes(theirs.data)


def test_pyrfxtrx_reads_the_simulated_status(
    rfxtrx: SimulatedRfxtrx, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bytes] = []
    monkeypatch.setattr(rfxtrx, "write", said.append)
    rfxtrx.receive(rfxtrx433.interface_command(0x02, 9))
    status = RFXtrx.lowlevel.parse(bytearray(said[0]))
    assert isinstance(status, RFXtrx.lowlevel.Status)
    assert status.type_string == "433.92MHz"


def test_the_known_efm8_command() -> None:
    known = bytes.fromhex("AA A5 2A 62 01 5E 04 1A A5 C3 E4 55")
    assert sonoff_efm8.send_command(0xA5C3E4, 350) == known


@pytest.mark.parametrize(
    "parse",
    [
        sonoff_efm8.sent_answer,
        lambda heard: rfxtrx433.transmitter_answer(heard, 0x5D),  # "]": special in a pattern
        lambda heard: rfxtrx433.interface_answer(heard, 7),
    ],
)
def test_a_million_random_bytes_change_nothing(parse: Callable[[bytes], object]) -> None:
    noise = random.Random(20).randbytes(1_000_000)
    started = time.monotonic()
    for start in range(0, len(noise), 512):
        parse(noise[max(0, start - 3584) : start + 512])
    assert time.monotonic() - started < 10


@given(noise=st.binary(max_size=200))
def test_a_good_answer_is_found_behind_any_noise(noise: bytes) -> None:
    answer = rfxtrx433.transmitter_answer(noise + b"\x04\x02\x01\x09\x00", 9)
    assert answer is not None
