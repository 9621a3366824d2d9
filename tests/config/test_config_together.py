"""What single keys cannot say: whether a file is good as a whole."""

import pytest

from gateway.config.check import check
from tests.config.good_file import GOOD, TAP

MMDVM = 'driver = "mmdvm"\nport = "/dev/serial/by-id/one"\nfrequency_hz = 433920000'
ESPA = 'driver = "espa"\nport = "/dev/serial/by-id/one"'


@pytest.mark.parametrize(
    ("address", "driver", "key", "words"),
    [
        ("2097152", MMDVM, "address", "0 to 2097151"),
        ("12a", MMDVM, "address", "capcode"),
        ("٣", MMDVM, "address", "capcode"),
        ("12345678901234567", ESPA, "address", "at most 16 characters"),
        ("№1", ESPA, "address", "ASCII"),
    ],
)
def test_an_address_fits_its_driver(address: str, driver: str, key: str, words: str) -> None:
    text = GOOD.replace(TAP, driver).replace('address = "101"', f'address = "{address}"')
    _, problems, _ = check(text)
    assert [problem.where for problem in problems] == [f'pagers[0].{key} (name "wrist-1")']
    assert words in problems[0].right


def test_an_mmdvm_hat_has_one_rate() -> None:
    text = GOOD.replace(TAP, MMDVM).replace('address = "101"', 'address = "101"\nrate = 512')
    _, problems, _ = check(text)
    assert [problem.where for problem in problems] == ['pagers[0].rate (name "wrist-1")']


@pytest.mark.parametrize(
    ("name", "address", "where", "words"),
    [
        ("wavewar", "101", "transmitters[0].template", 'did you mean "waveware"'),
        ("mine.toml", "101", "transmitters[0].template", "an absolute path"),
        ("waveware", "x y", "pagers[0].address", 'for transmitter "main"'),
    ],
)
def test_a_template_is_there_and_takes_the_address(
    name: str, address: str, where: str, words: str
) -> None:
    driver = f'driver = "template"\nport = "/dev/serial/by-id/one"\ntemplate = "{name}"'
    text = GOOD.replace(TAP, driver).replace('address = "101"', f'address = "{address}"')
    _, problems, _ = check(text)
    assert [problem.where.split(" ")[0] for problem in problems] == [where]
    assert words in problems[0].right


def test_an_ev1527_transmitter_is_of_a_known_make() -> None:
    driver = 'driver = "ev1527"\nport = "/dev/serial/by-id/one"\nhardware = "rfxtrx"'
    text = GOOD.replace(TAP, driver).replace('address = "101"', 'address = "A5C3E4"')
    _, problems, _ = check(text)
    assert [problem.where for problem in problems] == ['transmitters[0].hardware (name "main")']
    assert 'did you mean "rfxtrx433"' in problems[0].right


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("pagers", ["pagers", 'staff[0].pager (name "counter-1")']),
        ("transmitters", ["transmitters", 'pagers[0].transmitter (name "wrist-1")']),
        ("staff", ["staff"]),
    ],
)
def test_a_button_that_pages_needs_all_the_way(table: str, where: list[str]) -> None:
    parts = GOOD.split("\n\n")
    text = "\n\n".join(part for part in parts if not part.startswith(f"[[{table}]]"))
    _, problems, _ = check(text)
    assert [problem.where for problem in problems] == where
    assert 'button "exit-red" pages' in problems[0].right


def test_a_box_that_only_counts_needs_no_pager() -> None:
    parts = GOOD.replace('kind = "unhappy"', 'kind = "neutral"').split("\n\n")
    paging = ("[[pagers]]", "[[transmitters]]", "[[staff]]")
    _, problems, _ = check("\n\n".join(part for part in parts if not part.startswith(paging)))
    assert problems == []


def test_a_key_in_place_of_a_table() -> None:
    text = "access = 5\n" + GOOD.replace("[access]\nlockout_after = 5\n", "")
    _, problems, _ = check(text)
    assert [(problem.where, problem.found, problem.line) for problem in problems] == [
        ("access", "5", 1)
    ]


def test_an_empty_ladder() -> None:
    steps = GOOD[GOOD.index("[[ladder.steps]]") : GOOD.index("[[transmitters]]")]
    _, problems, _ = check(GOOD.replace(steps, "steps = []\n"))
    assert [problem.where for problem in problems] == ["ladder.steps"]


def test_a_broken_table_makes_no_noise_elsewhere() -> None:
    """A pager that cannot be understood is not also unknown to the staff who wear it."""
    _, problems, _ = check(GOOD.replace('address = "101"', "address = 101"))
    assert [problem.where for problem in problems] == ['pagers[0].address (name "wrist-1")']
