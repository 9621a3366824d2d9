"""POCSAG: from a text to codewords, batches, bits and sound. Pure, and no radio in it.

Source of the protocol facts: Recommendation ITU-R M.584-2, "Codes and formats for radio paging",
annex 1 (radiopaging code no. 1). A transmission is a preamble of alternating bits, then batches:
a synchronisation codeword and eight frames of two codewords. A pager listens in one frame only,
the one its address ends in.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.config import Pager
from gateway.paging import charsets

RATES: Final = (512, 1200, 2400)
MAX_RIC: Final = 0x1FFFFF
FUNCTIONS: Final = range(4)
SYNC: Final = 0x7CD215D8
IDLE: Final = 0x7A89C197
PREAMBLE_BITS: Final = 576
BATCH_WORDS: Final = 16
BATCH_BITS: Final = 32 * (BATCH_WORDS + 1)
SAMPLE_RATE: Final = 22050

_GENERATOR: Final = 0x769  # BCH(31,21)
_DATA_BITS: Final = 20
_NUMERIC_CODES: Final = {char: code for code, char in enumerate("0123456789*U -)(")}
_NUMERIC_FILL: Final = _NUMERIC_CODES[" "]
_LEVEL: Final = 12000  # of the 16-bit samples; well clear of clipping

Batch = tuple[int, ...]


class Call(msgspec.Struct, frozen=True):
    """One message on the air.

    Attributes:
        address: The address codeword.
        frame: The frame it has to stand in, 0–7.
        words: The message codewords that follow it; none for a tone alone.
    """

    address: int
    frame: int
    words: tuple[int, ...]


def ric_of(address: str) -> int:
    """The RIC (capcode) that a pager's `address` names.

    Raises:
        ValueError: It is no number from 0 to 2097151.
    """
    digits = address.strip()
    if not (digits.isascii() and digits.isdigit()) or int(digits) > MAX_RIC:
        raise ValueError(f"the RIC must be a number from 0 to {MAX_RIC}, not {address!r}")
    return int(digits)


def pager_problems(pager: Pager) -> tuple[str, ...]:
    """What keeps a pager from being called by POCSAG, in words; empty when nothing does."""
    problems = []
    try:
        address_word(ric_of(pager.address), pager.pocsag_function)
    except ValueError as error:
        problems.append(str(error))
    if pager.rate not in RATES:
        problems.append(_rate_problem(pager.rate))
    try:
        charsets.table(pager.charset)
    except ValueError as error:
        problems.append(str(error))
    return tuple(problems)


def codeword(information: int) -> int:
    """21 information bits with their ten BCH(31,21) check bits and the even parity bit."""
    remainder = information << 10
    for bit in range(30, 9, -1):
        if remainder >> bit & 1:
            remainder ^= _GENERATOR << (bit - 10)
    word = (information << 10 | remainder) << 1
    return word | word.bit_count() & 1


def address_word(ric: int, function: int) -> int:
    """The codeword that calls a pager.

    Raises:
        ValueError: RIC or function are out of range, or would look like an idle or a
            synchronisation codeword on the air.
    """
    if not 0 <= ric <= MAX_RIC:
        raise ValueError(f"the RIC must be from 0 to {MAX_RIC}, not {ric}")
    if function not in FUNCTIONS:
        raise ValueError(f"the function must be from 0 to 3, not {function}")
    word = codeword(ric >> 3 << 2 | function)
    if word in (IDLE, SYNC):
        raise ValueError(f"RIC {ric} with function {function} is reserved: it is no pager's")
    return word


def alphanumeric_words(codes: bytes) -> tuple[int, ...]:
    """Message codewords of 7-bit code values, each sent with its low bit first, zero padded."""
    return _message_words("".join(f"{code:07b}"[::-1] for code in codes), fill="0")


def numeric_words(text: str) -> tuple[int, ...]:
    """Message codewords of a text of `0-9 * U space - ) (`; anything else goes as `-`."""
    codes = (_NUMERIC_CODES[char] for char in charsets.displayable(text, charsets.NUMERIC))
    return _message_words("".join(f"{code:04b}"[::-1] for code in codes), fill="0011")


def call(ric: int, function: int, text: str, charset: str = charsets.LATIN) -> Call:
    """One message for one pager; the `numeric` table sends 4-bit digits, all others 7 bits.

    Raises:
        ValueError: RIC, function or code table are not possible.
    """
    address = address_word(ric, function)
    if charset == charsets.NUMERIC:
        words = numeric_words(text)
    else:
        words = alphanumeric_words(charsets.encode(text, charset))
    return Call(address, ric & 7, words)


def batches(calls: Sequence[Call]) -> tuple[Batch, ...]:
    """Batches of 16 codewords, without their synchronisation word, that carry all calls in order.

    An idle codeword ends every message, so that a pager neither waits for more of it nor takes
    what comes next for a part of it.
    """
    stream: list[int] = []
    for each in calls:
        while len(stream) % BATCH_WORDS // 2 != each.frame:
            stream.append(IDLE)
        stream += [each.address, *each.words, IDLE]
    stream += [IDLE] * (-len(stream) % BATCH_WORDS)
    return tuple(tuple(stream[at : at + BATCH_WORDS]) for at in range(0, len(stream), BATCH_WORDS))


def batch_bytes(batch: Batch) -> bytes:
    """A batch as it goes on the air: synchronisation word and 16 codewords, 68 bytes."""
    return b"".join(word.to_bytes(4, "big") for word in (SYNC, *batch))


def bits(transmission: Sequence[Batch]) -> bytes:
    """Every bit of a transmission, preamble first: one byte, 0 or 1, for each."""
    preamble = b"\x01\x00" * (PREAMBLE_BITS // 2)
    body = b"".join(batch_bytes(batch) for batch in transmission)
    return preamble + bytes(byte >> shift & 1 for byte in body for shift in range(7, -1, -1))


def airtime_s(batch_count: int, rate: int) -> float:
    """How long a transmission takes, preamble included.

    Raises:
        ValueError: No such rate.
    """
    if rate not in RATES:
        raise ValueError(_rate_problem(rate))
    return (PREAMBLE_BITS + batch_count * BATCH_BITS) / rate


def audio(stream: bytes, rate: int) -> bytes:
    """The demodulated signal: 22050 Hz, signed 16-bit little-endian, mono, no header.

    A 1 is the lower frequency, so the negative level. Each bit ends less than a sample from its
    true end, however long the message: the rates do not divide 22050, and nothing adds up.

    Raises:
        ValueError: No such rate.
    """
    if rate not in RATES:
        raise ValueError(_rate_problem(rate))
    levels = (
        _LEVEL.to_bytes(2, "little", signed=True),
        (-_LEVEL).to_bytes(2, "little", signed=True),
    )
    ends = [at * SAMPLE_RATE // rate for at in range(len(stream) + 1)]
    return b"".join(
        levels[bit] * (end - start) for bit, start, end in zip(stream, ends, ends[1:], strict=False)
    )


def encode_file(
    ric: int,
    function: int,
    rate: int,
    text: str,
    *,
    numeric: bool = False,
    charset: str = charsets.LATIN,
) -> bytes:
    """One message as a sound file without header, to be decoded or played into a transmitter.

    `multimon-ng -q -t raw -a POCSAG1200 -f alpha FILE` shows what is in it. There is no silence
    after the message: some decoders read phantom addresses out of silence.

    Raises:
        ValueError: RIC, function, rate or code table are not possible.
    """
    message = call(ric, function, text, charsets.NUMERIC if numeric else charset)
    return audio(bits(batches([message])), rate)


def _message_words(stream: str, fill: str) -> tuple[int, ...]:
    """Codewords of 20 bits each; the last is filled up with as many `fill` as it takes."""
    stream += fill * (-len(stream) % _DATA_BITS // len(fill))
    return tuple(
        codeword(1 << _DATA_BITS | int(stream[at : at + _DATA_BITS], 2))
        for at in range(0, len(stream), _DATA_BITS)
    )


def _rate_problem(rate: int) -> str:
    return f"the rate must be {', '.join(map(str, RATES))} bit/s, not {rate}"
