"""The press filter by example: one waveform, one story."""

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.filter import PressFilter
from gateway.inputs.health import FaultKind
from gateway.inputs.verdicts import LineFault, LineHealed, Pressed, Verdict
from gateway.model import ButtonKind, Label, PressFlag

MS = 1_000_000

COUNTED = "counted"


class Bench:
    """A filter, one button per kind (named by it), and a script of edges in milliseconds."""

    def __init__(self, inputs: Inputs | None = None, panels: dict[str, str] | None = None) -> None:
        buttons = [
            Button(
                name=kind.value,
                pin=pin,
                kind=kind,
                label=Label(ru="кнопка", en="button"),
                zone="hall",
                panel=(panels or {}).get(kind.value, "exit"),
            )
            for pin, kind in enumerate(ButtonKind)
        ]
        self.filter = PressFilter(buttons, inputs or Inputs())
        self.verdicts: list[Verdict] = []

    def edge(self, name: str, at_ms: float, active: bool) -> None:
        self.verdicts += self.filter.edge(name, active=active, at_ns=round(at_ms * MS))

    def press(self, name: str, at_ms: float, held_ms: float = 100) -> None:
        self.edge(name, at_ms, True)
        self.edge(name, at_ms + held_ms, False)

    def spikes(self, name: str, at_ms: float, times: int, every_ms: float = 10) -> None:
        for i in range(times):
            self.press(name, at_ms + i * every_ms, 1)

    def until(self, at_ms: float) -> None:
        self.verdicts += self.filter.advance(round(at_ms * MS))

    @property
    def presses(self) -> list[tuple[str, float, str]]:
        """Button, leading edge in ms, and flag or `counted`."""
        return [
            (v.press.button, v.at_ns / MS, v.press.flag or COUNTED)
            for v in self.verdicts
            if isinstance(v, Pressed)
        ]

    @property
    def flags(self) -> list[str]:
        return [flag for _, _, flag in self.presses]


def test_a_press_is_told_after_the_glitch_time_with_its_leading_edge() -> None:
    bench = Bench()
    bench.edge("unhappy", 1000, True)
    assert bench.filter.next_deadline_ns == 1005 * MS
    bench.until(1004.999)
    assert bench.verdicts == []
    bench.until(1005)
    assert bench.presses == [("unhappy", 1000, COUNTED)]
    [verdict] = bench.verdicts
    assert isinstance(verdict, Pressed)
    assert (verdict.press.kind, verdict.press.zone) == (ButtonKind.UNHAPPY, "hall")


def test_without_a_glitch_time_it_is_told_at_the_edge() -> None:
    bench = Bench(Inputs(glitch_ms=0))
    bench.edge("unhappy", 1000, True)
    assert bench.presses == [("unhappy", 1000, COUNTED)]


def test_without_a_glitch_time_bounce_is_still_one_press() -> None:
    bench = Bench(Inputs(glitch_ms=0, response_interval_s=0))
    bench.spikes("unhappy", 1000, times=5, every_ms=2)
    bench.until(5000)
    assert bench.flags == [COUNTED]


def test_a_press_of_exactly_the_glitch_time_is_a_press() -> None:
    bench = Bench()
    bench.press("unhappy", 1000, 5)
    assert bench.flags == [COUNTED]


def test_bounce_on_closing_is_one_press_from_the_first_edge_of_its_stable_run() -> None:
    bench = Bench()
    bench.spikes("unhappy", 1000, times=4, every_ms=2)
    bench.press("unhappy", 1008)
    bench.until(200_000)
    assert bench.presses == [("unhappy", 1008, COUNTED)]


def test_bounce_on_opening_is_no_second_press() -> None:
    bench = Bench(Inputs(response_interval_s=0))
    bench.press("unhappy", 1000, 100)
    bench.press("unhappy", 1110, 8)  # long enough for a press, but the contact had not come to rest
    bench.press("unhappy", 1130, 1)
    bench.until(200_000)
    assert bench.flags == [COUNTED]


def test_a_second_press_after_a_stable_release_is_told() -> None:
    bench = Bench(Inputs(response_interval_s=0))
    bench.press("unhappy", 1000, 100)
    bench.press("unhappy", 1130, 100)
    assert bench.presses == [("unhappy", 1000, COUNTED), ("unhappy", 1130, COUNTED)]


def test_a_spike_is_told_with_its_reason() -> None:
    bench = Bench()
    bench.press("unhappy", 1000, 4.9)
    bench.until(1050)
    assert bench.presses == [("unhappy", 1000, PressFlag.GLITCH)]


