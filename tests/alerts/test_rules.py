"""Rules over smileys, held against a slow and obvious oracle."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts import score
from gateway.alerts.found import alert_of
from gateway.alerts.rules import Found, Patterns
from gateway.clock import Stamp
from gateway.config.alert_rules import LowIndex, Pattern, RedsInARow, UnhappyShare
from gateway.events import Pressed, Record
from gateway.model import ButtonKind, Press, PressFlag
from tests.alerts.two_zones import box, press, pressed, recorded, stamp


def told(found: Iterable[Found]) -> list[str]:
    return [f"{each.zone}: {each.words.en}" for each in found]


def play(rule: Pattern, presses: str, *, zone: str = "hall", every_s: float = 10) -> list[str]:
    """What is told of presses by the last letters of their names, one after another."""
    patterns = Patterns(box(rule), stamp(0))
    found: list[Found] = []
    for number, key in enumerate(presses, 1):
        found += patterns.press(press(f"{zone}-{key}"), stamp(number * every_s))
    return told(found)


def test_the_index_is_that_of_the_published_examples() -> None:
    kinds = [ButtonKind(kind) for kind in ("very_happy", "happy", "unhappy", "very_unhappy")]
    four = [
        score.tenths(kind, of_five=False)
        for kind, count in zip(kinds, (126, 60, 16, 17), strict=True)
        for _ in range(count)
    ]
    assert round(score.happy_index(four)) == 78
    kinds.insert(2, ButtonKind.NEUTRAL)
    five = [
        score.tenths(kind, of_five=True)
        for kind, count in zip(kinds, (51, 23, 12, 2, 4), strict=True)
        for _ in range(count)
    ]
    assert round(score.happy_index(five)) == 81


@pytest.mark.parametrize(
    ("rule", "presses", "said"),
    [
        (UnhappyShare(name="r"), "ddd", []),
        (UnhappyShare(name="r"), "dddd", ["hall: 4 of 4 unhappy"]),
        (UnhappyShare(name="r"), "aacd", ["hall: 2 of 4 unhappy"]),
        (UnhappyShare(name="r"), "aaacd", []),
        (UnhappyShare(name="r", share=1), "adddd", []),
        (RedsInARow(name="r"), "cdadc", []),
        (RedsInARow(name="r"), "acdc", ["hall: 3 unhappy in a row"]),
        (LowIndex(name="r", least=4), "bbcc", []),  # (66.7 + 33.3) / 2 is not below 50
        (LowIndex(name="r", least=4), "bbcd", ["hall: index 42 of 4"]),
        (LowIndex(name="r", least=5), "bbcd", []),
    ],
)
def test_what_is_found(rule: Pattern, presses: str, said: list[str]) -> None:
    assert play(rule, presses) == said


def test_a_panel_with_a_neutral_button_has_the_scale_of_five() -> None:
    assert play(LowIndex(name="r", least=2, below=38), "bd", zone="till") == ["till: index 38 of 2"]
    assert play(LowIndex(name="r", least=2, below=34), "bd", zone="hall") == ["hall: index 33 of 2"]


def test_presses_leave_the_window() -> None:
    rule = RedsInARow(name="r", window_s=30)
    assert play(rule, "ddd", every_s=14) == ["hall: 3 unhappy in a row"]
    assert play(rule, "ddddd", every_s=15) == []


def test_one_pattern_alerts_once_and_again_when_it_has_cooled_down() -> None:
    rule = RedsInARow(name="r", cooldown_s=60)
    assert len(play(rule, "ddd" + "ddd")) == 1
    assert len(play(rule, "ddd" + "dddddd")) == 2  # the 9th comes 60 s after the 3rd
    # What was told of is not told of again, even if all of it is still in the window.
    assert len(play(rule, "ddd" + "aaaaaa" + "dd")) == 1


def test_each_zone_and_each_rule_for_itself() -> None:
    config = box(
        RedsInARow(name="both", count=2),
        RedsInARow(name="till", count=2, zones=("till",)),
        RedsInARow(name="none", count=2, zones=("till",), panels=("hall",)),
    )
    patterns = Patterns(config, stamp(0))
    found = []
    for second, name in enumerate(("hall-c", "till-c", "hall-d", "till-d")):
        found += patterns.press(press(name), stamp(second))
    assert [(each.rule.name, each.zone) for each in found] == [
        ("both", "hall"),
        ("both", "till"),
        ("till", "till"),
    ]


def test_what_does_not_count_does_not_count() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2)), stamp(0))
    assert patterns.press(press("hall-d"), stamp(1)) == []
    assert patterns.press(press("hall-d", PressFlag.REPEAT), stamp(2)) == []
    assert patterns.press(press("hall-a", PressFlag.COMPENSATING), stamp(3)) == []
    assert patterns.press(press("hall-call"), stamp(4)) == []
    assert told(patterns.press(press("hall-d"), stamp(5))) == ["hall: 2 unhappy in a row"]


def test_a_button_that_is_not_configured_any_more_says_nothing() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2)), stamp(0))
    gone = Press("gone", ButtonKind.VERY_UNHAPPY, "hall")
    assert patterns.press(gone, stamp(1)) + patterns.press(gone, stamp(2)) == []


def test_a_press_that_is_told_late_counts() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2, window_s=10)), stamp(0))
    patterns.press(press("hall-d"), stamp(9))
    (found,) = patterns.press(press("hall-d"), stamp(8))
    assert found.at == stamp(8)


Moves = list[tuple[int, str, bool]]
MOVES = st.lists(
    st.tuples(
        st.integers(0, 30),
        # Mostly the hall, so that a run of presses there has many to find something in.
        st.sampled_from([*(f"hall-{key}" for key in "abccdd"), "till-d", "till-n", "hall-call"]),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=10,
    max_size=60,
)
PRESS_RULES: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        UnhappyShare,
        name=st.just("r"),
        share=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
        window_s=st.sampled_from([30.0, 120.0]),
        least=st.integers(1, 5),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
    st.builds(
        RedsInARow,
        name=st.just("r"),
        count=st.integers(2, 4),
        window_s=st.sampled_from([30.0, 120.0]),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
    st.builds(
        LowIndex,
        name=st.just("r"),
        below=st.sampled_from([30.0, 50.0, 70.0]),
        window_s=st.sampled_from([30.0, 120.0]),
        least=st.integers(1, 5),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
)


def holds(rule: Any, kinds: list[ButtonKind], *, of_five: bool) -> bool:
    """A rule's meaning, said once more in other words."""
    reds = [kind in (ButtonKind.UNHAPPY, ButtonKind.VERY_UNHAPPY) for kind in kinds]
    if isinstance(rule, UnhappyShare):
        return len(kinds) >= rule.least and bool(reds.count(True) / len(kinds) >= rule.share)
    if isinstance(rule, RedsInARow):
        return len(reds) >= rule.count and all(reds[-rule.count :])
    scale = (100, 75, 50, 25, 0) if of_five else (100, 66.7, -1, 33.3, 0)
    points = [scale[list(ButtonKind).index(kind)] for kind in kinds]
    return len(kinds) >= rule.least and bool(round(sum(points) / len(points), 6) < rule.below)


