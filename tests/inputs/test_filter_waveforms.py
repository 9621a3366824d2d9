"""The press filter against any waveform: nothing stable is lost, nothing counts twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Button, Inputs
from gateway.inputs.filter import PressFilter
from gateway.inputs.verdicts import LineFault, LineHealed, Pressed, Released, SetupHeld, Verdict
from gateway.model import ButtonKind, Label, PressFlag

MS = 1_000_000
SETTLE_MS = 30
BOUNCE_MS = 50
REST_MS = 200_000

Edge = tuple[int, str, bool]
"""When in ms, which button, and whether it went to its pressed level."""


def buttons(*kinds: ButtonKind) -> tuple[Button, ...]:
    label = Label(ru="кнопка", en="button")
    return tuple(
        Button(name=kind.value, pin=pin, kind=kind, label=label) for pin, kind in enumerate(kinds)
    )


# Lengths near the limits of the filter as well as those of people.
spans = st.lists(
    st.one_of(st.integers(1, 12), st.integers(25, 60), st.integers(100, 12_000)), max_size=40
)


def waveform(name: str, spans_ms: list[int]) -> list[Edge]:
    """The edges of one button that is up, down, up, down … for these times, then up for good."""
    at_ms, edges = 1000, list[Edge]()
    for i, span_ms in enumerate(spans_ms):
        edges.append((at_ms, name, i % 2 == 0))
        at_ms += span_ms
    if len(spans_ms) % 2:
        edges.append((at_ms, name, False))
    return edges


def run(press_filter: PressFilter, edges: list[Edge], looks_ms: frozenset[int]) -> list[Verdict]:
    """Play edges, with looks at the timers in between, and then let everything come to rest."""
    out: list[Verdict] = []
    looks = [(at_ms, None) for at_ms in looks_ms]
    moments = sorted([*looks, *((at, (name, on)) for at, name, on in edges)], key=lambda m: m[0])
    for at_ms, edge in moments:
        if edge is None:
            out += press_filter.advance(at_ms * MS)
        else:
            out += press_filter.edge(edge[0], active=edge[1], at_ns=at_ms * MS)
    end_ms = max((at_ms for at_ms, *_ in moments), default=0) + REST_MS
    return out + press_filter.advance(end_ms * MS)


def plain(edges: list[Edge], glitch_ms: int) -> tuple[list[int], list[int]]:
    """Leading edges of presses and of spikes, by looking at the whole waveform at once."""
    presses, spikes = list[int](), list[int]()
    locked = False
    ends = [*(at_ms for at_ms, *_ in edges[1:]), edges[-1][0] + REST_MS] if edges else []
    for (at_ms, _, down), end_ms in zip(edges, ends, strict=True):
        lasts_ms = end_ms - at_ms
        if locked:
            locked = down or lasts_ms < max(SETTLE_MS, glitch_ms)
        elif down and lasts_ms >= glitch_ms:
            presses.append(at_ms)
            locked = True
        elif down:
            spikes.append(at_ms)
    return presses, spikes


def told(verdicts: list[Verdict], name: str) -> list[Pressed]:
    return [v for v in verdicts if isinstance(v, Pressed) and v.press.button == name]


@given(spans_ms=spans, glitch_ms=st.integers(0, 20) | st.just(45))
def test_every_stable_press_is_told_once_and_nothing_else_is(
    spans_ms: list[int], glitch_ms: int
) -> None:
    edges = waveform("unhappy", spans_ms)
    press_filter = PressFilter(buttons(ButtonKind.UNHAPPY), Inputs(glitch_ms=glitch_ms))
    all_told = told(run(press_filter, edges, frozenset()), "unhappy")
    presses, spikes = plain(edges, glitch_ms)
    assert [v.at_ns // MS for v in all_told if v.press.flag is not PressFlag.GLITCH] == presses

    glitches = sum(v.count for v in all_told if v.press.flag is PressFlag.GLITCH)
    bounce = sum(any(0 < press - spike < BOUNCE_MS for press in presses) for spike in spikes)
    assert len(spikes) - bounce <= glitches <= len(spikes)


@given(spans_ms=spans)
def test_of_reds_on_one_button_only_true_repeats_are_flagged(spans_ms: list[int]) -> None:
    edges = waveform("very_unhappy", spans_ms)
    press_filter = PressFilter(buttons(ButtonKind.VERY_UNHAPPY), Inputs())
    counted_ns = None
    for verdict in told(run(press_filter, edges, frozenset()), "very_unhappy"):
        if verdict.press.flag is PressFlag.GLITCH:
            continue
        repeat = counted_ns is not None and verdict.at_ns - counted_ns < 5000 * MS
        assert verdict.press.flag is (PressFlag.REPEAT if repeat else None)
        if not repeat:
            counted_ns = verdict.at_ns


PANEL = (
    ButtonKind.VERY_UNHAPPY,
    ButtonKind.UNHAPPY,
    ButtonKind.HAPPY,
    ButtonKind.ACKNOWLEDGE,
    ButtonKind.SETUP,
)
panels = st.tuples(*([spans] * len(PANEL))).map(
    lambda rows: sorted(
        edge for kind, row in zip(PANEL, rows, strict=True) for edge in waveform(kind.value, row)
    )
)


@given(
    edges=panels,
    looks=st.frozensets(st.integers(0, 60_000), max_size=60),
    inputs=st.builds(Inputs, glitch_ms=st.integers(0, 10), stuck_s=st.sampled_from((2.0, 10.0))),
)
def test_the_verdicts_do_not_depend_on_when_the_timers_are_looked_at(
    edges: list[Edge], looks: frozenset[int], inputs: Inputs
) -> None:
    once = run(PressFilter(buttons(*PANEL), inputs), edges, frozenset())
    often = run(PressFilter(buttons(*PANEL), inputs), edges, looks)
    assert often == once


@given(edges=panels)
def test_looking_at_every_deadline_and_at_no_other_time_is_enough(edges: list[Edge]) -> None:
    eager = PressFilter(buttons(*PANEL), Inputs())
    out: list[Verdict] = []
    for at_ms, name, active in [*edges, (10**6, "unhappy", False)]:
        while (deadline_ns := eager.next_deadline_ns) is not None and deadline_ns <= at_ms * MS:
            out += eager.advance(deadline_ns)
        assert eager.advance(at_ms * MS) == []
        out += eager.edge(name, active=active, at_ns=at_ms * MS)
    assert out == run(PressFilter(buttons(*PANEL), Inputs()), edges, frozenset())


@given(edges=panels)
def test_a_red_never_hides_behind_other_buttons(edges: list[Edge]) -> None:
    verdicts = run(PressFilter(buttons(*PANEL), Inputs()), edges, frozenset())
    for name in ("unhappy", "very_unhappy"):
        flags = {v.press.flag for v in told(verdicts, name)}
        assert flags <= {None, PressFlag.GLITCH, PressFlag.REPEAT}


@given(edges=panels)
def test_the_verdicts_of_a_button_come_in_the_order_of_their_times(edges: list[Edge]) -> None:
    verdicts = run(PressFilter(buttons(*PANEL), Inputs()), edges, frozenset())
    for kind in PANEL:
        mine = [v.at_ns for v in verdicts if _button(v) == kind.value]
        assert all(earlier <= later for earlier, later in pairwise(mine))


@given(edges=panels)
def test_every_press_of_staff_ends_in_a_release_or_a_fault(edges: list[Edge]) -> None:
    verdicts = run(PressFilter(buttons(*PANEL), Inputs()), edges, frozenset())
    for name in ("acknowledge", "setup"):
        down = False
        for verdict in (v for v in verdicts if _button(v) == name and not _is_glitch(v)):
            match verdict:
                case Pressed():
                    assert not down
                    down = True
                case Released() | LineHealed():
                    assert down
                    down = False
                case SetupHeld() | LineFault():
                    assert down
        assert not down


@given(
    edges=st.lists(
        st.tuples(st.integers(0, 30_000), st.sampled_from([k.value for k in PANEL]), st.booleans()),
        max_size=60,
    )
)
def test_edges_in_any_order_and_of_any_level_are_borne(edges: list[Edge]) -> None:
    press_filter = PressFilter(buttons(*PANEL), Inputs())
    out: list[Verdict] = []
    for at_ms, name, active in edges:
        out += press_filter.edge(name, active=active, at_ns=at_ms * MS)
    out += press_filter.advance(REST_MS * MS)
    for kind in PANEL:
        presses = [v for v in told(out, kind.value) if not _is_glitch(v)]
        assert len(presses) <= sum(name == kind.value and active for _, name, active in edges)
        assert all(a.at_ns < b.at_ns for a, b in pairwise(presses))


def _button(verdict: Verdict) -> str:
    return verdict.press.button if isinstance(verdict, Pressed) else verdict.button


def _is_glitch(verdict: Verdict) -> bool:
    return isinstance(verdict, Pressed) and verdict.press.flag is PressFlag.GLITCH
