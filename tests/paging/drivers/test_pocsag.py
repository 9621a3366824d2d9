"""The encoder against the specification's numbers and a small decoder of its own."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.paging import charsets
from gateway.paging.drivers import pocsag

NUMERIC = "084 2*6)195-3U7("  # by 4-bit value with the first bit on the air as the highest
RICS = st.integers(0, 2097151).filter(lambda ric: not 2007664 <= ric <= 2007671)
ALPHANUMERIC = [name for name in charsets.names() if name != "numeric"]


def polynomial_remainder(word: int) -> int:
    """Divide the 31 code bits, as a polynomial over GF(2), by x^10+x^9+x^8+x^6+x^5+x^3+1."""
    powers = {30 - at for at, bit in enumerate(f"{word:032b}"[:31]) if bit == "1"}
    while powers and max(powers) >= 10:
        shift = max(powers) - 10
        powers ^= {shift + power for power in (10, 9, 8, 6, 5, 3, 0)}
    return len(powers)


def is_valid(word: int) -> bool:
    return polynomial_remainder(word) == 0 and f"{word:b}".count("1") % 2 == 0


def decode(bits: bytes) -> list[tuple[int, int, str]]:
    """RIC, function and message bits of every call in a transmission."""
    air = "".join(map(str, bits))
    start = air.index(f"{0x7CD215D8:032b}")
    assert start >= 576
    assert air[:start] == "10" * (start // 2)
    assert (len(air) - start) % 544 == 0
    calls: list[tuple[int, int, str]] = []
    listening = False
    for batch in range(start, len(air), 544):
        assert air[batch : batch + 32] == f"{0x7CD215D8:032b}"
        for slot in range(16):
            word = air[batch + 32 + 32 * slot :][:32]
            assert is_valid(int(word, 2)), f"{int(word, 2):08x}"
            if int(word, 2) == 0x7A89C197:
                listening = False
            elif word[0] == "0":
                calls.append((int(word[1:19], 2) << 3 | slot // 2, int(word[19:21], 2), ""))
                listening = True
            else:
                assert listening, "a message word with no address before it"
                ric, function, data = calls[-1]
                calls[-1] = (ric, function, data + word[1:21])
    return calls


def characters(data: str) -> bytes:
    return bytes(int(data[at : at + 7][::-1], 2) for at in range(0, len(data) - 6, 7))


def digits(data: str) -> str:
    return "".join(NUMERIC[int(data[at : at + 4], 2)] for at in range(0, len(data), 4))


def test_vector() -> None:
    call = pocsag.call(1234567, 3, "A")
    assert f"{call.address:08X}" == "4B5A1A25"
    assert [f"{word:08X}" for word in call.words] == ["C100057F"]
    assert call.frame == 7
    first, second = pocsag.batches([call])
    assert first == (pocsag.IDLE,) * 14 + (0x4B5A1A25, 0xC100057F)
    assert second == (pocsag.IDLE,) * 16  # or nothing would end the message


def test_a_message_is_ended_by_an_idle_word_before_another_address() -> None:
    batches = pocsag.batches([pocsag.call(7, 3, "A"), pocsag.call(7, 3, "B")])
    words = [word for batch in batches for word in batch]
    first, second = (at for at, word in enumerate(words) if word == pocsag.address_word(7, 3))
    assert words[first + 2] == pocsag.IDLE
    assert second == first + 16


def test_the_idle_and_synchronisation_words_are_codewords() -> None:
    assert pocsag.codeword(pocsag.IDLE >> 11) == pocsag.IDLE
    assert pocsag.codeword(pocsag.SYNC >> 11) == pocsag.SYNC


@given(st.integers(0, 0x1FFFFF))
def test_a_codeword_carries_its_information_and_divides(information: int) -> None:
    word = pocsag.codeword(information)
    assert word >> 11 == information
    assert is_valid(word)


@given(RICS, st.integers(0, 3), st.text(max_size=120), st.sampled_from(ALPHANUMERIC))
def test_alphanumeric_comes_back(ric: int, function: int, text: str, charset: str) -> None:
    batches = pocsag.batches([pocsag.call(ric, function, text, charset)])
    ((got_ric, got_function, data),) = decode(pocsag.bits(batches))
    assert (got_ric, got_function) == (ric, function)
    codes = charsets.encode(text, charset)
    assert characters(data)[: len(codes)] == codes
    assert set(data[7 * len(codes) :]) <= {"0"}
    assert len(data) - 7 * len(codes) < 20


@given(RICS, st.integers(0, 3), st.text(alphabet="0123456789*U -)(", max_size=60))
def test_numeric_comes_back(ric: int, function: int, text: str) -> None:
    batches = pocsag.batches([pocsag.call(ric, function, text, "numeric")])
    ((got_ric, got_function, data),) = decode(pocsag.bits(batches))
    assert (got_ric, got_function) == (ric, function)
    assert digits(data).startswith(text)
    assert set(digits(data)[len(text) :]) <= {" "}
    assert len(digits(data)) - len(text) < 5


@given(st.lists(st.tuples(RICS, st.integers(0, 3), st.text(max_size=50)), min_size=1, max_size=6))
def test_several_messages_in_one_transmission(messages: list[tuple[int, int, str]]) -> None:
    batches = pocsag.batches([pocsag.call(*message) for message in messages])
    got = decode(pocsag.bits(batches))
    assert [(ric, function) for ric, function, _ in got] == [each[:2] for each in messages]
    for (_, _, data), (_, _, text) in zip(got, messages, strict=True):
        codes = charsets.encode(text, "latin")
        assert characters(data)[: len(codes)] == codes


def test_a_tone_alone() -> None:
    batches = pocsag.batches([pocsag.call(1000, 1, "")])
    assert decode(pocsag.bits(batches)) == [(1000, 1, "")]


def test_a_batch_in_bytes() -> None:
    (batch,) = pocsag.batches([pocsag.call(8, 0, "")])
    raw = pocsag.batch_bytes(batch)
    assert len(raw) == 68
    assert raw[:8].hex() == f"7cd215d8{pocsag.address_word(8, 0):08x}"


@pytest.mark.parametrize(
    ("ric", "function", "words"),
    [
        (-1, 0, "the RIC must be from 0 to 2097151, not -1"),
        (2097152, 0, "the RIC must be from 0 to 2097151, not 2097152"),
        (8, 4, "the function must be from 0 to 3, not 4"),
        (8, -1, "the function must be from 0 to 3, not -1"),
        (2007664, 0, "RIC 2007664 with function 0 is reserved"),
        (2045063, 2, "RIC 2045063 with function 2 is reserved"),
    ],
)
def test_impossible_addresses(ric: int, function: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pocsag.call(ric, function, "A")


@pytest.mark.parametrize("rate", [0, 1199, 9600])
def test_impossible_rates(rate: int) -> None:
    words = f"the rate must be 512, 1200, 2400 bit/s, not {rate}"
    with pytest.raises(ValueError, match=words):
        pocsag.airtime_s(1, rate)
    with pytest.raises(ValueError, match=words):
        pocsag.audio(b"\x01", rate)
    with pytest.raises(ValueError, match=words):
        pocsag.encode_file(8, 3, rate, "A")


def test_an_unknown_table() -> None:
    with pytest.raises(ValueError, match="unknown code table 'x'"):
        pocsag.encode_file(8, 3, 1200, "A", charset="x")


def test_what_keeps_a_pager_from_being_called() -> None:
    assert pocsag.pager_problems(Pager(name="p", address="1234567")) == ()
    problems = pocsag.pager_problems(
        Pager(name="p", address="A5C3E4", rate=300, charset="cp866", function=9)
    )
    assert len(problems) == 3
    assert problems[0] == "the RIC must be a number from 0 to 2097151, not 'A5C3E4'"
    for address in ("", "-1", "2097152", "１２", "1 2"):
        assert pocsag.pager_problems(Pager(name="p", address=address))
    (problem,) = pocsag.pager_problems(Pager(name="p", address="8", function=9))
    assert problem == "the function must be from 0 to 3, not 9"


@pytest.mark.parametrize(("rate", "seconds"), [(512, 2.19), (1200, 0.93), (2400, 0.47)])
def test_airtime_of_one_batch(rate: int, seconds: float) -> None:
    assert pocsag.airtime_s(1, rate) == pytest.approx(seconds, abs=0.005)
    assert pocsag.airtime_s(3, rate) - pocsag.airtime_s(1, rate) == pytest.approx(2 * 544 / rate)


@pytest.mark.parametrize("rate", pocsag.RATES)
def test_bits_never_drift_from_their_time(rate: int) -> None:
    stream = bytes((1, 0) * 20000)
    sound = pocsag.audio(stream, rate)
    samples = [
        int.from_bytes(sound[at : at + 2], "little", signed=True) for at in range(0, len(sound), 2)
    ]
    assert set(samples) == {samples[0], -samples[0]}
    assert samples[0] < 0  # a 1 is the lower frequency
    edges = [at for at, (one, two) in enumerate(pairwise(samples), start=1) if one != two]
    assert len(edges) == len(stream) - 1
    for number, edge in enumerate(edges, start=1):
        assert abs(edge - number * 22050 / rate) < 1
