import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paging.drivers import mmdvm_frames as frames

ACK_FREQ = bytes.fromhex("e0047004")
NAK_DATA = bytes.fromhex("e0057f5005")
STATUS_1 = bytes.fromhex("e00d012006010000000000000e")
DEBUG = bytes.fromhex("e008f1e0047004")[:-1] + b"xx"  # carries what looks like an ACK


def raws(found: list[frames.Frame]) -> list[bytes]:
    return [each.raw for each in found]


REPLIES = st.sampled_from([ACK_FREQ, NAK_DATA, STATUS_1, DEBUG])
# Bytes that cannot begin a frame.
NOISE = st.binary(max_size=20).map(lambda data: data.replace(b"\xe0", b"\xe1"))


@given(st.lists(st.tuples(NOISE, REPLIES), max_size=12), NOISE, st.data())
def test_frames_are_found_in_pieces_of_any_size_through_noise(
    wanted: list[tuple[bytes, bytes]], tail: bytes, data: st.DataObject
) -> None:
    stream = b"".join(noise + reply for noise, reply in wanted) + tail
    parser = frames.FrameParser()
    found: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += raws(parser.feed(stream[:size]))
        stream = stream[size:]
    assert found == [reply for _, reply in wanted]


@pytest.mark.parametrize(
    "noise", ["e0", "e0ff", "e0ff00", "e0e0", "e000", "e0047f", "e0057f5004e0"]
)
def test_an_answer_that_a_stray_start_swallowed_is_found_when_nothing_more_comes(
    noise: str,
) -> None:
    parser = frames.FrameParser()
    found = parser.feed(bytes.fromhex(noise) + STATUS_1)
    found += parser.resync()
    assert STATUS_1 in raws(found)
    assert raws(parser.feed(ACK_FREQ)) == [ACK_FREQ]


def test_a_million_random_bytes() -> None:
    noise = random.Random(20).randbytes(1_000_000)
    parser = frames.FrameParser()
    found = []
    for at in range(0, len(noise), 997):
        found += parser.feed(noise[at : at + 997])
        assert len(parser._held) <= 255
    assert all(each.raw in noise and each.raw[1] == len(each.raw) for each in found)
    for each in found:
        if each.command == frames.VERSION:
            frames.version_of(each)
        elif each.command == frames.STATUS:
            frames.status_of(each, 1)
            frames.status_of(each, 2)
    parser.resync()
    assert raws(parser.feed(STATUS_1)) == [STATUS_1]


def test_answers() -> None:
    (ack, nak, status) = frames.FrameParser().feed(ACK_FREQ + NAK_DATA + STATUS_1)
    assert ack.answers(frames.SET_FREQ)
    assert not ack.answers(frames.SET_CONFIG)
    assert nak.answers(frames.POCSAG_DATA)
    assert not status.answers(0x20)


def test_set_frequency() -> None:
    sent = frames.set_frequency(433_920_000, 255)
    assert sent.hex(" ") == "e0 11 04 00 00 18 dd 19 00 18 dd 19 ff 00 18 dd 19"


def test_set_config_of_protocol_1() -> None:
    sent = frames.set_config(1, 100, 128)
    assert len(sent) == 26
    assert sent[:9].hex() == "e01a0280200a000000"
    assert {at: byte for at, byte in enumerate(sent[9:], start=9) if byte} == {20: 128}


def test_set_config_of_protocol_2() -> None:
    sent = frames.set_config(2, 500, 99)
    assert len(sent) == 40
    assert {at: byte for at, byte in enumerate(sent) if byte} == {
        0: 0xE0, 1: 40, 2: 2, 3: 0x80, 5: 1, 6: 50, 18: 99,
    }  # fmt: skip


def test_versions() -> None:
    first = frames.Frame(b"\xe0\x0c\x00\x01MMDVM_HS")
    assert frames.version_of(first) == frames.Version(1, pocsag=True, text="MMDVM_HS")
    second = frames.Frame(bytes((0xE0, 27, 0, 2, 0, 1, *bytes(17))) + b"hat\xff")
    assert frames.version_of(second) == frames.Version(2, pocsag=True, text="hat\ufffd")
    without = frames.Frame(bytes((0xE0, 26, 0, 2, 0, 2, *bytes(17))) + b"hat")
    assert not frames.version_of(without).pocsag
    assert not frames.version_of(frames.Frame(b"\xe0\x05\x00\x02\x01")).pocsag


def test_statuses() -> None:
    assert frames.status_of(frames.Frame(STATUS_1), 1) == frames.Status(
        6, transmitting=True, free=14
    )
    second = bytes((0xE0, 20, 1, 0, 0x40, *bytes(9), 13, *bytes(5)))
    assert frames.status_of(frames.Frame(second), 2) == frames.Status(
        0, transmitting=False, free=13
    )
    assert frames.status_of(frames.Frame(bytes((0xE0, 11, 1, *bytes(8)))), 1) is None


def test_nak_words() -> None:
    known = {frames.nak_words(error) for error in (1, 2, 4, 5, 6)}
    assert len(known) == 5
    assert frames.nak_words(77) == "error 77"
