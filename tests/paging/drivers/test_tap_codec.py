import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paging.drivers.tap_codec import (
    Answer,
    AnswerParser,
    Sign,
    blocks,
    checksum,
    codes,
    describe,
    is_positive,
    version,
)
from gateway.simulator.tap_dialogue import TapDialogue

SEVEN_BIT = st.text(st.characters(min_codepoint=0, max_codepoint=0x7F))
CONVERSATION = (
    b"Banner\r\nID=\r110 1.8\r114 Hello\r\x06\r\x1b[p\r514 Again\r\x15\r511 No\r\x1e\r"
    b"\x06\r115 Bye\r\x1b\x04\r"
)
TAKEN_APART = [
    Answer(Sign.TEXT, "Banner"),
    Answer(Sign.PROMPT),
    Answer(Sign.TEXT, "110 1.8"),
    Answer(Sign.TEXT, "114 Hello"),
    Answer(Sign.ACK),
    Answer(Sign.GO_AHEAD),
    Answer(Sign.TEXT, "514 Again"),
    Answer(Sign.NAK),
    Answer(Sign.TEXT, "511 No"),
    Answer(Sign.REJECT),
    Answer(Sign.ACK),
    Answer(Sign.TEXT, "115 Bye"),
    Answer(Sign.DISCONNECT),
]


def test_the_checksum_of_the_specification() -> None:
    assert checksum(b"\x02123\rABC\r\x03") == b"17;"
    assert blocks(("123", "ABC")) == (b"\x02123\rABC\r\x0317;\r",)


def test_the_checksum_keeps_twelve_bits_of_seven_bit_values() -> None:
    assert checksum(b"\xff" * 40) == checksum(b"\x7f" * 40) == b"3=8"  # 5080 = 0x13D8


def test_an_empty_field_still_ends_in_cr() -> None:
    assert blocks(("7", ""))[0].startswith(b"\x027\r\r\x03")


def test_etb_after_a_complete_field_and_us_within_one() -> None:
    sent = blocks(("123", "abcdef"), limit=4)

    assert [block[1:-5] for block in sent] == [b"123\r", b"abcd", b"ef\r"]
    assert [block[-5] for block in sent] == [0x17, 0x1F, 0x03]


def test_an_escaped_character_is_never_torn() -> None:
    assert [block[1:-5] for block in blocks(("1", "\n\n"), limit=3)] == [
        b"1\r",
        b"\x1aJ",
        b"\x1aJ\r",
    ]


@pytest.mark.parametrize("limit", [1, 251])
def test_a_block_cannot_hold_more_or_less(limit: int) -> None:
    with pytest.raises(ValueError, match="2 to 250"):
        blocks(("1", "a"), limit=limit)


def test_what_seven_bits_or_an_old_terminal_cannot_hold() -> None:
    assert blocks(("1", "né\n"), transparent=False)[0][1:-5] == b"1\rn? \r"
    assert blocks(("1", "\x11\x7f"))[0][1:-5] == b"1\r\x1aQ\x7f\r"


@given(pager=SEVEN_BIT, text=SEVEN_BIT, limit=st.integers(2, 250))
def test_a_terminal_reads_back_every_seven_bit_text(pager: str, text: str, limit: int) -> None:
    taken: list[tuple[str, str]] = []
    terminal = TapDialogue(lambda *page: taken.append(page))
    terminal.feed(b"\r\x1bPG1\r")

    answers = [terminal.feed(block) for block in blocks((pager, text), limit=limit)]

    assert taken == [(pager, text)]
    assert set(answers) == {b"211 Page accepted\r\x06\r"}


def test_a_conversation_is_taken_apart() -> None:
    assert AnswerParser().feed(CONVERSATION) == TAKEN_APART


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=8))
def test_it_does_not_matter_where_the_bytes_are_torn(cuts: list[int]) -> None:
    parser = AnswerParser()
    edges = [0, *sorted(cuts), len(CONVERSATION)]
    pieces = [CONVERSATION[a:b] for a, b in pairwise(edges)]

    assert [answer for piece in pieces for answer in parser.feed(piece)] == TAKEN_APART


@pytest.mark.parametrize(
    ("heard", "answers"),
    [
        (b"ID=", [Answer(Sign.PROMPT)]),
        (b"Welcome ID=", [Answer(Sign.PROMPT, "Welcome ")]),
        (b"\r\x06\r", [Answer(Sign.ACK)]),
        (b"\x06\r", [Answer(Sign.ACK)]),
        (b"Thanks\x06\r", [Answer(Sign.TEXT, "Thanks"), Answer(Sign.ACK)]),
        (b"a\r\nb\n\rc\n", [Answer(Sign.TEXT, line) for line in "abc"]),
        (b"\x86\x8d", [Answer(Sign.ACK)]),  # parity left on by an 8N1 setting
        (b"\x1b\x1b[p", [Answer(Sign.GO_AHEAD)]),
        (b"\x1b[\x06", [Answer(Sign.ACK)]),
        (b"\x1b[P\r", [Answer(Sign.TEXT, "P")]),
        (b"\x00\x05\x13", []),
    ],
)
def test_the_habits_of_terminals(heard: bytes, answers: list[Answer]) -> None:
    assert AnswerParser().feed(heard) == answers


def test_only_the_end_of_an_endless_line_is_kept() -> None:
    parser = AnswerParser()

    (prompt,) = parser.feed(b"x" * 10_000 + b"ID=")

    assert prompt.sign is Sign.PROMPT
    assert len(prompt.text) <= AnswerParser.LONGEST_LINE


def test_a_million_bytes_of_noise_leave_it_listening() -> None:
    parser = AnswerParser()
    parser.feed(random.Random(18).randbytes(1_000_000))

    assert parser.feed(b"\r211 Page accepted\r\x06\r")[-2:] == [
        Answer(Sign.TEXT, "211 Page accepted"),
        Answer(Sign.ACK),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["511 Invalid Pager ID"], "511 unknown pager id"),
        (["114 Welcome", "509 No"], "509 wrong password"),
        (["110 1.8", "114 Hi"], "110 TAP version 1.8; 114 welcome"),
        (["517 80 character maximum, message rejected."], "517 text longer than the limit 80"),
        (["214"], "214 text truncated to the limit and accepted"),
        (["599 Ask the operator"], "599 Ask the operator"),
        (["THANK YOU", " 980 pages today"], "THANK YOU; 980 pages today"),
        (["514 a", "514 b"], "514 checksum error"),
        ([], ""),
    ],
)
def test_codes_become_words(lines: list[str], words: str) -> None:
    assert describe(lines) == words


def test_a_description_stays_short() -> None:
    assert len(describe([f"{number} " + "x" * 50 for number in range(520, 590)])) <= 200


def test_codes_and_what_only_looks_like_one() -> None:
    assert codes(["211 Sent", "2110 Main St", " 511 indented", "911 Emergency", "516"]) == (
        211,
        516,
    )


@pytest.mark.parametrize(
    ("lines", "positive"),
    [
        (["211 Page accepted"], True),
        (["211 Page accepted", "115 Bye"], True),
        (["213 Held", "511 Unknown"], False),
        (["115 Bye"], False),
        (["Page accepted"], False),
    ],
)
def test_whether_it_was_done(lines: list[str], positive: bool) -> None:
    assert is_positive(lines) is positive


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["114 Hi", "110 1.8"], (1, 8)),
        (["110 1.10 "], (1, 10)),
        (["110 soon"], None),
        (["TAP 1.8"], None),
    ],
)
def test_the_version_a_terminal_names(lines: list[str], named: tuple[int, int] | None) -> None:
    assert version(lines) == named
