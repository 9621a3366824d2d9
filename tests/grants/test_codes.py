"""Codes: what a slip of the finger, a stranger and a forger get to hear."""

import random
import secrets
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refused
from gateway.grants import crockford
from gateway.grants.codes import LENGTH, Codes, shown

KEY = bytes(range(32))
CODES = Codes(KEY, "box-1")

with mock.patch("secrets.randbits", random.Random(7).getrandbits):
    issued = st.sampled_from([CODES.new() for _ in range(300)])
places = st.integers(0, LENGTH - 1)
symbols = st.sampled_from(crockford.ALPHABET)


def plain(code: str) -> str:
    return code.replace("-", "")


def why_not(typed: str, codes: Codes = CODES) -> str:
    with pytest.raises(Refused) as refused:
        codes.parse(typed)
    assert str(refused.value)
    return refused.value.code


def test_a_code_is_twelve_plain_symbols_in_three_groups() -> None:
    made = [CODES.new() for _ in range(500)]
    for code in made:
        assert [len(group) for group in code.split("-")] == [4, 4, 4]
        assert set(plain(code)) <= set(crockford.ALPHABET)
        assert CODES.parse(code) == code
    assert len(set(made)) == len(made)
    assert len({code[:2] for code in made}) == 1  # the shop's


@given(issued, places, symbols)
def test_every_wrong_symbol_is_a_slip(code: str, place: int, symbol: str) -> None:
    typed = plain(code)
    wrong = typed[:place] + symbol + typed[place + 1 :]
    if wrong == typed:
        assert CODES.parse(wrong) == code
    else:
        assert why_not(wrong) == "mistyped"


@given(issued, st.integers(0, LENGTH - 2))
def test_every_swap_of_neighbours_is_a_slip(code: str, place: int) -> None:
    typed = plain(code)
    wrong = typed[:place] + typed[place + 1] + typed[place] + typed[place + 2 :]
    if wrong == typed:
        assert CODES.parse(wrong) == code
    else:
        assert why_not(wrong) == "mistyped"


@given(issued, places)
def test_a_symbol_too_few_or_too_many_is_a_slip(code: str, place: int) -> None:
    typed = plain(code)
    assert why_not(typed[:place] + typed[place + 1 :]) == "mistyped"
    assert why_not(typed[:place] + typed[place] + typed[place:]) == "mistyped"


def test_no_random_code_is_taken() -> None:
    heard = {"mistyped": 0, "foreign_shop": 0, "forged": 0}
    for _ in range(100_000):
        try:
            taken = CODES.parse(shown(crockford.random(LENGTH)))
        except Refused as refusal:
            heard[refusal.code] += 1
        else:
            pytest.fail(f"{taken} was taken")
    assert heard["mistyped"] > 95_000  # 36 of 37
    assert heard["foreign_shop"] > 1_000


def test_a_code_made_without_the_key_is_forged() -> None:
    forger = Codes(secrets.token_bytes(32), "box-1")
    assert {why_not(forger.new()) for _ in range(2_000)} == {"forged"}


def test_another_shops_code_is_said_to_be_one() -> None:
    elsewhere = Codes(KEY, "box-2")
    code = elsewhere.new()
    assert elsewhere.parse(code) == code
    assert why_not(code) == "foreign_shop"


@given(issued, st.data())
def test_what_people_type_for_a_code_is_that_code(code: str, data: st.DataObject) -> None:
    meant = {"0": "0OoОо", "1": "1IiLl", "A": "AaАа", "B": "BВ", "C": "CcСс", "E": "EеЕ"}
    meant |= {"H": "HН", "K": "KК", "M": "MМ", "P": "PpРр", "T": "TtТт", "X": "XхХ"}
    gaps = st.sampled_from(["", " ", "-", "–", "\u00a0", "\n"])
    typed = "".join(
        data.draw(st.sampled_from(meant.get(symbol, symbol + symbol.lower()))) + data.draw(gaps)
        for symbol in plain(code)
    )
    assert CODES.parse(typed) == code


@given(st.text(max_size=40))
def test_any_text_at_all_is_answered(typed: str) -> None:
    assert why_not(typed) in {"mistyped", "foreign_shop", "forged"}


@given(st.integers(0, 2**60 - 1))
def test_numbers_and_symbols_turn_into_each_other(number: int) -> None:
    assert crockford.decode(crockford.encode(number, 12)) == number


@pytest.mark.parametrize("text", ["U", "0 1", "o", "é"])
def test_what_is_no_symbol_is_not_decoded(text: str) -> None:
    with pytest.raises(ValueError, match="is in no code"):
        crockford.decode(text)
