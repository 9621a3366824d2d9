"""The formulas against published examples and against the plainest model there is."""

from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.insights.cases import Cases
from gateway.insights.figures import LEAST, Presses, Tally, bars, figures, percentile
from gateway.insights.messages import Figure
from gateway.model import ButtonKind, PressFlag

FOUR = (ButtonKind.VERY_HAPPY, ButtonKind.HAPPY, ButtonKind.UNHAPPY, ButtonKind.VERY_UNHAPPY)
FIVE = (*FOUR[:2], ButtonKind.NEUTRAL, *FOUR[2:])


def presses(
    kind: ButtonKind,
    count: int = 1,
    *,
    flag: PressFlag | None = None,
    of_five: bool = False,
    hour: int = 0,
    zone: str = "hall",
) -> Presses:
    return Presses(
        hour=hour,
        weekday=0,
        zone=zone,
        point="exit",
        kind=kind,
        flag=flag,
        of_five=of_five,
        count=count,
    )


def nothing() -> Cases:
    return Cases(0, 1, {})


def by_name(tally: Tally, cases: Cases, least: int = LEAST) -> dict[str, Figure]:
    return {each.name: each for each in figures(tally, cases, (0, 0), least)}


@pytest.mark.parametrize(
    ("kinds", "counts", "index"),
    [(FOUR, (126, 60, 16, 17), 78), (FIVE, (51, 23, 12, 2, 4), 81)],
    ids=["four buttons", "five buttons"],
)
def test_the_published_examples_come_out(
    kinds: tuple[ButtonKind, ...], counts: tuple[int, ...], index: int
) -> None:
    tally = Tally()
    for kind, count in zip(kinds, counts, strict=True):
        tally.add(presses(kind, count, of_five=kinds is FIVE))
    figure = by_name(tally, nothing())["happy_index"]
    assert figure.value is not None
    assert round(figure.value) == index
    assert figure.n == sum(counts)
    assert tally.points["exit"].value == figure.value


def test_what_a_wire_did_is_no_misuse_and_staff_are_no_customers() -> None:
    tally = Tally()
    tally.add(presses(ButtonKind.UNHAPPY, 9))
    tally.add(presses(ButtonKind.HAPPY, 1, flag=PressFlag.MASHING))
    tally.add(presses(ButtonKind.HAPPY, 5000, flag=PressFlag.GLITCH))
    tally.add(presses(ButtonKind.ACKNOWLEDGE, 7))
    told = by_name(tally, nothing(), least=1)
    assert (told["misuse_rate"].value, told["misuse_rate"].n) == (10.0, 10)
    assert (told["red_rate"].value, told["red_rate"].n) == (100.0, 9)


def test_a_call_is_a_press_and_no_smiley() -> None:
    tally = Tally()
    tally.add(presses(ButtonKind.CALL, 4))
    assert (tally.presses, tally.smileys, tally.index.n) == (4, 0, 0)


@pytest.mark.parametrize("count", [LEAST - 1, LEAST])
def test_too_few_are_not_told(count: int) -> None:
    tally = Tally()
    tally.add(presses(ButtonKind.HAPPY, count, hour=9))
    is_told = count >= LEAST
    figure = by_name(tally, nothing())["happy_index"]
    assert (figure.value is not None) is is_told
    (bar,) = (each for each in bars(tally.hours) if each.name == "09")
    assert (bar.value is not None, bar.n) == (is_told, count)


def test_of_nothing_nothing_is_told() -> None:
    told = figures(Tally(), nothing(), (0, 0), least=0)
    assert {each.value for each in told} == {None}
    assert {each.p90 for each in told} == {None}


def test_numbers_without_end_are_counted() -> None:
    tally = Tally()
    tally.add(presses(ButtonKind.VERY_HAPPY, 10**15))
    tally.add(presses(ButtonKind.VERY_UNHAPPY, 10**15))
    assert tally.index.value == 50.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(
    values: list[float], percent: int
) -> None:
    found = percentile(values, percent)
    fits = [
        one for one in values if sum(each <= one for each in values) * 100 >= percent * len(values)
    ]
    assert found == min(fits)


def test_a_percentile_of_nothing_is_none() -> None:
    assert percentile(array("d"), 50) is None


SORTS = st.builds(
    presses,
    st.sampled_from(ButtonKind),
    st.integers(1, 5),
    flag=st.none() | st.sampled_from(PressFlag),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["hall", "exit"]),
)
WEIGHTS = dict(zip(FOUR, (100.0, 66.7, 33.3, 0.0), strict=True)) | {ButtonKind.NEUTRAL: 50.0}


@given(st.lists(SORTS))
def test_rates_are_what_counting_one_by_one_gives(sorts: list[Presses]) -> None:
    tally = Tally()
    for sort in sorts:
        tally.add(sort)
    one_by_one = [sort for sort in sorts for _ in range(sort.count)]
    staff, wires = ("acknowledge", "setup"), ("glitch", "stuck")
    valid = [each for each in one_by_one if each.kind not in staff and each.flag not in wires]
    good = [each for each in valid if each.flag is None and each.kind in WEIGHTS]
    told = by_name(tally, nothing(), least=1)

    def share(part: int, whole: int) -> float | None:
        return 100 * part / whole if whole else None

    flagged = sum(each.flag is not None for each in valid)
    reds = sum(each.kind in FOUR[2:] for each in good)
    assert told["misuse_rate"].value == share(flagged, len(valid))
    assert told["red_rate"].value == share(reds, len(good))
    hours = Counter(f"{each.hour:02}" for each in good)
    assert {bar.name: bar.n for bar in bars(tally.hours) if bar.n} == hours
    if good:
        naive = sum(WEIGHTS[each.kind] for each in good) / len(good)
        assert told["happy_index"].value == pytest.approx(naive)
