"""Customers and security in gateway.toml: what is wrong is said before anybody stands there."""

from pathlib import Path

import pytest

from gateway.config.check import check, format_problem

EXAMPLE = (Path(__file__).parents[2] / "docs" / "gateway.example.toml").read_text()


def problems(old: str, new: str) -> list[str]:
    assert EXAMPLE.count(old) == 1
    _, found, _ = check(EXAMPLE.replace(old, new))
    return [format_problem(each) for each in found]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('keep = "hash"', 'keep = "hush"', 'one of "hash", "plain"'),
        ("keep_days = 90", "keep_days = 0", "from 1 to 3650 days"),
        ('country = "7"', 'country = "+7"', "without the +"),
        ('trunk = "8"', 'trunk = "8-"', "at most 3 digits"),
        ("national_digits = 10", "national_digits = 3", "from 4 to 14"),
        ("pattern = '29[0-9]{11}'", "pattern = '29[0-9'", "a regular expression"),
        ('account = "card:{0}"', 'account = "card:{1}"', "up to {0}"),
        ('account = "phone:{0}"', 'account = "phone"', "one account for everybody"),
        ('name = "phone"', 'name = "card"', "a name of its own"),
    ],
)
def test_customers(old: str, new: str, said: str) -> None:
    (problem,) = problems(old, new)
    assert said in problem


@pytest.mark.parametrize(
    ("security", "said"),
    [
        ('to = ["guards"]', '"staff:NAME"'),
        ('to = ["staff:nobody"]', "someone of the staff with a pager"),
        ('text = { ru = "{where}", en = "x" }', "{where} is not known"),
    ],
)
def test_security(security: str, said: str) -> None:
    (problem,) = problems("[customers]\n", f"[security]\n{security}\n\n[customers]\n")
    assert said in problem
