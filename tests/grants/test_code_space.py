"""A million wrong codes, and every slip of a finger there is: none is taken."""

import itertools
import random
from collections import Counter
from unittest import mock

import pytest

from gateway.errors import Refused
from gateway.grants import crockford
from gateway.grants.codes import LENGTH, Codes, shown

CODES = Codes(bytes(range(32)), "box-1")
HALF = 500_000
ISSUED = 200


@pytest.fixture(scope="module")
def issued() -> list[str]:
    """Codes that customers hold, the same in every run, as they are typed without their dashes."""
    with mock.patch("secrets.randbits", random.Random(7).getrandbits):
        return [CODES.new().replace("-", "") for _ in range(ISSUED)]


def heard(typed: str) -> str:
    try:
        CODES.parse(typed)
    except Refused as refusal:
        return refusal.code
    return "taken"


def mutated(code: str, chance: random.Random) -> str:
    """Two to four places changed: one alone never passes the check."""
    symbols = list(code)
    for place in chance.sample(range(LENGTH), chance.randint(2, 4)):
        symbols[place] = chance.choice(crockford.ALPHABET.replace(symbols[place], ""))
    return "".join(symbols)


def test_of_a_million_random_and_mutated_codes_none_is_accepted(issued: list[str]) -> None:
    chance = random.Random(11)
    symbols = crockford.ALPHABET
    answers = Counter(heard("".join(chance.choices(symbols, k=LENGTH))) for _ in range(HALF))
    answers += Counter(heard(mutated(chance.choice(issued), chance)) for _ in range(HALF))
    assert answers.keys() == {"mistyped", "foreign_shop", "forged"}
    assert answers["forged"] > HALF // 100  # the MAC alone refused these
    assert answers.total() == 2 * HALF


def test_every_single_wrong_symbol_is_a_slip(issued: list[str]) -> None:
    answers = Counter(
        heard(code[:place] + symbol + code[place + 1 :])
        for code in issued
        for place, symbol in itertools.product(range(LENGTH), crockford.ALPHABET)
        if symbol != code[place]
    )
    assert answers == {"mistyped": ISSUED * LENGTH * (len(crockford.ALPHABET) - 1)}


def test_every_swap_of_neighbours_is_a_slip(issued: list[str]) -> None:
    swapped = [
        code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        for code in issued
        for place in range(LENGTH - 1)
        if code[place] != code[place + 1]
    ]
    assert len(swapped) > ISSUED * (LENGTH - 2)
    assert {heard(typed) for typed in swapped} == {"mistyped"}


def test_what_is_issued_is_taken(issued: list[str]) -> None:
    assert {heard(code) for code in issued} == {"taken"}
    assert CODES.parse(issued[0]) == shown(issued[0])
