"""ESPA 4.4.4 blocks and answers, without a line."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paging.drivers.espa_codec import (
    Block,
    Heard,
    Parser,
    Record,
    Sign,
    block,
    call,
    check,
    describe,
    refusal,
    shown,
)

PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
# Published by a maker of intercoms, without its check character and with a space before the first
# identifier; the check character is worked out by hand.
PUBLISHED = bytes.fromhex(
    "01 31 02 31 1F 35 35 30 1E 32 1F 43 41 4C 4C 20 4D 45 20 31 30 31"
    " 1E 33 1F 33 1E 34 1F 33 1E 35 1F 31 1E 36 1F 33 03"
)


def parity(data: bytes) -> int:
    """By columns of bits, unlike the codec."""
    columns = [sum(byte >> bit & 1 for byte in data) % 2 for bit in range(8)]
    return sum(odd << bit for bit, odd in enumerate(columns))


def status(body: bytes) -> bytes:
    """A status block around some records, with a full check character."""
    summed = b"2\x02" + body + b"\x03"
    return b"\x01" + summed + bytes((parity(summed),))


def blocks(data: bytes) -> list[Block]:
    return [heard.block for heard in Parser().feed(data) if heard.block is not None]


def test_a_call_is_the_published_one() -> None:
    sent = call("550", "CALL ME 101", 3)

    assert sent[:-1] == PUBLISHED
    assert sent[-1] == parity(PUBLISHED[1:])


@pytest.mark.parametrize(
    ("summed", "expected"),
    [(b"", 0), (b"\x03", 0x03), (b"1\x02\x03", 0x30), (b"\xff\x01", 0x7E)],
)
def test_check_character(summed: bytes, expected: int) -> None:
    assert check(summed) == expected


def test_priorities_are_the_lanes() -> None:
    assert [blocks(call("1", "", each))[0].records[6] for each in (1, 2, 3)] == ["1", "2", "3"]


@pytest.mark.parametrize("address", ["", "1" * 17, "№1", "1\x1f2", "1\x03"])
def test_an_address_out_of_bounds(address: str) -> None:
    with pytest.raises(ValueError, match="1 to 16 ASCII"):
        call(address, "x", 3)


def test_a_text_out_of_bounds() -> None:
    assert len(blocks(call("1" * 16, "x" * 128, 3))[0].records[2]) == 128
    with pytest.raises(ValueError, match="at most 128"):
        call("1", "x" * 129, 3)


def test_what_a_pager_is_shown() -> None:
    assert shown("Zone\x1e1\r\n\x7f№é~") == "Zone 1  \x7f??~"
    assert shown("y" * 200) == "y" * 128


@given(
    st.integers(0, 9),
    st.dictionaries(st.integers(0, 99), st.text(PRINTABLE, max_size=30), max_size=9),
    st.lists(st.integers(1, 40), max_size=8),
)
def test_round_trip_however_torn(
    function: int, records: dict[int, str], lengths: list[int]
) -> None:
    line = block(function, [(number, data.encode()) for number, data in records.items()])
    parser, heard = Parser(), list[Heard]()
    for length in lengths:
        heard += parser.feed(line[:length])
        line = line[length:]
    heard += parser.feed(line)

    assert heard == [Heard(Sign.BLOCK, block=Block(function, records))]


@given(
    st.text(PRINTABLE, min_size=1, max_size=16).filter(lambda text: text.strip()),
    st.text(max_size=128),
    st.integers(1, 3),
)
def test_every_call_is_seven_bits_and_comes_back(address: str, text: str, priority: int) -> None:
    sent = call(address, text, priority)

    assert max(sent) < 0x80
    (received,) = blocks(sent)
    assert received.records[Record.ADDRESS] == address
    assert received.records[Record.MESSAGE] == shown(text)
    assert received.records[Record.PRIORITY] == str(priority)


@pytest.mark.parametrize("value", range(0x20))
def test_a_check_character_that_equals_a_control_character(value: int) -> None:
    line = status(b"9\x1fA" + bytes((status(b"9\x1fA")[-1] ^ value,)))
    assert line[-1] == value

    assert [heard.sign for heard in Parser().feed(line + b"\x06")] == [Sign.BLOCK, Sign.ACK]


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        (b"\x06", Heard(Sign.ACK)),
        (b"2\x06", Heard(Sign.ACK)),
        (b"\x04", Heard(Sign.EOT)),
        (b"\x15", Heard(Sign.NAK)),
        (b"1\x15", Heard(Sign.NAK, "1")),
        (b"12\x15", Heard(Sign.NAK, "2")),
        (b"1\x00\x15", Heard(Sign.NAK)),
        (b"1\x05", Heard(Sign.ENQ, "1")),
        (b"\x05", Heard(Sign.ENQ)),
        (b"\xb1\x85", Heard(Sign.ENQ, "1")),  # a parity bit that was not stripped
    ],
)
def test_signs(line: bytes, heard: Heard) -> None:
    assert Parser().feed(line) == [heard]


@pytest.mark.parametrize(
    "body",
    [
        b"1\x1f12\x1e7\x1f3",
        b"1\x1f12\x1e7\x1f3\x1e",  # a separator after the last record
        b" 1\x1f12\x1e7\x1f3",  # a space before an identifier
        b"1\x1f12\x1ejunk\x1e7\x1f3\x1eX\x1fy",  # records that nobody can read
    ],
)
def test_what_varies_is_accepted(body: bytes) -> None:
    assert blocks(status(body)) == [Block(2, {1: "12", 7: "3"})]


@pytest.mark.parametrize("mask", [0x7F, 0xFF])
def test_masked_and_full_check_characters(mask: int) -> None:
    line = status(b"7\x1f3\x1e9\x1f\xe9")
    assert line[-1] > 0x7F

    (received,) = blocks(line[:-1] + bytes((line[-1] & mask,)))

    assert received.status == "3"


@pytest.mark.parametrize(
    "line",
    [
        status(b"7\x1f3")[:-1] + b"\x00",  # the check character
        status(b"7\x1f3").replace(b"\x1f3", b"\x1f4"),
        b"\x01\x03\x03",  # nothing in it
        b"\x01\x02\x03\x01",  # no header
        b"\x01A\x02\x03" + bytes((parity(b"A\x02\x03"),)),
        status(b"9\x1f" + b"x" * 600),
    ],
)
def test_a_broken_block_and_what_follows(line: bytes) -> None:
    heard = Parser().feed(line + b"\x06")

    assert heard == [Heard(Sign.BROKEN), Heard(Sign.ACK)]


def test_a_block_that_was_cut_off() -> None:
    whole = status(b"7\x1f3")

    assert Parser().feed(whole[:5] + b"\x04") == [Heard(Sign.EOT)]
    assert blocks(whole[:5] + whole) == [Block(2, {7: "3"})]


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({7: "3"}, "3 paged"),
        ({7: "31"}, "3 paged"),  # a subdivision
        ({7: "03"}, "0 status unknown"),
        ({7: ""}, "a block of function 2"),
        ({7: "3", 8: "1"}, "transmitter failure"),
        ({8: "2", 7: "4"}, "4 absent"),
    ],
)
def test_a_status_in_words(records: dict[int, str], words: str) -> None:
    assert describe(Block(2, records)) == words


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("", "refused: no reason given"),
        ("1", "refused: 1 transmission error"),
        ("2", "refused: 2 busy"),
        ("3", "refused: 3 invalid"),
        ("7", "refused: 7 reason unknown"),
    ],
)
def test_a_refusal_in_words(prefix: str, words: str) -> None:
    assert refusal(prefix) == words


@pytest.mark.parametrize(
    "alphabet", [bytes(range(256)), b"\x01\x02\x03\x04\x05\x06\x15\x1e\x1f127"]
)
def test_a_million_random_bytes(alphabet: bytes) -> None:
    noise = bytes(random.Random(4_44).choices(alphabet, k=1_000_000))
    parser = Parser()

    assert len(parser.feed(noise)) > 1_000
    # An end, whatever state it is in, and then it hears again.
    heard = parser.feed(b"\x03\x00\x04" + status(b"7\x1f3"))

    assert heard[-1].block == Block(2, {7: "3"})