def test_spikes_are_told_in_sums_once_a_minute() -> None:
    bench = Bench()
    bench.spikes("unhappy", 1000, times=10_000)  # for 100 s
    bench.until(400_000)
    told = [(v.at_ns / MS, v.count) for v in bench.verdicts if isinstance(v, Pressed)]
    assert told == [(1000, 5), (1050, 6000), (61_050, 3995)]
    assert set(bench.flags) == {PressFlag.GLITCH}


def test_a_press_brings_the_sum_of_spikes_forward() -> None:
    bench = Bench()
    bench.spikes("unhappy", 1000, times=1)
    bench.spikes("unhappy", 2000, times=3)
    bench.press("unhappy", 9000)
    bench.until(200_000)
    assert [(at, flag) for _, at, flag in bench.presses] == [
        (1000, PressFlag.GLITCH),
        (2000, PressFlag.GLITCH),
        (9000, COUNTED),
    ]
    assert [v.count for v in bench.verdicts if isinstance(v, Pressed)] == [1, 3, 1]


def test_the_same_button_inside_the_response_interval_is_a_repeat() -> None:
    bench = Bench()
    for at_ms in (1000, 4000, 5800, 6000, 9000):
        bench.press("unhappy", at_ms)
    # the fourth is heard again: the interval runs from the press that counted
    assert bench.flags == [COUNTED, PressFlag.REPEAT, PressFlag.REPEAT, COUNTED, PressFlag.REPEAT]


def test_another_button_is_no_repeat() -> None:
    bench = Bench()
    bench.press("happy", 1000)
    bench.press("unhappy", 2000)
    bench.press("very_unhappy", 3000)
    assert bench.flags == [COUNTED] * 3


def test_mashing_flags_what_is_beyond_the_threshold() -> None:
    bench = Bench(Inputs(response_interval_s=0))
    for i in range(8):
        bench.press("happy", 1000 + i * 200)
    bench.press("happy", 9000)
    assert bench.flags == [COUNTED] * 5 + [PressFlag.MASHING] * 3 + [COUNTED]


def test_mashing_is_of_a_panel() -> None:
    bench = Bench(Inputs(response_interval_s=0), panels={"happy": "till"})
    for i in range(5):
        bench.press("neutral", 1000 + i * 200)
        bench.press("happy", 1100 + i * 200, 50)
    assert bench.flags == [COUNTED] * 10


def test_mashing_never_hides_the_first_red() -> None:
    bench = Bench()
    for i in range(7):
        bench.press("happy", 1000 + i * 150)
    bench.press("very_unhappy", 2100)
    bench.press("very_unhappy", 2400)
    assert bench.presses[-2:] == [
        ("very_unhappy", 2100, COUNTED),
        ("very_unhappy", 2400, PressFlag.REPEAT),
    ]


@pytest.mark.parametrize("later", ["happy", "call", "reason"])
def test_an_elbow_the_first_stands_and_a_later_one_is_flagged(later: str) -> None:
    bench = Bench()
    bench.edge("very_happy", 1000, True)
    bench.edge(later, 1020, True)
    bench.until(1100)
    assert bench.flags == [COUNTED, PressFlag.SIMULTANEOUS]


def test_an_elbow_never_hides_a_red() -> None:
    bench = Bench()
    bench.edge("very_happy", 1000, True)
    bench.edge("unhappy", 1010, True)
    bench.edge("very_unhappy", 1020, True)
    bench.until(1100)
    assert bench.flags == [COUNTED] * 3


def test_with_the_very_same_edge_the_most_unhappy_is_the_first() -> None:
    bench = Bench()
    for name in ("very_happy", "happy", "neutral"):
        bench.edge(name, 1000, True)
    bench.until(1100)
    assert bench.presses == [
        ("neutral", 1000, COUNTED),
        ("happy", 1000, PressFlag.SIMULTANEOUS),
        ("very_happy", 1000, PressFlag.SIMULTANEOUS),
    ]


def test_a_press_while_another_is_held_is_simultaneous() -> None:
    bench = Bench()
    bench.edge("happy", 1000, True)
    bench.press("neutral", 3000)
    bench.edge("happy", 4000, False)
    bench.press("very_happy", 4010)
    assert bench.flags == [COUNTED, PressFlag.SIMULTANEOUS, COUNTED]


def test_two_panels_are_never_simultaneous() -> None:
    bench = Bench(panels={"happy": "till"})
    bench.edge("happy", 1000, True)
    bench.press("neutral", 1010)
    assert bench.flags == [COUNTED] * 2


def test_greens_after_a_red_are_compensating_from_the_third_on() -> None:
    bench = Bench()
    bench.press("very_unhappy", 1000)
    bench.press("happy", 3000)
    bench.press("very_happy", 6000)
    bench.press("neutral", 8000)
    bench.press("happy", 9000)
    bench.press("very_happy", 20_800)
    bench.press("happy", 21_000)
    assert bench.flags == [
        COUNTED,
        COUNTED,
        COUNTED,
        COUNTED,
        PressFlag.COMPENSATING,
        PressFlag.COMPENSATING,
        COUNTED,
    ]