def oracle(rule: Any, moves: Moves) -> list[tuple[int, str]]:
    """(second, zone) of everything that is found, by looking at all presses again each time."""
    found: list[tuple[int, str]] = []
    for zone in ("hall", "till"):
        seen: list[tuple[int, ButtonKind]] = []
        still_until = 0.0
        second = 0
        for wait, name, counts in moves:
            second += wait
            kind = press(name).kind
            if not counts or not name.startswith(zone) or not kind.is_smiley:
                continue
            seen.append((second, kind))
            kinds = [each for at, each in seen if at > second - rule.window_s]
            if second >= still_until and holds(rule, kinds, of_five=zone == "till"):
                found.append((second, zone))
                still_until = second + rule.cooldown_s
                seen = []
    return sorted(found)


def played(rule: Any, moves: Moves, restart_after: int | None = None) -> list[tuple[int, str]]:
    """(second, zone) by the rules themselves, through a restart if that is wanted."""
    config = box(rule)
    patterns = Patterns(config, stamp(0))
    journal: list[Record] = []
    found: list[tuple[int, str]] = []
    second = 0
    for number, (wait, name, counts) in enumerate(moves):
        second += wait
        at = stamp(second)
        if number == restart_after:
            patterns = Patterns(config, at)
            patterns.prime(journal, at)
        done = press(name, None if counts else PressFlag.MASHING)
        journal.append(
            recorded(Pressed(button=name, kind=done.kind, zone=done.zone, flag=done.flag), at)
        )
        for each in patterns.press(done, at):
            journal.append(recorded(alert_of(each, config, "x"), each.at))
            found.append((second, each.zone))
    return sorted(found)


@given(PRESS_RULES, MOVES)
def test_presses_against_the_oracle(rule: Any, moves: Moves) -> None:
    assert played(rule, moves) == oracle(rule, moves)


@given(PRESS_RULES, MOVES, st.integers(0, 60))
def test_a_restart_changes_nothing(rule: Any, moves: Moves, number: int) -> None:
    assert played(rule, moves, restart_after=number) == played(rule, moves)


def primed(records: list[Record], now: Stamp) -> list[str]:
    """What one more red in the hall completes."""
    patterns = Patterns(box(RedsInARow(name="r", window_s=600)), now)
    patterns.prime(records, now)
    return told(patterns.press(press("hall-d"), now))


def test_presses_of_another_boot_count_by_two_right_clocks_only() -> None:
    now = stamp(300, boot="later")
    right = [pressed("hall-d", stamp(100)), pressed("hall-c", stamp(200))]
    assert primed(right, now) == ["hall: 3 unhappy in a row"]
    unsure = [pressed("hall-d", stamp(100, synced=False)), pressed("hall-c", stamp(200))]
    assert primed(unsure, now) == []
    assert primed(right, stamp(300, boot="later", synced=False)) == []
    assert primed(right, stamp(900, boot="later")) == []


def test_what_was_told_before_the_restart_is_still_cooling_down() -> None:
    now = stamp(300)
    config = box(RedsInARow(name="r"))
    before = Patterns(config, stamp(0))
    records = []
    for second in (100, 110, 120):
        records.append(pressed("hall-d", stamp(second)))
        found = before.press(press("hall-d"), stamp(second))
        records += [recorded(alert_of(each, config, "x"), each.at) for each in found]
    patterns = Patterns(config, now)
    patterns.prime(records, now)
    again = [found for n in range(3) for found in patterns.press(press("hall-d"), stamp(301 + n))]
    assert again == []
