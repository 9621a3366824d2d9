"""The simulated hat by hand-written bytes: what it accepts, refuses and puts on the air."""

from collections.abc import Iterator

import pytest

from gateway.paging.drivers.line import Line
from gateway.simulator.mmdvm_hat import BATCH_S, PREAMBLE_S, MmdvmHat

ACK = "e00470"
HERTZ = (433_920_000).to_bytes(4, "little").hex()
SET_FREQ = f"e01104 00 {HERTZ}{HERTZ} ff {HERTZ}"
SET_CONFIG = "e01a02 8020 0a 00 0000 00" + "00" * 10 + "80" + "00" * 5
STATUS = "e00301"
IDLE = "7a89c197"
DATA = "e04750 7cd215d8" + IDLE * 16
CONTINUED = "e04750 7cd215d8" + "c100057f" + IDLE * 15


class Bench:
    """A hat, its line and its time."""

    def __init__(self, hat: MmdvmHat) -> None:
        self.hat = hat
        self.line = Line(hat.port, baud=115200)

    def ask(self, frame: str) -> str:
        """Send a frame; the STATUS reply that follows it ends what is read."""
        self.line.write(bytes.fromhex(frame + STATUS))
        heard = b""
        while b"\xe0\x0d\x01" not in heard or len(heard.partition(b"\xe0\x0d\x01")[2]) < 10:
            more = self.line.read(5)
            assert more, f"nothing after {heard.hex()}"
            heard += more
        return heard.hex()[:-26]

    def status(self) -> tuple[int, bool, int]:
        self.line.write(bytes.fromhex(STATUS))
        heard = b""
        while len(heard) < 13:
            heard += self.line.read(5)
        return heard[4], bool(heard[5] & 1), heard[12]


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def bench(now: list[float]) -> Iterator[Bench]:
    with MmdvmHat(clock=lambda: now[0]) as hat:
        bench = Bench(hat)
        yield bench
        bench.line.close()


@pytest.fixture
def ready(bench: Bench) -> Bench:
    assert bench.ask(SET_FREQ) == ACK + "04"
    assert bench.ask(SET_CONFIG) == ACK + "02"
    return bench


def test_set_up(ready: Bench) -> None:
    assert (ready.hat.frequency_hz, ready.hat.power) == (433_920_000, 255)
    assert (ready.hat.delay, ready.hat.level) == (10, 128)
    assert ready.status() == (0, False, 14)
    assert ready.ask("e0040306") == ACK + "03"
    assert ready.status() == (6, False, 14)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("e00309", "e0057f0901"),  # an unknown command
        (DATA, "e0057f5002"),  # before it is set up
        ("e0040306", "e0057f0304"),
        ("e0040305", "e0057f0304"),
        (SET_FREQ.replace(HERTZ, (436_000_000).to_bytes(4, "little").hex()), "e0057f0404"),
        (SET_FREQ.replace(HERTZ, (500_000_000).to_bytes(4, "little").hex()), "e0057f0404"),
        ("e00c04 00" + HERTZ + HERTZ, "e0057f0404"),
        (SET_CONFIG.replace("8020 0a", "0020 0a"), "e0057f0206"),  # duplex
        (SET_CONFIG.replace("8020 0a", "8020 33"), "e0057f0204"),  # delay
        (SET_CONFIG.replace("8020 0a", "8002 0a"), "e0057f0204"),  # not POCSAG
    ],
)
def test_refusals(bench: Bench, frame: str, answer: str) -> None:
    assert bench.ask(frame) == answer


def test_data_is_taken_in_silence_until_the_queue_is_full(ready: Bench) -> None:
    for _ in range(14):
        assert ready.ask(DATA) == ""
    assert ready.status() == (6, True, 0)
    assert ready.ask(DATA) == "e0057f5005"
    assert ready.ask("e04650" + "00" * 67) == "e0057f5004"
    assert ready.ask("e04750" + "00" * 68) == "e0057f5004"


def test_the_carrier_lasts_as_long_as_preamble_and_batches(ready: Bench, now: list[float]) -> None:
    ready.ask(DATA)
    ready.ask(CONTINUED)
    now[0] += PREAMBLE_S + 0.01
    assert ready.status() == (6, True, 13)
    now[0] += BATCH_S
    assert ready.status() == (6, True, 14)
    now[0] += BATCH_S
    assert ready.status() == (6, False, 14)
    assert ready.hat.transmissions() == [
        [bytes.fromhex(DATA)[3:], bytes.fromhex(CONTINUED)[3:]],
    ]
    assert ready.hat.air.splits == 0


def test_a_queue_that_runs_dry_is_seen(ready: Bench, now: list[float]) -> None:
    ready.ask(DATA)
    now[0] += 60
    ready.ask(CONTINUED)
    assert ready.hat.air.splits == 1
    assert len(ready.hat.transmissions()) == 2


def test_it_hears_through_noise(ready: Bench) -> None:
    assert ready.ask("00ff e000 e002" + "e0040306") == ACK + "03"


def test_a_deaf_hat_does_nothing(bench: Bench) -> None:
    bench.hat.deaf_for = 1
    assert bench.ask(SET_FREQ) == ""
    assert bench.hat.frequency_hz is None


def test_a_silent_command_is_done(bench: Bench) -> None:
    bench.hat.silent.add(0x04)
    assert bench.ask(SET_FREQ) == ""
    assert bench.hat.frequency_hz == 433_920_000


def test_noise_and_debug_frames_come_before_the_answer(bench: Bench) -> None:
    bench.hat.noise = b"\x55"
    bench.hat.debugs = True
    bench.line.write(bytes.fromhex("e00300"))
    heard = bench.line.read(5)
    while b"simulated" not in heard:
        heard += bench.line.read(5)
    assert heard.startswith(b"\xe0\x0b\xf1")
    assert b"\xfa\xe0\xe0\xe0\x55\xe0" in heard