def test_another_red_begins_the_count_of_greens_anew() -> None:
    bench = Bench()
    bench.press("very_unhappy", 1000)
    bench.press("happy", 2000)
    bench.press("very_happy", 3000)
    bench.press("very_unhappy", 7000)
    bench.press("happy", 9000)
    assert bench.flags == [COUNTED] * 5


def test_held_too_long_the_press_stands_and_the_line_has_a_fault_until_it_opens() -> None:
    bench = Bench()
    bench.edge("unhappy", 1000, True)
    bench.until(10_999)
    assert bench.flags == [COUNTED]
    bench.until(60_000)
    assert bench.verdicts[1:] == [LineFault("unhappy", 11_000 * MS, FaultKind.STUCK)]
    bench.edge("unhappy", 60_000, False)
    bench.until(60_030)
    assert bench.verdicts[2:] == [LineHealed("unhappy", 60_000 * MS)]
    bench.press("unhappy", 61_000, 20_000)
    bench.until(200_000)
    assert bench.flags == [COUNTED, COUNTED]
    assert [type(v) for v in bench.verdicts[3:]] == [Pressed, LineFault, LineHealed]


def test_a_release_just_before_the_fault_is_no_fault() -> None:
    bench = Bench()
    bench.press("unhappy", 1000, 9_990)
    bench.until(60_000)
    assert bench.flags == [COUNTED]
    assert len(bench.verdicts) == 1


def test_a_chattering_release_does_not_reset_the_time_to_the_fault() -> None:
    bench = Bench()
    bench.press("unhappy", 1000, 9_990)
    bench.edge("unhappy", 11_010, True)
    assert bench.verdicts[1:] == [LineFault("unhappy", 11_000 * MS, FaultKind.STUCK)]


def test_a_stuck_button_does_not_flag_its_neighbours() -> None:
    bench = Bench()
    bench.edge("happy", 1000, True)
    bench.press("neutral", 20_000)
    assert bench.flags == [COUNTED, COUNTED]


def test_closed_at_waking_and_opened_soon_was_a_finger() -> None:
    bench = Bench()
    bench.filter.begin("unhappy", active=True, at_ns=1000 * MS)
    bench.edge("unhappy", 1300, False)
    bench.until(1330)
    assert bench.presses == [("unhappy", 1000, COUNTED)]


def test_closed_at_waking_for_good_is_a_cut_wire() -> None:
    bench = Bench()
    bench.filter.begin("unhappy", active=True, at_ns=1000 * MS)
    bench.press("happy", 2000)  # nobody's finger is on the other button
    bench.until(60_000)
    assert bench.presses == [("happy", 2000, COUNTED), ("unhappy", 1000, PressFlag.STUCK)]
    assert bench.verdicts[-1:] == [LineFault("unhappy", 11_000 * MS, FaultKind.STUCK)]
    bench.edge("unhappy", 70_000, False)
    bench.until(71_000)
    assert bench.verdicts[-1:] == [LineHealed("unhappy", 70_000 * MS)]


def test_an_open_line_at_waking_is_nothing() -> None:
    bench = Bench()
    bench.filter.begin("unhappy", active=False, at_ns=1000 * MS)
    assert bench.filter.next_deadline_ns is None


def test_an_edge_to_the_level_the_line_has_changes_nothing() -> None:
    bench = Bench()
    bench.edge("unhappy", 1000, True)
    bench.edge("unhappy", 1003, True)
    bench.until(1005)
    bench.edge("unhappy", 1200, True)
    bench.edge("unhappy", 1300, False)
    bench.edge("unhappy", 1310, False)
    bench.until(1330)
    bench.press("unhappy", 1331)
    assert bench.presses == [("unhappy", 1000, COUNTED), ("unhappy", 1331, PressFlag.REPEAT)]


def test_an_edge_from_before_the_last_one_counts_as_of_that_one() -> None:
    bench = Bench()
    bench.edge("unhappy", 1000, True)
    bench.edge("unhappy", 990, False)
    bench.edge("unhappy", 995, True)
    bench.until(1005)
    assert bench.presses == [("unhappy", 1000, COUNTED)]


def test_a_release_that_comes_late_does_not_take_the_press_back() -> None:
    bench = Bench()
    bench.edge("unhappy", 1000, True)
    bench.until(1006)
    bench.edge("unhappy", 1003, False)
    bench.until(9000)
    assert bench.flags == [COUNTED]


def test_an_unknown_button_is_an_error() -> None:
    with pytest.raises(KeyError):
        Bench().edge("nobody", 0, True)
