"""`[[rules]]` and `[daily_test]`: what is wrong with them is found, at its place, in words."""

import pytest

from gateway.config.alert_rules import LowIndex, RedsInARow, Silence, StandingFault, UnhappyShare
from gateway.config.check import check, format_problem

GOOD = """\
[device]
id = "cafe-1"
[shop]
name = "Cafe"
account = "store-1"
[[buttons]]
name = "red"
pin = 17
kind = "unhappy"
label = { ru = "Плохо", en = "Bad" }
zone = "hall"
panel = "exit"
[[buttons]]
name = "call"
pin = 18
kind = "call"
label = { ru = "Позвать", en = "Call" }
zone = "bar"
panel = "bar"
[[pagers]]
name = "wrist-1"
address = "101"
[[staff]]
name = "Anna"
role = "manager"
pager = "wrist-1"
[[transmitters]]
name = "main"
driver = "tap"
port = "/dev/radio"
[[rules]]
name = "share"
kind = "unhappy_share"
share = 0.5
zones = ["hall"]
[[rules]]
name = "row"
kind = "reds_in_a_row"
to = ["staff:Anna"]
[[rules]]
name = "index"
kind = "low_index"
panels = ["exit"]
[[rules]]
name = "quiet"
kind = "silence"
zones = ["bar"]
[[rules]]
name = "broken"
kind = "fault"
parts = ["transmitter/"]
[daily_test]
at = "08:55"
pagers = ["wrist-1"]
"""

CASES = {
    "unknown_kind": ('"low_index"', '"lowindex"', 'rules[2].kind (name "index")', '"low_index"'),
    "key_of_another": (
        'kind = "fault"', 'kind = "fault"\nshare = 1', 'rules[4].share (name "broken")', "unknown",
    ),
    "percent": ("share = 0.5", "share = 50", 'rules[0].share (name "share")', "from 0.01 to 1"),
    "name_twice": ('name = "row"', 'name = "share"', 'rules[1].name (name "share")', "rules[0]"),
    "unknown_zone": (
        'zones = ["hall"]', 'zones = ["hal"]', 'rules[0].zones (name "share")', '"hall"',
    ),
    "zone_without_a_smiley": (
        'zones = ["hall"]', 'zones = ["bar"]', 'rules[0].zones (name "share")', "this rule: hall",
    ),
    "unknown_panel": (
        '["exit"]', '["entry"]', 'rules[2].panels (name "index")', "a panel with a button",
    ),
    "nothing_in_both": (
        'zones = ["bar"]', 'zones = ["bar"]\npanels = ["exit"]', 'rules[3].kind (name "quiet")',
        "buttons that it can watch",
    ),
    "unknown_person": (
        '"staff:Anna"', '"staff:Ana"', 'rules[1].to (name "row")', 'did you mean "Anna"',
    ),
    "no_manager": (
        'role = "manager"', 'role = "staff"', 'rules[4].to (name "broken")', "no manager has one",
    ),
    "word_for_to": (
        '"staff:Anna"', '"boss"', 'rules[1].to (name "row")', '"zone", "managers", "everyone"',
    ),
    "hour": ('"08:55"', '"8:55"', "daily_test.at", "00:00 to 23:59"),
    "no_hour": ('at = "08:55"\n', "", "daily_test.at", "found nothing"),
    "unknown_pager": (
        'pagers = ["wrist-1"]', 'pagers = ["wrist"]', "daily_test.pagers", 'did you mean "wrist-1"',
    ),
}  # fmt: skip


def test_the_good_file_is_good() -> None:
    config, problems, _ = check(GOOD)
    assert problems == []
    assert config is not None
    assert [type(rule) for rule in config.rules] == [
        UnhappyShare,
        RedsInARow,
        LowIndex,
        Silence,
        StandingFault,
    ]
    assert config.daily_test is not None


def test_without_them_there_are_none() -> None:
    config, _, _ = check(GOOD[: GOOD.index("[[rules]]")])
    assert config is not None
    assert (config.rules, config.daily_test) == ((), None)


@pytest.mark.parametrize(("old", "new", "where", "words"), CASES.values(), ids=CASES)
def test_one_fault_is_one_problem(old: str, new: str, where: str, words: str) -> None:
    assert old in GOOD
    config, problems, _ = check(GOOD.replace(old, new, 1))
    assert config is None
    (problem,) = problems
    assert problem.where == where
    assert words in format_problem(problem)
    assert problem.line is not None


def test_a_rule_and_a_test_need_somebody_with_a_pager() -> None:
    nobody = GOOD.replace('pager = "wrist-1"\n', "").replace('pagers = ["wrist-1"]\n', "")
    nobody = nobody.replace('kind = "unhappy"', 'kind = "neutral"').replace(
        'kind = "call"', 'kind = "happy"'
    )
    config, problems, _ = check(nobody)
    assert config is None
    assert [(each.where, each.found) for each in problems] == [
        ("staff", "nobody with a pager"),
        ("daily_test.pagers", "no pager"),
    ]
