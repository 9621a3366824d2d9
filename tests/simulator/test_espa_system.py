"""The simulated paging system by hand-written bytes: what it accepts, refuses and tells."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.paging.drivers.line import Line
from gateway.simulator.espa_system import Dialogue, EspaCall, EspaSystem, Faults, Stage

# SOH 1 STX 1 US 550 RS 2 US HELP RS 6 US 1 ETX, and the check character worked out by hand.
CALL = bytes.fromhex("01 31 02 31 1f 35 35 30 1e 32 1f 48 45 4c 50 1e 36 1f 31 03 0a")
SELECT = b"\x041\x052\x05"
POLL = b"\x042\x05"
PAGED = b"\x012\x021\x1f550\x1e7\x1f3\x03\x28"
QUEUED = b"\x012\x021\x1f550\x1e7\x1f2\x03\x29"


class Station:
    """A dialogue, and the calls it took."""

    def __init__(self, *statuses: str, echo_message: bool = False, **faults: Any) -> None:
        self.calls: list[EspaCall] = []
        self.dialogue = Dialogue(
            self.calls.append,
            statuses=statuses,
            echo_message=echo_message,
            faults=msgspec.convert(faults, Faults),
        )
        self.hear: Callable[[bytes], bytes] = self.dialogue.feed


def test_a_call() -> None:
    station = Station()

    assert station.hear(SELECT) == b"\x06"
    assert station.hear(CALL) == b"\x06"
    assert station.hear(b"\x04") == b""
    (call,) = station.calls
    assert (call.address, call.message, call.priority) == ("550", "HELP", "1")
    assert (call.beep, call.kind, call.transmissions) == ("", "", "")


def test_however_the_bytes_are_torn() -> None:
    station = Station()

    said = b"".join(station.hear(bytes((byte,))) for byte in SELECT + CALL + b"\x04" + POLL)

    assert said == b"\x06\x06\x04"
    assert len(station.calls) == 1


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        (CALL[:-1] + b"\x00", b"1\x15"),
        (CALL.replace(b"HELP", b"HELQ"), b"1\x15"),
        (b"\x011\x022\x1fX\x03\x45", b"3\x15"),  # no address
        (b"\x013\x021\x1f5\x03\x29", b"3\x15"),  # no call
        (b"\x011\x02" + b"x" * 500 + b"\x03", b""),
        (CALL[:9] + b"\x04", b""),
    ],
)
def test_a_block_it_does_not_take(block: bytes, answer: bytes) -> None:
    station = Station()

    assert station.hear(SELECT + block) == b"\x06" + answer
    assert station.calls == []


def test_a_block_nobody_selected_it_for_is_not_heard() -> None:
    station = Station()

    assert station.hear(b"\x04" + CALL + b"3\x05" + CALL) == b""
    assert station.calls == []


def test_an_idle_poll() -> None:
    assert Station().hear(POLL) == b"\x04"


def test_a_poll_for_another_station() -> None:
    assert Station("3").hear(b"\x043\x05") == b""


def test_a_status_is_fetched_by_a_poll() -> None:
    station = Station("3")
    station.hear(SELECT + CALL + b"\x04")

    assert station.hear(POLL) == b"1\x05"
    assert station.hear(b"\x06") == PAGED
    assert station.hear(b"\x06") == b"\x04"
    assert station.hear(POLL) == b"\x04"


def test_several_statuses_in_one_turn() -> None:
    station = Station("2", "3")
    station.hear(SELECT + CALL + b"\x04" + POLL)

    assert station.hear(b"\x06") == QUEUED
    assert station.hear(b"\x06") == PAGED
    assert station.hear(b"\x06") == b"\x04"


def test_a_status_that_is_not_wanted_waits() -> None:
    station = Station("3")
    station.hear(SELECT + CALL + b"\x04")

    assert station.hear(POLL + b"\x04" + POLL) == b"1\x051\x05"


def test_a_refused_status_is_sent_three_times() -> None:
    station = Station("3")
    station.hear(SELECT + CALL + b"\x04" + POLL + b"\x06")

    assert [station.hear(b"1\x15") for _ in range(3)] == [PAGED, PAGED, b"\x04"]
    assert station.dialogue.refused == ["1", "1", "1"]
    assert station.hear(POLL) == b"1\x05"


def test_a_status_with_the_message() -> None:
    station = Station("3", echo_message=True)
    station.hear(SELECT + CALL + b"\x04" + POLL)

    assert b"\x1e2\x1fHELP\x1e7\x1f3" in station.hear(b"\x06")


def test_refusals() -> None:
    station = Station(refuse_selections=["2"], refuse_blocks=["", "3"])

    assert station.hear(SELECT) == b"2\x15"
    assert station.hear(CALL) == b""
    assert station.hear(SELECT + CALL) == b"\x06\x15"
    assert station.hear(CALL) == b"3\x15"
    assert station.hear(CALL) == b"\x06"
    assert len(station.calls) == 1


def test_an_exchange_that_ends_with_the_refusal() -> None:
    station = Station(refuse_blocks=["1"], eot_after_nak=True)

    assert station.hear(SELECT + CALL) == b"\x061\x15\x04"
    assert station.hear(CALL) == b""


@pytest.mark.parametrize(
    ("stage", "said", "calls"),
    [
        (Stage.SELECT, b"", 0),
        (Stage.BLOCK, b"\x06", 1),
        (Stage.POLL, b"\x06\x06", 1),
        (Stage.STATUS, b"\x06\x061\x05", 1),
    ],
)
@pytest.mark.parametrize("fault", ["silent", "drop"])
def test_silent_or_gone(fault: str, stage: Stage, said: bytes, calls: int) -> None:
    faults: dict[str, Any] = {fault: stage}
    station = Station("3", **faults)
    block = CALL if stage is not Stage.SELECT else b""
    rest = b"\x04" + POLL + b"\x06" if stage in {Stage.POLL, Stage.STATUS} else b""

    assert station.hear(SELECT + block + rest) == said
    assert len(station.calls) == calls
    assert station.dialogue.hung_up is (fault == "drop")


def test_silent_only_once() -> None:
    station = Station(silent=Stage.SELECT, silences=1)

    assert station.hear(SELECT + b"\x00" + SELECT) == b"\x06"


def test_noise_and_stray_ends() -> None:
    station = Station(garbage=b"\x00~", stray_eot=True)

    assert station.hear(SELECT + CALL) == b"\x04\x00~\x06\x00~\x06"


@pytest.mark.parametrize(
    ("faults", "body"),
    [
        ({"extra_separator": True}, b"1\x1f550\x1e7\x1f3\x1e\x03\x36"),
        ({"unmasked_check": True}, b"9\x1f\xe9\x1e1\x1f550\x1e7\x1f3\x03\xf9"),
        ({"broken_statuses": 1}, b"1\x1f550\x1e7\x1f3\x03\x38"),
    ],
)
def test_odd_statuses(faults: dict[str, Any], body: bytes) -> None:
    station = Station("3", **faults)

    station.hear(SELECT + CALL + b"\x04" + POLL)

    assert station.hear(b"\x06") == b"\x012\x02" + body


def test_a_status_later() -> None:
    station = Station("3", polls_without_status=2)
    station.hear(SELECT + CALL + b"\x04")

    assert [station.hear(POLL) for _ in range(3)] == [b"\x04", b"\x04", b"1\x05"]


def test_a_turn_without_end() -> None:
    station = Station("3", lost_end=True)
    station.hear(SELECT + CALL + b"\x04" + POLL + b"\x06")

    assert station.hear(b"\x06") == b""
    assert station.hear(POLL) == b"\x04"


@pytest.mark.parametrize(
    "alphabet", [bytes(range(256)), b"\x01\x02\x03\x04\x05\x06\x15\x1e\x1f127"]
)
def test_a_million_random_bytes(alphabet: bytes) -> None:
    station = Station("2", "3")
    noise = bytes(random.Random(4_44).choices(alphabet, k=1_000_000))

    station.hear(noise)
    # The end of whatever it is in the middle of, and then it works.
    station.hear(b"\x03\x00\x04\x04")
    taken = len(station.calls)

    assert station.hear(SELECT + CALL) == b"\x06\x06"
    assert len(station.calls) == taken + 1


def test_on_a_line() -> None:
    heard: list[str] = []
    with EspaSystem(on_page=lambda call: heard.append(call.message)) as system:
        line = Line(system.port, framing="7E2")
        line.write(SELECT + CALL)
        call = system.wait_for_page(5)
        assert system.wait_for_page(0) is None
        line.close()

    assert call is not None
    assert system.pages == (call,)
    assert heard == ["HELP"]


def test_off_the_line() -> None:
    with EspaSystem(faults=Faults(drop=Stage.SELECT)) as system:
        line = Line(system.port)
        line.write(SELECT)
        assert system.wait_until_heard(len(SELECT)) == SELECT
        line.close()

    assert system.pages == ()
